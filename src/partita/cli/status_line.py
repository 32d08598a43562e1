"""Keep one line at the bottom of a terminal, below what this process and its children write.

Their stdout and stderr become a pipe while the block runs; what comes out of it is printed above
the line. Knows terminals and pipes, and nothing of what the line says.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType

INTERVAL = 0.2
"""Seconds between two looks at whether the line has changed."""

_CLEAR = b"\r\x1b[K"


class StatusLine:
    """A line at the bottom of the terminal that is stderr; use it in a `with` block."""

    def __init__(self, text: Callable[[], str]) -> None:
        """`text` returns the line; it is called on a thread of ours, and takes no long time.

        If the terminal is closed, this process gets a SIGTERM.
        """
        self._text = text
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._shown = b""

    def __enter__(self) -> StatusLine:
        """Take over stdout and stderr."""
        sys.stdout.flush()
        self._terminal = os.dup(2)
        self._kept = {number: os.dup(number) for number in (1, 2)}
        reader, writer = os.pipe()
        for number in self._kept:
            os.dup2(writer, number)
        os.close(writer)
        self._threads = [
            threading.Thread(target=self._copy, args=[reader], daemon=True),
            threading.Thread(target=self._refresh, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Give stdout and stderr back, and clear the line."""
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in self._kept.items():
            os.dup2(kept, number)
            os.close(kept)
        self._over.set()  # what fails from now on ends nobody
        for thread in self._threads:
            thread.join(1.0)  # a child that does not end keeps the pipe open
        with self._lock:
            self._write(_CLEAR)

    def _copy(self, reader: int) -> None:
        """Print what comes out of the pipe, line by line."""
        rest = b""
        while chunk := os.read(reader, 1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                self._print(b"".join(line + b"\n" for line in lines))
        if rest:
            self._print(rest + b"\n")
        os.close(reader)

    def _print(self, data: bytes) -> None:
        with self._lock:
            self._write(_CLEAR + data + self._shown)

    def _refresh(self) -> None:
        while not self._over.wait(INTERVAL):
            line = self._line()
            with self._lock:
                if line != self._shown:
                    self._shown = line
                    self._write(_CLEAR + line)

    def _line(self) -> bytes:
        columns = shutil.get_terminal_size().columns
        try:
            columns = os.get_terminal_size(self._terminal).columns or columns
        except OSError:
            pass
        line = self._text()[: columns - 1].encode(sys.stderr.encoding or "ascii", "replace")
        return b"\x1b[2m" + line + b"\x1b[0m" if _has_colours() else line

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._terminal, data) :]
        except OSError:  # the terminal is gone
            if not self._over.is_set():
                self._over.set()
                os.kill(os.getpid(), signal.SIGTERM)


def _has_colours() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def uses_unicode() -> bool:
    """Return whether stderr can show characters beyond ASCII."""
    return (sys.stderr.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
