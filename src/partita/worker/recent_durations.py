"""Keep how long activities of each type have taken lately, to know which of them are short.

A short activity may run on the engine's own thread. Knows definitions; runs nothing.
"""

from __future__ import annotations

import math

from partita.authoring.definition import ActivityDefinition

SPAN = 8
"""Runs that an average is of, roughly."""

TRIALS = 64
"""Runs on other threads after one that overstayed on the engine's; twice as many each time."""


class RecentDurations:
    """Average durations by type. Safe to use from many threads: an average may be inexact."""

    def __init__(self, short: float) -> None:
        """Call those types short that take at most `short` seconds on average; inf: all."""
        self._short = short
        self._means: dict[ActivityDefinition, float] = {}
        self._overstays: dict[ActivityDefinition, tuple[int, int]] = {}  # times, runs to wait for

    def note(self, definition: ActivityDefinition, seconds: float) -> None:
        """Note how long a run took."""
        mean = self._means.get(definition)
        self._means[definition] = seconds if mean is None else mean + (seconds - mean) / SPAN
        if definition in self._overstays:
            times, left = self._overstays[definition]
            self._overstays[definition] = times, left - 1

    def overstayed(self, definition: ActivityDefinition) -> None:
        """Note that a run took the engine's thread for longer than it should."""
        times = self._overstays.get(definition, (0, 0))[0] + 1
        self._overstays[definition] = times, TRIALS << min(times, 20)

    def is_short(self, definition: ActivityDefinition) -> bool:
        """Whether a run may be expected to be over at once; unknown types are not."""
        if self._means.get(definition, math.inf) > self._short:
            return False
        return self._overstays.get(definition, (0, 0))[1] <= 0
