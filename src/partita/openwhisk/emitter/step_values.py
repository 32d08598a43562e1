"""Carry Python's values, errors and loops from one step of a compiled workflow to the next.

This file is part of the code of every step and action, too: it needs Python 3.8 and nothing else.
It is the other half of `step_writing`, whose JSON it reads.
"""

import dataclasses as _dataclasses
import enum as _enum
from typing import Any, Dict, List

from partita.openwhisk.emitter.step_writing import (
    SEQUENCES,
    TEXTS,
    Object,
    StepExit,
    StepFuture,
    StepFutures,
    StepLost,
    StepWriter,
    error_of,
)

MARK = "$partita"
"""Marks a tuple or a set among data of which hints say nothing, as Partita does elsewhere."""


def untyped(found: Any) -> Any:
    """Return what was written without the mark of its type."""
    if not isinstance(found, dict) or "text" not in found:
        return found
    text = found["text"]
    is_utc = found["$type"] == "datetime" and text[-6:] == "+00:00"
    return text[:-6] + "Z" if is_utc else text


class StepValues:
    """The values of a run, whose classes are among the names of a module."""

    Exit = StepExit

    def __init__(self, names: Object) -> None:
        self._names = names

    # -- variables

    def open(self, env: Object) -> Object:
        """Return the variables."""
        objects = {}  # type: Dict[int, Any]
        return {name: self._read(one, objects) for name, one in env["variables"].items()}

    def take(self, kept: Object, name: str) -> Any:
        """Return a variable's value.

        Raises:
            TypeError: it had one that cannot be kept.
        """
        value = kept[name]
        if isinstance(value, StepLost):
            raise TypeError("variable %s is lost: %s" % (name, value.kind))
        return value

    def close(self, env: Object, kept: Object, names: Any, found: Object) -> None:
        """Write the variables, of which a step has set some."""
        for name in names:
            kept.pop(name, None)
            if name in found:
                kept[name] = found[name]
        for name, value in list(kept.items()):
            try:
                StepWriter(value).write(value)
            except TypeError as error:
                kept[name] = StepLost(str(error))
        env["variables"] = StepWriter(kept).write(kept)

    def given(self, value: Any) -> Any:
        """Return the arguments of an action as JSON; futures are their results."""
        value = self._resolved(value)
        return StepWriter(value).write(value)

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, StepFuture):
            return value.result()
        if isinstance(value, StepFutures):
            return value.result()
        if type(value) in (list, tuple):
            parts = [self._resolved(one) for one in value]
            is_same = all(one is other for one, other in zip(parts, value))
            return value if is_same else type(value)(parts)
        if type(value) is dict:
            return {key: self._resolved(one) for key, one in value.items()}
        return value

    def opened(self, value: Any) -> Any:
        """Return what was written."""
        return self._read(value, {})

    def written(self, value: Any) -> Any:
        """Return a value as JSON."""
        return StepWriter(value).write(value)

    def output(self, value: Any, hint: Any) -> Any:
        """Return a result as JSON; where its hint says nothing, tuples and sets are marked."""
        if isinstance(value, _enum.Enum):
            return value.value
        kind, rest = hint[0], hint[1:]
        if kind == "optional":
            return self.output(value, rest[0])
        if _dataclasses.is_dataclass(value) and not isinstance(value, type):
            found = {one.name: getattr(value, one.name) for one in _dataclasses.fields(value)}
            fields = rest[1] if kind == "record" else {}
            return {
                name: self.output(one, fields.get(name, ["any"])) for name, one in found.items()
            }
        if isinstance(value, dict):
            item = rest[0] if kind == "dict" else ["any"]
            return {
                key if isinstance(key, str) else str(self.output(key, ["key"])): self.output(
                    one, item
                )
                for key, one in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._output_of_items(value, kind, rest)
        return untyped(StepWriter(value).write(value))

    def _output_of_items(self, value: Any, kind: str, rest: Any) -> Any:
        hints = list(rest) if kind == "tuple" else [rest[0] if rest else ["any"]] * len(value)
        items = [self.output(one, hint) for one, hint in zip(value, hints)]
        name = type(value).__name__
        is_marked = kind == "any" and name in SEQUENCES
        return {MARK: name, "value": items} if is_marked else items

    # -- reading

    def _read(self, value: Any, objects: Dict[int, Any]) -> Any:
        """Return what JSON stands for."""
        if isinstance(value, list):
            return [self._read(one, objects) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return objects[value["$ref"]]
        if "$id" in value:
            return self._shared(value["$id"], value["is"], objects)
        if len(value) == 2 and value.get(MARK) in SEQUENCES and isinstance(value["value"], list):
            return SEQUENCES[value[MARK]]([self._read(one, objects) for one in value["value"]])
        if "$type" in value:
            return self._typed(value["$type"], value, objects)
        return {key: self._read(one, objects) for key, one in value.items()}

    def _shared(self, number: int, value: Any, objects: Dict[int, Any]) -> Any:
        """Return an object that others hold, too; it may hold itself."""
        kind = value.get("$type") if isinstance(value, dict) else None
        made = None  # type: Any
        if isinstance(value, list):
            made = objects[number] = []
            made.extend(self._read(one, objects) for one in value)
        elif kind in (None, "dict"):
            made = objects[number] = {}
            made.update(self._read(value, objects))
        elif "fields" in value:
            kind = self._class(kind)
            made = objects[number] = kind.__new__(kind)
            self._fill(made, value["fields"], objects)
        else:
            made = objects[number] = self._read(value, objects)
        return made

    def _typed(self, kind: str, value: Object, objects: Dict[int, Any]) -> Any:
        if kind == "float":
            return float(value["text"])
        if kind == "lost":
            return StepLost(value["text"])
        if kind in TEXTS:
            return self._of_text(kind, value["text"])
        if kind == "dict":
            return {self._read(k, objects): self._read(v, objects) for k, v in value["items"]}
        if kind == "future":
            return StepFuture(value["outcome"], self)
        if kind == "error":
            return self.raised({"error": value["error"]})
        if kind == "range":
            return range(*value["items"])
        if "items" in value:
            items = [self._read(one, objects) for one in value["items"]]
            if kind in SEQUENCES:
                return SEQUENCES[kind](items)
            return StepFutures(items) if kind == "futures" else self._class(kind)(*items)
        if "name" in value:
            return self._class(kind)[value["name"]]
        made = self._class(kind)
        return self._fill(made.__new__(made), value["fields"], objects)

    @staticmethod
    def _of_text(kind: str, text: str) -> Any:
        made, _, reader = TEXTS[kind]
        if kind == "timedelta":
            return made(seconds=float(text))
        if kind == "datetime" and text[-1:] == "Z":  # which Python 3.10 does not read
            text = text[:-1] + "+00:00"
        return getattr(made, reader)(text) if reader else made(text)

    def _fill(self, made: Any, fields: Any, objects: Dict[int, Any]) -> Any:
        for name, value in self._read(fields, objects).items():
            object.__setattr__(made, name, value)
        return made

    def _class(self, name: Any) -> Any:
        found = self._names.get(name)
        if not isinstance(found, type):
            raise TypeError("class %s is not part of the composition; name it in a hint" % name)
        return found

    def read(self, value: Any, hint: Any) -> Any:
        """Return an argument, which may be plain JSON, as its hint says."""
        return self._as(self._read(value, {}), hint)

    def _as(self, value: Any, hint: Any) -> Any:
        kind = hint[0]
        if kind == "optional":
            return None if value is None else self._as(value, hint[1])
        if kind == "float" and type(value) is int:
            return float(value)
        if kind == "list" and isinstance(value, list):
            return [self._as(one, hint[1]) for one in value]
        if kind == "tuple" and isinstance(value, (list, tuple)) and len(value) == len(hint) - 1:
            return tuple(self._as(*pair) for pair in zip(value, hint[1:]))
        if kind == "set" and isinstance(value, list):
            return {self._as(one, hint[1]) for one in value}
        if kind == "dict" and isinstance(value, dict):
            make = int if hint[2:] == ["int"] else lambda key: key
            return {make(key): self._as(one, hint[1]) for key, one in value.items()}
        if kind == "record" and isinstance(value, dict):
            known = {k: self._as(one, hint[2].get(k, ["any"])) for k, one in value.items()}
            return known if hint[1] is None else hint[1](**known)
        if kind in TEXTS and isinstance(value, str):
            return self._of_text(kind, value)
        types = {"int": int, "str": str, "bool": bool, "float": float}
        wanted = types.get(kind)
        if wanted is not None and (type(value) is not wanted):
            raise TypeError("expected %s, not %r" % (kind, value))
        return value

    def arguments(self, params: Object, hints: Object, defaults: Any) -> Object:
        """Return the arguments of a workflow or an activity.

        Raises:
            TypeError: they are not those that it takes.
        """
        unknown = sorted(set(params) - set(hints))
        missing = sorted(set(hints) - set(params) - set(defaults))
        if unknown or missing:
            text = "; ".join(
                "%s: %s" % (what, ", ".join(names))
                for what, names in (("missing", missing), ("unknown", unknown))
                if names
            )
            raise TypeError("the parameters do not fit, %s" % text)
        return {name: self.read(params[name], hints[name]) for name in hints if name in params}

    # -- errors

    def exit(self, way: str) -> StepExit:
        """Return what leaves a block in one way."""
        return StepExit({"exit": way})

    def again(self, error: Any) -> StepExit:
        """Return what goes on with an error, or with leaving a block."""
        return StepExit(error)

    def failure(self, error: BaseException) -> Object:
        """Return the error object of an exception."""
        if isinstance(error, StepExit):
            return {"error": error.error}
        if not isinstance(error, Exception):
            raise error
        return {"error": error_of(error)}

    def result(self, params: Object) -> Any:
        """Return an action's result, or raise its error."""
        if "error" in params:
            raise self.raised(params)
        return self._read(params.get("value"), {})

    def raised(self, params: Object) -> BaseException:
        """Return the exception of an error object."""
        error = params["error"]
        if isinstance(error, dict) and "exit" in error:
            return StepExit(error)
        if not (isinstance(error, dict) and "type" in error):
            is_late = "exceeded its time limits" in str(error)
            name = "ActivityTimedOutError" if is_late else "ActivityFailedError"
            error = {"type": name, "message": str(error), "bases": [name, "Exception"]}
        made = self._error(error)  # type: BaseException
        if str(made) == error["message"]:
            return made
        kind = type(made).__name__
        made.__class__ = type(kind, (type(made),), {"__str__": lambda _: error["message"]})
        return made

    def _error(self, error: Object) -> Any:
        known = (self._error_class(name) for name in error.get("bases") or [error["type"]])
        kind = next((one for one in known if one is not None), Exception)  # type: Any
        if kind.__name__ != error["type"]:
            kind = type(error["type"], (kind,), {})
        given = self._read(error.get("args", [error["message"]]), {})
        try:
            made = kind.__new__(kind, *given)
        except TypeError:
            made = kind.__new__(kind)
        made.args = tuple(given)
        made.__dict__.update(self._read(error.get("attributes", {}), {}))
        made.__dict__["_step_error"] = error
        return made

    def _error_class(self, name: str) -> Any:
        builtins = self._names["__builtins__"]
        builtins = builtins if isinstance(builtins, dict) else vars(builtins)
        found = self._names.get(name, builtins.get(name))
        is_error = isinstance(found, type) and issubclass(found, BaseException)
        return found if is_error else None

    def delay(self, params: Object, attempt: int, policy: Object) -> float:
        """Return how long to wait before the next attempt; raise the error if there is none."""
        error = self.raised(params)
        kinds = {one.__name__ for one in type(error).__mro__}
        kinds |= set(vars(error).get("_step_error", {}).get("bases", ()))
        is_last = policy["max_attempts"] and attempt >= policy["max_attempts"]
        if isinstance(error, StepExit) or is_last or kinds & set(policy["non_retryable"]):
            raise error
        seconds = policy["initial_interval"] * policy["backoff"] ** (attempt - 1)
        return float(min(seconds, policy["max_interval"]))

    def seconds(self, value: Any) -> float:
        """Return for how long to wait, or raise the error of a wait that cannot be."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            text = "sleep(%r): give a time from 0 s to 100 years" % (value,)
            bases = ["InvalidOptionError", "UsageError", "PartitaError", "ValueError", "Exception"]
            error = {"type": bases[0], "message": text, "bases": bases}
            raise self.raised({"error": error})
        return float(value)

    # -- futures

    def future(self, params: Object) -> StepFuture:
        """Return the future of an action that has ended."""
        failed = params.get("failure")
        return StepFuture(params if failed is None else {"error": failed}, self)

    def futures(self, params: Object) -> StepFutures:
        """Return the futures of actions that have ended."""
        return StepFutures([self.future(one) for one in params["value"]])

    # -- loops

    def iterate(self, value: Any) -> List[Any]:
        """Return the position before the first item: what is gone over, and what comes next."""
        if isinstance(value, (list, range, str, tuple)):
            return ["items", value, 0]
        if isinstance(value, dict):
            return ["dict", value, 0, list(value)]
        if hasattr(value, "__next__"):
            raise TypeError(
                "a value of type %s cannot be kept between two steps of a composition; go over a "
                "list of it" % type(value).__name__
            )
        return ["items", list(value), 0]

    def enumerate(self, inner: List[Any], start: int = 0) -> List[Any]:
        """Return the position before the first item of an `enumerate`."""
        return ["enumerate", inner, start]

    def zip(self, *inner: List[Any]) -> List[Any]:
        """Return the position before the first item of a `zip`."""
        return ["zip", list(inner), 0]

    def more(self, place: List[Any]) -> bool:
        """Return whether there is another item."""
        if place[0] == "enumerate":
            return self.more(place[1])
        if place[0] == "zip":
            return bool(place[1]) and all(self.more(one) for one in place[1])
        if place[0] == "dict":
            if len(place[1]) != len(place[3]):
                raise RuntimeError("dictionary changed size during iteration")
            return bool(place[2] < len(place[3]))
        return bool(place[2] < len(place[1]))

    def taken(self, place: List[Any]) -> Any:
        """Return the next item, and go past it."""
        place[2] += 1
        if place[0] == "enumerate":
            return place[2] - 1, self.taken(place[1])
        if place[0] == "zip":
            return tuple(self.taken(one) for one in place[1])
        return (place[3] if place[0] == "dict" else place[1])[place[2] - 1]
