"""Tell in one line what failed, and where in the user's code.

Pure: the stored form of an exception in, text out.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import NamedTuple

from partita.history.failure import Failure

MESSAGE_LIMIT = 300
"""Characters of an exception's message that a line shows."""

_FRAME = re.compile(r'^\s*File "(.+)", line (\d+), in (.+)$', re.MULTILINE)
_LIBRARY = re.compile(
    r"[/\\]lib[/\\]python3[^/\\]*[/\\]|[/\\]site-packages[/\\]|^<frozen ", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Place(NamedTuple):
    """A line of the user's code."""

    file: str  # its path
    line: int
    function: str

    def __str__(self) -> str:
        return f"{PurePath(self.file).name}:{self.line} in {self.function}"


def places_of(traceback: str) -> list[Place]:
    """Return the frames that a stored traceback names, outermost first.

    Frames of libraries are left out unless there are no others.
    """
    found = [Place(file, int(line), name) for file, line, name in _FRAME.findall(traceback)]
    return [place for place in found if not _LIBRARY.search(place.file)] or found


def line_of(failure: Failure, *, with_message: bool = True) -> str:
    """Return an exception's type and message, cut to one line, and where it was raised."""
    places = places_of(failure.traceback)
    what = type_and_message(failure) if with_message else printable(failure.type)
    return what + (f" ({printable(str(places[-1]))})" if places else "")


def type_and_message(failure: Failure) -> str:
    """Return an exception's type and message in one line."""
    text = printable(failure.summary)
    if len(text) > MESSAGE_LIMIT:
        text = text[: MESSAGE_LIMIT - 3] + "..."
    return f"{printable(failure.type)}: {text}" if text else printable(failure.type)


def printable(text: str) -> str:
    """Return text in one line, with its control characters escaped."""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """Return text with its control characters escaped: they could control the terminal."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
