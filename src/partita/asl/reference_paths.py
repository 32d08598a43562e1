"""Put a result into an input at a reference path, as ResultPath does.

Source: Amazon States Language, "Reference Paths" and "ResultPath".
"""

from __future__ import annotations

from typing import Any

from partita.asl.failures import RESULT_PATH_MATCH_FAILURE, StateFailure
from partita.asl.json_text import json_text
from partita.asl.path_reader import PathSyntaxError
from partita.asl.paths import Index, Property, parse_path


class ReferencePath:
    """A path with names and indexes only, which can be written to."""

    def __init__(self, text: str) -> None:
        self.text = text
        path = parse_path(text)
        if path.function is not None:
            raise PathSyntaxError(f"{text!r} is no reference path: it has a function")
        self._steps: list[str | int] = []
        for step in path.steps:
            if isinstance(step, Property) and step.definite:
                self._steps.append(step.names[0])
            elif isinstance(step, Index) and step.definite:
                self._steps.append(step.indexes[0])
            else:
                raise PathSyntaxError(f"{text!r} is no reference path: it can name several places")

    def put(self, value: Any, result: Any) -> Any:
        """Return a copy of the value with the result at this path.

        Raises:
            StateFailure: the value has no such place, and none can be made.
        """
        return self._put(value, 0, result)

    def _put(self, value: Any, depth: int, result: Any) -> Any:
        if depth == len(self._steps):
            return result
        step = self._steps[depth]
        if isinstance(step, int):
            if not (isinstance(value, list) and -len(value) <= step < len(value)):
                raise _conflict(step, value)
            copied = list(value)
            copied[step] = self._put(value[step], depth + 1, result)
            return copied
        if value is not None and not isinstance(value, dict):
            raise _conflict(step, value)
        inside = {} if value is None else value
        return {**inside, step: self._put(inside.get(step), depth + 1, result)}


def _conflict(step: str | int, value: Any) -> StateFailure:
    return StateFailure(
        RESULT_PATH_MATCH_FAILURE, f'Unable to apply step "{step}" to input {json_text(value)}'
    )
