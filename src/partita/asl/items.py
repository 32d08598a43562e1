"""Find the items of a Map state: in its input, at a path, or by an expression.

Items that a reader takes from files are in `item_reader`.
"""

from __future__ import annotations

from typing import Any

from partita.asl.expressions import Fields, is_expression
from partita.asl.failures import QUERY_EVALUATION, RUNTIME, EvaluationFault, StateFailure
from partita.asl.frame import Frame
from partita.asl.json_text import json_text
from partita.asl.path_reader import PathMissingError
from partita.asl.queries import Query
from partita.asl.states.map import Item, Items

PATH_CONFLICT = "States.ReferencePathConflict"


def numbered(values: Any) -> list[Item]:
    """Return items as `$$.Map.Item` shows them; those of an object have keys."""
    if isinstance(values, dict):
        return [
            {"Index": number, "Key": key, "Value": value}
            for number, (key, value) in enumerate(values.items())
        ]
    return [{"Index": number, "Value": value} for number, value in enumerate(values)]


def items_at(query: Query, *, is_distributed: bool) -> Items:
    """Return the items of a JSONPath state, at its ItemsPath."""

    def items(frame: Frame) -> list[Item]:
        try:
            found = query.evaluate(frame)
        except PathMissingError as error:
            step = query.text.rpartition(".")[2]
            raise StateFailure(
                PATH_CONFLICT, f'Unable to apply step "{step}" to input {json_text(frame.data)}'
            ) from error
        if not (isinstance(found, list) or (is_distributed and isinstance(found, dict))):
            shown = query.text[1:] if query.text.startswith("$$") else query.text
            raise EvaluationFault(f'Reference path "{shown}" must point to array.', RUNTIME)
        return numbered(found)

    return items


def items_in(fields: Fields | None, *, is_distributed: bool) -> Items:
    """Return the items of a JSONata state: its `Items`, or its input."""

    def items(frame: Frame) -> list[Item]:
        found = frame.raw if fields is None else fields.fill(frame)
        if isinstance(found, list) or (is_distributed and isinstance(found, dict)):
            return numbered(found)
        if fields is not None and is_expression(fields.value):
            fields.typed(frame, "array")
        raise EvaluationFault(
            f"Map state input must be an array but was: {json_text(found)}",
            QUERY_EVALUATION,
            location="",
        )

    return items
