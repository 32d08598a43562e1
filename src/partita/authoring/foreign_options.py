"""Options of other libraries on classes of workflows and activities, and what to write instead.

The other libraries are simpleflow, pyflow and pyworkflow, and Amazon SWF's own names. Names are
compared without underscores and capitals.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from partita.errors import InvalidOptionError

_RAISES = (
    "nothing: a failed call raises where its result is read; catch the error there, or ask "
    "result.exception()"
)
_SAME = {
    "NAME": "name",
    "VERSION": "version",
    "OPTIONS": "each option as an attribute of its own, such as task_list",
    "default_task_list": "task_list",
    "raises_on_failure": _RAISES,
    "raise_on_failure": _RAISES,
}
WORKFLOWS = {
    **_SAME,
    "tag_list": "tags",
    "tags_list": "tags",
    "timeout": "execution_start_to_close",
    "execution_timeout": "execution_start_to_close",
    "execution_start_to_close_timeout": "execution_start_to_close",
    "decision_timeout": "task_start_to_close",
    "decision_tasks_timeout": "task_start_to_close",
    "task_start_to_close_timeout": "task_start_to_close",
    "start_to_close_timeout": "execution_start_to_close",
}
"""Of workflows and deciders."""

ACTIVITIES = {
    **_SAME,
    "tag_list": "nothing: an activity has no tags",
    "heartbeat": "heartbeat_timeout",
    "execution_timeout": "start_to_close",
    "start_to_close_timeout": "start_to_close",
    "task_start_to_close_timeout": "start_to_close",
    "scheduled_timeout": "schedule_to_start",
    "schedule_to_start_timeout": "schedule_to_start",
    "task_schedule_to_start_timeout": "schedule_to_start",
    "schedule_to_close_timeout": "schedule_to_close",
    "task_schedule_to_close_timeout": "schedule_to_close",
    "task_heartbeat_timeout": "heartbeat_timeout",
}
"""Of activities."""

_OWN = "Begin the names of your own constants with an underscore"


def check_names(
    cls: type[Any],
    known: Collection[str],
    foreign: Mapping[str, str],
    plain: tuple[type[Any], ...],
) -> None:
    """Check that no attribute of a class is an option of another library, or a misspelled one.

    `known` are the names of options; misspelled ones are looked for among the class's own
    attributes of the `plain` types.

    Raises:
        InvalidOptionError: there is one; it says what to write instead.
    """
    instead = {_folded(name): text for name, text in foreign.items()}
    for name, value in _attributes(cls).items():
        if name in known or name.startswith("_"):
            continue
        if _folded(name) in instead and _is_constant(value):
            raise InvalidOptionError(
                f"class {cls.__name__}: {name} is no option here; write "
                f"{instead[_folded(name)]}. {_OWN}"
            )
        if name in vars(cls) and isinstance(value, plain) and (near := _near(name, known)):
            raise InvalidOptionError(
                f"class {cls.__name__}: unknown option {name}; did you mean {near}? {_OWN}"
            )


def _attributes(cls: type[Any]) -> dict[str, Any]:
    """Return the attributes of a class and its bases that are not Partita's."""
    found: dict[str, Any] = {}
    for one in reversed(cls.__mro__):
        if one is not object and not one.__module__.startswith("partita."):
            found |= vars(one)
    return found


def _is_constant(value: Any) -> bool:
    """Return whether an attribute is neither code nor computed."""
    return not (callable(value) or inspect.isdatadescriptor(value) or hasattr(value, "__get__"))


def _near(name: str, known: Collection[str]) -> str | None:
    """Return the option that a name may be meant for."""
    folded = _folded(name)
    same = (one for one in known if _folded(one) == folded)
    return next(same, None) or next(iter(get_close_matches(name, known, n=1, cutoff=0.8)), None)


def _folded(name: str) -> str:
    return name.replace("_", "").lower()
