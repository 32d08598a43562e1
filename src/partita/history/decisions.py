"""Name every decision that a decider can make, after Amazon SWF.

A table and nothing else: what a decision causes is said in `rules`. Attributes carry SWF's
names in snake case; a timeout drops its `Timeout` suffix and is a float in seconds.

Source: Amazon SWF API Reference (2012-01-25), Decision.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from partita.history.values import ActivityType, ChildPolicy, RetryPolicy, SignalInput, WorkflowType


class Decision(
    Struct,
    frozen=True,
    kw_only=True,
    tag=True,
    tag_field="decision_type",
    omit_defaults=True,
    gc=False,
):
    """One thing that a decider asks for."""

    closes: ClassVar[bool] = False  # whether it ends the run

    @property
    def decision_type(self) -> str:
        """The decision's name, as in SWF's `decisionType`."""
        return type(self).__name__


class ScheduleActivityTask(Decision, frozen=True, kw_only=True):
    """Run an activity."""

    activity_type: ActivityType
    activity_id: str
    control: str | None = None
    input: str | None = None
    schedule_to_close: float | None = None
    task_list: str | None = None
    task_priority: int | None = None
    schedule_to_start: float | None = None
    start_to_close: float | None = None
    heartbeat: float | None = None
    retry_policy: RetryPolicy | None = None


class RequestCancelActivityTask(Decision, frozen=True, kw_only=True):
    """Cancel an open activity."""

    activity_id: str


class CompleteWorkflowExecution(Decision, frozen=True, kw_only=True):
    """End the workflow with a result."""

    closes = True
    result: str | None = None


class FailWorkflowExecution(Decision, frozen=True, kw_only=True):
    """End the workflow with an error."""

    closes = True
    reason: str | None = None
    details: str | None = None


class CancelWorkflowExecution(Decision, frozen=True, kw_only=True):
    """End the workflow as canceled."""

    closes = True
    details: str | None = None


class ContinueAsNewWorkflowExecution(Decision, frozen=True, kw_only=True):
    """End this run and start the next with a fresh history."""

    closes = True
    input: str | None = None
    execution_start_to_close: float | None = None
    task_list: str | None = None
    task_priority: int | None = None
    task_start_to_close: float | None = None
    child_policy: ChildPolicy | None = None
    tag_list: tuple[str, ...] | None = None
    workflow_type_version: str | None = None
    lambda_role: str | None = None
    unread_signals: tuple[SignalInput, ...] = ()  # ours: sent on to the next run
    cancel_pending: bool = False  # ours: the workflow has not heard of its cancel request


class RecordMarker(Decision, frozen=True, kw_only=True):
    """Write a note into the history."""

    marker_name: str
    details: str | None = None


class StartTimer(Decision, frozen=True, kw_only=True):
    """Start a timer."""

    timer_id: str
    start_to_fire: float
    control: str | None = None


class CancelTimer(Decision, frozen=True, kw_only=True):
    """Cancel an open timer."""

    timer_id: str


class SignalExternalWorkflowExecution(Decision, frozen=True, kw_only=True):
    """Signal another execution."""

    workflow_id: str
    signal_name: str
    run_id: str | None = None
    input: str | None = None
    control: str | None = None


class RequestCancelExternalWorkflowExecution(Decision, frozen=True, kw_only=True):
    """Ask another execution to cancel itself."""

    workflow_id: str
    run_id: str | None = None
    control: str | None = None


class StartChildWorkflowExecution(Decision, frozen=True, kw_only=True):
    """Start a child execution."""

    workflow_type: WorkflowType
    workflow_id: str
    control: str | None = None
    input: str | None = None
    execution_start_to_close: float | None = None
    task_list: str | None = None
    task_priority: int | None = None
    task_start_to_close: float | None = None
    child_policy: ChildPolicy | None = None
    tag_list: tuple[str, ...] = ()
    lambda_role: str | None = None
    trace_context: str | None = None  # ours: W3C traceparent; None: the parent's own


class ScheduleLambdaFunction(Decision, frozen=True, kw_only=True):
    """Invoke a Lambda function."""

    id: str
    name: str
    control: str | None = None
    input: str | None = None
    start_to_close: float | None = None


AnyDecision = (
    ScheduleActivityTask
    | RequestCancelActivityTask
    | CompleteWorkflowExecution
    | FailWorkflowExecution
    | CancelWorkflowExecution
    | ContinueAsNewWorkflowExecution
    | RecordMarker
    | StartTimer
    | CancelTimer
    | SignalExternalWorkflowExecution
    | RequestCancelExternalWorkflowExecution
    | StartChildWorkflowExecution
    | ScheduleLambdaFunction
)
"""Every decision, as a closed union."""
