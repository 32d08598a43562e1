"""Evaluate the fields that a Fail state takes its error and cause from."""

from __future__ import annotations

from typing import Protocol

from partita.asl.expressions import Fields
from partita.asl.failures import EvaluationFault
from partita.asl.frame import Frame
from partita.asl.json_text import json_text
from partita.asl.path_reader import PathMissingError
from partita.asl.queries import Query


class Text(Protocol):
    """A text that may depend on the input."""

    def text(self, frame: Frame) -> str:
        """Return it.

        Raises:
            EvaluationFault: there is none, or the value is no string.
        """


class ConstantText:
    """`Error` or `Cause` of a JSONPath state."""

    def __init__(self, value: str) -> None:
        self._value = value

    def text(self, frame: Frame) -> str:  # noqa: ARG002
        """Return the constant."""
        return self._value


class QueriedText:
    """`ErrorPath` or `CausePath`."""

    def __init__(self, field: str, query: Query) -> None:
        self._field = field
        self._query = query

    def text(self, frame: Frame) -> str:
        """Return what the path leads to, or the function returns."""
        try:
            value = self._query.evaluate(frame)
        except PathMissingError as missing:
            raise EvaluationFault(
                f"The JSONPath '{self._query.text}' specified for the field '{self._field}' could "
                f"not be found in the input '{json_text(frame.data)}'"
            ) from missing
        if not isinstance(value, str):
            raise EvaluationFault(
                f"The value '{json_text(value)}' returned by '{self._query.text}' for the field "
                f"'{self._field}' is not a string"
            )
        return value


class ExpressedText:
    """`Error` or `Cause` of a JSONata state."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def text(self, frame: Frame) -> str:
        """Return the value, which must be a string."""
        value: str = self._fields.typed(frame, "string")
        return value
