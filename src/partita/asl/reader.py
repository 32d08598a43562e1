"""Read the fields of a definition's JSON, with locations for what is wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from partita.asl.json_text import is_integer, is_number
from partita.asl.path_reader import PathSyntaxError
from partita.asl.queries import Query, parse_query
from partita.errors import InvalidDefinitionError

T = TypeVar("T")

_NAMES: dict[type, str] = {str: "a string", dict: "an object", list: "an array", bool: "a boolean"}


class Reader:
    """An object of a definition, and where it is."""

    def __init__(self, value: Any, location: str) -> None:
        self.location = location
        if not isinstance(value, dict):
            raise InvalidDefinitionError("expected an object", location)
        self.fields: dict[str, Any] = value

    def fault(self, problem: str, field: str = "") -> InvalidDefinitionError:
        """Return an error about this object or one of its fields."""
        return InvalidDefinitionError(
            problem, f"{self.location}/{field}" if field else self.location
        )

    def __contains__(self, field: str) -> bool:
        return field in self.fields

    def get(self, field: str, kind: type[T]) -> T | None:
        """Return a field, None if there is none."""
        value = self.fields.get(field)
        if field not in self.fields:
            return None
        if not isinstance(value, kind):
            raise self.fault(f"expected {_NAMES[kind]}", field)
        return value

    def need(self, field: str, kind: type[T]) -> T:
        """Return a field that must be there."""
        if field not in self.fields:
            raise self.fault(f"{field} is missing")
        value = self.get(field, kind)
        assert value is not None
        return value

    def inner(self, field: str) -> Reader:
        """Return the object in a field."""
        return Reader(self.need(field, dict), f"{self.location}/{field}")

    def each(self, field: str) -> list[Reader]:
        """Return the objects of an array, none if there is no such field."""
        values = self.get(field, list) or []
        return [
            Reader(value, f"{self.location}/{field}/{number}")
            for number, value in enumerate(values)
        ]

    def number(self, field: str, *, is_integral: bool = True) -> float | None:
        """Return a number, None if there is none."""
        value = self.fields.get(field)
        is_fitting = is_integer(value) if is_integral else is_number(value)
        if value is None or is_fitting:
            return value
        raise self.fault("expected an integer" if is_integral else "expected a number", field)

    def query(self, field: str, default: str | None = None) -> Query | None:
        """Return a path or call; None for null, or if there is no such field and no default."""
        if field in self.fields and self.fields[field] is None:
            return None
        text = self.get(field, str)
        text = default if text is None else text
        return None if text is None else self.parsed(field, lambda: parse_query(text))

    def needed_query(self, field: str) -> Query:
        """Return the path or call in a field that must be there."""
        text = self.need(field, str)
        return self.parsed(field, lambda: parse_query(text))

    def texts(self, field: str) -> tuple[str, ...]:
        """Return the strings of an array that must be there."""
        values = self.need(field, list)
        if not all(isinstance(value, str) for value in values):
            raise self.fault("expected an array of strings", field)
        return tuple(values)

    def parsed(self, field: str, parse: Callable[[], T]) -> T:
        """Return what `parse` makes of a field.

        Raises:
            InvalidDefinitionError: it is not well-formed.
        """
        try:
            return parse()
        except InvalidDefinitionError:
            raise
        except (PathSyntaxError, ValueError) as error:
            raise self.fault(str(error), field) from error
