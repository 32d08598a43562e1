"""Spell our ids so that Amazon SWF takes them, and read them back.

SWF forbids a few characters in ids and names that ours may hold; they are written as `%` and
two hexadecimal digits. A `#` in one of ours is, too, so that ids with one are free for what
the translation adds: further attempts of an activity, the timers between them, cancellations.

Source: Amazon SWF API Reference (2012-01-25), StartWorkflowExecution and Decision.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from partita.errors import InvalidOptionError
from partita.history import ActivityType, WorkflowExecution, WorkflowType

S = TypeVar("S", bound=Struct)

ID_LIMIT = 256
"""Characters of an id or a name, at most."""

_FORBIDDEN = re.compile(r"[:/|#\x00-\x1f\x7f-\x9f]|%(?=[0-9A-F]{2})|\Aarn\Z|\A\s|\s\Z")
_WRITTEN = re.compile(r"%([0-9A-F]{2})")
_ATTEMPT = re.compile(r"(?s)\A(.*)#([0-9]+)(?:\.([0-9]+))?(?:~([0-9]+))?\Z")

_NAMED = ("timer_id", "workflow_id", "id", "task_list")
_TYPED = ("activity_type", "workflow_type")
_EXECUTIONS = ("workflow_execution", "external_workflow_execution", "parent_workflow_execution")

RETRY = "retry#"
"""Begins the id of a timer that runs between two attempts of an activity."""

CANCEL = "cancel#"
"""Begins the id of a timer that stands for an activity's cancellation between two attempts."""

MORE = "more#"
"""Marks the request that brings the next decision task when one holds no more decisions.

It asks an execution that nobody can have started to cancel itself. SWF answers that there is
none, which is news, and so a decision task; unlike a timer or a signal it is not billed.
"""

WAKE = "wake#"
"""Marks the same request where our code is not told of it."""


def escaped(text: str) -> str:
    """Return an id or a name as SWF takes it.

    Raises:
        InvalidOptionError: it is too long.
    """
    written = _FORBIDDEN.sub(lambda found: _hex(found.group()), text)
    if len(written) > ID_LIMIT:
        raise InvalidOptionError(
            f"{text[:40]!r}… is {len(written)} characters, over Amazon SWF's limit of {ID_LIMIT} "
            "for ids and names; choose a shorter one"
        )
    return written


def _hex(text: str) -> str:
    return f"%{ord(text[0]):02X}{text[1:]}"


def unescaped(text: str) -> str:
    """Return an id or a name of SWF's as we call it."""
    if "%" not in text:
        return text
    return _WRITTEN.sub(lambda found: chr(int(found.group(1), 16)), text)


class Attempt(Struct, frozen=True):
    """One of the times that an activity is given to SWF."""

    key: str  # our activity id
    number: int = 1  # of the attempt, from 1
    back: int = 0  # how often that attempt was given back
    lease: int = 0  # seconds within which its worker says that it is alive; 0: it need not

    @property
    def id(self) -> str:
        """The activity id that SWF is told."""
        if self.number == 1 and not self.back and not self.lease:
            return escaped(self.key)
        again = f".{self.back}" if self.back else ""
        lease = f"~{self.lease}" if self.lease else ""
        return f"{escaped(self.key)}#{self.number}{again}{lease}"


def attempt_of(id: str) -> Attempt:
    """Read an activity id of SWF's."""
    found = _ATTEMPT.match(id)
    if found is None:
        return Attempt(unescaped(id))
    return Attempt(unescaped(found[1]), int(found[2]), int(found[3] or 0), int(found[4] or 0))


def plain(struct: S) -> S:
    """Return an event, as SWF wrote it, with our ids and names; but see `attempt_of`."""
    return _changed(struct, lambda text: text if "#" in text else unescaped(text))


def wire(struct: S) -> S:
    """Return a decision, with our ids and names, as SWF takes it; but see `Attempt`."""
    return _changed(struct, escaped)


def _changed(struct: S, change: Callable[[str], str]) -> S:
    new: dict[str, Any] = {}
    for field in _NAMED:
        text = getattr(struct, field, None)
        if text is not None:
            new[field] = change(text)
    for field in _TYPED:
        kind: ActivityType | WorkflowType | None = getattr(struct, field, None)
        if kind is not None:
            new[field] = type(kind)(change(kind.name), change(kind.version))
    for field in _EXECUTIONS:
        execution: WorkflowExecution | None = getattr(struct, field, None)
        if execution is not None:
            new[field] = WorkflowExecution(change(execution.workflow_id), execution.run_id)
    new = {field: value for field, value in new.items() if value != getattr(struct, field)}
    return replace(struct, **new) if new else struct
