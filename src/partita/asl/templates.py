"""Fill payload templates of JSONPath states: `{"total.$": "$.order.total", "currency": "EUR"}`.

A template is compiled once to a function of the view. Parts without expressions are constants.

Source: Amazon States Language, "Payload Template".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.failures import EvaluationFault
from partita.asl.json_text import json_text
from partita.asl.path_reader import PathMissingError, PathSyntaxError
from partita.asl.queries import Query, check_input, parse_query
from partita.asl.view import View

Fill = Callable[[View], Any]
"""Returns the filled template."""


def compile_template(template: Any) -> Fill:
    """Return a function that fills a template.

    Raises:
        PathSyntaxError: the value of a field that ends in `.$` is no expression.
    """
    filled = _compiled(template)
    return filled if filled is not None else lambda _view: template


def _compiled(template: Any) -> Fill | None:
    """Return the function of a part, None if it is a constant."""
    if isinstance(template, dict):
        return _object(template)
    if isinstance(template, list):
        return _array(template)
    return None


def _object(template: dict[str, Any]) -> Fill | None:
    constants: dict[str, Any] = {}
    fills: list[tuple[str, Fill]] = []
    for name, value in template.items():
        is_expression = name.endswith(".$")
        key = name[:-2] if is_expression else name
        fill = _field(name, _query(name, value)) if is_expression else _compiled(value)
        constants[key] = value  # keeps the order of the fields
        if fill is not None:
            fills.append((key, fill))
    if not fills:
        return None

    def fill_object(view: View) -> Any:
        filled = constants.copy()
        for key, fill in fills:
            filled[key] = fill(view)
        return filled

    return fill_object


def _query(name: str, value: Any) -> Query:
    if not isinstance(value, str):
        raise PathSyntaxError(f"the value of {name!r} must be a path or a function call")
    return parse_query(value)


def _array(template: list[Any]) -> Fill | None:
    fills = [_compiled(item) for item in template]
    if not any(fills):
        return None
    pairs = list(zip(fills, template, strict=True))
    return lambda view: [item if fill is None else fill(view) for fill, item in pairs]


def _field(name: str, query: Query) -> Fill:
    evaluate = query.evaluate

    def fill(view: View) -> Any:
        if view.data is None:
            check_input(query, view)
        try:
            return evaluate(view)
        except PathMissingError as missing:
            if missing.is_index:
                return None
            raise EvaluationFault(
                f"The JSONPath '{query.text}' specified for the field '{name}' could not be found "
                f"in the input '{json_text(view.data)}'"
            ) from missing

    return fill
