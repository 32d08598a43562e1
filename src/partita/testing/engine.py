"""An engine whose waits skip idle time, and a worker that lets its activities be replaced.

Knows how the engine rests and who waits; knows nothing of test frameworks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from partita.authoring.definition import ActivityDefinition
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.errors import DecisionTaskFailedError, PartitaError, WaitTimeoutError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution
from partita.ports.service import ActivityTask, DecisionTask, ExecutionInfo
from partita.ports.state import Status
from partita.ports.store import Record, Store
from partita.testing.clock import Clock, TimeSkipper
from partita.testing.endless_runs import EndlessRun, RestlessRuns
from partita.worker import Worker

ADVICE = "mend the workflow's code: it would be tried again for ever"


class SkippingEngine(Engine):
    """An engine on a clock that moves only while somebody waits for it."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        timing: Timing | None = None,
        patience: float = 1.0,
    ) -> None:
        super().__init__(store, clock=clock, timing=timing)
        self.clock = clock
        self.stage: Stage | None = None
        self.failures: list[tuple[DecisionTask, PartitaError]] = []  # that nobody was told of
        self._patience = patience
        self.endless: EndlessRun | None = None
        self._skipper = TimeSkipper(clock, self.wake, patience)
        self.on_rest(self._skipper.rest)

    def decision_failed(self, task: DecisionTask, error: PartitaError) -> None:
        """Keep the failure for the next wait, or for the end."""
        self.failures.append((task, error))

    def until(self, done: Callable[[], bool], timeout: float | None) -> bool | None:
        """Wait, and skip what is idle; see `TimeSkipper.wait`.

        Raises:
            DecisionTaskFailedError: the code of an execution broke the decider.
            WaitTimeoutError: an execution goes on and on without a wait.
        """

        def over() -> bool:
            return bool(self.failures) or self.endless is not None or done()

        if self._skipper.wait(over, timeout) is None:
            return None
        if done():
            return True
        self.raise_failure()
        if self.endless is not None:
            endless, self.endless = self.endless, None
            raise WaitTimeoutError(str(endless))
        return False

    def raise_failure(self) -> None:
        """Raise the first failure of a decision task that nobody was told of; then forget all."""
        if self.failures:
            failures, self.failures = self.failures, []
            task, error = failures[0]
            name = task.workflow_execution.workflow_id
            raise DecisionTaskFailedError(error, f"{name!r} cannot go on; {ADVICE}") from error

    # -- the waits of the service port -----------------------------------------------------

    def wait_closed(
        self, domain: str, execution: WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; `timeout` is in seconds by the clock."""
        record = self._stored(domain, execution)
        found = self.until(lambda: not self.store.open_among({record.run}), timeout)
        if found is None:
            raise WaitTimeoutError(self._stuck(record))
        return super().wait_closed(domain, exactly(record), 0.0) if found else None

    def on_closed(
        self, domain: str, execution: WorkflowExecution, closed: Callable[[], None]
    ) -> Callable[[], None]:
        """Skip time, on a thread, until the execution is closed; then call `closed`."""

        def wait() -> None:
            with suppress(PartitaError):  # it is stuck: who asks for the result is told so
                self.wait_closed(domain, execution, None)
            closed()

        threading.Thread(target=wait, daemon=True).start()
        return lambda: None

    def wait_history(
        self, domain: str, execution: WorkflowExecution, after: int, timeout: float | None
    ) -> list[AnyEvent]:
        """Wait for events after number `after`; `timeout` is in seconds by the clock."""
        record = self._stored(domain, execution)

        def moved() -> bool:
            progress = self._stored(domain, exactly(record)).progress
            return progress.last_event_id > after or progress.status is not Status.OPEN

        if self.until(moved, timeout) is None:
            raise WaitTimeoutError(self._stuck(record))
        return self.store.events(record.run, after)

    def _stored(self, domain: str, execution: WorkflowExecution) -> Record:
        info = self.describe(domain, execution).info  # which says what is wrong, if it is not here
        record = self.store.find(domain, info.workflow_id, info.run_id)
        assert record is not None
        return record

    def _stuck(self, record: Record) -> str:
        """Describe what an execution waits for that will not come."""
        name = f"execution {record.execution.workflow_id!r}"
        where = self._where(record)
        detail = self.describe(record.execution.domain, exactly(record))
        waiting = [one for one in detail.activities if one.queue is not None]
        if waiting:
            first = waiting[0]
            return (
                f"{name} waits for activity {first.activity_type.name} in task list "
                f"{first.task_list!r}, which this environment does not serve; "
                "give it with task_lists= or activities=, or mock it"
            )
        if detail.decision is not None and detail.decision.queue is not None:
            return (
                f"{name} waits for a decider of workflow {record.execution.workflow_type.key} in "
                f"task list {detail.decision.queue!r}, which this environment does not serve; "
                "give it with task_lists= or workflows="
            )
        return (
            f"{name} waits {where}for what will not come: nothing runs and nothing is due; "
            "send the signal, or end the child, before you wait for the result"
        )

    def _where(self, record: Record) -> str:
        stage = self.stage
        if stage is None:
            return ""
        run_id = record.execution.run_id
        found = self.on_thread(lambda: stage.awaits(run_id))
        return f"{found}, " if found else ""

    def on_thread(self, work: Callable[[], Any]) -> Any:
        """Do `work` on the engine's thread, between two transactions."""
        return self._scheduler.inbox.ask(lambda _: work())


def exactly(record: Record) -> WorkflowExecution:
    """Return which run a record is of."""
    return WorkflowExecution(record.execution.workflow_id, record.execution.run_id)


Decider = Callable[[DecisionTask], list[AnyDecision]]


class Stage(Worker):
    """A worker in which others can stand in for activities and workflows, by type key."""

    def __init__(self, service: SkippingEngine, **options: Any) -> None:
        super().__init__(
            service, clock=service.clock, on_decision_failed=service.decision_failed, **options
        )
        service.stage = self
        self.stand_ins: dict[str, ActivityDefinition] = {}
        self.deciders: dict[str, Decider] = {}
        self.started: list[ActivityTask] = []  # all that ever ran here
        self._environment_engine = service
        self._restless = RestlessRuns()

    def activity_keys(self) -> Collection[str]:
        """Return the activity types that this runs."""
        keys = super().activity_keys()
        return {*keys, *self.stand_ins} if self.stand_ins else keys

    def workflow_keys(self) -> Collection[str]:
        """Return the workflow types that this decides for."""
        keys = super().workflow_keys()
        return {*keys, *self.deciders} if self.deciders else keys

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:
        """Return what runs a task: the stand-in, if there is one."""
        found = self.stand_ins.get(task.activity_type.key)
        return super().definition_of_task(task) if found is None else found

    def start_tasks(self, tasks: Sequence[ActivityTask]) -> None:
        """Begin to run activities."""
        self.started.extend(tasks)
        super().start_tasks(tasks)

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Answer a decision task."""
        decider = self.deciders.get(task.workflow_type.key)
        decisions = super().decide(task) if decider is None else decider(task)
        endless = self._restless.note(task, decisions, self._environment_engine.clock())
        if endless is not None:
            self._environment_engine.endless = endless
        return decisions
