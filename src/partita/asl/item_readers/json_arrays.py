"""Read the items of a JSON file: the elements of an array, or the members of an object.

The file is read in chunks: at most one element and one chunk are in memory. `ItemsPointer` is a
JSON Pointer to the array or object; what comes before it in the file is read and dropped, what
comes behind it is not read.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)"; RFC 6901; RFC 8259.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from partita.asl.item_readers.content import CHUNK, RECORD_LIMIT, Content, Start
from partita.asl.item_readers.data_sets import fail
from partita.integrations.objects import Location, ObjectStore

NOT_ITERABLE = "Attempting to map over non-iterable node."
NO_SUCH_PATH = (
    "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure."
)
_SPACE = " \t\n\r"
_OF_NUMBERS = ("", *".eE+-0123456789")
_LONGEST_TOKEN = 16  # characters of the longest token but strings, and then some


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


_decoder = json.JSONDecoder(parse_constant=_no_constant)


class JsonArray:
    """The items of one object from a position on."""

    def __init__(
        self, store: ObjectStore, at: Location, position: dict[str, Any] | None, *, pointer: str
    ) -> None:
        position = position or {}
        start = msgspec.convert(position.get("start"), Start | None) or Start()
        self._text = _Text(store, at, start)
        self._pointer = pointer
        self._end: str | None = position.get("end")  # what ends it: ] or }; None at the beginning

    def __iter__(self) -> Iterator[Any]:
        """Return the items; fail where the file is not JSON."""
        is_first = self._end is None
        if self._end is None:
            self._end = self._opened()
        while self._next(is_first=is_first):
            is_first = False
            yield self._member() if self._end == "}" else self._text.value()
        if not self._pointer:
            self._text.expect_end()

    @property
    def have_keys(self) -> bool:
        """Whether the items are the members of an object."""
        return self._end == "}"

    def position(self) -> Any:
        """Return where the next item is, as JSON."""
        return {"start": msgspec.to_builtins(self._text.start()), "end": self._end}

    def close(self) -> None:
        """Give up the object."""
        self._text.close()

    def _opened(self) -> str:
        """Go to the first item; return what ends the array or object."""
        for token in self._pointer.split("/")[1:]:
            self._enter(token.replace("~1", "/").replace("~0", "~"))
        character = self._text.peek()
        if character not in ("[", "{"):
            self._text.value()  # which fails if that is no JSON
            fail(NOT_ITERABLE)
        self._text.skip()
        return "]" if character == "[" else "}"

    def _enter(self, token: str) -> None:
        """Go to the member or element that a token of the pointer names."""
        opening = self._text.peek()
        if opening not in ("[", "{"):
            fail(NO_SUCH_PATH)
        self._text.skip()
        end, index = ("]", 0) if opening == "[" else ("}", 0)
        while self._next(is_first=index == 0, end=end):
            key = self._text.key() if end == "}" else str(index)
            if key == token:
                return
            self._text.value()
            index += 1
        fail(NO_SUCH_PATH)

    def _next(self, *, is_first: bool, end: str | None = None) -> bool:
        """Go to the next element or member; return False behind the last."""
        character = self._text.peek()
        if character == (end or self._end):
            self._text.skip()
            return False
        if not is_first:
            self._text.take(",")
        return True

    def _member(self) -> dict[str, Any]:
        return {"Key": self._text.key(), "Value": self._text.value()}


class _Text:
    """The text of a JSON file, of which a part is in memory."""

    def __init__(self, store: ObjectStore, at: Location, start: Start) -> None:
        self._at = at
        self._content = Content(store, at, start)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._offset = start.offset  # of the buffer's first character, in bytes
        self._line = start.line  # line breaks before the buffer
        self._buffer = ""
        self._index = 0  # of the next character in the buffer
        self._is_ended = False
        self._is_begun = start.offset > 0

    def start(self) -> Start:
        """Return the position of the next character."""
        self._drop()
        return self._content.start(self._offset, self._line)

    def close(self) -> None:
        """Give up the object."""
        self._content.close()

    def peek(self) -> str:
        """Return the next character that is no space; fail at the end."""
        while True:
            while self._index < len(self._buffer):
                if self._buffer[self._index] not in _SPACE:
                    return self._buffer[self._index]
                self._index += 1
            if not self._is_filled():
                self.fail("it ends too early")

    def skip(self) -> None:
        """Go behind the next character."""
        self._index += 1

    def take(self, character: str) -> None:
        """Go behind a character; fail if it is not the next."""
        if self.peek() != character:
            self.fail(f"{character!r} is expected")
        self.skip()

    def key(self) -> str:
        """Return the name of a member, and go to its value."""
        if self.peek() != '"':
            self.fail("a name in quotes is expected")
        name: str = self.value()
        self.take(":")
        return name

    def value(self) -> Any:
        """Return the next value; fail if it is not JSON."""
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._index)
            except (ValueError, RecursionError) as error:
                self._fail_if_wrong(error)
                if not self._is_filled(size):
                    self.fail(_reason(error), error)
            else:
                if not self._may_go_on(end) or not self._is_filled(size):
                    self._index = end
                    return value
            size *= 2

    def _may_go_on(self, end: int) -> bool:
        """Whether a value that ends here may be the beginning of a longer number."""
        return self._buffer[end : end + 1] in _OF_NUMBERS

    def _fail_if_wrong(self, error: Exception) -> None:
        """Fail unless the value may only be incomplete so far."""
        if isinstance(error, json.JSONDecodeError):
            is_near_end = error.pos > len(self._buffer) - _LONGEST_TOKEN
            is_incomplete = is_near_end or error.msg.startswith("Unterminated string")
            if is_incomplete and len(self._buffer) - self._index <= RECORD_LIMIT:
                return
            self._index = error.pos
        self.fail(_reason(error), error)

    def expect_end(self) -> None:
        """Fail if there is more than space."""
        while self._index < len(self._buffer) or self._is_filled():
            if self._buffer[self._index] not in _SPACE:
                self.fail("there is more behind the end")
            self._index += 1

    def fail(self, reason: str, error: Exception | None = None) -> NoReturn:
        """Fail at the next character."""
        line = self._line + self._buffer.count("\n", 0, self._index) + 1
        fail(f"{self._at} cannot be read at line {line}: {reason}", error)

    def _is_filled(self, size: int = CHUNK) -> bool:
        """Read more; return False at the end."""
        if self._is_ended:
            return False
        self._drop()
        parts = []
        while size > 0 and not self._is_ended:
            data = self._content.read(min(size, CHUNK))
            self._is_ended = not data
            size -= len(data)
            parts.append(self._decoded(data))
        self._buffer += "".join(parts)
        if not self._is_begun and self._buffer:
            self._is_begun = True
            self._index = int(self._buffer[0] == "\ufeff")  # a byte order mark
        return any(parts)

    def _decoded(self, data: bytes) -> str:
        try:
            return self._decode(data, not data)
        except UnicodeDecodeError as error:
            self.fail(f"it is not in UTF-8: {error}", error)

    def _drop(self) -> None:
        """Drop what has been read."""
        gone, self._buffer = self._buffer[: self._index], self._buffer[self._index :]
        self._offset += len(gone.encode())
        self._line += gone.count("\n")
        self._index = 0
