"""Parse calls of intrinsic functions, such as `States.Format('{} cents', $.price)`.

Source: Amazon States Language, "Intrinsic Functions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from partita.asl.intrinsic_functions import FUNCTIONS
from partita.asl.path_reader import PathReader, PathSyntaxError

MAX_DEPTH = 10
"""Levels of calls within calls that AWS allows."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Literal:
    """A constant argument."""

    value: Any
    template: Any  # the same with `\\{` and `\\}` kept, for States.Format


@dataclass(frozen=True)
class Call:
    """A call; an argument that is a string is a path."""

    name: str  # without `States.`
    arguments: tuple[Call | Literal | str, ...]


def parse_call(text: str) -> Call:
    """Return the call that a text stands for.

    Raises:
        PathSyntaxError: it is none, or the function is unknown.
    """
    reader = _CallReader(text)
    call = reader.call(1)
    reader.spaces()
    if not reader.at_end:
        raise reader.fault("nothing may follow the call")
    return call


class _CallReader(PathReader):
    """Reads one call and those inside."""

    def call(self, depth: int) -> Call:
        self.expect("States.")
        name = self.name()
        if name not in FUNCTIONS:
            raise PathSyntaxError(f"there is no intrinsic function States.{name}")
        if depth > MAX_DEPTH:
            raise self.fault(f"more than {MAX_DEPTH} calls are nested")
        self.expect("(")
        arguments: list[Call | Literal | str] = []
        self.spaces()
        while not self.take(")"):
            if arguments:
                self.expect(",")
            arguments.append(self._argument(depth))
            self.spaces()
        return Call(name, tuple(arguments))

    def _argument(self, depth: int) -> Call | Literal | str:
        self.spaces()
        if self.peek == "'":
            return self._text()
        if self.peek == "$":
            return self._path()
        if self.text.startswith("States.", self.position):
            return self.call(depth + 1)
        for word, value in _WORDS.items():
            if self.take(word):
                return Literal(value, value)
        found = _NUMBER.match(self.text, self.position)
        if found is None:
            raise self.fault("expected a path, a call, a text in single quotes or a number")
        self.position = found.end()
        number = float(found[0]) if found[1] or found[2] else int(found[0])
        return Literal(number, number)

    def _text(self) -> Literal:
        value: list[str] = []
        template: list[str] = []
        self.expect("'")
        while not self.take("'"):
            if self.at_end:
                raise self.fault("a quote is not closed")
            is_escaped = self.take("\\")
            if self.at_end:
                raise self.fault("a quote is not closed")
            read = self.peek
            self.position += 1
            value.append(read)
            template.append("\\" + read if is_escaped and read in "{}" else read)
        return Literal("".join(value), "".join(template))

    def _path(self) -> str:
        """Read up to the comma or parenthesis that ends the argument."""
        start, depth = self.position, 0
        while not self.at_end:
            if self.peek in "'\"":
                self.quoted()
                continue
            if depth == 0 and self.peek in ",)":
                break
            depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(self.peek, 0)
            self.position += 1
        return self.text[start : self.position].rstrip()
