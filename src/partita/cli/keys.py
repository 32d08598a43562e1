"""Read single keys from a terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from types import TracebackType
from typing import Any

_NAMES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"k": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"j": "down",
    b"\r": "enter",
    b"\n": "enter",
    b"\x1b[C": "enter",
    b"\x1bOC": "enter",
    b"l": "enter",
    b"\x1b": "back",
    b"\x7f": "back",
    b"\x1b[D": "back",
    b"\x1bOD": "back",
    b"h": "back",
    b"q": "quit",
    b"\x04": "quit",
}


class Keys:
    """The keys of the terminal that is stdin; none if it is no terminal. Use it in a block."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def __enter__(self) -> Keys:
        """Read keys as they are pressed, and do not show them."""
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Make the terminal as it was."""
        if self._before is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def read(self, timeout: float) -> list[str]:
        """Return the names of the keys that were pressed, after `timeout` seconds at most."""
        if self._before is None:
            time.sleep(timeout)
            return []
        stdin = sys.stdin.fileno()
        if not select.select([stdin], [], [], timeout)[0]:
            return []
        pressed = os.read(stdin, 64)
        return ["quit"] if not pressed else names_of(pressed)


def names_of(pressed: bytes) -> list[str]:
    """Return the names of the keys that a terminal has sent; others are left out."""
    found = []
    while pressed:
        size = next((size for size in (3, 1) if pressed[:size] in _NAMES), 0)
        if size:
            found.append(_NAMES[pressed[:size]])
        pressed = pressed[size or 1 :]
    return found
