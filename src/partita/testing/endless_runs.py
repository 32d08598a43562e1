"""Find executions that go on and on without a wait, so that a test would wait for ever.

An interpreter yields in long stretches without a wait by timers of no duration. While an execution
does nothing else, no time passes on the test's clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from partita.history import AnyDecision
from partita.history.decisions import RecordMarker, StartTimer
from partita.ports.service import DecisionTask

ENDLESS_SECONDS = 20.0
"""Real seconds of nothing but yielding after which an execution is taken to be endless."""

STANDSTILL_SECONDS = 300.0
"""Real seconds at one moment of the test's clock after which an execution is taken so, too."""


@dataclass(frozen=True)
class EndlessRun:
    """An execution that has gone on for too long without a wait."""

    workflow_id: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"execution {self.workflow_id!r} went on for {self.seconds:.0f} s of real time without "
            "a wait, so that no time passes for it; if it is endless, let its loop end or wait"
        )


@dataclass
class _Stay:
    """Since when, in real time, an execution is decided at one moment of the test's clock."""

    moment: float
    since: float
    yields_since: float | None = None

    def spent(self, now: float) -> float | None:
        """Return how long it has gone on, if that is too long."""
        yields = 0.0 if self.yields_since is None else now - self.yields_since
        if yields >= ENDLESS_SECONDS:
            return yields
        return now - self.since if now - self.since >= STANDSTILL_SECONDS else None


class RestlessRuns:
    """The executions that were decided at the clock's present moment."""

    def __init__(self) -> None:
        self._stays: dict[str, _Stay] = {}  # by run id

    def note(
        self, task: DecisionTask, decisions: Sequence[AnyDecision], moment: float
    ) -> EndlessRun | None:
        """Take note of an execution's decisions; return it if it seems endless."""
        run, now = task.workflow_execution, time.monotonic()
        stay = self._stays.get(run.run_id)
        if stay is None or stay.moment != moment:
            stay = self._stays[run.run_id] = _Stay(moment, now)
        if not _only_yields(decisions):
            stay.yields_since = None
        elif stay.yields_since is None:
            stay.yields_since = now
        spent = stay.spent(now)
        if spent is None:
            return None
        del self._stays[run.run_id]
        return EndlessRun(run.workflow_id, spent)


def _only_yields(decisions: Sequence[AnyDecision]) -> bool:
    timers = [one for one in decisions if isinstance(one, StartTimer)]
    markers = sum(isinstance(one, RecordMarker) for one in decisions)
    is_rest = len(timers) + markers == len(decisions)
    return bool(timers) and is_rest and all(one.start_to_fire == 0 for one in timers)
