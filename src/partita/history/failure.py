"""Represent an exception as histories keep it: JSON text in the `details` of an event.

Form 2 keeps an exception's class by name, with the names of its bases, and its whole state. It
is numbered: the exception itself is 0, and `others` holds those that it refers to, from 1 on, so
that none is kept twice. Form 1, of earlier versions, keeps arguments for the constructor.

Data only: `authoring.failure` describes exceptions and rebuilds them.
"""

from __future__ import annotations

from typing import Any

import msgspec

REASON_LIMIT = 256
"""Characters of an event's `reason`, which is Amazon SWF's limit."""

_SHOWN_PARTS = 10
"""Exceptions of a group that a summary names."""

_SHOWN_DEPTH = 5
"""Groups inside groups that a summary opens."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exception."""

    form: int = 1
    type: str  # qualified name without its module
    module: str = "builtins"
    bases: tuple[str, ...] = ()  # full names of the classes that it derives from, nearest first
    message: str = ""
    args: list[Any] | None = None  # form 1: None if they have no JSON form
    attributes: dict[str, Any] = {}  # of its `__dict__`
    fields: dict[str, Any] = {}  # state outside `__dict__`, such as `OSError.errno` and slots
    notes: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()  # the exceptions of a group
    cause: int | None = None
    context: int | None = None
    suppresses_context: bool = False
    left_out: tuple[str, ...] = ()  # what is not kept and why, for people
    traceback: str = ""
    program: str = ""  # what others import the `__main__` by that a class here is of
    others: tuple[Failure, ...] = ()

    @classmethod
    def load(cls, details: str | None, reason: str | None) -> Failure:
        """Read what `dump` wrote; any other text becomes a failure without a class."""
        try:
            return _decode(details or "")
        except (msgspec.MsgspecError, RecursionError):
            return cls(type=reason or "Failure", module="", message=details or "")

    def dump(self) -> str:
        """Return it as JSON text."""
        return _encode(self).decode()

    @property
    def name(self) -> str:
        """The full name of the exception's class."""
        return self.type if self.module in ("", "builtins") else f"{self.module}.{self.type}"

    @property
    def reason(self) -> str:
        """The full name of the class, for a history's `reason`."""
        return self.name[-REASON_LIMIT:]

    @property
    def summary(self) -> str:
        """The message; that of a group also says what is in it."""
        return self._summary(self, 0)

    def _summary(self, one: Failure, depth: int) -> str:
        """Return the message of `one` with its parts, in parentheses where it is one itself."""
        found = [part for number in one.parts if (part := self.at(number)) is not None]
        if not found or depth >= _SHOWN_DEPTH:
            return one.message
        shown = [self._line(part, depth + 1) for part in found[:_SHOWN_PARTS]]
        if len(found) > _SHOWN_PARTS:
            shown.append(f"and {len(found) - _SHOWN_PARTS} more")
        joined = "; ".join(shown)
        return f"{one.message}: {f'({joined})' if depth else joined}"

    def _line(self, part: Failure, depth: int) -> str:
        text = self._summary(part, depth)
        return f"{part.type}: {text}" if text else part.type

    def at(self, number: int | None) -> Failure | None:
        """Return the exception with that number; None if there is none."""
        if number is None or not 0 <= number <= len(self.others):
            return None
        return self if number == 0 else self.others[number - 1]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Failure).decode


class _Bases(msgspec.Struct):
    bases: tuple[str, ...] = ()


_decode_bases = msgspec.json.Decoder(_Bases).decode


def bases_in(details: str | None) -> tuple[str, ...]:
    """Return the full names of the bases of the exception that an event's details describe."""
    try:
        return _decode_bases(details or "").bases
    except (msgspec.MsgspecError, RecursionError):
        return ()
