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
"""Real seconds without a wait after which an execution is taken to be endless."""


@dataclass(frozen=True)
class EndlessRun:
    """An execution that has gone on for too long without a wait."""

    workflow_id: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"execution {self.workflow_id!r} went on for {self.seconds:.0f} s without a wait, an "
            "activity or an end, so that no time passes; if it is endless, let its loop end or wait"
        )


class RestlessRuns:
    """The executions whose last decisions only yielded, and since when they do nothing else."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}  # real time by run id

    def note(self, task: DecisionTask, decisions: Sequence[AnyDecision]) -> EndlessRun | None:
        """Take note of an execution's decisions; return it if it seems endless."""
        run = task.workflow_execution
        if not _only_yields(decisions):
            self._since.pop(run.run_id, None)
            return None
        now = time.monotonic()
        spent = now - self._since.setdefault(run.run_id, now)
        if spent < ENDLESS_SECONDS:
            return None
        del self._since[run.run_id]
        return EndlessRun(run.workflow_id, spent)


def _only_yields(decisions: Sequence[AnyDecision]) -> bool:
    timers = [one for one in decisions if isinstance(one, StartTimer)]
    markers = sum(isinstance(one, RecordMarker) for one in decisions)
    is_rest = len(timers) + markers == len(decisions)
    return bool(timers) and is_rest and all(one.start_to_fire == 0 for one in timers)
