"""State what a front may do inside one transaction of a service.

A front speaks an outside protocol over a service. Most operations of such a protocol are one call
of the Service port; for those that must read and write in one transaction, a service can be
`Transactional`. A `Session` knows executions, their queues and the catalogue of registered
things; which commands there are is for `partita.rules.commands` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from partita.history import AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.service import StartRequest
from partita.ports.state import AnyItem, Backlog, ExecutionFilter, State
from partita.ports.store import Record

T = TypeVar("T")

QueueKey = tuple[str, str, str]
"""A queue: kind of item, domain and task list."""

QueueListener = Callable[[set[QueueKey] | None], None]
"""Is called with the queues in which there may be something to take; None: in any."""


class Command(Struct, frozen=True, gc=False):
    """Something that can be asked of one execution."""


class Catalogue(Protocol):
    """Reads what fronts have entered: JSON texts, by kind, domain and key."""

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return the text under a key."""

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return all texts of a kind in a domain, by key."""


class Committed(Catalogue, Protocol):
    """What a service has committed, for reads that need no transaction. Safe from any thread."""

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events of a record's `run` after number `after`, in order."""

    def executions(self, filter: ExecutionFilter) -> list[Record]:
        """Return up to `filter.limit` executions, newest first."""

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count the executions that `executions` would return without a limit."""

    def backlogs(self, domain: str | None = None) -> list[Backlog]:
        """Return how much waits in each queue of a domain, or of all, where something does."""


class Session(Catalogue, Protocol):
    """One transaction. All that is done in it is committed together, or not at all.

    A session is used by one thread, and only by the function that it was given to. A function
    that raises must not have changed anything before.
    """

    now: float  # seconds since the epoch; the same for all that is done in the transaction

    def find(self, domain: str, workflow_id: str, run_id: str | None = None) -> State | None:
        """Return the run, or the newest run of the workflow id."""

    def open(self, domain: str, execution: WorkflowExecution) -> State:
        """Return an execution.

        Raises:
            ExecutionNotFoundError: there is none.
        """

    def start(self, request: StartRequest) -> WorkflowExecution:
        """Start an execution, or return the one that this very request started before.

        Raises:
            ExecutionAlreadyStartedError: the reuse policy forbids it.
        """

    def do(self, state: State, command: Command) -> object:
        """Apply a command, and whatever it asks of other executions.

        Raises:
            PartitaError: the command is refused; nothing was changed.
        """

    def events(self, state: State, after: int = 0) -> list[AnyEvent]:
        """Return the events after number `after`, those of this transaction included."""

    def items(self, state: State) -> Sequence[AnyItem]:
        """Return the open items of an execution."""

    def queued(
        self, kind: str, domain: str, task_list: str, limit: int
    ) -> Iterator[tuple[State, str]]:
        """Yield executions with the id of an item that waits in a queue, next one first.

        No other transaction is given an item of the same execution until this one ends. Looks
        at no more than `limit` items. What this very transaction puts into the queue is left
        to the next one.
        """

    def start_activity(self, state: State, id: str, identity: str) -> bool:
        """Hand a queued activity to a worker; return False if a rate limit forbids it now."""

    @property
    def retry_after(self) -> float | None:
        """Seconds until `queued` and `start_activity` may give what they held back; None: nothing.

        Something is held back by a rate limit, or because another process has it locked.
        """

    def token(self, state: State, started_event_id: int, id: str = "") -> str:
        """Return the token of a task that was started."""

    def held(self, token: str) -> tuple[State, int, str]:
        """Return what a task token stands for: state, started event id, item id.

        Raises:
            InvalidTokenError: no service like this one made it.
            TaskLostError: its execution is not here.
        """

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or (with None) remove what the catalogue holds under a key.

        Raises:
            ConflictError: the catalogue no longer holds `was` under that key.
        """

    def register_workflow_type(self, domain: str, workflow_type: WorkflowType) -> None:
        """Make a workflow type known, so that it can be started as a child; idempotent."""

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Remove closed executions of a domain so long after their end; None: never."""


@runtime_checkable
class Transactional(Protocol):
    """What a service offers besides if fronts can be put before it."""

    @property
    def committed(self) -> Committed:
        """Reads of what is committed."""

    def transact(self, work: Callable[[Session], T]) -> T:
        """Call `work` in a transaction; return its result once that is committed.

        `work` must be quick and may be called again, if others have changed what it rests on.
        """

    def submit(self, work: Callable[[Session], T]) -> Future[T]:
        """Call `work` in a transaction, as `transact` does, without waiting for it."""

    def subscribe(self, listener: QueueListener) -> Callable[[], None]:
        """Call `listener`, from any thread, when there may be something to take from a queue.

        It must return at once. Return what ends it.
        """

    def keep_retentions(self) -> None:
        """Remove executions whose retention is over from now on, by a thread of its own."""
