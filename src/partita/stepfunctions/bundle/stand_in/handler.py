"""Dispatch the calls of a state machine to the activities of a bundle.

An event is `{"activity": name, "arguments": {...}, "task": {...}}`. A failure is raised as an
exception whose class is named after the activity's own; what handlers need to know beside its
text follows the text, after `SEPARATOR`, as JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import typing
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from .authoring import ActivityInfo, activities, current
from .forms import form_of
from .tags import ANY, Form, FormError, own_modules

SEPARATOR = "\n\nPartita: "
LARGEST_INTEGER = 2**53
LONGEST_TEXT = 4_000
"""Characters of an error's text that are kept; Step Functions keeps 32,768 of the whole cause,
in which each may have been escaped."""

LONGEST_ATTRIBUTES = 4_000
"""Characters of an error's attributes."""

MOST_FRAMES = 20
"""Frames of an error's traceback that are kept: the innermost ones."""

_HERE = Path(__file__).parent
_TABLE: dict[str, str] = json.loads((_HERE / "activities.json").read_text("utf-8"))
own_modules.update(json.loads((_HERE / "modules.json").read_text("utf-8")))
for _module in sorted(set(_TABLE.values())):
    importlib.import_module(_module)


class InvalidInputError(ValueError):
    """An argument or a result does not fit its hint."""


class GuardError(Exception):
    """A value cannot go through a state machine unchanged."""


GuardError.__name__ = "States.Runtime"


def dispatch(event: Any, context: Any = None) -> Any:
    """Call the activity that an event names; return its result as JSON data.

    A task that waits for a signal only tells its token, which the execution's history keeps.
    """
    if isinstance(event, dict) and event.keys() >= {"signal", "token"}:
        return None
    name = event.get("activity") if isinstance(event, dict) else None
    if not isinstance(name, str) or name not in _TABLE or name not in activities:
        known = ", ".join(sorted(_TABLE))
        raise InvalidInputError(f"the event names no activity: {name!r}; this function has {known}")
    arguments, task = event.get("arguments") or {}, event.get("task") or {}
    if not isinstance(arguments, dict) or not isinstance(task, dict):
        raise InvalidInputError(f"the event's arguments for {name} are no object")
    token = current.set(_info(name, task))
    try:
        return _answer(name, arguments)
    finally:
        current.reset(token)


def _info(name: str, task: dict[str, Any]) -> ActivityInfo:
    execution = str(task.get("execution", "local"))
    activity_id = ":".join(str(task[key]) for key in ("state", "entered", "item") if key in task)
    return ActivityInfo(execution, execution, activity_id, name, int(task.get("retries", 0)) + 1)


def _answer(name: str, arguments: dict[str, Any]) -> Any:
    function = activities[name]
    forms = forms_of(function)
    given = {key: _argument(name, key, one, forms) for key, one in arguments.items()}
    _check_names(name, function, given)
    try:
        result = function(**given)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
    except Exception as error:
        raise _told(error) from error
    return _written(name, result, forms.get("return", ANY))


def forms_of(function: Callable[..., Any]) -> dict[str, Form]:
    """Return the forms of a function's parameters, and of its result as `return`."""
    hints = typing.get_type_hints(function, include_extras=True)
    return {key: form_of(hint) for key, hint in hints.items()}


def _argument(name: str, key: str, data: Any, forms: dict[str, Form]) -> Any:
    try:
        return forms.get(key, ANY).decode(data)
    except FormError as error:
        raise InvalidInputError(f"argument {key!r} of {name}: {error}") from error


def _check_names(name: str, function: Callable[..., Any], given: dict[str, Any]) -> None:
    try:
        inspect.signature(function).bind(**given)
    except TypeError as error:
        raise InvalidInputError(f"the arguments do not fit {name}: {error}") from error


def _written(name: str, result: Any, form: Form) -> Any:
    try:
        text = json.dumps(form.encode(result), allow_nan=False, ensure_ascii=False)
        data = json.loads(text.encode())  # which no lone surrogate survives
        form.decode(data)  # so that whoever reads it by the hint can
    except (FormError, ValueError, TypeError, RecursionError) as error:
        text = f"the result of activity {name} cannot be stored: {error}"
        raise InvalidInputError(text) from error
    _check_integers(data, f"the result of activity {name}")
    return data


def _check_integers(value: Any, what: str) -> None:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            _check_integers(one, what)
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise GuardError(f"Partita.Guard {what} has an integer beyond 2**53: {value}")


def _told(error: Exception) -> Exception:
    """Return an exception of the same name that tells of its bases and attributes."""
    kept = {name: one for name, one in vars(error).items() if _is_kept(one)}
    _check_integers(kept, f"the attributes of {type(error).__name__}")
    bases = [one.__name__ for one in type(error).__mro__ if issubclass(one, Exception)]
    known: dict[str, Any] = {"bases": bases, "attributes": kept}
    if error.args != (str(error),) and _is_kept(list(error.args)):
        _check_integers(list(error.args), f"the arguments of {type(error).__name__}")
        known |= {"args": error.args, "repr": repr(error)}
    more = json.dumps(known, ensure_ascii=False)
    if len(more) > LONGEST_ATTRIBUTES:
        raise GuardError(
            f"Partita.Guard the attributes of {type(error).__name__} have {len(more):,} characters "
            f"of JSON, and Step Functions keeps no more than {LONGEST_ATTRIBUTES:,} of them"
        )
    text = f"{_shortened(str(error))}{SEPARATOR}{more}"
    made: Any = type(type(error).__name__, (Exception,), {})
    told: Exception = made(text.encode("utf-8", "backslashreplace").decode())
    return told.with_traceback(_innermost(error.__traceback__))


def _is_kept(value: Any) -> bool:
    """Return whether JSON holds a value as it is."""
    if isinstance(value, list):
        return all(map(_is_kept, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_kept(one) for name, one in value.items())
    is_scalar = value is None or isinstance(value, str | int | bool)
    return is_scalar or (isinstance(value, float) and value - value == 0)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}... and {len(text) - LONGEST_TEXT:,} more characters"


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without its outer frames, if it has many."""
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames[-MOST_FRAMES:][0] if frames else None
