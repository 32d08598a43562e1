"""Keep how long activities of each type have taken lately, to know which of them are short.

A short activity may run on the engine's own thread. Knows definitions; runs nothing.
"""

from __future__ import annotations

import math

from partita.authoring.definition import ActivityDefinition

TRIALS = 64
"""Runs on other threads after one that overstayed on the engine's; twice as many each time."""


class RecentDurations:
    """What durations to expect, by type. Safe to use from many threads, and then inexact.

    An expectation follows short runs faster than long ones: a thread that waits for its turn in the
    interpreter makes some runs look long.
    """

    def __init__(self) -> None:
        self._expected: dict[ActivityDefinition, float] = {}
        self._overstays: dict[ActivityDefinition, tuple[int, int]] = {}  # times, runs to wait for

    def note(self, definition: ActivityDefinition, seconds: float) -> None:
        """Note how long a run took."""
        expected = self._expected.get(definition, seconds)
        weight = 0.5 if seconds < expected else 0.0625
        self._expected[definition] = expected + (seconds - expected) * weight
        if definition in self._overstays:
            times, left = self._overstays[definition]
            self._overstays[definition] = times, left - 1

    def overstayed(self, definition: ActivityDefinition) -> None:
        """Note that a run took the engine's thread for longer than it should."""
        times = self._overstays.get(definition, (0, 0))[0] + 1
        self._overstays[definition] = times, TRIALS << min(times, 20)

    def expected(self, definition: ActivityDefinition) -> float:
        """Return the seconds that a run should take; inf if that is not known."""
        return self._expected.get(definition, math.inf)

    def is_risky(self, definition: ActivityDefinition) -> bool:
        """Whether a run has overstayed not long ago."""
        return self._overstays.get(definition, (0, 0))[1] > 0
