"""Check requests against the shapes of a service's model, before anybody looks at what they ask.

Knows types, required members, lengths, ranges and enumerations. Constraints that Amazon states in
words only are given by the service's own package. Whether a domain exists is not its question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from partita.aws.faults import SerializationFault, UnknownOperationFault, ValidationFault

SHOWN = 1_100
"""Characters of a value that a fault shows, at most."""

TIMESTAMP_LIMIT = 1e12
"""Seconds from the epoch within which a timestamp must lie."""

Members = dict[str, Any]
"""The members of a JSON object: a request's, or an answer's."""

Constraint = Callable[[str, str], str | None]
"""Given a text and its path in the request, returns what the text breaks, or None."""

_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "float": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (int, float),
}


class ServiceModel:
    """The operations and shapes of one service, as `partita.aws.derive` writes them.

    `constraints` are those that are not in the model, by the name of the shape.
    """

    def __init__(
        self, name: str, table: Mapping[str, Any], constraints: Mapping[str, Constraint]
    ) -> None:
        self._name = name
        self.operations: Mapping[str, Any] = table["operations"]
        self.shapes: Mapping[str, Any] = table["shapes"]
        self._constraints = constraints

    def check(self, operation: str, body: bytes) -> Members:
        """Return a request's members, without nulls and those that the model does not have.

        Raises:
            UnknownOperationFault: the service has no such operation.
            SerializationFault: not JSON, not an object, or a value of the wrong type.
            ValidationFault: a constraint is broken.
        """
        known = self.operations.get(operation)
        if known is None:
            raise UnknownOperationFault(f"{self._name} has no operation {operation[:80]!r}")
        try:
            given = msgspec.json.decode(body or b"{}")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise SerializationFault(f"the body is not JSON: {error}") from error
        if not isinstance(given, dict):
            raise SerializationFault("the body must be a JSON object")
        members: Members = self._typed(known["input"], given, "")
        broken = list(self._broken(known["input"], members, ""))
        if broken:
            plural = "s" if len(broken) > 1 else ""
            raise ValidationFault(
                f"{len(broken)} validation error{plural} detected: {'; '.join(broken[:5])}"
            )
        return members

    def _typed(self, name: str, value: Any, path: str) -> Any:
        """Return a value without its nulls and unknown members; refuse wrong types."""
        shape = self.shapes[name]
        kind = shape["type"]
        fits = isinstance(value, _TYPES[kind])
        if not fits or (isinstance(value, bool) and kind != "boolean"):
            raise SerializationFault(f"{path or 'the body'} must be a {kind}")
        if kind == "structure":
            return {
                key: self._typed(inner, value[key], _below(path, key))
                for key, inner in shape["members"].items()
                if value.get(key) is not None
            }
        if kind == "list":
            inner = shape["member"]
            return [
                self._typed(inner, one, f"{path}.{at}.member") for at, one in enumerate(value, 1)
            ]
        if kind == "timestamp" and not abs(value) < TIMESTAMP_LIMIT:
            raise SerializationFault(f"{path} must be seconds since the epoch")
        return value

    def _broken(self, name: str, value: Any, path: str) -> Iterator[str]:
        """Yield a sentence for each constraint that a value of the right type breaks."""
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                for key in shape.get("required", ()):
                    if key not in value:
                        yield broken_constraint(None, _below(path, key), "Member must not be null")
                for key, one in value.items():
                    yield from self._broken(shape["members"][key], one, _below(path, key))
            case "list":
                if len(value) > shape.get("max", len(value)):
                    yield broken_constraint(
                        value, path, f"{_LENGTH} less than or equal to {shape['max']}"
                    )
                for at, one in enumerate(value, 1):
                    yield from self._broken(shape["member"], one, _below(path, f"{at}.member"))
            case "string":
                constraint = self._broken_text(name, shape, value, path)
                if constraint is not None:
                    yield broken_constraint(value, path, constraint)
            case "integer" | "long" | "float":
                if value > shape.get("max", 2**63 - 1):
                    limit = f"less than or equal to {shape.get('max', 2**63 - 1)}"
                    yield broken_constraint(value, path, f"Member must have value {limit}")
                if value < shape.get("min", -(2**63)):
                    limit = f"greater than or equal to {shape.get('min', -(2**63))}"
                    yield broken_constraint(value, path, f"Member must have value {limit}")

    def _broken_text(
        self, name: str, shape: Mapping[str, Any], value: str, path: str
    ) -> str | None:
        if len(value) < shape.get("min", 0):
            return f"{_LENGTH} greater than or equal to {shape['min']}"
        if len(value) > shape.get("max", len(value)):
            return f"{_LENGTH} less than or equal to {shape['max']}"
        if value not in shape.get("enum", (value,)):
            return f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
        return self._constraints[name](value, path) if name in self._constraints else None


_LENGTH = "Member must have length"


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def broken_constraint(value: Any, path: str, constraint: str) -> str:
    """Return Amazon's sentence on a value that breaks a constraint; None is a missing member."""
    shown = "null" if value is None else f"'{str(value)[:SHOWN]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
