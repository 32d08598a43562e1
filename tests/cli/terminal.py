"""Run a program in a pseudo-terminal, type into it, and read what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.cli.conftest import environment

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78]|[\x07\x0f]")

_OVERRIDDEN = ("NO_COLOR", "COLUMNS", "LINES")  # the latter two are set for parallel tests

CTRL_C = "\x03"


class Terminal:
    """A program in a pseudo-terminal; use it in a `with` block, which ends the program."""

    def __init__(
        self, folder: Path, command: Sequence[str], *, columns: int = 80, **variables: str
    ) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        given = {key: one for key, one in environment().items() if key not in _OVERRIDDEN}
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**given, "TERM": "xterm-256color", **variables},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self._terminal = ours
        self.raw = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        os.close(self._terminal)

    @property
    def text(self) -> str:
        """What it has shown so far, without control sequences."""
        return _CONTROL.sub("", self.raw)

    @property
    def lines(self) -> list[str]:
        """The lines of that, as the program has broken them."""
        return re.split(r"[\r\n]+", self.text)

    @property
    def is_canonical(self) -> bool:
        """Whether the terminal gives whole lines and shows what is typed, as at the beginning."""
        flags = termios.tcgetattr(self._terminal)[3]
        return bool(flags & termios.ICANON and flags & termios.ECHO)

    def send_signal(self, number: int) -> None:
        """Send a signal to the program."""
        self._process.send_signal(number)

    @property
    def widest(self) -> int:
        """The columns of the longest line, of all screens that it has drawn."""
        lines = re.split(r"\r\n|\x1b\[H", self.raw)
        return max(len(_CONTROL.sub("", line)) for line in lines)

    def hang_up(self) -> None:
        """Close the terminal while the program runs."""
        os.close(self._terminal)
        self._terminal = os.open(os.devnull, os.O_RDWR)

    def type(self, keys: str) -> None:
        """Type keys."""
        os.write(self._terminal, keys.encode())

    def wait_for(self, *texts: str, seconds: float = 60.0) -> str:
        """Wait until one of the texts is shown after what earlier calls waited for; return it."""
        begun, deadline = len(self.text), time.monotonic() + seconds
        while time.monotonic() < deadline:
            for text in texts:
                if text in self.text[self._seen :]:
                    self._seen += self.text[self._seen :].index(text) + len(text)
                    return text
            if not self._read(deadline):
                break
        raise AssertionError(f"{texts} not in: {self.text[min(begun, self._seen) :][-3000:]}")

    _seen = 0

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for its end; return its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        """Read what there is; return False at the end."""
        ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
        try:
            chunk = os.read(self._terminal, 1 << 16) if ready else b""
        except OSError:  # the other end is closed
            chunk = b""
        self.raw += chunk.decode("utf-8", "replace")
        return bool(chunk)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the suite itself may run where it is ignored


def partita_terminal(
    folder: Path, *arguments: str, columns: int = 80, **variables: str
) -> Terminal:
    """Run `partita ARGUMENTS` in a pseudo-terminal."""
    command = [sys.executable, "-m", "partita", *arguments]
    return Terminal(folder, command, columns=columns, **variables)
