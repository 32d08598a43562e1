"""Find and read the executions that one transaction is about.

Knows the store's records and the states kept from earlier transactions; applies no command.
"""

from __future__ import annotations

from partita.engine.catalogue import has_type
from partita.engine.recorded_steps import RecordedSteps
from partita.engine.state_cache import StateCache
from partita.errors import ExecutionNotFoundError
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.session import QueueKey
from partita.ports.state import AnyItem, Execution, ItemKey, OpenChild, Progress, State
from partita.ports.store import Record, Transaction

WHOLE_STATE_LIMIT = 64
"""Open items up to which a state is loaded whole; beyond, item by item as they are asked for."""

ORIGIN_LIMIT = 8
"""Origins of forks whose recorded steps are kept between transactions."""


class Executions:
    """The executions that one transaction has looked at, changed or begun."""

    __slots__ = ("_begun", "_children", "cache", "changed", "needed", "stored", "used")

    def __init__(self, stored: Transaction, cache: StateCache) -> None:
        cache.begin(stored)
        self.stored = stored
        self.cache = cache
        self.used: dict[int, State] = {}  # all that were looked at
        self.changed: dict[int, State] = {}
        self.needed: set[int] = set()  # closed runs that must not be removed meanwhile
        self._begun: dict[tuple[str, str], State] = {}
        self._children: dict[int, list[OpenChild]] = {}  # started here, by the parent's run

    def load(self, run: int) -> State | None:
        """Return the state of a run."""
        state = self.changed.get(run) or self.cache.get(run)
        if state is None:
            record = self.stored.record(run)
            return None if record is None else self._state_of(record)
        self.used[run] = state
        return state

    def _state_of(self, record: Record) -> State:
        known = self.changed.get(record.run) or self.cache.get(record.run)
        if known is not None:
            self.used[record.run] = known
            return known
        progress = record.progress
        state = State(record.run, record.execution, progress, self.cache.read_item)
        open = progress.open_activities + progress.open_timers + progress.open_lambdas
        if open + progress.open_children <= WHOLE_STATE_LIMIT:
            items = self.stored.items(record.run)
            state.items = {(item.kind, item.id): item for item in items}
            state.whole = True
        self.cache.keep(state)
        self.used[state.run] = state
        return state

    def find(self, domain: str, workflow_id: str, run_id: str | None = None) -> State | None:
        """Return the run, or the newest run of the workflow id."""
        begun = self._begun.get((domain, workflow_id))
        if begun is not None and run_id in (None, "", begun.execution.run_id):
            return begun
        record = self.stored.find(domain, workflow_id, run_id)
        return None if record is None else self._state_of(record)

    def new(self, execution: Execution) -> State:
        """Return the empty state of a new execution, whose workflow id must be free."""
        run = self.stored.new_run()
        state = State(run, execution, Progress(), self.cache.read_item, is_new=True)
        state.tail = []
        self._begun[execution.domain, execution.workflow_id] = state
        return state

    def events(self, state: State, after: int = 0) -> list[AnyEvent]:
        """Return the events after number `after`, those of this transaction included."""
        stored = [] if state.is_new else self.stored.events(state.run, after)
        return stored + [event for event in state.new_events if event.event_id > after]

    def recorded_steps(self, fork: State) -> RecordedSteps:
        """Return what the origin of a fork has recorded for it."""
        origin = fork.execution.origin
        assert origin is not None
        results = tuple(sorted(origin.results.items()))
        key = (origin.run, origin.until, origin.failures, origin.all_signals, results)
        kept = self.cache.recorded_steps
        if key not in kept:
            events = self.stored.events(origin.run, 0)
            source = self.changed.get(origin.run)
            if len(kept) >= ORIGIN_LIMIT:
                kept.clear()
            kept[key] = RecordedSteps(origin, events + (source.new_events if source else []))
        return kept[key]

    def items(self, state: State) -> list[AnyItem]:
        """Return the open items of an execution."""
        items: dict[ItemKey, AnyItem | None] = {}
        if not state.whole:
            items = {(item.kind, item.id): item for item in self.stored.items(state.run)}
        return [item for item in (items | state.items).values() if item is not None]

    def add_child(self, parent: State, child: OpenChild) -> None:
        """Note a child that was started in this transaction."""
        self._children.setdefault(parent.run, []).append(child)

    def children(self, parent: State) -> list[OpenChild]:
        """Return the children that were open before this transaction or started in it."""
        found = self.stored.items(parent.run, "child")
        children = {child.id: child for child in found if isinstance(child, OpenChild)}
        children |= {child.id: child for child in self._children.get(parent.run, ())}
        return list(children.values())

    def knows_type(self, domain: str, key: str) -> bool:
        """Whether a workflow type is registered."""
        known = self.cache.types
        if (domain, key) not in known and has_type(self.stored, domain, key):
            known.add((domain, key))
        return (domain, key) in known

    def relied_on(self) -> list[State]:
        """Return what was read, is not changed, and must be as it was read at the commit."""
        return [
            state
            for run, state in self.used.items()
            if run not in self.changed and (not state.is_closed or run in self.needed)
        ]


class QueuedWork:
    """What one transaction has put into queues, for whoever may take it, and what comes due."""

    __slots__ = ("activities", "decisions", "freed", "next_due", "queues")

    def __init__(self) -> None:
        self.decisions: dict[int, State] = {}
        self.activities: dict[tuple[int, str], State] = {}  # by run and activity id
        self.queues: set[QueueKey] = set()
        self.freed = False  # whether a rate limit has more room than before
        self.next_due: float | None = None

    def add(self, state: State, item: AnyItem) -> None:
        """Note an item that was opened or changed."""
        if item.queue is not None:
            self.queues.add((item.kind, state.execution.domain, item.queue))
            if item.kind == "activity":
                self.activities[state.run, item.id] = state
            else:
                self.decisions[state.run] = state
        if item.due is not None and (self.next_due is None or item.due < self.next_due):
            self.next_due = item.due


def not_found(domain: str, execution: WorkflowExecution) -> ExecutionNotFoundError:
    """Return the error for an execution that is not there."""
    run = f" with run {execution.run_id}" if execution.run_id else ""
    return ExecutionNotFoundError(
        f"no execution {execution.workflow_id!r}{run} in domain {domain!r}; "
        "`partita list` shows what there is"
    )
