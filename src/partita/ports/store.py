"""State what a database must do for the embedded engine.

The lower of the two ports. A store is transactional and knows no rule: it keeps executions,
their open items and their events, and finds them again by run, by task list and by due time.
What an engine keeps besides is text in a catalogue, which a store does not read.
`stores.memory` is its executable specification; `partita.testing.conformance.stores` checks
a store against these obligations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import Flag, auto
from typing import Protocol

from msgspec import Struct

from partita.history import AnyEvent
from partita.ports.state import AnyItem, Backlog, Execution, ExecutionFilter, Progress, State

Taken = tuple[int, AnyItem]
"""A run's key and one of its open items."""


class Record(Struct, frozen=True):
    """An execution as it stands."""

    run: int
    execution: Execution
    progress: Progress


class Overview(Struct, frozen=True, kw_only=True):
    """What is open at one moment, in all domains; lists are cut at `OVERVIEW` entries."""

    tasks: tuple[tuple[Record, AnyItem], ...]  # open decisions and activities, by run
    overdue: tuple[tuple[Record, AnyItem], ...]  # due before that moment, the longest ago first
    bare: tuple[Record, ...]  # open executions in which nothing is open
    latest: float  # the latest moment that somebody has written; 0: there is none


OVERVIEW = 10_000
"""Entries of each list of an overview, at most."""


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
    WORK = auto()  # put something into a queue, or made room in a limited task list
    CLOSED = auto()  # closed an execution
    QUESTIONS = auto()  # asked or answered
    LIMITS = auto()  # changed the limits of a task list
    ALL = WORK | CLOSED | QUESTIONS | LIMITS


class Reads(Protocol):
    """What both a store and a transaction can be asked.

    A store answers with what was last committed. A transaction answers with what it builds
    on, and with what it has entered in the catalogue itself.
    """

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or without a run id the newest run of the workflow id."""

    def items(self, run: int, kind: str | None = None, id: str | None = None) -> list[AnyItem]:
        """Return the open items of a run: all, those of a kind, or the one of a kind and id."""

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`, in order."""

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return the catalogue's entry under a key."""

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return the catalogue's entries of a kind in a domain, by key."""


class Transaction(Reads, Protocol):
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
    def seen(self) -> Mapping[int, int]:
        """Revisions that this transaction has read, by run."""

    # -- executions

    def new_run(self) -> int:
        """Return a key for a new execution, greater than all before."""

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""

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

    def count_running(self, domain: str, task_list: str) -> int:
        """Count the open items whose `lane` is that task list, as they are at this moment."""

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
        """Announce to other processes what no written state shows, once this is committed."""

    # -- the catalogue

    def lock(self, kind: str, domain: str, key: str) -> str | None:
        """Return an entry, and keep others from locking or changing it until this ends.

        Waits for those who have it. An entry that is not there cannot be locked.
        """

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or (with None) remove the catalogue's entry under a key.

        Raises:
            ConflictError: somebody else has changed it: it is no longer what it `was`.
        """

    def require(self, kind: str, domain: str, key: str) -> None:
        """Commit only if this entry is not removed by another transaction meanwhile.

        Nothing to do for a store that keeps others from writing until a transaction ends.
        """

    # -- removal of closed executions; `engine.removal` knows which may go

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


class Store(Reads, Protocol):
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
        """Call `heard`, from any thread, when `changed` has something to report.

        A store that cannot tell by itself does nothing.
        """

    @property
    def glance(self) -> float | None:
        """Seconds that may pass between two calls of `changed`.

        None: no other process can write to this store, and `changed` never says anything.
        """

    def open_among(self, runs: Collection[int]) -> set[int]:
        """Return which of these runs are there and open, as last committed."""

    def executions(
        self, filter: ExecutionFilter, after: tuple[float, int] | None = None
    ) -> list[Record]:
        """Return up to `filter.limit` executions, newest first.

        With `after`, the `started_at` and `run` of the last one of the page before (or
        `(0.0, 0)`), return closed ones only, the one that began first first.
        """

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""

    def backlogs(self, domain: str | None = None) -> list[Backlog]:
        """Return how much waits in each queue of a domain, or of all, where something does."""

    def overview(self, moment: float) -> Overview:
        """Return what is open; items that were due before `moment` are overdue."""

    def check(self) -> list[str]:
        """Return what is wrong with the stored data, a line each; empty if nothing is."""

    def close(self) -> None:
        """Release the database."""
