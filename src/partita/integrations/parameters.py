"""Turn the arguments of a Task state into the members of an API request.

Names are those of `naming`, types are those of the API's own model. A member that is a string
takes any JSON value: Step Functions writes objects, arrays and numbers as JSON text. A null is
left out, and where the API requires the member, the service's own refusal is what follows.

Source: AWS Step Functions Developer Guide, "Passing parameters to a service API".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.failures import RUNTIME
from partita.integrations.json_texts import json_text, text_of

Spelling = Callable[[str], str]
"""Returns how a Task state spells a member of the API."""

_INTEGERS = ("integer", "long")
_NUMBERS = ("float", "double")


class Request(Struct, frozen=True):
    """The members of a request, as boto3 takes them."""

    members: dict[str, Any]
    nulls: list[str]  # required members that the arguments give as null, as a path of the API


class _ArgumentError(Exception):
    """The arguments do not fit the API."""


def build_request(shape: StructureShape | None, arguments: Any, spell: Spelling) -> Request:
    """Return the request for a Task state's arguments.

    Raises:
        TaskFailedError: an unknown member, a missing one, or a value of the wrong type.
    """
    nulls: list[str] = []
    try:
        if shape is None:
            shape = StructureShape("Empty", {"type": "structure", "members": {}})
        members = _structure(shape, arguments, "", spell, nulls)
    except _ArgumentError as fault:
        text = json_text(arguments)
        cause = f"The Parameters '{text}' could not be used to start the Task: [{fault}]"
        raise TaskFailedError(RUNTIME, cause) from fault
    return Request(members, nulls)


def _value(shape: Shape, value: Any, path: str, spell: Spelling, nulls: list[str]) -> Any:
    match shape:
        case StructureShape():
            if shape.is_document_type:
                return value
            return _structure(shape, value, path, spell, nulls)
        case ListShape():
            items = _typed(value, list, path, "LIST")
            return [
                _value(shape.member, item, f"{path}[{index}]", spell, nulls)
                for index, item in enumerate(items)
            ]
        case MapShape():
            entries = _typed(value, dict, path, "MAP")
            return {
                key: _value(shape.value, item, f"{path}/{key}", spell, nulls)
                for key, item in entries.items()
            }
        case _:
            return _scalar(shape.type_name, value, path)


def _structure(
    shape: StructureShape, value: Any, path: str, spell: Spelling, nulls: list[str]
) -> dict[str, Any]:
    given = _typed(value, dict, path or "Parameters", "STRUCTURE")
    names = {spell(member): member for member in shape.members}
    built = {}
    for name, part in given.items():
        if name not in names:
            raise _ArgumentError(f"The field '{name}' is not supported by Step Functions")
        member = names[name]
        if part is not None:
            where = f"{path}/{name}" if path else name
            built[member] = _value(shape.members[member], part, where, spell, nulls)
        elif member in shape.required_members:
            nulls.append(member)
    _check_required(shape, given, spell)
    return built


def _check_required(shape: StructureShape, given: dict[str, Any], spell: Spelling) -> None:
    for member in shape.required_members:
        generated = shape.members[member].metadata.get("idempotencyToken", False)
        if spell(member) not in given and not generated:
            raise _ArgumentError(f"The field '{spell(member)}' is required but was missing")


def _typed(value: Any, kind: type, path: str, title: str) -> Any:
    if not isinstance(value, kind):
        raise _ArgumentError(f"The value for the field '{path}' must be a {title}")
    return value


def _scalar(kind: str, value: Any, path: str) -> Any:
    """Return the value of a member that is no structure, list or map."""
    if kind in ("string", "character"):
        return text_of(value)
    if kind == "blob":
        return text_of(value).encode("utf-8", "surrogatepass")
    if kind == "boolean":
        return _typed(value, bool, path, "BOOLEAN")
    if kind in _INTEGERS:
        return _integer(value, path)
    if kind in _NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise _ArgumentError(f"The value for the field '{path}' must be a DOUBLE")
    if kind == "timestamp" and isinstance(value, (dict, list, bool)):
        raise _ArgumentError(f"The value for the field '{path}' must be a TIMESTAMP")
    return value


def _integer(value: Any, path: str) -> int:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value):
        raise _ArgumentError(f"The value for the field '{path}' must be an INTEGER")
    return int(value)
