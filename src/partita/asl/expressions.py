"""Fill the fields of JSONata states: JSON values in which `{% ... %}` are expressions.

A field is compiled once. The causes of faults name the field, such as `Output/items[0]/price`.
What JSONata is, `jsonata` knows.

Source: AWS Step Functions Developer Guide, "Transforming data with JSONata".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from partita.asl.evaluations import evaluate
from partita.asl.failures import QUERY_EVALUATION, EvaluationFault
from partita.asl.frame import Frame
from partita.asl.json_text import json_text, type_name
from partita.asl.jsonata import UNDEFINED, UNSUPPORTED, JsonataError, compile_expression

_OPENING, _CLOSING = "{%", "%}"

_Fill = Callable[[Frame, dict[str, Any]], Any]


def is_expression(value: Any) -> bool:
    """Return whether a value is a string with an expression."""
    return isinstance(value, str) and value.startswith(_OPENING) and value.endswith(_CLOSING)


class Fields:
    """A field's value, which may be or hold expressions."""

    def __init__(self, value: Any, location: str) -> None:
        self.location = location
        self.value = value
        self._fill = _compiled(value, location)

    def fill(self, frame: Frame, **given: Any) -> Any:
        """Return the value with its expressions evaluated; `given` are members of `$states`.

        Raises:
            EvaluationFault: an expression failed, or gave nothing.
        """
        return self.value if self._fill is None else self._fill(frame, given)

    def typed(self, frame: Frame, expected: str, **given: Any) -> Any:
        """Return the value, which must be of a JSON type or `integer`.

        Raises:
            EvaluationFault: it is of another type.
        """
        value = self.fill(frame, **given)
        found = type_name(value)
        is_integral = found == "number" and float(value).is_integer()
        if found == expected or (expected == "integer" and is_integral):
            return int(value) if expected == "integer" else value
        shown = _text_of(self.value) if is_expression(self.value) else json_text(self.value)
        raise EvaluationFault(
            f"The JSONata expression '{shown}' specified for the field '{self.location}' returned "
            f"an unexpected result type. Expected '{expected}', but was '{found}' for value: "
            f"{json_text(value)}",
            QUERY_EVALUATION,
            location=self.location,
        )


def _text_of(value: str) -> str:
    return value[len(_OPENING) : -len(_CLOSING)].strip()


def _compiled(value: Any, location: str) -> _Fill | None:
    """Return the function that fills a value; None if it is a constant."""
    if is_expression(value):
        return _expression(_text_of(value), location)
    if isinstance(value, dict):
        return _object(value, location)
    if isinstance(value, list):
        return _array(value, location)
    return None


def _object(value: dict[str, Any], location: str) -> _Fill | None:
    fills = [
        (name, fill)
        for name, member in value.items()
        if (fill := _compiled(member, f"{location}/{name}")) is not None
    ]
    if not fills:
        return None

    def fill_object(frame: Frame, given: dict[str, Any]) -> Any:
        filled = value.copy()
        for name, fill in fills:
            filled[name] = fill(frame, given)
        return filled

    return fill_object


def _array(value: list[Any], location: str) -> _Fill | None:
    fills = [_compiled(item, f"{location}[{number}]") for number, item in enumerate(value)]
    if not any(fills):
        return None
    pairs = list(zip(fills, value, strict=True))
    return lambda frame, given: [
        item if fill is None else fill(frame, given) for fill, item in pairs
    ]


def _expression(text: str, location: str) -> _Fill:
    try:
        expression = compile_expression(text)
    except JsonataError as error:
        raise ValueError(f"{location}: {error}") from error
    sees_states = "states" in expression.names

    def fill(frame: Frame, given: dict[str, Any]) -> Any:
        bindings = frame.variables
        if sees_states:
            states = {"input": frame.raw, "context": frame.context, **given}
            bindings = {**bindings, "states": states}
        opaque = frame.execution.opaque
        try:
            if opaque is None or not opaque.are_there:
                value = evaluate(expression, bindings)
            else:
                read = {name: bindings[name] for name in expression.names if name in bindings}
                value = opaque.evaluated(partial(evaluate, expression), read, frame.name)
        except JsonataError as error:
            raise _fault(
                text, location, f"threw an error during evaluation{error.clause}"
            ) from error
        if value is UNDEFINED:
            raise _fault(text, location, "returned nothing (undefined).")
        if value is UNSUPPORTED:
            raise _fault(text, location, "returned an unsupported result type.")
        return value

    return fill


def _fault(text: str, location: str, problem: str) -> EvaluationFault:
    return EvaluationFault(
        f"The JSONata expression '{text}' specified for the field '{location}' {problem}",
        QUERY_EVALUATION,
        location=location,
    )
