"""State what every orchestrator that keeps histories must do for us.

The upper of the two ports. A service knows SWF's rules and hands out tasks; which one is
used is chosen by a URL (`connect`). Services are synchronous and safe to call from any
thread. What a call has acknowledged (it returned) survives `kill -9`.

What a service may offer besides stands in `partita.ports.capabilities` and `partita.ports.host`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from partita import history as h
from partita.ports.state import (
    DEFAULT_DOMAIN,
    DEFAULT_TASK_LIST,
    ExecutionFilter,
    OpenActivity,
    OpenChild,
    OpenDecision,
    OpenTimer,
    Paused,
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


class PauseKind(enum.StrEnum):
    """What can be paused besides single executions."""

    TYPE = "type"  # all executions of a workflow type, whatever its version
    TASK_LIST = "task list"  # what waits in a task list


class Pause(Struct, frozen=True, kw_only=True):
    """A workflow type or a task list that is paused."""

    kind: PauseKind
    name: str
    since: float  # seconds since the epoch
    reason: str | None = None
    resuming: bool = False  # whether it was being resumed as that was interrupted


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
    """Return what a service takes at most: its `bounds`, or else no bound."""
    bounds: Bounds = getattr(service, "bounds", UNBOUNDED)
    return bounds


def title_of(service: object) -> str:
    """Return a service's name for people: its `title`, or else its class."""
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
    paused: Paused | None = None  # of itself, not of its type or task list


class ExecutionDetail(Struct, frozen=True, kw_only=True):
    """One execution with what is open in it."""

    info: ExecutionInfo
    activities: tuple[OpenActivity, ...] = ()
    timers: tuple[OpenTimer, ...] = ()
    decision: OpenDecision | None = None
    open_children: int = 0
    children: tuple[OpenChild, ...] = ()  # those that are open, if the service tells


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """Some executions, and where the next ones begin."""

    executions: tuple[ExecutionInfo, ...]
    next_page: int | None = None


class Service(Protocol):
    """Keep histories; hand out decision tasks and activity tasks.

    The methods here are all that a service must have; `partita.ports.capabilities` and
    `partita.ports.host` name what it may have besides. A `workflow_id` without a `run_id`
    means its newest run. Every method is safe to call from any thread, and may raise
    `StoreUnavailableError` (nothing was done; repeating is safe). `partita.testing.conformance`
    checks what is stated here.
    """

    # -- executions

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        """Make a workflow type known; idempotent. A child of an unknown type is not started."""

    def start_workflow_execution(self, request: StartRequest) -> h.WorkflowExecution:
        """Start an execution, or return the one that this very request started before.

        Raises:
            ExecutionAlreadyStartedError: the reuse policy forbids it, or the id belongs to
                a start with another type or input.
            PayloadTooLargeError: the input is over the service's limit.
        """

    def signal_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, signal_name: str, input: str | None
    ) -> None:
        """Record a signal. Raises ExecutionNotFoundError if none is open."""

    def request_cancel_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution
    ) -> None:
        """Ask the workflow to cancel itself; idempotent. Raises ExecutionNotFoundError."""

    def terminate_workflow_execution(
        self, domain: str, execution: h.WorkflowExecution, reason: str | None
    ) -> None:
        """End the execution at once; its decider is not asked. Raises ExecutionNotFoundError."""

    # -- decision tasks

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Take the oldest decision task, with the whole history. Waits up to `wait` seconds.

        Exclusive per execution: no second decider gets one until this is answered, fails
        or times out (`task_start_to_close`). Its history ends with its DecisionTaskStarted.
        """

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Apply all the decisions in one transaction.

        Raises:
            TaskLostError: the task is no longer the caller's.
            DecisionRefusedError: they contradict themselves; none was applied.
        """

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Give the decision task back because the decider is broken; it is tried again later."""

    # -- activity tasks

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
        """Record an error; the service tries again by the activity's retry policy.

        Raises TaskLostError, as `complete_activity` does.
        """

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request. Raises TaskLostError."""

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself.

        `details` are kept for the next attempt; None leaves those of the last heartbeat.
        Raises TaskLostError.
        """

    # -- reading

    def describe(self, domain: str, execution: h.WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands. Raises ExecutionNotFoundError."""

    def history(
        self, domain: str, execution: h.WorkflowExecution, *, after: int = 0
    ) -> list[h.AnyEvent]:
        """Return the events after number `after`, in order. Raises ExecutionNotFoundError."""

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""

    def close(self) -> None:
        """Release connections and threads; what was acknowledged stays."""
