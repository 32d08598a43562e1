"""Keep back what one answer has no room for, until the next turn.

What is kept back depends on the decisions alone, so a replay keeps back the same. Markers go
at once whatever there is: the code goes on with what they record.
"""

from __future__ import annotations

from collections import deque

from partita.history import AnyDecision, RecordMarker
from partita.ports.service import Bounds


class Full:
    """The room that a turn of one run has for decisions."""

    __slots__ = ("_bounds", "_characters", "_count", "_later", "is_cut")

    def __init__(self, bounds: Bounds) -> None:
        self.is_cut = False  # whether something was kept back in this turn
        self._bounds = bounds
        self._count = 0
        self._characters = 0
        self._later: deque[AnyDecision] = deque()

    def next_turn(self) -> list[AnyDecision]:
        """Begin a turn; return what was kept back and has room now."""
        self.is_cut = False
        self._count = self._characters = 0
        found = []
        while self._later and self._has_room(self._later[0]):
            found.append(self._later.popleft())
            self._take(found[-1])
        self.is_cut = bool(self._later)
        return found

    def keeps_back(self, decision: AnyDecision) -> bool:
        """Take a decision in; return whether it must wait. One that closes is made again."""
        if self._bounds.decisions is None or isinstance(decision, RecordMarker):
            return False
        if not self._later and not (decision.closes and self.is_cut) and self._has_room(decision):
            self._take(decision)
            return False
        self.is_cut = True
        if not decision.closes:
            self._later.append(decision)
        return True

    def _has_room(self, decision: AnyDecision) -> bool:
        bounds = self._bounds
        if bounds.decisions is not None and self._count >= bounds.decisions:
            return False
        fits = bounds.characters is None or self._characters + _size(decision) <= bounds.characters
        return fits or not self._count

    def _take(self, decision: AnyDecision) -> None:
        self._count += 1
        self._characters += _size(decision)


def _size(decision: AnyDecision) -> int:
    """Return the characters of a decision's payloads."""
    texts = (getattr(decision, name, None) for name in ("input", "result", "details"))
    return sum(len(text) for text in texts if text is not None)
