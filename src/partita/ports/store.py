"""State what a database must do for the embedded engine.

The lower of the two ports. A store is transactional and knows no rule: it keeps executions,
their open items and their events, and finds them again by run, by task list and by due
time. `stores.memory` is its executable specification.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import Flag, auto
from typing import Protocol

from msgspec import Struct

from partita.history import AnyEvent
from partita.ports.state import (
    AnyItem,
    Backlog,
    Execution,
    ExecutionFilter,
    OpenChild,
    Progress,
    State,
)

Taken = tuple[int, AnyItem]
"""A run's key and one of its open items."""


class Record(Struct, frozen=True):
    """An execution as it stands."""

    run: int
    execution: Execution
    progress: Progress


class Queue(Struct, frozen=True, kw_only=True):
    """What waits in one task list."""

    domain: str
    kind: str  # decision or activity
    task_list: str
    length: int
    since: float  # when the first of it began to wait


class Overview(Struct, frozen=True, kw_only=True):
    """How everything stands at one moment, of all domains; lists are cut at `OVERVIEW` entries."""

    queues: tuple[Queue, ...]
    tasks: tuple[tuple[Record, AnyItem], ...]  # open decisions and activities, by run
    overdue: tuple[tuple[Record, AnyItem], ...]  # due before that moment, the longest ago first
    bare: tuple[Record, ...]  # open executions in which nothing is open
    latest: float  # the latest moment that somebody has written; 0: there is none


OVERVIEW = 10_000
"""Entries of each list of an overview, at most."""


class WorkerRecord(Struct, frozen=True, kw_only=True):
    """A worker process that may hold tasks, until its lease runs out."""

    id: str  # the `owner` of what it holds
    machine: str  # equal for processes that can see each other's process ids
    pid: int
    born: str  # tells the process from a later one with the same pid; empty if unknown
    lease_until: float  # seconds since the epoch


class LimitRecord(Struct, frozen=True, kw_only=True):
    """How fast a task list may be worked off, and how much of that is used up."""

    domain: str
    task_list: str
    concurrency: int | None = None  # activities that may run at a time
    per_second: float | None = None  # activities that may begin
    burst: float = 1.0  # tokens that the bucket holds
    tokens: float = 0.0  # at `filled_at`
    filled_at: float = 0.0


class Retention(Struct, frozen=True, kw_only=True):
    """How long a domain's closed executions are kept."""

    domain: str
    seconds: float  # from an execution's end
    next_at: float = 0.0  # when an engine is to look for what may go


class Question(Struct, frozen=True, kw_only=True):
    """A query on its way to a worker in another process."""

    id: str
    domain: str
    run: int
    type_key: str
    name: str
    input: str | None
    asked_at: float


class Answer(Struct, frozen=True, kw_only=True):
    """What came of a question: a payload, or an error's code and message."""

    result: str | None = None
    code: str | None = None
    message: str = ""


class Proposal(Struct, frozen=True, kw_only=True):
    """What the answer to a decision task would write."""

    progress: Progress
    events: Sequence[AnyEvent]
    items: Sequence[AnyItem]
    begun: Sequence[Execution]  # executions that it begins
    ids: Sequence[str]  # workflow and run ids that it looks for


class News(Flag):
    """What other processes have done since we last asked."""

    NOTHING = 0
    WORK = auto()  # put something into a queue, or made room in a lane
    CLOSED = auto()  # closed an execution
    QUESTIONS = auto()  # asked or answered
    LIMITS = auto()  # changed the limits of a task list
    ALL = WORK | CLOSED | QUESTIONS | LIMITS


class Pruning(Protocol):
    """Take closed executions out of the store, as a part of a transaction.

    The store does as it is told: what may go is said in `engine.pruning`.
    """

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse (`state.Origin`)."""

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Keep others from these runs until the transaction ends, and return them, oldest first.

        Without those that are not there, or that another transaction holds. Until the end
        nobody follows, relies on or changes what is held; what they did before can be read.
        """

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions that are held and closed, and every row that belongs to them.

        Their keys are never used again.
        """

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one."""

    def put_retention(self, retention: Retention) -> None:
        """Insert or replace a domain's retention."""

    def drop_retention(self, domain: str) -> None:
        """Keep everything of a domain from now on."""

    def claim(self, retention: Retention, next_at: float) -> bool:
        """Put off a domain's next look; False if its retention is no longer this one."""


class Transaction(Protocol):
    """Read, then write once, as if nobody else wrote.

    Obligations: `write` is all or nothing and durable before the `with` block has ended;
    leaving the block by an exception leaves no trace. A store either keeps others from writing
    until the transaction ends, or lets them, and then ends the block with a ConflictError
    unless every state that was written, and every one that was relied on, is still `stored`
    at the revision that it had; then nothing was changed, and the caller begins anew.
    """

    foreign: bool  # whether what was read in earlier transactions must be checked before use
    skipped: bool  # whether `queued` left out what another process holds at this moment

    @property
    def pruning(self) -> Pruning:
        """What removes executions."""

    @property
    def seen(self) -> Mapping[int, int]:
        """Revisions that this transaction has read, by run."""

    def new_run(self) -> int:
        """Return a key for a new execution, greater than all before."""

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item."""

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""

    def children(self, run: int) -> list[OpenChild]:
        """Return the open children of a run."""

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`, in order."""

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        """Return items that wait in a queue: highest priority first, then oldest.

        No other transaction is given an item of the same execution until this one ends.
        `names` are the type keys that the taker knows; None for all.
        """

    def due(self, now: float, limit: int) -> list[Taken]:
        """Return items whose `due` has come, soonest first; not what another process holds."""

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""

    def validate(self, proposal: Proposal) -> None:
        """Refuse, before anything is changed, what could not be written.

        Raises:
            UsageError: this database cannot store one of the values.
            UnicodeError: a text is not valid Unicode.
        """

    def write(self, states: Iterable[State]) -> None:
        """Store each state: its progress, `new_events` and `changed` items.

        A closed state's items are all removed. At most once in a transaction.
        """

    def rely_on(self, states: Iterable[State]) -> None:
        """Commit only if these, read and not changed, are still as they were read."""

    def tell(self, news: News) -> None:
        """Let other processes hear of something that no written state shows."""

    def add_types(self, domain: str, keys: Collection[str]) -> None:
        """Remember workflow types."""

    def has_type(self, domain: str, key: str) -> bool:
        """Return whether a workflow type was ever added."""

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key, as it is in this transaction."""

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key."""

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or (with None) remove what the catalogue holds under a key.

        Raises:
            ConflictError: somebody else has changed it: it is not, any more, what it was.
        """

    def limits(self) -> list[LimitRecord]:
        """Return the limits of every task list that has one."""

    def put_limit(self, limit: LimitRecord) -> None:
        """Insert or replace a task list's limits; with neither limit, remove them."""

    def lane(self, domain: str, task_list: str) -> tuple[LimitRecord | None, int]:
        """Return a task list's limits, and how many open items take a place in it, as written.

        No other transaction is told of that lane until this one ends.
        """

    def ask(self, question: Question) -> None:
        """Put a question to whoever can answer it."""

    def questions(self, domain: str, keys: Collection[str]) -> list[Question]:
        """Return the questions about these types that nobody has answered."""

    def answer(self, id: str, answer: Answer) -> None:
        """Answer a question."""

    def take_answer(self, id: str) -> Answer | None:
        """Return a question's answer and remove both; None if there is none yet."""

    def drop_question(self, id: str) -> None:
        """Remove a question that nobody waits for any more."""

    def drop_questions_before(self, moment: float) -> None:
        """Remove the questions that were asked before a moment, in seconds since the epoch."""

    def put_worker(self, worker: WorkerRecord) -> None:
        """Insert or replace a worker."""

    def drop_worker(self, worker: WorkerRecord) -> bool:
        """Remove a worker; return False if its record is gone, or is no longer this one.

        What the worker `held` may be asked for afterwards: nothing is added to it any more.
        """

    def act_for(self, worker: str) -> None:
        """Commit only if this worker is on record: the transaction gives tasks to it."""


class Store(Protocol):
    """Keep executions. Reads may come from any thread; transactions from one at a time."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction, and commit it at the end of the block if something was written.

        Raises:
            ConflictError: others changed what it rests on; nothing was changed, do it again.
            StoreUnavailableError: out of reach, or locked by others for too long; if the
                connection was lost during the commit, the message says so.
            StoreFullError: no room; nothing was changed.
            StoreCorruptError: the database is damaged.
        """

    def changed(self) -> News:
        """Return what other processes have done since the last call. Never waits.

        It may say more than was done, and never less for longer than `glance`.
        """

    def on_change(self, heard: Callable[[], None]) -> None:
        """Have `heard` called, from any thread, when `changed` has something to say.

        A store that cannot tell by itself does nothing.
        """

    @property
    def shared(self) -> bool:
        """Whether other processes can write to it at all."""

    @property
    def glance(self) -> float | None:
        """Seconds that may pass between two calls of `changed`; None: it never says anything."""

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id, as last committed."""

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open, as last committed."""

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item, as last committed."""

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the committed events after number `after`, in order."""

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key, as last committed."""

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key, as last committed."""

    def count_queued(self, kind: str, domain: str, task_list: str) -> int:
        """Count the items that wait in a queue."""

    def executions(self, filter: ExecutionFilter) -> list[Record]:
        """Return up to `filter.limit` executions, newest first."""

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how much waits in each task list of a domain, where something does."""

    def closed(self, filter: ExecutionFilter, after: tuple[float, int] = (0.0, 0)) -> list[Record]:
        """Return up to `filter.limit` closed executions, the one that began first first.

        `after` is `started_at` and `run` of the last one of the page before.
        """

    def retentions(self) -> list[Retention]:
        """Return the retention of every domain that has one, as last committed."""

    def overview(self, moment: float) -> Overview:
        """Return how everything stands; items that were due before `moment` are overdue."""

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""

    def check(self) -> list[str]:
        """Return what is wrong with the stored data, a line each; empty if nothing is."""

    def close(self) -> None:
        """Let go of the database."""
