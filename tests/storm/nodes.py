"""Engines as other processes would have them, each with a worker, and what is done to them.

Knows where in an engine and a worker time is lost; knows nothing of what users ask of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from partita.client import Client
from partita.engine import Engine
from partita.errors import PartitaError, StoreError
from partita.history import ActivityTaskCompleted, AnyDecision
from partita.ports.notices import Notice
from partita.ports.service import DecisionTask
from partita.ports.store import Store
from partita.worker import Worker
from tests.storm import flows
from tests.storm.findings import Findings
from tests.storm.stores import Line, StormyStore, stormy
from tests.storm.weather import SKY, TAG

TRIES = 400
"""Times that something is tried again in a row before that is a finding."""


class StormyWorker(Worker):
    """A worker that takes its time."""

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        SKY.nap("decide")
        return super().decide(task)

    def __init__(self, service: Engine, **options: Any) -> None:
        super().__init__(service, **options)
        for name in ("run", "finish"):
            self._slow_down(name)

    def _slow_down(self, name: str) -> None:
        prompt = getattr(self._runs, f"_{name}")

        def slow(*args: Any) -> None:
            SKY.nap(name, 2)
            prompt(*args)

        setattr(self._runs, f"_{name}", slow)

    def abandon(self) -> None:
        """End what belongs to this worker alone: its engine serves another one by now."""
        self._is_stopping = True
        self._reports.close()
        self._runs.close()


class Life:
    """What one engine, from its beginning to its end, has committed and told of."""

    def __init__(self, name: str, store: StormyStore) -> None:
        self.name = name
        self.store = store
        self.heard: list[Line] = []

    def __call__(self, notice: Notice) -> None:
        """Hear of something."""
        event, run_id = notice.event, notice.execution.run_id
        if event is None:
            return
        self.heard.append((notice.domain, run_id, event.event_id, type(event).__name__))
        if isinstance(event, ActivityTaskCompleted) and notice.activity is not None:
            flows.DONE.add(f"{run_id}:{notice.activity.id}")


class Node:
    """An engine and its worker; only one thread at a time may act on it."""

    def __init__(self, number: int, place: str, findings: Findings) -> None:
        self.number = number
        self.lives: list[Life] = []
        self._place = place
        self._findings = findings
        self._worker: StormyWorker | None = None
        self.open()

    def open(self) -> None:
        """Begin anew, with a store and an engine of its own."""
        store = self._patiently(lambda: stormy(self._place))
        self.engine = Engine(cast("Store", store), timing=SKY.timing)
        _delay(self.engine)
        life = Life(f"engine {self.number}.{len(self.lives)}", store)
        self.lives.append(life)
        self.client = Client(self.engine)
        self.other = Client(self.engine, domain="other")
        self.client.listen(life)
        self.start()

    def start(self) -> None:
        """Have a new worker served, in place of whichever was."""
        is_whole = SKY.calm.is_set() or SKY.dice.random() < 0.8
        before = self._worker
        self._worker = StormyWorker(
            self.engine,
            workflows=flows.WORKFLOWS,
            activities=flows.ACTIVITIES,
            task_lists=("default", "narrow") if is_whole else ("default",),
            slots=SKY.dice.choice([2, 10, 100]),
            on_decision_failed=self._decision_failed,
        )
        self._patiently(self._worker.start)
        if before is not None:
            SKY.count("attached over another")
            before.abandon()

    def _patiently(self, work: Callable[[], Any]) -> Any:
        for _ in range(TRIES):
            try:
                return work()
            except StoreError:
                SKY.count("opening or attaching failed")
                time.sleep(0.02)
        raise AssertionError(f"engine {self.number} could not begin in {TRIES} tries")

    def _decision_failed(self, task: DecisionTask, error: PartitaError) -> None:
        if task.workflow_type.name != "bad" and TAG not in str(error):
            self._findings.add(f"decision failed: {task.workflow_execution.workflow_id}: {error}")

    def stop(self) -> None:
        """Stop the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop(grace=SKY.dice.choice([0, 0, 0.3]))
            SKY.count("worker stopped")

    def pause(self) -> None:
        """Have nothing handed out; may fail."""
        self._perhaps(self.engine.pause, "paused")

    def detach(self) -> None:
        """Have the engine leave its worker, which is not told."""
        self._perhaps(self.engine.detach, "detached")

    def _perhaps(self, work: Callable[[], None], what: str) -> None:
        try:
            work()
            SKY.count(what)
        except StoreError:
            SKY.count(f"{what} in vain")

    def close(self) -> None:
        """Close the engine, at times before its worker.

        A worker tries to report for as long as nobody stops it, so it is stopped in any case:
        a process that closes its engine ends, or does so, too.
        """
        if SKY.dice.random() < 0.6:
            self.stop()
        else:
            SKY.count("engine closed before its worker")
        try:
            self.engine.close()
            SKY.count("engine closed")
        finally:
            self.stop()


def _delay(engine: Engine) -> None:
    """Have an engine's thread lose time: before, in and after its transactions."""
    core = engine._scheduler
    turn, transact, publish = core.inbox._transact, core._transact, core._publish

    def turning(batch: Any) -> None:
        SKY.freeze("turn")
        turn(batch)

    def transacting(batch: Any) -> None:
        SKY.nap("transact")
        transact(batch)

    def publishing(tx: Any) -> None:
        SKY.nap("publish")
        SKY.freeze("publish")
        publish(tx)

    core.inbox._transact = turning
    core._transact = transacting  # type: ignore[method-assign]
    core._publish = publishing  # type: ignore[method-assign]
