"""Choose the activities that run aside: on the engine's own thread, after its turn.

A short one is over before another thread would have taken it. Knows which activities are short, and
which are to run next on that thread; runs nothing itself.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

from partita.authoring.definition import ActivityDefinition
from partita.ports.service import ActivityTask
from partita.worker.recent_durations import RecentDurations

FEW = 8.0
"""By how much shorter several activities must be together than one that is alone: on threads of
their own they would not wait for each other."""

Run = tuple[ActivityDefinition, ActivityTask]


class AsideRuns:
    """The activities that the engine's thread runs now. Safe to use from many threads."""

    def __init__(self, short: float) -> None:
        """Choose what takes up to `short` seconds; 0: nothing, inf: all that has not overstayed."""
        self._short = short
        self._durations = RecentDurations()
        self._next: deque[Run] = deque()
        self._type: ActivityDefinition | None = None  # of what runs now

    def note(self, definition: ActivityDefinition, seconds: float) -> None:
        """Note how long an activity took, wherever it ran."""
        self._durations.note(definition, seconds)

    def are_short(self, runs: Sequence[Run], *, is_alone: bool) -> bool:
        """Return whether activities should be over at once, if they run one after the other."""
        left = self._short if is_alone else self._short / FEW
        for definition, task in runs:
            if definition.is_async or definition.settings.process or task.losses:
                return False
            if self._durations.is_risky(definition):
                return False
            if left < math.inf:
                left -= self._durations.expected(definition)
            if not left > 0:
                return False
        return True

    def begin(self, runs: Sequence[Run]) -> Iterator[Run]:
        """Yield activities to run on this thread, until `overstayed` takes away what is left."""
        left = self._next = deque(runs)
        while left:
            try:
                run = left.popleft()
            except IndexError:
                return
            self._type = run[0]
            yield run

    def overstayed(self) -> list[Run]:
        """Note that what runs has lost the thread; return what is to run elsewhere instead."""
        if self._type is not None:
            self._durations.overstayed(self._type)
        taken, left = [], self._next
        while left:
            try:
                taken.append(left.popleft())
            except IndexError:
                break
        return taken
