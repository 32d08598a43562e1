"""Check the arguments of AWS's operations against their shapes, and spell them for Task states.

A text may be given as a dict or a list, which is sent as JSON, as Task states do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from partita.errors import InvalidInputError
from partita.integrations.aws_models import Operation, suggestion
from partita.integrations.task_tokens import TaskTokenMark

if TYPE_CHECKING:
    from botocore.model import Shape

_TYPES = (bool, int, float, str, list, dict)
KINDS: dict[str, tuple[str, ...]] = {
    "string": ("str", "dict", "list"),
    "character": ("str",),
    "blob": ("str", "dict", "list"),
    "boolean": ("bool",),
    "integer": ("int",),
    "long": ("int",),
    "float": ("int", "float"),
    "double": ("int", "float"),
    "timestamp": ("str", "int", "float"),
    "list": ("list",),
    "map": ("dict",),
    "structure": ("dict",),
}
"""The types of Python that a value of a shape may have."""


def spelled(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as Task states spell them.

    Raises:
        InvalidInputError: they do not fit the operation.
    """
    shape = operation.model.input_shape
    problem = missing_or_unknown(shape, arguments)
    if problem:
        raise InvalidInputError(f"{operation.shown}: {problem}")
    members = {} if shape is None else shape.members
    return {
        operation.spell(name): _spelled(operation, members[name], value, name)
        for name, value in arguments.items()
    }


def missing_or_unknown(shape: Any, given: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the names of arguments; None: nothing."""
    members = {} if shape is None else shape.members
    for name in given:
        if name not in members:
            return f"there is no argument {name}{suggestion(name, members)}"
    for name in () if shape is None else shape.required_members:
        generated = members[name].metadata.get("idempotencyToken", False)
        if name not in given and not generated:
            return f"the argument {name} is missing"
    return None


def kinds_of(shape: Shape) -> tuple[str, ...]:
    """Return the types of Python that a value of a shape may have."""
    if getattr(shape, "is_document_type", False):
        return ("str", "int", "float", "bool", "list", "dict", "NoneType")
    return KINDS.get(shape.type_name, ())


def wanted(shape: Shape) -> str:
    """Return what to give for a shape."""
    kinds = kinds_of(shape)
    if kinds == KINDS["string"]:
        return "str, or a dict or list to send as JSON"
    return " or ".join(kinds)


def _spelled(operation: Operation, shape: Any, value: Any, path: str) -> Any:
    kinds = kinds_of(shape)
    if isinstance(value, TaskTokenMark) and "str" in kinds:
        return value
    kind = next((one.__name__ for one in _TYPES if _is(value, one)), "")
    if kind not in kinds and value is not None:
        shown = type(value).__name__
        raise InvalidInputError(
            f"{operation.shown}: {path} is {shape.type_name}, not {shown}; give {wanted(shape)}"
        )
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return _structure(operation, shape, value, path)
    if shape.type_name == "list" and isinstance(value, list):
        return [
            _spelled(operation, shape.member, one, f"{path}[{number}]")
            for number, one in enumerate(value)
        ]
    if shape.type_name == "map" and isinstance(value, dict):
        return {
            name: _spelled(operation, shape.value, one, f"{path}[{name!r}]")
            for name, one in value.items()
        }
    return value


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _structure(operation: Operation, shape: Any, value: Any, path: str) -> Any:
    if value is None:
        return None
    problem = missing_or_unknown(shape, value)
    if problem:
        raise InvalidInputError(f"{operation.shown}: {path}: {problem}")
    return {
        operation.spell(name): _spelled(operation, shape.members[name], one, f"{path}.{name}")
        for name, one in value.items()
    }


def differs(shape: Any, spell: Callable[[str], str], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a member within a shape is spelled otherwise in Task states."""
    if shape.name in seen:
        return False
    seen |= {shape.name}
    if shape.type_name == "structure":
        names = any(spell(name) != name for name in shape.members)
        return names or any(differs(one, spell, seen) for one in shape.members.values())
    part = getattr(shape, "member", getattr(shape, "value", None))
    return part is not None and differs(part, spell, seen)
