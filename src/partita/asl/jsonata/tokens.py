"""Split the text of an expression into tokens, as JSONata 2.0.6 does.

Knows no grammar, except that the parser tells whether an operand may begin here: only there is
`/` the start of a regular expression.

Source: JSONata 2.0.6, parser.js, as its test suite shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from partita.asl.jsonata.failures import JsonataError


class Kind(Enum):
    """What a token is."""

    OPERATOR = auto()
    NAME = auto()
    VARIABLE = auto()
    LITERAL = auto()
    REGEX = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and where it stands; `text` of a name or variable is without its quotes or `$`."""

    kind: Kind
    text: str
    start: int
    end: int


_SPACE = re.compile(r"(?:\s|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_QUOTED_NAME = re.compile(r"`([^`]*)`")
_REGEX = re.compile(r"/((?:[^/\\\[]|\\.|\[(?:[^\]\\]|\\.)*\])+)/([a-z]*)")
_WORD = re.compile(r"[^\s.\[\]{}(),@#;:?+\-*/%|=<>^&!~\"'`]+")
_DOUBLE = ("..", ":=", "!=", ">=", "<=", "**", "~>")
_SINGLE = frozenset(".[]{}(),@#;:?+-*/%|=<>^&!~")
_WORD_OPERATORS = frozenset({"and", "or", "in"})
_LITERAL_WORDS = frozenset({"true", "false", "null"})


class Tokens:
    """A cursor over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def next(self, *, operand: bool) -> Token:
        """Return the next token; `operand` tells that an operand may begin here.

        Raises:
            JsonataError: no token can begin like this.
        """
        start = self._skip_space()
        if start >= len(self._text):
            return Token(Kind.END, "(end)", start, start)
        if operand and (matched := _REGEX.match(self._text, start)):
            return self._token(Kind.REGEX, matched.group(), matched)
        return self._operator(start) or self._quoted(start) or self._word(start)

    def _skip_space(self) -> int:
        matched = _SPACE.match(self._text, self._position)
        return matched.end() if matched else self._position

    def _operator(self, start: int) -> Token | None:
        for length, known in ((2, _DOUBLE), (1, _SINGLE)):
            text = self._text[start : start + length]
            if text in known:
                return self._at(Kind.OPERATOR, text, start, start + length)
        return None

    def _quoted(self, start: int) -> Token | None:
        if matched := _STRING.match(self._text, start):
            return self._token(Kind.LITERAL, matched.group(), matched)
        if matched := _QUOTED_NAME.match(self._text, start):
            return self._token(Kind.NAME, matched.group(1), matched)
        if matched := _NUMBER.match(self._text, start):
            return self._token(Kind.LITERAL, matched.group(), matched)
        return None

    def _word(self, start: int) -> Token:
        matched = _WORD.match(self._text, start)
        if matched is None:
            raise JsonataError("S0204", f'Unknown operator: "{self._text[start]}"', start)
        word = matched.group()
        if word.startswith("$"):
            return self._token(Kind.VARIABLE, word[1:], matched)
        if word in _WORD_OPERATORS:
            return self._token(Kind.OPERATOR, word, matched)
        return self._token(Kind.LITERAL if word in _LITERAL_WORDS else Kind.NAME, word, matched)

    def _token(self, kind: Kind, text: str, matched: re.Match[str]) -> Token:
        return self._at(kind, text, matched.start(), matched.end())

    def _at(self, kind: Kind, text: str, start: int, end: int) -> Token:
        self._position = end
        return Token(kind, text, start, end)
