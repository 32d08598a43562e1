"""Follow the lines of a file that a replay runs, and those from which each decision comes.

A trace function sees the frames of that file's code while the replay lasts. It takes the place of
another one, such as a debugger's, until the end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from partita.replay.journal import Journal


class Course:
    """What a replay has run of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[int, int] = {}  # how often each line began
        self.places: dict[int, tuple[int, ...]] = {}
        """The lines that asked for what an event records, by its number, the innermost first."""

    def runs(self, first: int, last: int) -> int:
        """Return how often the code of some lines began."""
        return max((self.lines.get(line, 0) for line in range(first, last + 1)), default=0)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the code that runs in this thread until the block ends."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is _BIND:
            self._note(frame)
        return self._trace if event == "call" and frame.f_code.co_filename == self.file else None

    def _note(self, frame: FrameType) -> None:
        """Note the lines that led to a decision, which is matched with its event."""
        found: list[int] = []
        caller = frame.f_back
        while caller is not None:
            if caller.f_code.co_filename == self.file:
                found.append(caller.f_lineno)
            caller = caller.f_back
        self.places[frame.f_locals["event"].event_id] = tuple(found)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.lines[frame.f_lineno] = self.lines.get(frame.f_lineno, 0) + 1
        return self._trace


_BIND = Journal._bind.__code__
"""What matches a decision with its event."""
