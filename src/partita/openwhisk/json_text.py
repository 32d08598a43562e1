"""Write and read JSON that is nested more deeply than the standard library's `json` can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r'\s*([][{},:]|"(?:[^"\\]|\\.)*"|[^][\s{},:"]+)', re.DOTALL)
_END = object()


def json_text(value: Any) -> str:
    """Return the JSON text of a value."""
    return "".join(_pieces(value))


def json_value(text: str) -> Any:
    """Return the value of JSON text.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        return _Reader(text).read()


class _Verbatim(str):
    """Text that is JSON already."""

    __slots__ = ()


def _pieces(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Verbatim):
            yield one
        elif isinstance(one, dict):
            names = [f"{json.dumps(str(name))}: " for name in one]
            _push(waiting, "{", names, list(one.values()), "}")
        elif isinstance(one, list | tuple):
            _push(waiting, "[", [""] * len(one), list(one), "]")
        else:
            yield json.dumps(one)


def _push(waiting: list[Any], begin: str, names: list[str], values: list[Any], end: str) -> None:
    """Put what a container consists of on the stack, so that its beginning comes off first."""
    waiting.append(_Verbatim(end))
    for number in reversed(range(len(values))):
        waiting.append(values[number])
        waiting.append(_Verbatim(f"{', ' if number else ''}{names[number]}"))
    waiting.append(_Verbatim(begin))


class _Reader:
    """Reads one value, token by token, with the open containers on a stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[tuple[Any, str | None]] = []  # a container, and the name of what comes

    def read(self) -> Any:
        """Return the value."""
        value = self._value(self._token())
        while self._open:
            if value is not _END:
                self._put(value)
            value = self._next()
        if self._text[self._at :].strip():
            raise self._fault()
        return value

    def _next(self) -> Any:
        """Read what follows in the innermost container: a value, or its end."""
        container, _ = self._open[-1]
        token = self._token()
        if token == ("}" if isinstance(container, dict) else "]"):
            return self._open.pop()[0]
        if container:
            if token != ",":
                raise self._fault()
            token = self._token()
        if isinstance(container, dict):
            self._open[-1] = (container, str(self._string(token)))
            if self._token() != ":":
                raise self._fault()
            token = self._token()
        return self._value(token)

    def _value(self, token: str) -> Any:
        """Return the value that a token begins; `_END` if it opens a container."""
        if token in ("{", "["):
            self._open.append(({} if token == "{" else [], None))
            return _END
        if token in ("}", "]", ",", ":"):
            raise self._fault()
        return json.loads(token)

    def _put(self, value: Any) -> None:
        container, name = self._open[-1]
        if name is None:
            container.append(value)
        else:
            container[name] = value

    def _string(self, token: str) -> Any:
        if not token.startswith('"'):
            raise self._fault()
        return json.loads(token)

    def _token(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._fault()
        self._at = found.end()
        return found[1]

    def _fault(self) -> json.JSONDecodeError:
        return json.JSONDecodeError("Unexpected text", self._text, self._at)
