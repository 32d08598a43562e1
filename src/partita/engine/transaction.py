"""Do one transaction's work: apply commands to executions, and what they ask of others.

The engine's `Session`. Knows the rules and the store's transaction; knows no thread and no
worker. What was done is in the changed states until `flush` writes them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from partita.engine import catalogue
from partita.engine.executions import Executions, QueuedWork, not_found
from partita.engine.messages import deliveries
from partita.engine.notifier import Observations
from partita.engine.rate_limits import RateLimits, parking_queue
from partita.engine.recorded_steps import hand_on, hold_back
from partita.engine.starts import existing_run, new_execution
from partita.engine.state_cache import StateCache
from partita.engine.task_tokens import make_token, parse_token
from partita.errors import DecisionRefusedError, StoreError, TaskLostError, UsageError
from partita.history import AnyEvent, RescheduleCause, WorkflowExecution, WorkflowType
from partita.ports.catalogue import LimitRecord, Retention
from partita.ports.requests import check_type
from partita.ports.service import ActivityTask, StartRequest
from partita.ports.state import AnyItem, Execution, OpenActivity, OpenChild, State
from partita.ports.store import News, Proposal, Taken, Transaction
from partita.ports.texts import NAME_LENGTH, check_attributes, check_name, check_names
from partita.rules import apply, decide
from partita.rules import commands as c

log = logging.getLogger("partita.engine")

DUE_LIMIT = 500
"""Items that one transaction looks at because their time has come."""


class EngineTransaction:
    """One transaction in the making."""

    __slots__ = (
        "_rate_limits",
        "after_commit",
        "after_rollback",
        "closed",
        "executions",
        "exit_early",
        "handed_out",
        "now",
        "observations",
        "queued_work",
        "stored",
    )

    def __init__(
        self,
        stored: Transaction,
        now: float,
        cache: StateCache,
        exit_early: Callable[[BaseException | None], None],
        observations: Observations | None = None,
    ) -> None:
        """Begin over `stored`, the store's own transaction."""
        self.stored = stored
        self.now = now
        self.executions = Executions(stored, cache)
        self.queued_work = QueuedWork()
        self.closed: list[State] = []
        self.observations = observations  # None: nobody listens
        self.after_commit: list[Callable[[], None]] = []  # called once it is committed and over
        self.after_rollback: list[Callable[[], None]] = []  # called if it failed, last first
        self.handed_out: list[ActivityTask] = []  # to the host, once it is committed
        self.exit_early = exit_early  # commits or, with an error, rolls back; see `EarlyExit`
        self._rate_limits: RateLimits | None = None

    # -- finding

    def load(self, run: int) -> State | None:
        """Return the state of a run."""
        return self.executions.load(run)

    def find(self, domain: str, workflow_id: str, run_id: str | None = None) -> State | None:
        """Return the run, or the newest run of the workflow id."""
        return self.executions.find(domain, workflow_id, run_id)

    def open(self, domain: str, execution: WorkflowExecution) -> State:
        """Return an execution.

        Raises:
            ExecutionNotFoundError: there is none.
        """
        state = self.executions.find(domain, execution.workflow_id, execution.run_id)
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
        state = self.executions.load(run)
        if state is None or not state.execution.run_id.startswith(run_id):
            raise TaskLostError("the task's execution is not in this database")
        return state, started, id

    def events(self, state: State, after: int = 0) -> list[AnyEvent]:
        """Return the events after number `after`, those of this transaction included."""
        return self.executions.events(state, after)

    def items(self, state: State) -> list[AnyItem]:
        """Return the open items of an execution."""
        return self.executions.items(state)

    def queued(
        self, kind: str, domain: str, task_list: str, limit: int
    ) -> Iterator[tuple[State, str]]:
        """Yield executions with the id of an item that waits in a queue, next one first."""
        for run, item in self.stored.queued(kind, domain, [task_list], None, limit):
            state = self.executions.load(run)
            current = None if state is None or state.is_closed else state.get(kind, item.id)
            if state is None or current is None or current.queue != task_list:
                continue
            if not self.holds_back(state, current):
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
        catalogue.add_types(self.stored, domain, [workflow_type.key])

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Remove closed executions of a domain so long after their end; None: never."""
        if seconds is None:
            catalogue.drop_retention(self.stored, domain)
        else:
            retention = Retention(domain=domain, seconds=seconds, next_at=self.now)
            catalogue.put_retention(self.stored, retention)

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
        state = self.executions.new(execution)
        self.do(state, command)
        return state

    def do(self, state: State, command: c.Command) -> c.Change:
        """Apply one command, and all that it asks of other executions."""
        change = decide(state, command, self.now)
        self._apply(state, command, change)
        return change

    def answer(self, state: State, command: c.CompleteDecisionTask) -> None:
        """Apply a host's decisions, if the store can write what comes of them.

        Raises:
            DecisionRefusedError: they contradict themselves, or it cannot; nothing was changed.
        """
        try:
            change = decide(state, command, self.now)
            proposal = _proposal(change)
            _check_names(proposal)
            self.stored.validate(proposal)
        except (StoreError, DecisionRefusedError):
            raise
        except Exception as error:
            if not isinstance(error, UnicodeError | UsageError):
                log.exception("a decision broke the engine")
            raise DecisionRefusedError(
                f"what it decides cannot be kept: {type(error).__name__}: {error}"
            ) from error
        self._accept_answer(state, command.started_event_id, change)

    def _apply(self, state: State, command: c.Command, change: c.Change) -> None:
        if type(command) is c.CompleteDecisionTask:
            self._accept_answer(state, command.started_event_id, change)
            return
        seen = self.observations
        if type(command) is c.Heartbeat and seen is not None and seen.wants_heartbeats:
            seen.note_heartbeat(state, command.activity_id, command.details)
        self.accept(state, change)

    def _accept_answer(self, state: State, started_event_id: int, change: c.Change) -> None:
        """Apply a change that answers a decision task."""
        seen_all = started_event_id == state.progress.last_event_id
        state.tail = [] if seen_all else None  # else events came while the task was held
        self.accept(state, change)
        if state.execution.origin is not None:
            self._hand_on(state)

    def _hand_on(self, fork: State) -> None:
        """Hand on to a fork what its origin has recorded."""
        steps = self.executions.recorded_steps(fork)
        for reused in hand_on(steps, fork, self.now, self.executions.items):
            if isinstance(reused, c.Change):
                self.accept(fork, reused)
            else:
                self.do(fork, reused)

    def accept(self, state: State, change: c.Change) -> None:
        """Apply a change that was decided on this very state."""
        if self.executions.cache.limits.get(state.execution.domain) != {}:  # None: not known
            self.queued_work.freed |= self.rate_limits.release(state, change)
        seen = self.observations
        if seen is not None and (
            seen.wanted is None or not seen.wanted.isdisjoint(map(type, change.events))
        ):
            seen.note_activities(state, change)
        apply(state, change)
        self.executions.changed[state.run] = state
        is_fork = state.execution.origin is not None
        if is_fork:
            hold_back(lambda: self.executions.recorded_steps(state), state, change)
        for item in change.put:
            if is_fork:  # it may be held back
                item = state.items.get((item.kind, item.id)) or item
            if item.queue is not None or item.due is not None:
                self.queued_work.add(state, item)
            if type(item) is OpenChild:
                self.executions.add_child(state, item)
        if state.is_closed:
            self.closed.append(state)
        if change.outgoing:
            for receiver, command in deliveries(self.executions, state, change.outgoing):
                self.do(receiver, command)

    def add_imported(self, state: State) -> None:
        """Write a run as it is, without notices for listeners."""
        self.executions.changed[state.run] = state
        if self.observations is not None:
            self.observations.quiet.add(state.run)

    def fire_due(self) -> None:
        """Apply what has come due, up to a limit."""
        for run, item in sorted(self.stored.due(self.now, DUE_LIMIT), key=_due_order):
            state = self.executions.load(run)
            if state is not None and not state.is_closed:
                self.do(state, c.Due(kind=item.kind, id=item.id))

    def release(self, owner: str, cause: RescheduleCause) -> None:
        """Put back whatever a worker holds."""
        for run, item in self.stored.held(owner):
            state = self.executions.load(run)
            if state is not None and not state.is_closed:
                current = state.get(item.kind, item.id)
                if current is not None and current.owner == owner:
                    self.do(state, c.Release(kind=item.kind, id=item.id, cause=cause))

    # -- rate limits

    @property
    def rate_limits(self) -> RateLimits:
        """The limits of task lists, as this transaction uses them up."""
        if self._rate_limits is None:
            limits = self.executions.cache.limits
            self._rate_limits = RateLimits(self.stored, limits, self.now)
        return self._rate_limits

    def holds_back(self, state: State, item: AnyItem) -> bool:
        """Return whether a pause of its type or task list keeps an item from being taken.

        One of a paused type is parked, so that nobody comes upon it again.
        """
        domain, limits = state.execution.domain, self.rate_limits
        if not limits.is_limited(domain):
            return False
        if limits.is_paused(domain, item.queue):
            return True
        type_name = state.execution.workflow_type.name
        if not limits.parks(domain, type_name):
            return False
        self.do(state, c.Park(kind=item.kind, id=item.id, queue=parking_queue(type_name)))
        self.queued_work.freed = True  # who looks for items may have seen nothing but this one
        return True

    def start_activity(
        self, state: State, id: str, identity: str, owner: str | None = None
    ) -> bool:
        """Hand a queued activity to a worker; return False if a rate limit forbids it now."""
        lane = None
        domain = state.execution.domain
        is_unlimited = self.executions.cache.limits.get(domain) == {}
        if not is_unlimited and self.rate_limits.is_limited(domain):
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            if self.holds_back(state, item):
                return False
            if self.rate_limits.room(domain, item.task_list) < 1:
                return False
            lane = self.rate_limits.take(domain, item.task_list)
        self.do(
            state,
            c.StartActivityTask(activity_id=id, identity=identity or None, owner=owner, lane=lane),
        )
        return True

    def set_limits(self, limit: LimitRecord) -> None:
        """Change the limits of a task list."""
        catalogue.put_limit(self.stored, limit)
        self.executions.cache.limits.clear()
        self._rate_limits = None
        self.queued_work.freed = True  # there may be more room now

    def flush(self) -> None:
        """Write everything that was changed."""
        if self._rate_limits is not None:
            self._rate_limits.write()
        relied_on = self.executions.relied_on()
        if relied_on:
            self.stored.rely_on(relied_on)
        if self.queued_work.freed:
            self.stored.tell(News.WORK)
        if self.executions.changed:
            self.stored.write(self.executions.changed.values())


def _proposal(change: c.Change) -> Proposal:
    """Return what a change, not yet accepted, would have the store write or look for."""
    begun: list[Execution] = []
    ids: list[str] = []
    for outgoing in change.outgoing:
        match outgoing:
            case c.StartChild(execution=execution) | c.ContinueRun(execution=execution):
                begun.append(execution)
            case c.SendSignal() | c.SendCancel():
                ids += (outgoing.workflow_id, outgoing.run_id or "")
    return Proposal(
        progress=change.progress, events=change.events, items=change.put, begun=begun, ids=ids
    )


def _check_names(proposal: Proposal) -> None:
    """Refuse names that are too long for a store.

    Raises:
        InvalidOptionError: there is one.
    """
    for item in proposal.items:
        if len(item.id) + len(item.name) + len(item.queue or "") > NAME_LENGTH:
            check_names("id, name or task list", (item.id, item.name, item.queue or ""))
    for execution in proposal.begun:
        check_name("workflow id", execution.workflow_id)
        check_type(execution.workflow_type)
        check_names("task list or tag", (execution.task_list, *execution.tag_list))
    if proposal.ids:
        check_names("id", proposal.ids)
    if proposal.progress.search_attributes:
        check_attributes(proposal.progress.search_attributes)


def _due_order(taken: Taken) -> tuple[float, int, int]:
    """Return what orders due items: by time, and at the same moment the first begun is first."""
    run, item = taken
    begun = getattr(item, "scheduled_event_id", 0) or getattr(item, "started_event_id", 0)
    return item.due or 0.0, run, begun
