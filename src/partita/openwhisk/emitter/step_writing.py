"""Write Python's values and errors as JSON: what steps of a compiled workflow keep.

This file is part of the code of every step and action, too: it needs Python 3.8 and nothing else.
What JSON does not have is an object with `$type`; an object that several places hold is written
once, with `$id`, and is referred to by `$ref` elsewhere.
"""

import collections as _collections
import dataclasses as _dataclasses
import datetime as _datetime
import decimal as _decimal
import enum as _enum
import uuid as _uuid
from typing import Any, Dict, List, Optional

Object = Dict[str, Any]

TEXTS = {
    "datetime": (_datetime.datetime, _datetime.datetime.isoformat, "fromisoformat"),
    "date": (_datetime.date, _datetime.date.isoformat, "fromisoformat"),
    "time": (_datetime.time, _datetime.time.isoformat, "fromisoformat"),
    "timedelta": (_datetime.timedelta, lambda one: str(one.total_seconds()), ""),
    "Decimal": (_decimal.Decimal, str, ""),
    "UUID": (_uuid.UUID, str, ""),
    "bytes": (bytes, bytes.hex, "fromhex"),
}  # type: Dict[str, Any]
SEQUENCES = {"tuple": tuple, "set": set, "frozenset": frozenset}  # type: Dict[str, Any]


class StepExit(BaseException):
    """Leave a block: a return, break or continue, or an error that goes on."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error


class StepFuture:
    """The outcome of an activity that was submitted."""

    def __init__(self, outcome: Object, values: Any) -> None:
        self._outcome = outcome
        self._values = values

    def result(self, timeout: Any = None) -> Any:  # noqa: ARG002
        """Return the activity's result, or raise its error."""
        return self._values.result(self._outcome)

    def exception(self, timeout: Any = None) -> Any:  # noqa: ARG002
        """Return the activity's error; None if it has none."""
        return self._values.raised(self._outcome) if "error" in self._outcome else None

    def done(self) -> bool:
        """Return True: what is submitted ends before what follows."""
        return True


class StepFutures(list):  # type: ignore[type-arg]
    """The futures of an activity that was mapped over items."""

    def result(self, timeout: Any = None) -> List[Any]:  # noqa: ARG002
        """Return all results in order, or raise the first error."""
        return [one.result() for one in self]


class StepLost:
    """What stands for a value that JSON cannot hold."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class StepWriter:
    """Writes values as JSON; objects that several places hold get numbers."""

    def __init__(self, root: Any) -> None:
        self._uses = _collections.Counter()  # type: Any
        self._ids = {}  # type: Dict[int, int]
        self._count(root)

    def _count(self, value: Any) -> None:
        parts = self._parts(value)
        if parts is None:
            return
        self._uses[id(value)] += 1
        if self._uses[id(value)] == 1:
            for part in parts:
                self._count(part)

    def _parts(self, value: Any) -> Optional[List[Any]]:
        """Return what a value that can change holds; None: it cannot."""
        if isinstance(value, dict):
            return [part for pair in value.items() for part in pair]
        if isinstance(value, (list, tuple, set, frozenset)):
            return list(value)
        if _dataclasses.is_dataclass(value) and not isinstance(value, type):
            return list(vars(value).values()) if hasattr(value, "__dict__") else None
        return None

    def write(self, value: Any) -> Any:
        """Return a value as JSON.

        Raises:
            TypeError: there is no such JSON.
        """
        if self._uses.get(id(value), 0) < 2 or isinstance(value, (tuple, frozenset)):
            return self._written(value)
        if id(value) in self._ids:
            return {"$ref": self._ids[id(value)]}
        self._ids[id(value)] = len(self._ids)
        return {"$id": self._ids[id(value)], "is": self._written(value)}

    def _written(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            is_finite = value - value == 0
            return value if is_finite else {"$type": "float", "text": str(value)}
        if kind is dict:
            return self._dict(value)
        if kind is list:
            return [self.write(one) for one in value]
        return self._special(kind, value)

    def _dict(self, value: Any) -> Any:
        if all(type(key) is str and key[:1] != "$" for key in value):
            return {key: self.write(one) for key, one in value.items()}
        items = [[self.write(key), self.write(one)] for key, one in value.items()]
        return {"$type": "dict", "items": items}

    def _special(self, kind: Any, value: Any) -> Any:
        name = kind.__name__
        if name in TEXTS and kind is TEXTS[name][0]:
            return {"$type": name, "text": TEXTS[name][1](value)}
        if name in SEQUENCES and kind is SEQUENCES[name]:
            return {"$type": name, "items": [self.write(one) for one in value]}
        if kind is range:
            return {"$type": "range", "items": [value.start, value.stop, value.step]}
        if kind is StepFuture:
            return {"$type": "future", "outcome": value._outcome}
        if kind is StepFutures:
            return {"$type": "futures", "items": [self.write(one) for one in value]}
        if kind is StepLost:
            return {"$type": "lost", "text": value.kind}
        if isinstance(value, BaseException):
            return {"$type": "error", "error": error_of(value)}
        return self._instance(name, value)

    def _instance(self, name: str, value: Any) -> Any:
        if isinstance(value, _enum.Enum):
            return {"$type": name, "name": value.name}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"$type": name, "items": [self.write(one) for one in value]}
        if _dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [one.name for one in _dataclasses.fields(value)]
            found = vars(value) if hasattr(value, "__dict__") else {}
            fields = {one: getattr(value, one) for one in names if hasattr(value, one)}
            return {"$type": name, "fields": self._dict({**fields, **found})}
        if isinstance(value, (str, int, float)):
            return value
        raise TypeError(
            "a value of type %s cannot be kept between two steps of a composition; use it in the "
            "step that makes it, or keep what JSON can hold" % name
        )


def error_of(error: Any) -> Object:
    """Return an exception as JSON."""
    kind = type(error)
    kept = vars(error).get("_step_error")
    if kept is not None:
        return dict(kept)
    bases = [one.__name__ for one in kind.__mro__ if issubclass(one, BaseException)]
    found = {"type": kind.__name__, "message": str(error), "bases": bases[:-1]}  # type: Object
    attributes = {name: one for name, one in vars(error).items() if name[:2] != "__"}
    found["args"] = _written_or(list(error.args), [str(error)])
    found["attributes"] = _written_or(attributes, {})
    return found


def _written_or(value: Any, other: Any) -> Any:
    """Return a value as JSON, or another one if there is no such JSON."""
    try:
        return StepWriter(value).write(value)
    except TypeError:
        return other
