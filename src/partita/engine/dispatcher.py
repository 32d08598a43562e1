"""Give what is ready to the worker in this process, within the transaction that made it ready.

This is where one commit per step comes from: a completion, the decision that it causes and
the activities that the decision schedules are all in one tx, and the activities leave the
process, to the host, only once that transaction is committed.

A decision that kills the process leaves no trace then, and would kill the next one. So where
workers have died lately, a task that may be the cause is first taken, in a transaction of
its own, and answered in the next: if that does not come, everybody can see over what. The
same becomes of a decision that takes so long that others would wait for the transaction.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from msgspec.structs import replace

from partita.engine.slots import Slots
from partita.engine.task_tokens import make_token
from partita.engine.transaction import EngineTransaction
from partita.engine.watchdog import OvertakenError, Watchdog
from partita.errors import DecisionRefusedError, PartitaError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution
from partita.ports.host import Host
from partita.ports.service import ActivityTask, DecisionTask
from partita.ports.state import OpenDecision, State
from partita.rules import decide
from partita.rules.commands import (
    CompleteDecisionTask,
    FailDecisionTask,
    StartDecisionTask,
)
from partita.rules.decision_tasks import was_lost

log = logging.getLogger("partita.engine")

SLOW_DECISION = 1.0
"""Seconds of deciding after which a warning says so."""

DECISION_LIMIT = 2_000
"""Decisions that one transaction makes, at most."""

DECISION_SPAN = 0.5
"""Seconds after which a transaction begins no further decision."""

TAKE_LIMIT = 64
"""Decision tasks that one transaction takes from the store, at most."""

CAREFUL = 30.0
"""Seconds after a worker's death in which a run that is not alive here is taken with care."""


Made = list[AnyDecision] | BaseException
"""What came of asking a host: its answer, or what it raised."""


class Dispatcher:
    """Serve one host. Belongs to the engine's thread."""

    def __init__(self, host: Host, owner: str, watchdog: Watchdog | None = None) -> None:
        """Serve `host`; without a `watch` a transaction is as long as its decisions take."""
        self.host = host
        self.owner = owner
        self._watchdog = watchdog
        self.paused = False
        self._task_lists: Collection[str] = frozenset(host.task_lists)
        self._slots = Slots(host, owner)
        self._more_decisions = True  # whether the store may hold tasks for us
        self._left = 0  # decisions that this transaction may still make
        self._until = 0.0  # when it begins no more of them
        self._failures: list[tuple[DecisionTask, PartitaError]] = []  # of this transaction
        self._careful_until = 0.0
        self._holding = False  # whether decision tasks may be taken and not answered
        self._suspects = False  # whether one that has cost a worker is among them
        self._put_off = False  # whether this transaction left some for later
        self._overtaken: dict[str, tuple[DecisionTask, Made]] = {}  # token -> to be told
        self._asked: DecisionTask | None = None  # what the host decides, until that is said

    @property
    def is_behind(self) -> bool:
        """Whether there may be work to take right now."""
        return not self.paused and (
            self._holding or self._more_decisions or self._slots.may_be_filled
        )

    def look_again(self) -> None:
        """Hear that others may have left work in the store."""
        self._more_decisions = True
        self._slots.look_again()

    def beware(self, now: float) -> None:
        """Hear that a worker has died, perhaps over a decision."""
        self._careful_until = now + CAREFUL

    def follow(self, other: Dispatcher) -> None:
        """Take the place of another one, whose worker was taken for dead."""
        self.paused = other.paused
        self._careful_until = other._careful_until

    def undone(self) -> None:
        """Hear that a transaction failed, and what was done in it was not."""
        self.look_again()
        self._holding = True  # what it was to answer may still be held

    def serve(self, tx: EngineTransaction) -> list[ActivityTask]:
        """Decide, and hand out activities; return them, to be started after the commit."""
        if self.paused:
            self.look_again()  # what this transaction brings is left for later
            return []
        self._left = DECISION_LIMIT
        self._until = time.monotonic() + DECISION_SPAN
        self._failures = []
        self._put_off = False
        if self._holding:
            self._decide_held(tx)
        self._decide_ready(tx)
        if self._more_decisions:
            self._take_decisions(tx)
        self._more_decisions = self._more_decisions or self._put_off
        tasks = self._slots.fill(tx)
        if tasks or self._holding:
            tx.stored.act_for(self.owner)
        return tasks

    def publish(self, tasks: list[ActivityTask], closed: list[State]) -> None:
        """Tell the host what the transaction has brought, now that it is committed."""
        if tasks:
            self.host.start_tasks(tasks)
        for state in closed:
            self.host.forget(state.execution.run_id)
        if not self._holding:
            self._overtaken.clear()
        failures, self._failures = self._failures, []
        for task, error in failures:
            self.host.decision_failed(task, error)

    # -- decisions

    def _is_spent(self) -> bool:
        """Whether this transaction is to begin no further decision; it makes one, at least."""
        is_late = self._left < DECISION_LIMIT and time.monotonic() > self._until
        return is_late or self._left <= 0

    def _decide_ready(self, tx: EngineTransaction) -> None:
        ready = tx.queued_work.decisions
        while ready:
            if self._is_spent():  # a workflow that never waits must not keep all others out
                ready.clear()
                self._more_decisions = True
                return
            run = next(iter(ready))
            self._decide(tx, ready.pop(run))

    def _take_decisions(self, tx: EngineTransaction) -> None:
        host = self.host
        keys = host.workflow_keys()
        if not keys:
            self._more_decisions = False
            return
        taken = tx.stored.queued("decision", host.domain, self._task_lists, keys, TAKE_LIMIT)
        for run, _item in taken:
            state = tx.load(run)
            if state is not None and not state.is_closed and not self._is_spent():
                self._decide(tx, state)
                self._decide_ready(tx)
        self._more_decisions = self._is_spent() or len(taken) == TAKE_LIMIT

    def _decide(self, tx: EngineTransaction, state: State) -> None:
        """Let the host answer the execution's decision task, if there is one for it."""
        item = None if state.is_closed else state.get("decision", "")
        host = self.host
        if (
            not isinstance(item, OpenDecision)
            or item.queue not in self._task_lists
            or item.name not in host.workflow_keys()
            or state.execution.domain != host.domain
        ):
            return
        if was_lost(item) or self._is_new_in_bad_times(tx, state):
            self._hold(tx, state, item)
            return
        command = StartDecisionTask(identity=host.identity)
        start = decide(state, command, tx.now)
        task = self._decision_task(tx, state, start.events)
        take = replace(command, owner=self.owner)
        made = self._made(task, partial(self._let_go, tx, partial(tx.do, state, take)))
        if isinstance(made, BaseException):
            self._fail(tx, state, task, made)
        else:
            tx.accept(state, start)
            self._answer(tx, state, task, made)

    def _made(self, task: DecisionTask, overtake: Callable[[], None]) -> Made:
        """Ask the host.

        Raises:
            OvertakenError: it took too long; what it made is told in another transaction.
        """
        begun = time.monotonic()
        self._left -= 1
        self._asked = task
        if self._watchdog is not None:
            self._watchdog.begin(overtake)
        made: Made
        try:
            made = self.host.decide(task)
        except BaseException as error:  # sys.exit() in a hook must not end the engine's thread
            made = error
        self._asked = None
        took = time.monotonic() - begun
        if took > SLOW_DECISION:
            log.warning(
                "workflow %s of execution %s took %.1f s to decide, and all else that this worker "
                "does waited; move what takes long into an activity",
                task.workflow_type.key,
                task.workflow_execution.workflow_id,
                took,
            )
        if self._watchdog is not None and self._watchdog.finish():
            self._overtaken[task.token] = (task, made)
            raise OvertakenError
        return made

    # -- decisions that take long

    def remind(self) -> None:
        """Say, once, what the host still decides; from any thread."""
        task, self._asked = self._asked, None
        if task is not None:
            log.warning(
                "workflow %s of execution %s is still deciding, and all else that this worker "
                "does waits: does its code block, or loop without an end?",
                task.workflow_type.key,
                task.workflow_execution.workflow_id,
            )

    def _let_go(self, tx: EngineTransaction, take: Callable[[], object]) -> None:
        """Commit what there is, on the watch's thread, while the host decides on ours.

        The decision task is held by us then. All else is left for the next transaction.
        """
        try:
            take()
            self._holding = True
            self.look_again()
            tx.stored.act_for(self.owner)
            tx.flush()
        except BaseException as error:
            tx.exit_early(error)
            raise
        tx.exit_early(None)

    # -- decisions that may kill

    def _is_new_in_bad_times(self, tx: EngineTransaction, state: State) -> bool:
        """Whether a worker has died lately, and it may have been over this run.

        Who has a run alive has outlived its last decision.
        """
        return tx.now < self._careful_until and not self.host.seen(state.execution.run_id)

    def _hold(self, tx: EngineTransaction, state: State, item: OpenDecision) -> None:
        """Take a task, to answer it in the next transaction; one that cost a worker, alone."""
        suspect = was_lost(item)
        if self._holding and (suspect or self._suspects):
            self._put_off = True
            return
        self._holding = True
        self._suspects = suspect
        start = StartDecisionTask(identity=self.host.identity, owner=self.owner)
        tx.do(state, start)

    def _decide_held(self, tx: EngineTransaction) -> None:
        """Answer what the last transaction has taken."""
        suspects, self._holding, self._suspects = self._suspects, False, False
        for run, taken in tx.stored.held(self.owner):
            state = tx.load(run) if isinstance(taken, OpenDecision) else None
            item = None if state is None or state.is_closed else state.get("decision", "")
            if state is None or not isinstance(item, OpenDecision) or item.owner != self.owner:
                continue
            if self._is_spent():
                self._holding, self._suspects = True, suspects
                return
            self._answer_held(tx, state, item.started_event_id)

    def _answer_held(self, tx: EngineTransaction, state: State, started: int) -> None:
        token = make_token(state, started)
        if token in self._overtaken:
            task, made = self._overtaken[token]
            self._left -= 1
        else:
            task = self._decision_task(tx, state, [], started)
            made = self._made(task, partial(self._let_go, tx, _nothing))
        if isinstance(made, BaseException):
            self._fail(tx, state, task, made, started)
        else:
            self._answer(tx, state, task, made)

    def _decision_task(
        self,
        tx: EngineTransaction,
        state: State,
        started: list[AnyEvent],
        started_event_id: int = 0,
    ) -> DecisionTask:
        """Return a task with the events up to its start, which is to come or was that event."""
        execution = state.execution
        previous = state.progress.previous_started_event_id
        seen = self.host.seen(execution.run_id)
        if seen and seen != previous:
            self.host.forget(execution.run_id)
        after = previous if seen == previous else 0
        events = _events_after(tx, state, after)
        if started_event_id:
            events = [event for event in events if event.event_id <= started_event_id]
        else:
            events += started
            started_event_id = started[-1].event_id
        return DecisionTask(
            token=make_token(state, started_event_id),
            workflow_execution=WorkflowExecution(execution.workflow_id, execution.run_id),
            workflow_type=execution.workflow_type,
            started_event_id=started_event_id,
            previous_started_event_id=previous,
            events=events,
            domain=execution.domain,
            trace_context=execution.trace_context,
        )

    def _answer(
        self, tx: EngineTransaction, state: State, task: DecisionTask, decisions: list[AnyDecision]
    ) -> None:
        command = CompleteDecisionTask(started_event_id=task.started_event_id, decisions=decisions)
        try:
            tx.answer(state, command)
        except DecisionRefusedError as error:
            self._fail(tx, state, task, error, started_event_id=task.started_event_id)

    def _fail(
        self,
        tx: EngineTransaction,
        state: State,
        task: DecisionTask,
        error: BaseException,
        started_event_id: int = 0,
    ) -> None:
        self.host.forget(state.execution.run_id)
        if not isinstance(error, PartitaError):
            error = PartitaError(f"the decider broke: {type(error).__name__}: {error}")
        state.tail = None
        tx.do(
            state,
            FailDecisionTask(
                started_event_id=started_event_id, cause=error.code, message=str(error)
            ),
        )
        self._failures.append((task, error))


def _nothing() -> None:
    """Do nothing."""


def _events_after(tx: EngineTransaction, state: State, after: int) -> list[AnyEvent]:
    if after and state.tail is not None:
        return list(state.tail)
    return tx.events(state, after)
