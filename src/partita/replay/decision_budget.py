"""Defer the decisions that one answer to the service has no room for to the next turn.

What is deferred depends on the decisions alone, so that a replay defers the same. Markers are
never deferred: the code goes on with what they record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from partita import history as h
from partita.codec import Converter
from partita.ports.service import Bounds

Load = Callable[[Converter, str | None], Any]
"""Reads the arguments in a decision, to compare them."""


class Command(NamedTuple):
    """A decision of the code, and how the arguments in it are read."""

    decision: h.AnyDecision
    load: Load | None


class DecisionBudget:
    """The room for decisions that a turn of one run has."""

    __slots__ = ("_bounds", "_characters", "_count", "_deferred", "is_exceeded")

    def __init__(self, bounds: Bounds) -> None:
        self.is_exceeded = False  # whether something was deferred in this turn
        self._bounds = bounds
        self._count = 0
        self._characters = 0
        self._deferred: deque[Command] = deque()

    def next_turn(self) -> list[Command]:
        """Begin a turn; return the deferred commands that have room now."""
        self._count = self._characters = 0
        found = []
        while self._deferred and self._has_room(self._deferred[0].decision):
            found.append(self._deferred.popleft())
            self._spend(found[-1].decision)
        self.is_exceeded = bool(self._deferred)
        return found

    def defers(self, decision: h.AnyDecision, load: Load | None) -> bool:
        """Return whether a decision must wait for the next turn.

        One that closes the execution is dropped instead: it is issued again then.
        """
        if self._bounds.decisions is None or isinstance(decision, h.RecordMarker):
            return False
        is_next = not self._deferred and not (decision.closes and self.is_exceeded)
        if is_next and self._has_room(decision):
            self._spend(decision)
            return False
        self.is_exceeded = True
        if not decision.closes:
            self._deferred.append(Command(decision, load))
        return True

    def _has_room(self, decision: h.AnyDecision) -> bool:
        bounds = self._bounds
        if bounds.decisions is not None and self._count >= bounds.decisions:
            return False
        fits = bounds.characters is None or self._characters + _size(decision) <= bounds.characters
        return fits or not self._count

    def _spend(self, decision: h.AnyDecision) -> None:
        self._count += 1
        self._characters += _size(decision)


def _size(decision: h.AnyDecision) -> int:
    """Return the characters of a decision's payloads."""
    texts = (getattr(decision, name, None) for name in ("input", "result", "details"))
    return sum(len(text) for text in texts if text is not None)
