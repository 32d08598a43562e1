"""What must be the same of an error anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def told(error: BaseException | None, seen: tuple[int, ...] = ()) -> Any:
    """Return all that code can see of an error, but for where it was raised."""
    if error is None or id(error) in seen:
        return None
    seen = (*seen, id(error))
    held = {name: value for name, value in vars(error).items() if name != "__notes__"}
    suppressed = error.__suppress_context__ and error.__context__ is not error.__cause__
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "bases": [base.__qualname__ for base in type(error).__mro__],
        "args": shown(error.args, seen),
        "text": [ascii(str(error)), ascii(error)],
        "attributes": {name: shown(value, seen) for name, value in held.items()},
        "fields": [shown(getattr(error, name, None), seen) for name in FIELDS],
        "findings": shown(error.errors()) if hasattr(error, "errors") else None,
        "notes": [one for one in vars(error).get("__notes__", []) if not is_ours(one)],
        "cause": told(error.__cause__, seen),
        "context": None if suppressed else told(error.__context__, seen),
        "parts": [told(part, seen) for part in getattr(error, "exceptions", ())],
    }


FIELDS = (
    *("errno", "strerror", "filename", "filename2", "characters_written"),
    *("encoding", "object", "start", "end", "reason", "path", "lineno", "offset", "text"),
    *("value", "slot", "title", "type", "message_template", "context"),
)


def is_ours(note: str) -> bool:
    return note.startswith("Where it was raised:\n")


def shown(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """Return a value and its type as text."""
    if isinstance(value, BaseException):
        return told(value, seen)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(shown(one, seen) for one in value)]
    if isinstance(value, dict):
        return [type(value).__name__, *([shown(k), shown(v, seen)] for k, v in value.items())]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, *sorted(map(repr, value))]
    return [type(value).__name__, ascii(value)]


def raised(function: Callable[[], Any]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError(f"{function} does not raise")


def seen(function: Any, *args: Any) -> Any:
    """Return what code sees of the error that a call raises."""
    try:
        function(*args)
    except Exception as error:
        return told(error)
    return None


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=list))
