"""Compile JSONata expressions once, and evaluate them with variables bound by name.

Values are never pasted into the text. Knows nothing of states: who calls it gives `$states` as
a variable, and the time, the random numbers and the UUIDs, which come from a history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from partita.asl.jsonata import arithmetic, dialect, engine, functions
from partita.asl.jsonata.contract import Compiled, Settings
from partita.asl.jsonata.failures import STACK, JsonataError
from partita.asl.jsonata.syntax import Node, parse

UNDEFINED = object()  # the expression gave nothing
UNSUPPORTED = object()  # the expression gave a function, which has no JSON form

_PURE: dict[str, tuple[Callable[..., Any], str | None]] = {
    "partition": (functions.partition, None),
    "range": (functions.number_range, None),
    "hash": (functions.digest, None),
    "parse": (functions.parse, None),
    "substring": (functions.substring, "<s-nn?:s>"),
    "decodeUrlComponent": (functions.decode_url_component, "<s-:s>"),
    "base64encode": (functions.base64_encode, "<s-:s>"),
    "base64decode": (functions.base64_decode, "<s-:s>"),
    dialect.PARSE: (functions.boxed_parse, None),
    dialect.ARITHMETIC: (arithmetic.compute, None),
}
_DECODER = msgspec.json.Decoder()
_NAME = re.compile(r"\$([^\W\d]\w*)")
_NEWER_OPERATORS = ("??", "?:")
_OUT_OF_RANGE = "D1001"


class Expression:
    """A compiled expression; evaluate it any number of times, in any thread."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = frozenset(_NAME.findall(text))  # also those within strings
        self._too_deep: JsonataError | None = None
        try:
            self._program = self._compiled()
        except JsonataError as error:
            if error.code is not None:
                raise
            self._too_deep = error  # it fails when it is evaluated, as on AWS

    def _compiled(self) -> Compiled:
        compiled = _program(self.text)  # before the tree: the engine's messages are JSONata's
        if any(operator in self.text for operator in _NEWER_OPERATORS):
            parse(self.text)
        if dialect.needs_rewriting(self.text):
            return _program(dialect.for_engine(self.text, self.tree))
        return compiled

    @property
    def uses_chance(self) -> bool:
        """Whether an evaluation may ask for random numbers or UUIDs."""
        return not self.names.isdisjoint(("random", "uuid"))

    @cached_property
    def tree(self) -> Node:
        """The parts of the expression, by what they are."""
        return parse(self.text)

    def evaluate(
        self,
        bindings: Mapping[str, Any],
        *,
        now: int,
        random: Callable[[], float],
        uuid: Callable[[], str],
        seconds: float = 1.0,
        document: str | None = None,
    ) -> Any:
        """Return the result as JSON value, or UNDEFINED, or UNSUPPORTED for a function.

        `bindings` are the variables by name, without `$`; `now` is in milliseconds since 1970,
        UTC. `random` gives a number from 0 to 1, excluded, for each `$random()`; `uuid` a new
        text for each `$uuid()`. `document` is the JSON text of the context `$`, of which AWS
        has none.

        Raises:
            JsonataError: the evaluation threw, or took longer than `seconds`.
        """
        if self._too_deep is not None:
            raise JsonataError(None, self._too_deep.message)
        bound = {name: bindings[name] for name in self.names if name in bindings}
        if "eval" in self.names:
            bound.setdefault("eval", None)  # AWS has none
        if "random" in self.names:
            bound.setdefault("random", functions.seeded_random(random))
        if "uuid" in self.names:
            bound.setdefault("uuid", functions.new_uuid(uuid))
        settings = Settings(now, seconds, document)
        found = self._evaluate(bound, settings)
        return self._without_value(bound, settings) if found is None else _value(found)

    def _evaluate(self, bound: dict[str, Any], settings: Settings) -> str | None:
        """Evaluate; once more with infinities if a number went out of range."""
        try:
            found = self._program.evaluate(bound, settings)
        except JsonataError as error:
            if error.code != _OUT_OF_RANGE:
                raise
            return self._with_infinities.evaluate(bound, settings)
        if found is not None and "null" in found and dialect.divides(self.text):
            return self._with_infinities.evaluate(bound, settings)
        return found

    @cached_property
    def _with_infinities(self) -> Compiled:
        return _program(dialect.with_infinities(self.text, self.tree))

    @cached_property
    def _kind(self) -> Compiled:
        return _program(f"$type({self.text.strip()})")

    def _without_value(self, bound: dict[str, Any], settings: Settings) -> Any:
        """Tell a function from nothing: the engine's result is the same for both."""
        return UNDEFINED if self._kind.evaluate(bound, settings) is None else UNSUPPORTED


def _program(text: str) -> Compiled:
    """Compile a text, with the functions bound that it may call."""
    compiled = engine.compile_text(text)
    for name in _PURE.keys() & set(_NAME.findall(text)):
        compiled.bind(name, *_PURE[name])
    return compiled


def compile_expression(text: str) -> Expression:
    """Compile the text of an expression, without `{%` and `%}`.

    Raises:
        JsonataError: the text is not JSONata; `code` and `message` are JSONata's.
    """
    return Expression(text)


def _value(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise JsonataError(None, STACK) from None
