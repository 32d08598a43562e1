"""State what every orchestrator that keeps histories must do for us.

The upper of the two ports. A service knows SWF's rules and hands out tasks; which one is
used is chosen by a URL (`connect`). Services are synchronous and safe to call from any
thread. What a call has acknowledged (it returned) survives `kill -9`.

What a service may offer besides are protocols of their own, here and in `partita.ports.host`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from msgspec import Meta, Struct

from partita import history as h
from partita.history.document import ExportedHistory
from partita.ports.notices import Listen
from partita.ports.state import (
    DEFAULT_DOMAIN,
    DEFAULT_TASK_LIST,
    Backlog,
    ExecutionFilter,
    OpenActivity,
    OpenDecision,
    OpenTimer,
    Status,
)


class ReusePolicy(enum.StrEnum):
    """What a start does if its workflow id was used before."""

    RETURN_EXISTING = "return_existing"  # the same start again returns the same execution
    ALLOW = "allow"  # a new run, unless one is open
    ALLOW_AFTER_FAILURE = "allow_after_failure"  # a new run if the last did not complete
    TERMINATE_EXISTING = "terminate_existing"  # a new run; an open one is terminated
    REJECT = "reject"  # never


Traceparent = Annotated[str, Meta(pattern="^[0-9a-f]{2}(-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})$")]
"""The place in a trace at which something was asked for.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header
"""


class StartRequest(Struct, frozen=True, kw_only=True):
    """What `start_workflow_execution` needs; attributes are SWF's."""

    workflow_id: str
    workflow_type: h.WorkflowType
    input: str | None = None
    domain: str = DEFAULT_DOMAIN
    task_list: str = DEFAULT_TASK_LIST
    task_priority: int = 0
    child_policy: h.ChildPolicy = h.ChildPolicy.TERMINATE
    task_start_to_close: float | None = None
    execution_start_to_close: float | None = None
    tag_list: tuple[str, ...] = ()
    lambda_role: str | None = None
    search_attributes: dict[str, Any] = {}
    reuse_policy: ReusePolicy = ReusePolicy.RETURN_EXISTING
    trace_context: Traceparent | None = None  # of the caller


class ForkRequest(Struct, frozen=True, kw_only=True):
    """What `fork_workflow_execution` needs."""

    workflow_id: str
    run_id: str = ""  # empty: the newest run
    domain: str = DEFAULT_DOMAIN
    event_id: int | None = None  # results recorded by later events are not reused; None: all are
    new_workflow_id: str | None = None  # None: a reset, whose open run is terminated
    input: str | None = None  # None: the source's
    results: dict[str, str] = {}  # other results, by activity id
    reuse_failures: bool = False  # or try again what failed
    task_list: str | None = None  # None: the source's


class TaskListLimits(Struct, frozen=True, kw_only=True):
    """How fast a task list may be worked off, by all workers together; None is no limit."""

    concurrency: int | None = None  # activities that run at a time
    per_second: float | None = None  # activities that begin
    burst: float = 1.0  # that may begin at once after a quiet time


class Bounds(Struct, frozen=True, kw_only=True):
    """What a service takes at most; what is over it, deciders keep back for their next turn.

    None is no bound. An execution keeps to the same bounds for all its life, because a replay
    keeps back what was kept back then.
    """

    decisions: int | None = None  # in one answer
    characters: int | None = None  # of payloads in one answer; one decision always goes
    activities: int | None = None  # open at a time
    lambdas: bool = False  # whether it invokes Lambda functions itself, not a local stand-in


UNBOUNDED = Bounds()
"""The embedded engine's."""


def bounds_of(service: object) -> Bounds:
    """Return what a service takes at most; one that says nothing takes anything."""
    bounds: Bounds = getattr(service, "bounds", UNBOUNDED)
    return bounds


def title_of(service: object) -> str:
    """Return what a service is called among people: its `title`, or else its class."""
    return str(getattr(service, "title", type(service).__name__))


class DecisionTask(Struct, frozen=True, kw_only=True):
    """What a decider is given: what happened since its last answer, or since the start."""

    token: str
    workflow_execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    started_event_id: int
    previous_started_event_id: int  # events up to this one were seen by the last answer; 0: none
    events: Sequence[h.AnyEvent]  # from 1, or from previous_started_event_id + 1, in order
    domain: str = DEFAULT_DOMAIN
    trace_context: str | None = None  # of the execution


class ActivityTask(Struct, frozen=True, kw_only=True):
    """What a worker is given to do."""

    token: str
    workflow_execution: h.WorkflowExecution
    activity_id: str
    activity_type: h.ActivityType
    started_event_id: int
    attempt: int = 1
    losses: int = 0  # workers that were lost while they ran it
    input: str | None = None
    details: str | None = None  # of the last heartbeat of an earlier attempt
    start_to_close: float | None = None
    heartbeat: float | None = None
    domain: str = DEFAULT_DOMAIN
    trace_context: str | None = None  # of the execution


class ActivityAnswer(Struct, frozen=True, kw_only=True):
    """How an activity ended; `outcome` says which of the fields count."""

    token: str
    outcome: Literal["completed", "failed", "canceled", "pending"]  # pending: it ends later
    result: str | None = None  # completed
    reason: str | None = None  # failed: the exception's type
    details: str | None = None  # failed: JSON of the failure; canceled
    retryable: bool = True  # failed


class ExecutionInfo(Struct, frozen=True, kw_only=True):
    """One line of a list of executions."""

    workflow_id: str
    run_id: str
    workflow_type: h.WorkflowType
    status: Status
    started_at: float
    closed_at: float | None = None
    task_list: str = ""  # empty where a list does not tell, as Amazon SWF's
    tag_list: tuple[str, ...] = ()
    event_count: int = 0  # 0, likewise
    cancel_requested: bool = False
    parent: h.WorkflowExecution | None = None
    search_attributes: dict[str, Any] = {}


class ExecutionDetail(Struct, frozen=True, kw_only=True):
    """One execution with what is open in it."""

    info: ExecutionInfo
    activities: tuple[OpenActivity, ...] = ()
    timers: tuple[OpenTimer, ...] = ()
    decision: OpenDecision | None = None
    open_children: int = 0


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """Some executions, and where the next ones begin."""

    executions: tuple[ExecutionInfo, ...]
    next_page: int | None = None


class Service(Protocol):
    """Keep histories; hand out decision tasks and activity tasks.

    A `workflow_id` without a `run_id` means its newest run. Every method may raise
    `StoreUnavailableError` (nothing was done; repeating is safe).
    """

    def start_workflow_execution(self, request: StartRequest) -> h.WorkflowExecution:
        """Start an execution, or return the one that this very request started before.

        Raises:
            ExecutionAlreadyStartedError: the reuse policy forbids it, or the id belongs to
                a start with another type or input.
            PayloadTooLargeError: the input is over the service's limit.
        """

    def signal_with_start(
        self, request: StartRequest, signal_name: str, input: str | None
    ) -> h.WorkflowExecution:
        """Signal the open execution of that workflow id; start one with the signal if none is.

        Where the service allows it, start and signal are one step: no decider sees one
        without the other.
        """

    def fork_workflow_execution(self, request: ForkRequest) -> h.WorkflowExecution:
        """Begin a run that reuses what another has recorded, up to one of its events.

        Raises:
            UnknownForkPointError: there is no such event, or no activity with that id.
            ExecutionAlreadyStartedError: the new workflow id belongs to an open execution.
        """

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        """Make a workflow type known; idempotent. A child of an unknown type is not started."""

    def set_limits(self, domain: str, task_list: str, limits: TaskListLimits) -> None:
        """Limit how fast a task list is worked off; `TaskListLimits()` lifts the limits."""

    def limits(self, domain: str) -> dict[str, TaskListLimits]:
        """Return the limits of every task list that has one."""

    def signal_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Record a signal. Raises ExecutionNotFoundError if none is open."""

    def request_cancel_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution
    ) -> None:
        """Ask the workflow to cancel itself; idempotent."""

    def terminate_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        """End the execution at once; its decider is not asked."""

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Take the oldest decision task, with the whole history. Waits up to `wait` seconds.

        Exclusive per execution: no second decider gets one until this is answered, fails
        or times out (`task_start_to_close`).
        """

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Apply all the decisions in one transaction.

        Raises:
            TaskLostError: the task is no longer the caller's.
            DecisionRefusedError: they contradict themselves; none was applied.
        """

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Give the decision task back because the decider is broken; it is tried again later."""

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        """Take the oldest activity of the highest priority. Waits up to `wait` seconds.

        No two callers hold one task, in any process. The task is theirs until it is
        answered or one of its timeouts runs out.
        """

    def complete_activity(self, token: str, result: str | None) -> None:
        """Record a result, once. Raises TaskLostError if the task is no longer the caller's."""

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the service tries again by the activity's retry policy."""

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Tell `listener` of what is recorded by way of this service; return what ends it."""

    def describe(self, domain: str, execution: h.WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands. Raises ExecutionNotFoundError."""

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        """Return the events after number `after`, in order."""

    def wait_history(
        self, domain: str, execution: h.WorkflowExecution, after: int, timeout: float | None
    ) -> list[h.AnyEvent]:
        """Wait for events after number `after`, and return them.

        Empty if none came within `timeout` seconds, or the execution is closed.
        """

    def query_workflow(
        self,
        domain: str,
        execution: h.WorkflowExecution,
        name: str,
        input: str | None,
        timeout: float | None = None,
    ) -> str:
        """Have a live worker answer a query; return the answer's payload. Changes nothing.

        Raises:
            NoWorkerError: no worker with the workflow's code answered in time.
            QueryFailedError: the code that was to answer raised.
            UnknownTypeError: the workflow answers no query of that name.
        """

    def wait_closed(
        self, domain: str, execution: h.WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before.

        Raises:
            StoreUnavailableError: out of reach as the waiting began; later on, it waits for it.
            WaitTimeoutError: out of reach as the time was over, so that nobody knows.
        """

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""

    def close(self) -> None:
        """Let go of everything; what was acknowledged stays."""


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


@runtime_checkable
class Pruning(Protocol):
    """What a service offers besides if closed executions can be removed from it."""

    def prunable(
        self, request: PruneRequest, after: tuple[float, int], gone: Collection[int] = ()
    ) -> PrunePage:
        """Return some of what may be removed, the oldest first; removes nothing.

        `after` is (0, 0), or `next` of the page before. What is `gone` is looked at as if it
        were removed already, so that what would be removed can be foretold.
        """

    def prune(self, request: PruneRequest, keys: Collection[int]) -> int:
        """Remove those of these executions that may still go, in one transaction; count them."""

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Have closed executions of a domain removed so long after their end; None: never."""

    def retentions(self) -> dict[str, float]:
        """Return after how many seconds each domain's closed executions go, where they do."""


@runtime_checkable
class Importing(Protocol):
    """What a service offers besides if it can take in histories that were exported elsewhere."""

    def import_history(self, domain: str, history: ExportedHistory) -> bool:
        """Keep a closed run as it was elsewhere; return False if it is here already.

        One transaction; nothing of the run is started, told or decided.

        Raises:
            InvalidInputError: the history is open.
            ExecutionAlreadyStartedError: its workflow id has an open run here, a run that began
                later, or this run with another history.
        """


class Standing(Struct, frozen=True, kw_only=True):
    """How a service in this process stands, as far as it can tell without its database."""

    silent_for: float  # seconds since its thread last went round
    is_serving: bool  # whether a host is attached, and nothing is held back from it


@runtime_checkable
class Watchable(Protocol):
    """What a service in this process offers besides if its health and load can be watched."""

    def standing(self) -> Standing:
        """Say how it stands, at once; and wake its thread, so that the next answer is fresh."""

    def is_on_record(self) -> bool:
        """Ask the database whether it knows the attached host as alive.

        Raises:
            StoreError: it is out of reach.
        """

    def backlogs(self, domain: str) -> list[Backlog]:
        """Return how much waits in each task list, where something does."""

    def on_commit(self, heard: Callable[[int, float], None]) -> Callable[[], None]:
        """Have `heard` called with the size of each commit; return what ends it.

        That is the number of requests that shared it, and the seconds that it took with the
        decisions in it. It is called on the service's thread, and must be quick.
        """
