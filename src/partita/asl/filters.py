"""Read and evaluate the conditions of JSONPath filters, such as `?(@.price > 10 && @.sold)`.

Source: https://github.com/json-path/JsonPath, "Filter Operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from partita.asl.failures import EvaluationFault
from partita.asl.json_text import is_number, same_json
from partita.asl.jsonata import JsonataError, compile_expression
from partita.asl.path_reader import PathMissingError, PathReader

Condition = Callable[[Any, Any], bool]
"""Tells of an item, given the document, whether it fulfils the filter."""

Operand = Callable[[Any, Any], Any]

MATCH_SECONDS = 0.2
"""Seconds that a regular expression may take for one text."""

MISSING = object()
"""The value of a path in a filter that leads to nothing."""


class Findable(Protocol):
    """A path, as filters see one."""

    def find(self, root: Any) -> Any:
        """Return what the path leads to."""


class Pattern:
    """A regular expression, which must match a whole text, within a time limit."""

    def __init__(self, text: str, flags: str) -> None:
        self._text = text
        self._expression = compile_expression(f"$contains($text, /^(?:{text})$/{flags})")

    def matches(self, text: str) -> bool:
        """Return whether it matches.

        Raises:
            EvaluationFault: that takes too long.
        """
        try:
            found = self._expression.evaluate(
                {"text": text}, now=0, random=float, uuid=str, seconds=MATCH_SECONDS
            )
        except JsonataError as error:
            raise EvaluationFault(
                f"The pattern /{self._text}/ could not be evaluated: {error.message}"
            ) from error
        return found is True


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(left: Any, right: Any) -> bool:
        are_numbers = is_number(left) and is_number(right)
        are_texts = isinstance(left, str) and isinstance(right, str)
        return (are_numbers or are_texts) and compare(left, right)

    return test


def _is_equal(left: Any, right: Any) -> bool:
    return left is not MISSING and right is not MISSING and same_json(left, right)


def _is_in(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(same_json(left, one) for one in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _is_in(right, left)


def _is_empty(left: Any, right: Any) -> bool:
    return isinstance(left, (list, str, dict)) and (not left) == bool(right)


def _has_size(left: Any, right: Any) -> bool:
    size = len(right) if isinstance(right, (list, str)) else right
    return isinstance(left, (list, str)) and len(left) == size


def _matches(left: Any, right: Any) -> bool:
    return isinstance(left, str) and isinstance(right, Pattern) and right.matches(left)


def _is_subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and all(_is_in(one, right) for one in left)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {  # longer tokens first
    "==": _is_equal,
    "!=": lambda left, right: not _is_equal(left, right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "=~": _matches,
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "nin ": lambda left, right: not _is_in(left, right),
    "in ": _is_in,
    "subsetof ": _is_subset,
    "contains ": _contains,
    "size ": _has_size,
    "empty ": _is_empty,
}


class FilterReader(PathReader):
    """Reads the condition of one filter."""

    def __init__(self, text: str, position: int, parse: Callable[[str], Findable]) -> None:
        super().__init__(text, position)
        self._parse = parse

    def condition(self, outer: PathReader) -> Condition:
        """Read `(...)` and move the outer reader behind it."""
        self.spaces()
        self.expect("(")
        found = self._any_of()
        self.spaces()
        self.expect(")")
        outer.position = self.position
        return found

    def _any_of(self) -> Condition:
        parts = [self._all_of()]
        while self._is_next("||"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda one, root: any(p(one, root) for p in parts)

    def _all_of(self) -> Condition:
        parts = [self._single()]
        while self._is_next("&&"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else lambda one, root: all(p(one, root) for p in parts)

    def _is_next(self, token: str) -> bool:
        self.spaces()
        return self.take(token)

    def _single(self) -> Condition:
        self.spaces()
        if self.take("!"):
            inner = self._single()
            return lambda one, root: not inner(one, root)
        if self.take("("):
            inner = self._any_of()
            self.spaces()
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        self.spaces()
        for token, compare in _OPERATORS.items():
            if self.take(token):
                self.spaces()
                right = self._operand()
                return lambda one, root: compare(left(one, root), right(one, root))
        return lambda one, root: left(one, root) is not MISSING

    def _operand(self) -> Operand:
        self.spaces()
        if self.peek in "@$":
            return self._path_operand()
        value = self._literal()
        return lambda _one, _root: value

    def _path_operand(self) -> Operand:
        start = self.position
        is_root = self.peek == "$"
        self.position += 1
        self._skip_steps()
        path = self._parse("$" + self.text[start + 1 : self.position])

        def find(one: Any, root: Any) -> Any:
            try:
                return path.find(root if is_root else one)
            except PathMissingError:
                return MISSING

        return find

    def _skip_steps(self) -> None:
        while self.peek in ".[":
            if self.peek == "[":
                self._skip_bracket()
                continue
            self.position += 1
            if self.peek not in ".[*":
                self.name()
                self.take("()")
            else:
                self.take("*")

    def _skip_bracket(self) -> None:
        depth = 0
        while not self.at_end:
            if self.peek in "'\"":
                self.quoted()
                continue
            depth += {"[": 1, "]": -1}.get(self.peek, 0)
            self.position += 1
            if depth == 0:
                return

    def _literal(self) -> Any:
        if self.peek in "'\"":
            return self.quoted()
        if self.peek == "/":
            return self._pattern()
        if self.take("["):
            return self._items()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.take(word):
                return value
        found = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?").match(self.text, self.position)
        if found is None:
            raise self.fault("expected a path or a literal in a filter")
        self.position = found.end()
        return float(found[0]) if found[1] or found[2] else int(found[0])

    def _items(self) -> list[Any]:
        items: list[Any] = []
        self.spaces()
        while not self.take("]"):
            items.append(self._literal())
            self.spaces()
            self.take(",")
            self.spaces()
        return items

    def _pattern(self) -> Pattern:
        end = self.position + 1
        while end < len(self.text) and self.text[end] != "/":
            end += 2 if self.text[end] == "\\" else 1
        text = self.text[self.position + 1 : end]
        self.position = end + 1
        try:
            return Pattern(text, "i" if self.take("i") else "")
        except JsonataError as error:
            raise self.fault(f"not a regular expression: {error}") from error
