"""The Service port, over the engine's core: every operation is a piece of work in a transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import TypeVar

from msgspec.structs import replace

from partita.codec import DEFAULT_LIMIT
from partita.commands import (
    CancelActivityTask,
    Command,
    CompleteActivityTask,
    CompleteDecisionTask,
    FailActivityTask,
    FailDecisionTask,
    Heartbeat,
    LetGoActivityTask,
    Release,
    RequestCancel,
    Signal,
    StartDecisionTask,
    Terminate,
)
from partita.engine.core import DEFAULT_LEASE, Core, Hearer, Rest
from partita.engine.dispatch import activity_task
from partita.engine.forks import fork
from partita.engine.imports import keep
from partita.engine.pruning import PAGE, Pruner, candidates
from partita.engine.questions import ask_others
from partita.engine.retention import Sweeper
from partita.engine.starts import begin
from partita.engine.unit import Unit, make_token, not_found, parse_token
from partita.errors import (
    PartitaError,
    PayloadTooLargeError,
)
from partita.exported import ExportedHistory
from partita.history import (
    AnyDecision,
    AnyEvent,
    RescheduleCause,
    WorkflowExecution,
    WorkflowType,
)
from partita.notices import Listen
from partita.service import (
    ActivityAnswer,
    ActivityTask,
    DecisionTask,
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    ForkRequest,
    Host,
    Prunable,
    PrunePage,
    PruneRequest,
    ReusePolicy,
    Standing,
    StartRequest,
    TaskListLimits,
)
from partita.state import (
    Backlog,
    ExecutionFilter,
    OpenActivity,
    OpenDecision,
    OpenTimer,
    State,
    Status,
)
from partita.store import LimitRecord, Record, Retention, Store

T = TypeVar("T")


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
        self._core = Core(store, clock=clock, lease=lease)
        self._sweeper = Sweeper(self, store, self._core.loop, clock)
        self._payload_limit = payload_limit

    # -- a worker in this process ----------------------------------------------------------

    def attach(self, host: Host) -> None:
        """Serve `host` from now on."""
        self._core.attach(host)
        self._sweeper.start()

    def pause(self) -> None:
        """Hand out nothing new; results are still taken."""
        self._core.pause()

    def detach(self) -> None:
        """Stop serving the host; what it holds is given back."""
        self._sweeper.stop()
        self._core.detach()

    def on_rest(self, rest: Rest | None) -> None:
        """Have `rest` called whenever there is nothing to do right now; for clocks that skip.

        It is called on the engine's thread with the moment (seconds since the epoch) at which
        something is due, or None, and with whether the engine is idle: no activity runs in
        the worker here, and no request waits. It may move the clock that the engine was given.
        It returns after how many real seconds it wants to be asked again, None for no sooner
        than something happens. Call `wake` to be asked at once.
        """
        self._core.rest = rest

    def wake(self) -> None:
        """Look at the clock again, which may have been moved. Does not wait."""
        self._core.loop.post(lambda _: None, lambda _: None)

    def give_back(self, token: str) -> None:
        """Put an unfinished activity back into its task list at once."""

        def work(unit: Unit) -> None:
            state, started, id = unit.held(token)
            cause = RescheduleCause.GIVEN_BACK
            release = Release(kind="activity", id=id, cause=cause, started_event_id=started)
            unit.do(state, release)

        self._core.loop.ask(work)

    def report(self, answer: ActivityAnswer, failed: Callable[[PartitaError], None]) -> None:
        """Record how an activity ended, soon and without waiting."""
        self._core.loop.post(lambda unit: self._answer(unit, answer), failed)

    # -- a front that speaks another protocol -----------------------------------------------

    def ask(self, work: Callable[[Unit], T]) -> T:
        """Have `work` done in a transaction; return its result once that is committed."""
        return self._core.loop.ask(work)

    def submit(self, work: Callable[[Unit], T]) -> Future[T]:
        """Have `work` done in a transaction, without a thread that waits for it."""
        return self._core.loop.submit(work)

    def subscribe(self, heard: Hearer) -> Callable[[], None]:
        """Have `heard` called, on the engine's thread, when there may be something to take.

        It is told in which queues (kind, domain and task list), or None for any; it must
        return at once. Return what ends it.
        """
        return self._core.subscribe(heard)

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Tell `listener` of what this engine commits; return what ends it."""
        return self._core.listening.add(listener)

    def standing(self) -> Standing:
        """Say how this engine stands, at once; and wake its thread."""
        loop = self._core.loop
        silent_for = time.monotonic() - loop.turned_at
        loop.wake()
        return Standing(silent_for=silent_for, is_serving=self._core.is_serving)

    def is_on_record(self) -> bool:
        """Ask the store whether it knows the attached worker as alive."""
        return self._core.is_on_record()

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how much waits in each task list, where something does."""
        return self._core.store.backlogs(domain)

    def on_commit(self, heard: Callable[[int, float], None]) -> Callable[[], None]:
        """Have `heard` called with the requests and seconds of each commit; return what ends it."""
        meters = self._core.meters
        meters.append(heard)
        return lambda: meters.remove(heard) if heard in meters else None

    # -- starting, and speaking to executions ----------------------------------------------

    def start_workflow_execution(self, request: StartRequest) -> WorkflowExecution:
        """Start an execution, or return the one that this very request started before."""
        self._check_size(request.input, "the input")
        return self._core.loop.ask(lambda unit: begin(unit, request))

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> WorkflowExecution:
        """Signal the open execution of that workflow id, or start it with the signal."""
        self._check_size(request.input, "the input")
        self._check_size(input, f"the input of signal {signal_name}")

        def work(unit: Unit) -> WorkflowExecution:
            state = unit.find(request.domain, request.workflow_id)
            if state is None or state.is_closed:
                policy = request.reuse_policy
                if policy is ReusePolicy.RETURN_EXISTING:  # a closed one cannot be signalled
                    policy = ReusePolicy.ALLOW
                begin(unit, replace(request, reuse_policy=policy))
                state = unit.find(request.domain, request.workflow_id)
            assert state is not None
            unit.do(state, Signal(signal_name=signal_name, input=input))
            return WorkflowExecution(request.workflow_id, state.execution.run_id)

        return self._core.loop.ask(work)

    def fork_workflow_execution(self, request: ForkRequest) -> WorkflowExecution:
        """Begin a new run that reuses what another has recorded up to an event."""
        self._check_size(request.input, "the input")
        return self._core.loop.ask(lambda unit: fork(unit, request))

    def import_history(self, domain: str, history: ExportedHistory) -> bool:
        """Keep a closed run as it was elsewhere; return False if it is here already."""
        return self._core.loop.ask(lambda unit: keep(unit, domain, history))

    def prunable(
        self, request: PruneRequest, after: tuple[float, int], gone: Collection[int] = ()
    ) -> PrunePage:
        """Return some of what may be removed, the oldest first."""
        records = self.store.closed(candidates(request), after)
        groups = self._core.loop.ask(lambda unit: Pruner(unit, request, gone).plan(records))
        last = records[-1] if len(records) == PAGE else None
        return PrunePage(
            groups=tuple(
                tuple(Prunable(key=one.run, info=_info(one)) for one in group) for group in groups
            ),
            looked_at=len(records),
            next=None if last is None else (last.execution.started_at, last.run),
        )

    def prune(self, request: PruneRequest, keys: Collection[int]) -> int:
        """Remove those of these executions that may still go."""
        return self._core.loop.ask(lambda unit: len(Pruner(unit, request).remove(keys)))

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Have closed executions of a domain removed so long after their end."""

        def work(unit: Unit) -> None:
            if seconds is None:
                unit.transaction.pruning.drop_retention(domain)
            else:
                retention = Retention(domain=domain, seconds=seconds, next_at=unit.now)
                unit.transaction.pruning.put_retention(retention)

        self._core.loop.ask(work)

    def retentions(self) -> dict[str, float]:
        """Return after how many seconds each domain's closed executions go, where they do."""
        return {one.domain: one.seconds for one in self.store.retentions()}

    def apply_retentions(self) -> int:
        """Remove what is past its domain's retention, where nobody has looked for long; count it.

        A worker's engine does so by itself, as does one that `keep_retentions` was called on.
        """
        return self._sweeper.sweep()

    def keep_retentions(self) -> None:
        """Apply retentions by itself from now on, though no worker is attached."""
        self._sweeper.start()

    def register_workflow_type(self, domain: str, workflow_type: WorkflowType) -> None:
        """Remember that there is such a workflow."""
        self._core.loop.ask(lambda unit: unit.transaction.add_types(domain, [workflow_type.key]))

    def set_limits(self, domain: str, task_list: str, limits: TaskListLimits) -> None:
        """Limit how fast a task list is worked off, by all workers together."""

        def work(unit: Unit) -> None:
            unit.set_limits(
                LimitRecord(
                    domain=domain,
                    task_list=task_list,
                    concurrency=limits.concurrency,
                    per_second=limits.per_second,
                    burst=limits.burst,
                    tokens=limits.burst,
                    filled_at=unit.now,
                )
            )

        self._core.loop.ask(work)

    def limits(self, domain: str) -> dict[str, TaskListLimits]:
        """Return the limits of every task list that has one."""

        def work(unit: Unit) -> list[LimitRecord]:
            return unit.transaction.limits()

        return {
            record.task_list: TaskListLimits(
                concurrency=record.concurrency, per_second=record.per_second, burst=record.burst
            )
            for record in self._core.loop.ask(work)
            if record.domain == domain
        }

    def _tell(self, domain: str, execution: WorkflowExecution, command: Command) -> None:
        self._core.loop.ask(lambda unit: unit.do(unit.open(domain, execution), command))

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
            if not unit.start_activity(state, id, identity, None):
                return None
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            return activity_task(state, item)

        return self._poll(take, wait)

    def _poll(self, take: Callable[[Unit], T | None], wait: float) -> T | None:
        """Try now, and again whenever there may be something new, until the time is up."""
        until = time.monotonic() + wait
        while True:
            found = self._core.loop.ask(take)
            left = until - time.monotonic()
            if found is not None or left <= 0:
                return found
            self._core.wait_for_news(left)

    def complete_decision(self, token: str, decisions: Sequence[AnyDecision]) -> None:
        """Apply all the decisions in one transaction."""

        def work(unit: Unit) -> None:
            state, started, _ = unit.held(token)
            state.tail = None
            unit.do(
                state, CompleteDecisionTask(started_event_id=started, decisions=list(decisions))
            )

        self._core.loop.ask(work)

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Give the decision task back because the decider is broken."""

        def work(unit: Unit) -> None:
            state, started, _ = unit.held(token)
            unit.do(state, FailDecisionTask(started_event_id=started, cause=cause, message=message))

        self._core.loop.ask(work)

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
        self._core.loop.ask(lambda unit: self._answer(unit, answer))

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
            case "pending":
                command = LetGoActivityTask(activity_id=id, started_event_id=started)
        unit.do(state, command)

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""

        def work(unit: Unit) -> bool:
            state, started, id = unit.held(token)
            unit.do(state, Heartbeat(activity_id=id, started_event_id=started, details=details))
            unit.heartbeats.append((state, id, details))
            item = state.get("activity", id)
            return isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0

        return self._core.loop.ask(work)

    # -- looking ---------------------------------------------------------------------------

    def _found(self, domain: str, execution: WorkflowExecution) -> Record:
        record = self._core.store.find(domain, execution.workflow_id, execution.run_id)
        if record is None:
            raise not_found(domain, execution)
        return record

    def describe(self, domain: str, execution: WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands."""
        record = self._found(domain, execution)
        items = self._core.store.items(record.run)
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
        return self._core.store.events(self._found(domain, execution).run, after)

    def wait_history(
        self, domain: str, execution: WorkflowExecution, after: int, timeout: float | None
    ) -> list[AnyEvent]:
        """Wait for events after number `after`; empty if none came, or the run is closed."""
        record = self._found(domain, execution)
        exact = WorkflowExecution(execution.workflow_id, record.execution.run_id)

        def moved() -> bool:
            progress = self._found(domain, exact).progress
            return progress.last_event_id > after or progress.status is not Status.OPEN

        self._core.follow(moved, timeout)
        return self._core.store.events(record.run, after)

    def query_workflow(
        self,
        domain: str,
        execution: WorkflowExecution,
        name: str,
        input: str | None,
        timeout: float | None = None,
    ) -> str:
        """Have the workflow's code answer a query: here, or in another process."""
        record = self._found(domain, execution)
        answer = self._core.query(record.run, name, input)
        if answer is not None:
            return answer
        return ask_others(self._core, record, name, input, timeout)

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end: they were cancelled, or are no longer theirs."""
        return {token for token in tokens if self._is_unwanted(token)}

    def _is_unwanted(self, token: str) -> bool:
        run, _, started, id = parse_token(token)
        item = self._core.store.item(run, "activity", id)
        return (
            not isinstance(item, OpenActivity)
            or item.started_event_id != started
            or item.cancel_requested_event_id > 0
        )

    def wait_closed(
        self, domain: str, execution: WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before."""
        record = self._found(domain, execution)
        if record.progress.status is Status.OPEN:
            closed = threading.Event()
            self._core.watch(record.run, closed)
            if not closed.wait(timeout):
                self._core.unwatch(record.run, closed)
                return None
            run_id = record.execution.run_id
            record = self._found(domain, WorkflowExecution(execution.workflow_id, run_id))
        return _info(record)

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""
        records = self._core.store.executions(filter)
        more = len(records) == filter.limit and filter.limit > 0
        return ExecutionPage(
            executions=tuple(_info(record) for record in records),
            next_page=records[-1].run if more else None,
        )

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""
        return self._core.store.count_executions(filter)

    def close(self) -> None:
        """Detach the host if there is one, end the thread, and close the store."""
        self._sweeper.stop()
        self._core.close()


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
        search_attributes=progress.search_attributes,
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
        domain=execution.domain,
        trace_context=execution.trace_context,
    )
