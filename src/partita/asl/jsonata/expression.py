"""Compile JSONata expressions once, and evaluate them with variables bound by name.

Values are never pasted into the text. Knows nothing of states: who calls it gives `$states` as
a variable, and the time, the random numbers and the UUIDs, which come from a history.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from partita.asl.jsonata import functions
from partita.asl.jsonata.engine import CompiledText

UNDEFINED = object()  # the expression gave nothing
UNSUPPORTED = object()  # the expression gave a function, which has no JSON form

_PURE = {
    "partition": functions.partition,
    "range": functions.number_range,
    "hash": functions.digest,
    "parse": functions.parse,
}
_NAME = re.compile(r"\$([^\W\d]\w*)")


class Expression:
    """A compiled expression; evaluate it any number of times, in any thread."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = frozenset(_NAME.findall(text))  # also those within strings
        self._compiled = _compiled(text, self.names)

    def evaluate(
        self,
        bindings: Mapping[str, Any],
        *,
        now: int,
        random: Callable[[], float],
        uuid: Callable[[], str],
        seconds: float = 1.0,
    ) -> Any:
        """Return the result as JSON value, or UNDEFINED, or UNSUPPORTED for a function.

        `bindings` are the variables by name, without `$`; `now` is in milliseconds since 1970,
        UTC. `random` gives a number from 0 to 1, excluded, for each `$random()`; `uuid` a new
        text for each `$uuid()`.

        Raises:
            JsonataError: the evaluation threw, or took longer than `seconds`.
        """
        bound = {name: bindings[name] for name in self.names if name in bindings}
        if "random" in self.names:
            bound.setdefault("random", functions.seeded_random(random))
        if "uuid" in self.names:
            bound.setdefault("uuid", uuid)
        found = self._compiled.evaluate(bound, now, seconds)
        if found is not None:
            return json.loads(found)
        return self._without_value(bound, now, seconds)

    def _without_value(self, bound: Mapping[str, Any], now: int, seconds: float) -> Any:
        """Tell a function from nothing: the engine's result is the same for both."""
        kind = _compiled(f"$type((\n{self.text}\n))", self.names).evaluate(bound, now, seconds)
        return UNDEFINED if kind is None else UNSUPPORTED


def compile_expression(text: str) -> Expression:
    """Compile the text of an expression, without `{%` and `%}`.

    Raises:
        JsonataError: the text is not JSONata; `code` and `message` are JSONata's.
    """
    return Expression(text)


def _compiled(text: str, names: frozenset[str]) -> CompiledText:
    compiled = CompiledText(text)
    for name in names & _PURE.keys():
        compiled.bind(name, _PURE[name])
    return compiled
