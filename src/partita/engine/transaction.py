"""Do one transaction's worth of work: apply commands, carry messages between executions.

Knows what the rules ask of other executions and where states are kept; knows no thread and
no worker. What it did is in its `touched` states until the engine writes them.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from partita.engine.fork_handover import (
    hand_on,
    hold_back_from_workers,
    memory_of,
    reuses_child,
)
from partita.engine.rate_limits import RateLimits
from partita.engine.starts import existing_run, new_execution
from partita.engine.state_cache import StateCache
from partita.errors import (
    DecisionRefusedError,
    ExecutionNotFoundError,
    InvalidTokenError,
    StoreError,
    TaskLostError,
    UsageError,
)
from partita.history import (
    AnyEvent,
    ChildPolicy,
    RescheduleCause,
    WorkflowExecution,
    WorkflowType,
)
from partita.ports.service import StartRequest
from partita.ports.session import QueueKey
from partita.ports.state import (
    AnyItem,
    Execution,
    ItemKey,
    OpenActivity,
    OpenChild,
    Progress,
    State,
)
from partita.ports.store import (
    LimitRecord,
    News,
    Proposal,
    Record,
    Retention,
    Taken,
    Transaction,
)
from partita.rules import apply, decide
from partita.rules import commands as c

log = logging.getLogger("partita.engine")

FEW = 64
"""Open items up to which a state is loaded whole; beyond, item by item as they are asked for."""

DUE_LIMIT = 500
"""Items that one transaction looks at because their time has come."""

Line = QueueKey


class EngineTransaction:
    """One transaction in the making."""

    __slots__ = (
        "_begun",
        "_children",
        "_find_item",
        "_rate_limits",
        "activities",
        "asides",
        "closed",
        "end",
        "freed",
        "heartbeats",
        "lines",
        "needed",
        "next_due",
        "now",
        "overtaken",
        "quiet",
        "ready_activities",
        "ready_decisions",
        "states",
        "stored",
        "touched",
        "used",
        "watched",
    )

    def __init__(
        self,
        transaction: Transaction,
        now: float,
        states: StateCache,
        find_item: Callable[[int, str, str], AnyItem | None],
        end: Callable[[BaseException | None], None],
    ) -> None:
        self.stored = transaction
        self.asides: list[Callable[[], None]] = []  # to be done once it is committed and over
        self.end = end  # commits or, with an error, rolls back at once, and not again later
        self.overtaken = False  # whether that was done
        self.now = now
        self.used: dict[int, State] = {}  # all that was looked at
        self.touched: dict[int, State] = {}
        self.closed: list[State] = []
        self.ready_decisions: dict[int, State] = {}  # wait to be taken
        self.ready_activities: dict[tuple[int, str], State] = {}
        self.next_due: float | None = None  # the soonest that was put
        self.lines: set[Line] = set()  # queues into which something was put
        self.freed = False  # whether a place in a lane became free
        self.heartbeats: list[tuple[State, str, str | None]] = []
        self.needed: set[int] = set()  # runs that must not be removed meanwhile
        self.quiet: set[int] = set()  # runs that nobody is to be told of
        self.watched = False  # whether anybody listens
        self.activities: dict[tuple[int, int], OpenActivity] = {}  # as they stood before an event
        self._rate_limits: RateLimits | None = None
        self.states = states
        self._find_item = find_item
        self._begun: dict[tuple[str, str], State] = {}
        self._children: dict[int, list[OpenChild]] = {}

    # -- finding

    def load(self, run: int) -> State | None:
        """Return the state of a run."""
        state = self.touched.get(run) or self.states.get(run, self.stored)
        if state is None:
            record = self.stored.record(run)
            return None if record is None else self._of(record)
        self.used[run] = state
        return state

    def _of(self, record: Record) -> State:
        known = self.touched.get(record.run) or self.states.get(record.run, self.stored)
        if known is not None:
            self.used[record.run] = known
            return known
        state = State(record.run, record.execution, record.progress, self._find_item)
        progress = record.progress
        open = progress.open_activities + progress.open_timers + progress.open_lambdas
        if open + progress.open_children <= FEW:
            items = self.stored.items(record.run)
            state.items = {(item.kind, item.id): item for item in items}
            state.whole = True
        self.states.keep(state)
        self.used[state.run] = state
        return state

    def find(self, domain: str, workflow_id: str, run_id: str | None = None) -> State | None:
        """Return the run, or the newest run of the workflow id."""
        begun = self._begun.get((domain, workflow_id))
        if begun is not None and run_id in (None, "", begun.execution.run_id):
            return begun
        record = self.stored.find(domain, workflow_id, run_id)
        return None if record is None else self._of(record)

    def open(self, domain: str, execution: WorkflowExecution) -> State:
        """Return an execution that must be open.

        Raises:
            ExecutionNotFoundError: there is none.
        """
        state = self.find(domain, execution.workflow_id, execution.run_id)
        if state is None:
            raise not_found(domain, execution)
        return state

    def token(self, state: State, started_event_id: int, id: str = "") -> str:
        """Return the token of a task that was started."""
        return make_token(state, started_event_id, id)

    def held(self, token: str) -> tuple[State, int, str]:
        """Return what a task token stands for: state, started event id, item id.

        Raises:
            InvalidTokenError: no service like this one made it.
            TaskLostError: its execution is not here.
        """
        run, run_id, started, id = parse_token(token)
        state = self.load(run)
        if state is None or not state.execution.run_id.startswith(run_id):
            raise TaskLostError("the task's execution is not in this database")
        return state, started, id

    def events(self, state: State, after: int = 0) -> list[AnyEvent]:
        """Return the events after number `after`, those of this transaction included."""
        stored = [] if state.is_new else self.stored.events(state.run, after)
        return stored + [event for event in state.new_events if event.event_id > after]

    def items(self, state: State) -> list[AnyItem]:
        """Return the open items of an execution."""
        items: dict[ItemKey, AnyItem | None] = {}
        if not state.whole:
            items = {(item.kind, item.id): item for item in self.stored.items(state.run)}
        return [item for item in (items | state.items).values() if item is not None]

    def queued(
        self, kind: str, domain: str, task_list: str, limit: int
    ) -> Iterator[tuple[State, str]]:
        """Yield executions with the id of an item that waits in a queue, next one first."""
        for run, item in self.stored.queued(kind, domain, [task_list], None, limit):
            state = self.load(run)
            current = None if state is None or state.is_closed else state.get(kind, item.id)
            if state is not None and current is not None and current.queue == task_list:
                yield state, item.id

    @property
    def retry_after(self) -> float | None:
        """Seconds until `queued` and `start_activity` may give what they held back."""
        if self.stored.skipped:
            return 0.0
        next_token = self.rate_limits.next_token
        return None if next_token is None else max(0.0, next_token - self.now)

    # -- the catalogue

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key."""
        return self.stored.entry(kind, domain, key)

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key."""
        return self.stored.entries(kind, domain)

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or (with None) remove what the catalogue holds under a key."""
        self.stored.enter(kind, domain, key, body, was)

    def register_workflow_type(self, domain: str, workflow_type: WorkflowType) -> None:
        """Make a workflow type known."""
        self.stored.add_types(domain, [workflow_type.key])

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Remove closed executions of a domain so long after their end; None: never."""
        if seconds is None:
            self.stored.pruning.drop_retention(domain)
        else:
            retention = Retention(domain=domain, seconds=seconds, next_at=self.now)
            self.stored.pruning.put_retention(retention)

    # -- doing

    def start(self, request: StartRequest) -> WorkflowExecution:
        """Start an execution, or return the one that this very request started before."""
        existing = existing_run(self, request)
        if existing is not None:
            return existing
        execution = new_execution(request, self.now)
        attributes = request.search_attributes
        self.begin(execution, c.Start(input=request.input, search_attributes=attributes))
        return WorkflowExecution(execution.workflow_id, execution.run_id)

    def begin(self, execution: Execution, command: c.Start) -> State:
        """Start a new execution; its workflow id must be free."""
        run = self.stored.new_run()
        state = State(run, execution, Progress(), self._find_item, is_new=True)
        state.tail = []
        self._begun[execution.domain, execution.workflow_id] = state
        self.do(state, command)
        return state

    def do(self, state: State, command: c.Command) -> c.Change:
        """Apply one command, and all that it asks of other executions."""
        last_event_id = state.progress.last_event_id
        change = decide(state, command, self.now)
        if isinstance(command, c.CompleteDecisionTask):
            seen_all = command.started_event_id == last_event_id
            state.tail = [] if seen_all else None  # else events came while the task was held
        elif isinstance(command, c.Heartbeat):
            self.heartbeats.append((state, command.activity_id, command.details))
        self.accept(state, change)
        if state.execution.origin is not None and isinstance(command, c.CompleteDecisionTask):
            hand_on(self, state)
        return change

    def answer(self, state: State, command: c.CompleteDecisionTask) -> None:
        """Apply a host's decisions, if the store can keep what comes of them.

        Raises:
            DecisionRefusedError: they contradict themselves, or it cannot; nothing was changed.
        """
        try:
            change = decide(state, command, self.now)
            self.stored.validate(_proposal(change))
        except (StoreError, DecisionRefusedError):
            raise
        except Exception as error:
            if not isinstance(error, UnicodeError | UsageError):
                log.exception("a decision broke the engine")
            raise DecisionRefusedError(
                f"what it decides cannot be kept: {type(error).__name__}: {error}"
            ) from error
        self.accept(state, change)
        if state.execution.origin is not None:
            hand_on(self, state)

    def accept(self, state: State, change: c.Change) -> None:
        """Apply a change that was decided on this very state."""
        if self.states.limits or self.states.limits is None:
            self._leave_lanes(state, change)
        if self.watched:
            self._note_activities(state, change)
        apply(state, change)
        run = state.run
        self.touched[run] = state
        reuses = state.execution.origin is not None
        if reuses:
            hold_back_from_workers(self, state, change)
        for item in change.put:
            is_held = reuses and item is not state.items.get((item.kind, item.id))
            if item.queue is not None and not is_held:
                self.lines.add((item.kind, state.execution.domain, item.queue))
                if item.kind == "activity":
                    self.ready_activities[run, item.id] = state
                else:
                    self.ready_decisions[run] = state
            if item.due is not None and (self.next_due is None or item.due < self.next_due):
                self.next_due = item.due
            if isinstance(item, OpenChild):
                self._children.setdefault(run, []).append(item)
        if change.closes:
            self.closed.append(state)
        if change.outgoing:
            heirs = [one for one in change.outgoing if isinstance(one, c.ContinueRun)]
            others = [one for one in change.outgoing if not isinstance(one, c.ContinueRun)]
            for outgoing in heirs + others:  # what is sent to oneself is for the next run
                self._deliver(state, outgoing)

    def _note_activities(self, state: State, change: c.Change) -> None:
        """Keep for listeners what a change, not yet applied, makes of activities."""
        keys = [*change.drop, *((item.kind, item.id) for item in change.put)]
        found = [state.items.get(key) for key in keys if key[0] == "activity"]
        before = {one.scheduled_event_id: one for one in found if isinstance(one, OpenActivity)}
        if not before:
            return
        for event in change.events:
            activity = before.get(getattr(event, "scheduled_event_id", 0))
            if activity is not None:
                self.activities[state.run, event.event_id] = activity

    def fire_due(self) -> bool:
        """Look at what has come due; return whether there may be more."""
        due = self.stored.due(self.now, DUE_LIMIT)
        for run, item in sorted(due, key=_as_begun):
            state = self.load(run)
            if state is not None and not state.is_closed:
                self.do(state, c.Due(kind=item.kind, id=item.id))
        return len(due) == DUE_LIMIT

    def release(self, owner: str, cause: RescheduleCause) -> None:
        """Put back whatever a worker holds."""
        for run, item in self.stored.held(owner):
            state = self.load(run)
            if state is not None and not state.is_closed:
                current = state.get(item.kind, item.id)
                if current is not None and current.owner == owner:
                    self.do(state, c.Release(kind=item.kind, id=item.id, cause=cause))

    # -- limits

    @property
    def rate_limits(self) -> RateLimits:
        """The limits of task lists, as this transaction uses them up."""
        if self._rate_limits is None:
            limits = self.states.limits
            if limits is None:
                limits = self.states.limits = self.stored.limits()
            self._rate_limits = RateLimits(self.stored, limits, self.now)
        return self._rate_limits

    def start_activity(
        self, state: State, id: str, identity: str, owner: str | None = None
    ) -> bool:
        """Hand a waiting activity to a worker, if its task list's limits allow it."""
        lane = None
        if self.rate_limits.are_limited:
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            domain = state.execution.domain
            if self.rate_limits.room(domain, item.task_list) < 1:
                return False
            lane = self.rate_limits.take(domain, item.task_list)
        self.do(
            state,
            c.StartActivityTask(activity_id=id, identity=identity or None, owner=owner, lane=lane),
        )
        return True

    def _leave_lanes(self, state: State, change: c.Change) -> None:
        """Give free the places that a change, not yet applied, gives up."""
        keys = list(state.items) if change.closes else [*change.drop]
        keys += [(item.kind, item.id) for item in change.put if item.lane is None]
        for key in keys:
            before = state.items.get(key)
            if before is not None and before.lane is not None:
                self.rate_limits.leave(state.execution.domain, before.lane)
                self.freed = True

    def set_limits(self, limit: LimitRecord) -> None:
        """Change the limits of a task list."""
        self.stored.put_limit(limit)
        self.states.limits = self._rate_limits = None
        self.freed = True  # there may be more room now

    def flush(self) -> None:
        """Have everything written."""
        if self._rate_limits is not None:
            limits = self._rate_limits.write()
            if self.states.limits is not None:
                self.states.limits = limits
        relied = [
            state
            for run, state in self.used.items()
            if run not in self.touched and (not state.is_closed or run in self.needed)
        ]
        if relied:
            self.stored.rely_on(relied)
        if self.freed:
            self.stored.tell(News.WORK)
        if self.touched:
            self.stored.write(self.touched.values())

    # -- messages between executions

    def _deliver(self, sender: State, outgoing: c.Outgoing) -> None:
        match outgoing:
            case c.TellParent(parent=parent, closed=closed):
                state = self.find(sender.execution.domain, parent.workflow_id, parent.run_id)
                if state is not None and not state.is_closed:
                    self.do(state, closed)
            case c.StartChild():
                self._start_child(sender, outgoing)
            case c.ContinueRun():
                self._continue(sender, outgoing)
            case c.SendSignal() | c.SendCancel():
                self._send(sender, outgoing)
            case c.ApplyChildPolicy(policy=policy):
                self._close_children(sender, policy)

    def _continue(self, sender: State, outgoing: c.ContinueRun) -> None:
        """Begin the next run, and give it what the old one has not heard of."""
        start = c.Start(
            input=outgoing.input,
            continued_execution_run_id=sender.execution.run_id,
            search_attributes=outgoing.search_attributes,
        )
        heir = self.begin(outgoing.execution, start)
        for signal in outgoing.signals:
            self.do(heir, c.Signal(signal_name=signal.signal_name, input=signal.input))
        if outgoing.cancel:
            self.do(heir, c.RequestCancel())

    def _start_child(self, parent: State, outgoing: c.StartChild) -> None:
        wanted = outgoing.execution
        if reuses_child(self, parent, outgoing):
            return
        existing = self.find(wanted.domain, wanted.workflow_id)
        answer: c.Command
        cause = None
        if not self._knows(wanted.domain, wanted.workflow_type.key):
            cause = "WORKFLOW_TYPE_DOES_NOT_EXIST"
        elif existing is not None and not existing.is_closed:
            cause = "WORKFLOW_ALREADY_RUNNING"
        if cause is not None:
            answer = c.ChildNotStarted(
                workflow_id=wanted.workflow_id,
                workflow_type=wanted.workflow_type,
                initiated_event_id=outgoing.initiated_event_id,
                decision_task_completed_event_id=outgoing.decision_task_completed_event_id,
                cause=cause,
                control=outgoing.control,
            )
        else:
            execution = replace(wanted, run_id=uuid.uuid4().hex)
            self.begin(execution, c.Start(input=outgoing.input))
            answer = c.ChildStarted(
                execution=WorkflowExecution(execution.workflow_id, execution.run_id),
                workflow_type=execution.workflow_type,
                initiated_event_id=outgoing.initiated_event_id,
                control=outgoing.control,
            )
        if not parent.is_closed:
            self.do(parent, answer)

    def _knows(self, domain: str, key: str) -> bool:
        known = self.states.types
        if (domain, key) not in known and self.stored.has_type(domain, key):
            known.add((domain, key))
        return (domain, key) in known

    def _send(self, sender: State, outgoing: c.SendSignal | c.SendCancel) -> None:
        me = sender.execution
        if isinstance(outgoing, c.SendSignal) and me.origin is not None:
            if memory_of(self, me.origin).sent(outgoing.control):
                self.do(sender, c.ExternalAnswered(outgoing=outgoing, run_id=outgoing.run_id))
                return
        target = self.find(me.domain, outgoing.workflow_id, outgoing.run_id)
        if target is None or target.is_closed:
            answer = c.ExternalAnswered(
                outgoing=outgoing, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
            )
        else:
            source = WorkflowExecution(me.workflow_id, me.run_id)
            self.do(target, _message(outgoing, source))
            answer = c.ExternalAnswered(outgoing=outgoing, run_id=target.execution.run_id)
        if not sender.is_closed:
            self.do(sender, answer)

    def _close_children(self, parent: State, policy: ChildPolicy) -> None:
        children = {child.id: child for child in self.stored.children(parent.run)}
        children |= {child.id: child for child in self._children.get(parent.run, ())}
        for child in children.values():
            workflow_id = child.execution.workflow_id
            state = self.find(parent.execution.domain, workflow_id)  # the newest of its runs
            if state is None or state.is_closed or not _is_child(state.execution, parent, child):
                continue
            if policy is ChildPolicy.TERMINATE:
                self.do(state, c.Terminate(cause="CHILD_POLICY_APPLIED"))
            else:
                self.do(state, c.RequestCancel(cause="CHILD_POLICY_APPLIED"))


def _proposal(change: c.Change) -> Proposal:
    """Return what a change, not yet accepted, would have the store write or look for."""
    begun: list[Execution] = []
    ids: list[str] = []
    for outgoing in change.outgoing:
        match outgoing:
            case c.StartChild(execution=execution) | c.ContinueRun(execution=execution):
                begun.append(execution)
            case (
                c.SendSignal(workflow_id=id, run_id=run_id)
                | c.SendCancel(workflow_id=id, run_id=run_id)
            ):
                ids += (id, run_id or "")
    return Proposal(
        progress=change.progress, events=change.events, items=change.put, begun=begun, ids=ids
    )


def _as_begun(taken: Taken) -> tuple[float, int, int]:
    """Return what orders items that are due: of several at one moment, the first begun is first."""
    run, item = taken
    begun = getattr(item, "scheduled_event_id", 0) or getattr(item, "started_event_id", 0)
    return item.due or 0.0, run, begun


def _is_child(execution: Execution, parent: State, child: OpenChild) -> bool:
    """Whether it is a run of that child, and no stranger who was given its id after its end."""
    me = WorkflowExecution(parent.execution.workflow_id, parent.execution.run_id)
    return (
        execution.parent == me and execution.parent_initiated_event_id == child.initiated_event_id
    )


def _message(outgoing: c.SendSignal | c.SendCancel, source: WorkflowExecution) -> c.Command:
    initiated = outgoing.initiated_event_id
    if isinstance(outgoing, c.SendSignal):
        return c.Signal(
            signal_name=outgoing.signal_name,
            input=outgoing.input,
            source=source,
            source_initiated_event_id=initiated,
        )
    return c.RequestCancel(source=source, source_initiated_event_id=initiated)


def make_token(state: State, started_event_id: int, id: str = "") -> str:
    """Return the token of a task that was just started."""
    return f"{state.run}:{state.execution.run_id[:8]}:{started_event_id}:{id}"


def parse_token(token: str) -> tuple[int, str, int, str]:
    """Return run, beginning of the run id, started event id and item id.

    Raises:
        InvalidTokenError: it is not of that form.
    """
    parts = token.split(":", 3) if isinstance(token, str) else []
    if len(parts) == 4 and _is_number(parts[0]) and _is_number(parts[2]) and len(parts[1]) == 8:
        return int(parts[0]), parts[1], int(parts[2]), parts[3]
    shown = repr(token[:40]) if isinstance(token, str) else f"{token!r:.40}"
    raise InvalidTokenError(f"not a task token of this service: {shown}")


def _is_number(text: str) -> bool:
    """Whether it is a number that a run's key or an event's id can be."""
    return text.isdecimal() and len(text) <= 18


def not_found(domain: str, execution: WorkflowExecution) -> ExecutionNotFoundError:
    """Return the error for an execution that is not there."""
    run = f" with run {execution.run_id}" if execution.run_id else ""
    return ExecutionNotFoundError(
        f"no execution {execution.workflow_id!r}{run} in domain {domain!r}; "
        "`partita list` shows what there is"
    )
