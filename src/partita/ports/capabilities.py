"""State what a service may offer beyond the `Service` protocol, and how to ask for it.

A service implements those of these protocols that it can; the ones that concern a worker are in
`partita.ports.host`. Where it implements none, its user takes a fallback or gets an
`UnsupportedError`; each protocol says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeGuard, TypeVar

from msgspec import Struct

from partita import history as h
from partita.errors import UnsupportedError
from partita.history.document import ExportedHistory
from partita.ports.catalogue import WorkerRecord
from partita.ports.notices import Listen
from partita.ports.service import (
    ExecutionInfo,
    ForkRequest,
    Pause,
    PauseKind,
    StartRequest,
    TaskListLimits,
    title_of,
)
from partita.ports.state import DEFAULT_DOMAIN, Backlog, Status

T = TypeVar("T")


def supports(service: object, capability: type[T]) -> TypeGuard[T]:
    """Return whether a service has every method of a capability."""
    return all(hasattr(service, name) for name in vars(capability) if not name.startswith("_"))


def supported(service: object, capability: type[T], action: str) -> T:
    """Return a service as one that has a capability.

    Raises:
        UnsupportedError: it cannot do `action`.
    """
    if supports(service, capability):
        return service
    raise UnsupportedError(f"{title_of(service)} cannot {action}")


class SupportsSignalWithStart(Protocol):
    """Start and signal in one step. Fallback: two steps."""

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> h.WorkflowExecution:
        """Signal the open execution of that workflow id; start one with the signal if none is.

        No decider sees one without the other.
        """


class SupportsInputByName(Protocol):
    """Take a call's arguments by their names alone. Fallback: as they were given."""

    def input_by_name(self, names: Sequence[str], payload: str) -> str:
        """Return a payload of arguments as this service takes it; `names` are the parameters'."""


class SupportsMatches(Protocol):
    """List by `ExecutionFilter.matches`. Fallback: whoever lists filters what comes."""

    def match_fields(self) -> Collection[str]:
        """Return the fields of matches by which it filters; "attr." stands for all attributes."""


class SupportsWaits(Protocol):
    """Wait for events. Fallback: the history is read again and again."""

    def wait_history(
        self, domain: str, execution: h.WorkflowExecution, after: int, timeout: float | None
    ) -> list[h.AnyEvent]:
        """Wait for events after number `after`, and return them.

        Empty if none came within `timeout` seconds, or the execution is closed.
        """

    def wait_closed(
        self, domain: str, execution: h.WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before.

        Raises:
            StoreUnavailableError: out of reach as the waiting began; later on, it waits for it.
            WaitTimeoutError: out of reach as the time was over, so that nobody knows.
        """


class SupportsClosings(Protocol):
    """Tell of ends without a thread that waits. Fallback: the execution is described repeatedly."""

    def on_closed(
        self, domain: str, execution: h.WorkflowExecution, closed: Callable[[], None]
    ) -> Callable[[], None]:
        """Call `closed` once the execution seems to be closed; return what undoes that.

        It may be called at once and on any thread; it must return quickly and not raise.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            StoreUnavailableError: the service is out of reach.
        """


class SupportsQueries(Protocol):
    """Ask live workers. Fallback: the client replays the history with the code that it has."""

    def query_workflow(
        self,
        domain: str,
        execution: h.WorkflowExecution,
        name: str,
        input: str | None,
        timeout: float | None = None,
    ) -> str:
        """Return the payload of a live worker's answer to a query. Changes nothing.

        Raises:
            NoWorkerError: no worker with the workflow's code answered in time.
            QueryFailedError: the code that was to answer raised.
            UnknownTypeError: the workflow answers no query of that name.
        """


class SupportsForks(Protocol):
    """Begin runs from the history of others. Without it: UnsupportedError."""

    def fork_workflow_execution(self, request: ForkRequest) -> h.WorkflowExecution:
        """Begin a run that reuses what another has recorded, up to one of its events.

        Raises:
            UnknownForkPointError: there is no such event, or no activity with that id.
            ExecutionAlreadyStartedError: the new workflow id belongs to an open execution.
        """


class SupportsLimits(Protocol):
    """Limit how fast task lists are worked off. Without it: UnsupportedError."""

    def set_limits(self, domain: str, task_list: str, limits: TaskListLimits) -> None:
        """Limit how fast a task list is worked off; `TaskListLimits()` lifts the limits."""

    def limits(self, domain: str) -> dict[str, TaskListLimits]:
        """Return the limits of every task list that has one."""


class SupportsPauses(Protocol):
    """Pause executions, workflow types and task lists. Without it: UnsupportedError.

    What is paused takes in what comes (results, signals, timers) and begins nothing new: none of
    its decision tasks and activities is handed out. Activities that were handed out may end.
    """

    def pause_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        """Pause an execution; idempotent. Raises ExecutionNotFoundError if none is open."""

    def resume_workflow_execution(self, domain: str, execution: h.WorkflowExecution) -> None:
        """Resume a paused execution; idempotent. Raises ExecutionNotFoundError."""

    def pause_work(self, domain: str, kind: PauseKind, name: str, reason: str | None) -> None:
        """Pause a workflow type, also for what is started later, or a task list; idempotent."""

    def resume_work(self, domain: str, kind: PauseKind, name: str) -> bool:
        """Resume a type or a task list; return whether it was paused. Safe to repeat."""

    def pauses(self, domain: str) -> list[Pause]:
        """Return the types and task lists that are paused."""


class Obstacle(Struct, frozen=True, kw_only=True):
    """What keeps everybody from recording anything in a database."""

    is_full: bool  # or else it is read-only
    what: str  # one line, for people


class SupportsObstacles(Protocol):
    """Tell what keeps a database from being written. Without it, that is not known."""

    def obstacle(self) -> Obstacle | None:
        """Return what keeps everybody from recording anything, as far as can be seen from here."""


class SupportsWorkerRecords(Protocol):
    """Tell which workers are alive, and what they serve. Without it, that is not known."""

    def living_workers(self) -> list[WorkerRecord]:
        """Return the workers that are not known to be dead, of all processes."""


class SupportsNotices(Protocol):
    """Tell listeners of what is recorded. Without it: UnsupportedError."""

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Tell `listener` of what is recorded by way of this service; return what ends it."""


class SupportsFollowing(Protocol):
    """Tell listeners of what other processes do, too. Without it: UnsupportedError.

    So an event may be told by several processes, and `use_listener` does not listen here.
    """

    def follow(self, domain: str, execution: h.WorkflowExecution) -> None:
        """Tell listeners of all events of an execution, from its first on.

        Raises:
            ExecutionNotFoundError: there is no such execution.
        """


class PruneRequest(Struct, frozen=True, kw_only=True):
    """Which closed executions are to be removed."""

    domain: str = DEFAULT_DOMAIN
    closed_before: float  # seconds since the epoch
    type_name: str | None = None
    statuses: tuple[Status, ...] = ()  # empty: all but OPEN


class Prunable(Struct, frozen=True, kw_only=True):
    """An execution that may be removed now."""

    key: int  # the service's own
    info: ExecutionInfo


class PrunePage(Struct, frozen=True, kw_only=True):
    """Some of what may be removed; those in one group go together."""

    groups: tuple[tuple[Prunable, ...], ...]
    looked_at: int
    next: tuple[float, int] | None  # where to look on; None: that was all


class Pruning(Protocol):
    """Remove closed executions. Without it: InvalidOptionError."""

    def prunable(
        self, request: PruneRequest, after: tuple[float, int], gone: Collection[int] = ()
    ) -> PrunePage:
        """Return some of what may be removed, the oldest first; removes nothing.

        `after` is (0, 0), or `next` of the page before. Executions in `gone` count as removed
        already, so that a dry run can follow what a real one would do.
        """

    def prune(self, request: PruneRequest, keys: Collection[int]) -> int:
        """Remove those of these executions that may still go, in one transaction; count them."""

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Remove closed executions of a domain `seconds` after their end; None: never."""

    def retentions(self) -> dict[str, float]:
        """Return the seconds after which closed executions are removed, by domain."""


class Importing(Protocol):
    """Take in histories that were exported elsewhere. Without it: InvalidOptionError."""

    def import_history(self, domain: str, history: ExportedHistory) -> bool:
        """Keep a closed run as it was elsewhere; return False if it is here already.

        One transaction; nothing of the run is started, announced or decided.

        Raises:
            InvalidInputError: the history is open.
            ExecutionAlreadyStartedError: its workflow id has an open run here, a run that began
                later, or this run with another history.
        """


class Standing(Struct, frozen=True, kw_only=True):
    """How a service in this process stands, as far as it can tell without its database."""

    silent_for: float  # seconds since its thread last went round
    is_serving: bool  # whether a host is attached, and nothing is held back from it


class Watchable(Protocol):
    """Show the health and load of a service in this process. Without it, neither is known."""

    def standing(self) -> Standing:
        """Return how it stands, at once, and wake its thread so that the next answer is fresh."""

    def is_on_record(self) -> bool:
        """Return whether the database knows the attached host as alive.

        Raises:
            StoreError: it is out of reach.
        """

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how many tasks wait in each task list that has any."""

    def on_commit(self, heard: Callable[[int, float], None]) -> Callable[[], None]:
        """Call `heard` after each commit; return what ends it.

        It is given the number of requests that shared the commit, and the seconds that it took
        with the decisions in it. It runs on the service's thread and must return quickly.
        """
