"""Show on a terminal that a command still works, once it takes longer than a second.

The line stands on stderr, below what was printed, and goes when something else is printed and at
the end. Nothing is shown behind text that has no line end yet, such as a question.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Any, TextIO

from partita.cli.status_line import uses_unicode

DELAY = 1.0
"""Seconds after which a command says that it works."""

INTERVAL = 0.2
"""Seconds between two changes of the line."""


class Working:
    """The line of one command; use it in a `with` block around the command."""

    current: Working | None = None

    def __init__(self, command: str) -> None:
        self._command = command
        self._note = ""
        self._begun = time.monotonic()
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._is_shown = False
        self._is_in_line = False  # text without a line end was printed
        self._frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if uses_unicode() else "|/-\\"

    def __enter__(self) -> Working:
        """Begin to show it."""
        self._stdout, self._stderr = sys.stdout, sys.stderr
        sys.stderr = _Above(self._stderr, self)
        if self._stdout.isatty():
            sys.stdout = _Above(self._stdout, self)
        Working.current = self
        threading.Thread(target=self._show, daemon=True).start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Clear the line."""
        self._over.set()
        Working.current = None
        self.clear()
        sys.stdout, sys.stderr = self._stdout, self._stderr

    def note(self, text: str) -> None:
        """Show how far it is."""
        self._note = text

    def clear(self) -> None:
        """Clear the line, if it is shown."""
        with self._lock:
            if self._is_shown:
                self._is_shown = False
                self._write("\r\x1b[K")

    def printing(self, text: str, stream: TextIO) -> int:
        """Print text where the line is."""
        with self._lock:
            self.clear()
            if text:
                self._is_in_line = not text.endswith("\n")
            return stream.write(text)

    def _show(self) -> None:
        if self._over.wait(DELAY):
            return
        number = 0
        while not self._over.wait(INTERVAL):
            number += 1
            with self._lock:
                if not self._is_in_line and not self._over.is_set():
                    self._is_shown = True
                    self._write(f"\r\x1b[K{self._line(number)}")

    def _line(self, number: int) -> str:
        seconds = time.monotonic() - self._begun
        what = f"{self._command}: {self._note}" if self._note else self._command
        text = f"{self._frames[number % len(self._frames)]} partita {what}, {seconds:.0f} s"
        return text[: shutil.get_terminal_size().columns - 1]

    def _write(self, text: str) -> None:
        try:
            self._stderr.write(text)
            self._stderr.flush()
        except (OSError, ValueError):  # the terminal is gone
            self._over.set()


class _Above:
    """A stream whose text is printed above the line."""

    def __init__(self, stream: TextIO, working: Working) -> None:
        self._stream = stream
        self._working = working

    def write(self, text: str) -> int:
        """Print text."""
        return self._working.printing(text, self._stream)

    def writelines(self, lines: Any) -> None:
        """Print lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def note(text: str) -> None:
    """Show how far the command is that runs, where that is shown."""
    if Working.current is not None:
        Working.current.note(text)
