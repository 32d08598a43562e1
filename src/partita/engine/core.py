"""The engine itself: transactions, wake-ups, and the operations of the Service port."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from partita.codec import DEFAULT_LIMIT
from partita.commands import (
    CancelActivityTask,
    Command,
    CompleteActivityTask,
    CompleteDecisionTask,
    FailActivityTask,
    FailDecisionTask,
    Heartbeat,
    Release,
    RequestCancel,
    Signal,
    Start,
    StartActivityTask,
    StartDecisionTask,
    Terminate,
)
from partita.engine.dispatch import Dispatch, activity_task
from partita.engine.liveness import is_dead, new_worker
from partita.engine.loop import Loop, Request
from partita.engine.unit import States, Unit, make_token, not_found
from partita.errors import (
    ExecutionAlreadyStartedError,
    PartitaError,
    PayloadTooLargeError,
    StoreError,
)
from partita.history import (
    AnyDecision,
    AnyEvent,
    RescheduleCause,
    WorkflowExecution,
    WorkflowExecutionStarted,
)
from partita.service import (
    ActivityAnswer,
    ActivityTask,
    DecisionTask,
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    Host,
    ReusePolicy,
    StartRequest,
)
from partita.state import (
    AnyItem,
    Execution,
    ExecutionFilter,
    OpenActivity,
    OpenDecision,
    OpenTimer,
    State,
    Status,
)
from partita.store import Record, Store, WorkerRecord

T = TypeVar("T")

DEFAULT_LEASE = 10.0
"""Seconds after which a silent worker's tasks are given to others."""

GLANCE = 0.01
"""Seconds between two looks at whether another process has written."""

REAP = 1.0
"""Seconds between two looks for dead workers."""

log = logging.getLogger("partita.engine")


class Engine:
    """The embedded orchestrator. Safe to use from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        lease: float = DEFAULT_LEASE,
        payload_limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.store = store
        self._clock = clock
        self._lease = lease
        self._payload_limit = payload_limit
        self._states = States()
        self._unit: Unit | None = None
        self._dispatch: Dispatch | None = None
        self._worker: WorkerRecord | None = None
        self._next_due: float | None = None
        self._due_unknown = True
        self._not_before = 0.0  # after a failed transaction: when to try again
        self._next_renewal = self._next_reap = 0.0
        self._closings: dict[int, list[threading.Event]] = {}
        self._news = threading.Condition()
        self._loop = Loop(self._transact, self._pause)

    # -- the loop's two questions ----------------------------------------------------------

    def _pause(self) -> float | None:
        """Return how long the thread may sleep, in seconds; None: until a request comes."""
        now = self._clock()
        if self._not_before > now:
            return self._not_before - now
        if self._dispatch is not None and self._dispatch.is_behind:
            return 0.0
        waits = []
        if self._next_due is not None:
            waits.append(max(0.0, self._next_due - now))
        if self._dispatch is not None:
            waits.append(max(0.0, min(self._next_renewal, self._next_reap) - now))
        if self.store.shared and (self._dispatch is not None or self._closings):
            waits.append(GLANCE)
        return min(waits) if waits else None

    def _transact(self, batch: list[Request[Any]]) -> None:
        """Do a batch in one transaction, with all that follows from it."""
        try:
            if not batch and not self._is_needed():
                return
            tasks, unit = self._commit(batch)
        except Exception as error:
            self._undo()
            self._refuse(batch, error)
            return
        finally:
            self._unit = None
        for request in batch:
            request.settle()
        self._publish(unit, tasks)

    def _refuse(self, batch: list[Request[Any]], error: Exception) -> None:
        """Answer a whole batch with the error that undid its transaction."""
        if not isinstance(error, StoreError):
            log.exception("the engine broke; nothing of this transaction was kept")
            error = PartitaError(f"the engine broke: {type(error).__name__}: {error}")
        elif not batch:
            log.error("%s", error)
        for request in batch:
            request.settle(error)
        self._not_before = self._clock() + 0.2

    def _is_needed(self) -> bool:
        """Whether a transaction without requests has anything to do."""
        now = self._clock()
        if self.store.changed():
            self._look_again()
            return self._dispatch is not None or self._due_unknown
        if self._next_due is not None and self._next_due <= now:
            return True
        dispatch = self._dispatch
        return dispatch is not None and (
            dispatch.is_behind or min(self._next_renewal, self._next_reap) <= now
        )

    def _look_again(self) -> None:
        self._due_unknown = True
        if self._dispatch is not None:
            self._dispatch.look_again()
        self._check_closings()
        with self._news:
            self._news.notify_all()

    def _commit(self, batch: list[Request[Any]]) -> tuple[list[ActivityTask], Unit]:
        with self.store.transaction() as transaction:
            if transaction.foreign:
                self._states.doubt()
                self._look_again()
            now = self._clock()
            unit = self._unit = Unit(transaction, now, self._states, self._find_item)
            if self._due_unknown or (self._next_due is not None and self._next_due <= now):
                self._due_unknown = True
                unit.fire_due()
            for request in batch:
                request.run(unit)
            self._look_after_workers(unit)
            tasks = self._dispatch.serve(unit) if self._dispatch is not None else []
            if unit.touched:
                transaction.write(unit.touched.values())
            self._note_due(unit)
        return tasks, unit

    def _find_item(self, run: int, kind: str, id: str) -> AnyItem | None:
        assert self._unit is not None
        return self._unit.transaction.item(run, kind, id)

    def _note_due(self, unit: Unit) -> None:
        if self._due_unknown:
            self._next_due = unit.transaction.next_due()
            self._due_unknown = False
        elif unit.next_due is not None and (
            self._next_due is None or unit.next_due < self._next_due
        ):
            self._next_due = unit.next_due

    def _undo(self) -> None:
        """Forget everything that was made of a transaction that failed."""
        self._due_unknown = True
        if self._dispatch is not None:
            self._dispatch.look_again()
        if self._unit is None:
            return
        for state in self._unit.touched.values():
            self._states.forget(state)
            if self._dispatch is not None:
                self._dispatch.host.forget(state.execution.run_id)

    def _publish(self, unit: Unit, tasks: list[ActivityTask]) -> None:
        """Let out of the process what is now committed."""
        for state in unit.touched.values():
            self._states.keep(state)
        if self._dispatch is not None:
            if tasks:
                self._dispatch.host.start_tasks(tasks)
            for state in unit.closed:
                self._dispatch.host.forget(state.execution.run_id)
        for state in unit.closed:
            for event in self._closings.pop(state.run, ()):
                event.set()
        if unit.ready_activities or unit.ready_decisions:
            with self._news:
                self._news.notify_all()

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""

        def begin(unit: Unit) -> None:
            self._register(unit, host)

        self._loop.ask(begin)

    def _register(self, unit: Unit, host: Host) -> None:
        self._worker = new_worker(unit.now + self._lease)
        unit.transaction.put_worker(self._worker)
        self._next_renewal = unit.now + self._lease / 3
        self._next_reap = unit.now
        self._dispatch = Dispatch(host, self._worker.id)

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""

        def hold(_: Unit) -> None:
            if self._dispatch is not None:
                self._dispatch.paused = True

        self._loop.ask(hold)

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""

        def end(unit: Unit) -> None:
            if self._worker is not None:
                unit.release(self._worker.id, RescheduleCause.GIVEN_BACK)
                unit.transaction.drop_worker(self._worker.id)
            if self._dispatch is not None:
                self._dispatch.host.detached()
            self._dispatch = self._worker = None

        self._loop.ask(end)

    def give_back(self, token: str) -> None:
        """Put an unfinished activity back into its task list at once."""

        def work(unit: Unit) -> None:
            state, started, id = unit.held(token)
            cause = RescheduleCause.GIVEN_BACK
            release = Release(kind="activity", id=id, cause=cause, started_event_id=started)
            unit.do(state, release)

        self._loop.ask(work)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, soon and without waiting."""
        self._loop.post(lambda unit: self._answer(unit, answer), failed)

    def _look_after_workers(self, unit: Unit) -> None:
        """Renew our own lease; take from the dead what they hold."""
        if self._dispatch is None or self._worker is None:
            return
        if unit.now >= self._next_renewal:
            self._renew(unit, self._dispatch)
        if unit.now >= self._next_reap:
            self._next_reap = unit.now + REAP
            for worker in unit.transaction.workers():
                if worker.id != self._worker.id and is_dead(worker, unit.now):
                    log.warning("worker %s (pid %d) is gone", worker.id[:8], worker.pid)
                    unit.release(worker.id, RescheduleCause.WORKER_LOST)
                    unit.transaction.drop_worker(worker.id)

    def _renew(self, unit: Unit, dispatch: Dispatch) -> None:
        assert self._worker is not None
        known = {worker.id for worker in unit.transaction.workers()}
        if self._worker.id not in known:  # taken for dead: suspended for too long, perhaps
            dispatch.host.lost()
            self._register(unit, dispatch.host)
            return
        self._next_renewal = unit.now + self._lease / 3
        lease_until = unit.now + self._lease
        self._worker = WorkerRecord(
            id=self._worker.id,
            machine=self._worker.machine,
            pid=self._worker.pid,
            born=self._worker.born,
            lease_until=lease_until,
        )
        unit.transaction.put_worker(self._worker)

    # -- starting, and speaking to executions ----------------------------------------------

    def start_workflow_execution(self, request: StartRequest) -> WorkflowExecution:
        """Start an execution, or return the one that this very request started before."""
        self._check_size(request.input, "the input")
        return self._loop.ask(lambda unit: self._start(unit, request))

    def _start(self, unit: Unit, request: StartRequest) -> WorkflowExecution:
        last = unit.find(request.domain, request.workflow_id)
        if last is not None:
            existing = _reuse(unit, request, last)
            if existing is not None:
                return existing
        execution = Execution(
            domain=request.domain,
            workflow_id=request.workflow_id,
            run_id=uuid.uuid4().hex,
            workflow_type=request.workflow_type,
            task_list=request.task_list,
            started_at=unit.now,
            task_priority=request.task_priority,
            child_policy=request.child_policy,
            task_start_to_close=request.task_start_to_close,
            execution_start_to_close=request.execution_start_to_close,
            tag_list=request.tag_list,
            lambda_role=request.lambda_role,
        )
        unit.begin(execution, Start(input=request.input))
        return WorkflowExecution(execution.workflow_id, execution.run_id)

    def _tell(self, domain: str, execution: WorkflowExecution, command: Command) -> None:
        self._loop.ask(lambda unit: unit.do(unit.open(domain, execution), command))

    def signal_workflow_execution(
        self, domain: str, execution: WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Record a signal."""
        self._check_size(input, f"the input of signal {signal_name}")
        self._tell(domain, execution, Signal(signal_name=signal_name, input=input))

    def request_cancel_workflow_execution(self, domain: str, execution: WorkflowExecution) -> None:
        """Ask the workflow to cancel itself."""
        self._tell(domain, execution, RequestCancel())

    def terminate_workflow_execution(
        self, domain: str, execution: WorkflowExecution, reason: str | None
    ) -> None:
        """End the execution at once."""
        self._tell(domain, execution, Terminate(reason=reason))

    def _check_size(self, payload: str | None, what: str) -> None:
        if payload is not None and len(payload) > self._payload_limit:
            raise PayloadTooLargeError(
                f"{what} is {len(payload):,} characters, over the limit of "
                f"{self._payload_limit:,}; store it elsewhere and pass its name"
            )

    # -- tasks, for those who poll ---------------------------------------------------------

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Take the oldest decision task, with the whole history."""

        def take(unit: Unit) -> DecisionTask | None:
            state = _oldest(unit, "decision", domain, task_list)
            if state is None:
                return None
            unit.do(state[0], StartDecisionTask(identity=identity or None))
            return _whole_task(unit, state[0])

        return self._poll(take, wait)

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        """Take the oldest activity of the highest priority."""

        def take(unit: Unit) -> ActivityTask | None:
            found = _oldest(unit, "activity", domain, task_list)
            if found is None:
                return None
            state, id = found
            unit.do(state, StartActivityTask(activity_id=id, identity=identity or None))
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            return activity_task(state, item)

        return self._poll(take, wait)

    def _poll(self, take: Callable[[Unit], T | None], wait: float) -> T | None:
        """Try now, and again whenever there may be something new, until the time is up."""
        until = time.monotonic() + wait
        while True:
            found = self._loop.ask(take)
            left = until - time.monotonic()
            if found is not None or left <= 0:
                return found
            with self._news:
                self._news.wait(min(left, GLANCE * 10))

    def complete_decision(self, token: str, decisions: Sequence[AnyDecision]) -> None:
        """Apply all the decisions in one transaction."""

        def work(unit: Unit) -> None:
            state, started, _ = unit.held(token)
            state.tail = None
            unit.do(
                state, CompleteDecisionTask(started_event_id=started, decisions=list(decisions))
            )

        self._loop.ask(work)

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Give the decision task back because the decider is broken."""

        def work(unit: Unit) -> None:
            state, started, _ = unit.held(token)
            unit.do(state, FailDecisionTask(started_event_id=started, cause=cause, message=message))

        self._loop.ask(work)

    def complete_activity(self, token: str, result: str | None) -> None:
        """Record a result, once."""
        self._record(ActivityAnswer(token=token, outcome="completed", result=result))

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the engine tries again by the activity's retry policy."""
        answer = ActivityAnswer(
            token=token, outcome="failed", reason=reason, details=details, retryable=retryable
        )
        self._record(answer)

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""
        self._record(ActivityAnswer(token=token, outcome="canceled", details=details))

    def _record(self, answer: ActivityAnswer) -> None:
        self._loop.ask(lambda unit: self._answer(unit, answer))

    def _answer(self, unit: Unit, answer: ActivityAnswer) -> None:
        self._check_size(answer.result, "the result")
        state, started, id = unit.held(answer.token)
        command: Command
        match answer.outcome:
            case "completed":
                command = CompleteActivityTask(
                    activity_id=id, started_event_id=started, result=answer.result
                )
            case "failed":
                command = FailActivityTask(
                    activity_id=id,
                    started_event_id=started,
                    reason=answer.reason,
                    details=answer.details,
                    retryable=answer.retryable,
                )
            case "canceled":
                command = CancelActivityTask(
                    activity_id=id, started_event_id=started, details=answer.details
                )
        unit.do(state, command)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""

        def work(unit: Unit) -> bool:
            state, started, id = unit.held(token)
            unit.do(state, Heartbeat(activity_id=id, started_event_id=started, details=details))
            item = state.get("activity", id)
            return isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0

        return self._loop.ask(work)

    # -- looking ---------------------------------------------------------------------------

    def _found(self, domain: str, execution: WorkflowExecution) -> Record:
        record = self.store.find(domain, execution.workflow_id, execution.run_id)
        if record is None:
            raise not_found(domain, execution)
        return record

    def describe(self, domain: str, execution: WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands."""
        record = self._found(domain, execution)
        items = self.store.items(record.run)
        decisions = [item for item in items if isinstance(item, OpenDecision)]
        return ExecutionDetail(
            info=_info(record),
            activities=tuple(item for item in items if isinstance(item, OpenActivity)),
            timers=tuple(item for item in items if isinstance(item, OpenTimer)),
            decision=decisions[0] if decisions else None,
            open_children=record.progress.open_children,
        )

    def history(
        self, domain: str, execution: WorkflowExecution, *, after: int = 0
    ) -> list[AnyEvent]:
        """Return the events after number `after`, in order."""
        return self.store.events(self._found(domain, execution).run, after)

    def wait_closed(
        self, domain: str, execution: WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before."""
        record = self._found(domain, execution)
        if record.progress.status is Status.OPEN:
            closed = threading.Event()

            def watch(unit: Unit) -> None:
                state = unit.load(record.run)
                if state is None or state.is_closed:
                    closed.set()
                else:
                    self._closings.setdefault(record.run, []).append(closed)

            self._loop.ask(watch)
            try:
                if not closed.wait(timeout):
                    return None
            finally:
                if not closed.is_set():
                    self._loop.ask(lambda _: self._closings[record.run].remove(closed))
            record = self._found(
                domain, WorkflowExecution(record.execution.workflow_id, record.execution.run_id)
            )
        return _info(record)

    def _check_closings(self) -> None:
        """Wake those who wait for executions that another process has closed."""
        for run in list(self._closings):
            if not self.store.is_open(run):
                for event in self._closings.pop(run):
                    event.set()

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""
        records = self.store.executions(filter)
        more = len(records) == filter.limit and filter.limit > 0
        return ExecutionPage(
            executions=tuple(_info(record) for record in records),
            next_page=records[-1].run if more else None,
        )

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""
        return self.store.count_executions(filter)

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        if self._dispatch is not None:
            try:
                self.detach()
            except StoreError as error:
                log.warning("could not give back what this worker held: %s", error)
        self._loop.close()
        self.store.close()


def _info(record: Record) -> ExecutionInfo:
    execution, progress = record.execution, record.progress
    return ExecutionInfo(
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=execution.workflow_type,
        status=progress.status,
        started_at=execution.started_at,
        closed_at=progress.closed_at,
        task_list=execution.task_list,
        tag_list=execution.tag_list,
        event_count=progress.last_event_id,
        cancel_requested=progress.cancel_requested,
        parent=execution.parent,
    )


def _reuse(unit: Unit, request: StartRequest, last: State) -> WorkflowExecution | None:
    """Return the existing execution if the start means it, None if a new run may begin."""
    policy, status = request.reuse_policy, last.progress.status
    is_open = status is Status.OPEN
    if policy is ReusePolicy.RETURN_EXISTING:
        if not _is_same(unit, request, last):
            raise ExecutionAlreadyStartedError(
                f"workflow id {request.workflow_id!r} belongs to a start of "
                f"{last.execution.workflow_type.key} with other input; choose another id"
            )
        return WorkflowExecution(last.execution.workflow_id, last.execution.run_id)
    if policy is ReusePolicy.TERMINATE_EXISTING and is_open:
        unit.do(last, Terminate(reason="replaced by a new start"))
        return None
    failed = status not in (Status.OPEN, Status.COMPLETED, Status.CONTINUED_AS_NEW)
    allowed = (
        policy is ReusePolicy.TERMINATE_EXISTING
        or (policy is ReusePolicy.ALLOW and not is_open)
        or (policy is ReusePolicy.ALLOW_AFTER_FAILURE and failed)
    )
    if not allowed:
        raise ExecutionAlreadyStartedError(
            f"workflow id {request.workflow_id!r} is {status.name.lower()} "
            f"and the reuse policy is {policy.value!r}; choose another id or policy"
        )
    return None


def _is_same(unit: Unit, request: StartRequest, last: State) -> bool:
    started = last.new_events[0] if last.is_new else unit.transaction.events(last.run, 0)[0]
    return (
        isinstance(started, WorkflowExecutionStarted)
        and started.workflow_type == request.workflow_type
        and started.input == request.input
    )


def _oldest(unit: Unit, kind: str, domain: str, task_list: str) -> tuple[State, str] | None:
    """Return the next item of a queue, as this unit sees it."""
    ready = unit.ready_activities if kind == "activity" else None
    for run, item in unit.transaction.queued(kind, domain, [task_list], None, 64):
        state = unit.load(run)
        current = None if state is None or state.is_closed else state.get(kind, item.id)
        if state is not None and current is not None and current.queue == task_list:
            return state, item.id
    for state in unit.ready_decisions.values() if ready is None else ready.values():
        if state.is_closed or state.execution.domain != domain:
            continue
        for (its_kind, id), open_item in state.items.items():
            if its_kind == kind and open_item is not None and open_item.queue == task_list:
                return state, id
    return None


def _whole_task(unit: Unit, state: State) -> DecisionTask:
    execution = state.execution
    stored = [] if state.is_new else unit.transaction.events(state.run, 0)
    events = stored + state.new_events
    started = events[-1].event_id
    return DecisionTask(
        token=make_token(state, started),
        workflow_execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        started_event_id=started,
        previous_started_event_id=state.progress.previous_started_event_id,
        events=events,
    )
