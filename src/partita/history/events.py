"""Name every event of an execution's history, after Amazon SWF.

A table and nothing else: no rule about which event may follow which (`rules`), no
bytes (`codec`). Attributes carry SWF's names in snake case; a timeout drops its
`Timeout` suffix and is a float in seconds; payloads are JSON text.

Two events are ours, because our engine retries where SWF leaves that to the decider:
`ActivityTaskRescheduled` and `DecisionTaskFailed`. So is `retry_policy` of an activity.

Source: Amazon SWF API Reference (2012-01-25), HistoryEvent.
"""

from __future__ import annotations

from msgspec import Struct

from partita.history.values import (
    ActivityType,
    ChildPolicy,
    RescheduleCause,
    RetryPolicy,
    TimeoutType,
    WorkflowExecution,
    WorkflowType,
)


class Event(
    Struct,
    frozen=True,
    kw_only=True,
    tag=True,
    tag_field="event_type",
    omit_defaults=True,
    gc=False,
):
    """One thing that happened to an execution."""

    event_id: int  # 1, 2, 3 … without gaps
    event_timestamp: float  # seconds since the epoch, UTC

    @property
    def event_type(self) -> str:
        """The event's name, as in SWF's `eventType`."""
        return type(self).__name__


class WorkflowExecutionStarted(Event, frozen=True, kw_only=True):
    """The execution began; always event 1."""

    child_policy: ChildPolicy
    task_list: str
    workflow_type: WorkflowType
    input: str | None = None
    execution_start_to_close: float | None = None
    task_start_to_close: float | None = None
    task_priority: int | None = None
    tag_list: tuple[str, ...] = ()
    continued_execution_run_id: str | None = None
    parent_workflow_execution: WorkflowExecution | None = None
    parent_initiated_event_id: int | None = None
    lambda_role: str | None = None
    original_run_id: str | None = None  # ours: of the run that this one was forked from
    reused_markers: dict[str, str] = {}  # ours: what side effects gave in that run, by marker
    trace_context: str | None = None  # ours: W3C traceparent of whoever started it


class WorkflowExecutionCancelRequested(Event, frozen=True, kw_only=True):
    """Somebody asked the workflow to cancel itself."""

    external_workflow_execution: WorkflowExecution | None = None
    external_initiated_event_id: int | None = None
    cause: str | None = None


class WorkflowExecutionCompleted(Event, frozen=True, kw_only=True):
    """The workflow ended with a result."""

    decision_task_completed_event_id: int
    result: str | None = None


class CompleteWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The workflow could not be completed, usually because unseen events had arrived."""

    cause: str
    decision_task_completed_event_id: int


class WorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The workflow ended with an error."""

    decision_task_completed_event_id: int
    reason: str | None = None
    details: str | None = None


class FailWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The workflow could not be failed."""

    cause: str
    decision_task_completed_event_id: int


class WorkflowExecutionTimedOut(Event, frozen=True, kw_only=True):
    """The execution outlived its `execution_start_to_close`."""

    timeout_type: TimeoutType
    child_policy: ChildPolicy


class WorkflowExecutionCanceled(Event, frozen=True, kw_only=True):
    """The workflow gave in to a cancel request."""

    decision_task_completed_event_id: int
    details: str | None = None


class CancelWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The workflow could not be canceled."""

    cause: str
    decision_task_completed_event_id: int


class WorkflowExecutionContinuedAsNew(Event, frozen=True, kw_only=True):
    """The execution ended and goes on under a new run id with a fresh history."""

    decision_task_completed_event_id: int
    new_execution_run_id: str
    task_list: str
    child_policy: ChildPolicy
    workflow_type: WorkflowType
    input: str | None = None
    execution_start_to_close: float | None = None
    task_priority: int | None = None
    task_start_to_close: float | None = None
    tag_list: tuple[str, ...] = ()
    lambda_role: str | None = None


class ContinueAsNewWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The workflow could not be continued as new."""

    cause: str
    decision_task_completed_event_id: int


class WorkflowExecutionTerminated(Event, frozen=True, kw_only=True):
    """The execution was ended from outside; the workflow was not asked."""

    child_policy: ChildPolicy
    reason: str | None = None
    details: str | None = None
    cause: str | None = None


class DecisionTaskScheduled(Event, frozen=True, kw_only=True):
    """There is something for the decider to see."""

    task_list: str
    task_priority: int | None = None
    start_to_close: float | None = None
    schedule_to_start: float | None = None


class DecisionTaskStarted(Event, frozen=True, kw_only=True):
    """A decider took the decision task."""

    scheduled_event_id: int
    identity: str | None = None


class DecisionTaskCompleted(Event, frozen=True, kw_only=True):
    """The decider answered; the events it caused follow."""

    scheduled_event_id: int
    started_event_id: int
    execution_context: str | None = None
    task_list: str | None = None
    task_list_schedule_to_start: float | None = None


class DecisionTaskTimedOut(Event, frozen=True, kw_only=True):
    """No decider answered in time; the task is scheduled again."""

    timeout_type: TimeoutType
    scheduled_event_id: int
    started_event_id: int


class ActivityTaskScheduled(Event, frozen=True, kw_only=True):
    """An activity waits for a worker."""

    activity_type: ActivityType
    activity_id: str
    task_list: str
    decision_task_completed_event_id: int
    input: str | None = None
    control: str | None = None
    schedule_to_start: float | None = None
    schedule_to_close: float | None = None
    start_to_close: float | None = None
    task_priority: int | None = None
    heartbeat: float | None = None
    retry_policy: RetryPolicy | None = None


class ScheduleActivityTaskFailed(Event, frozen=True, kw_only=True):
    """The activity could not be scheduled."""

    activity_type: ActivityType
    activity_id: str
    cause: str
    decision_task_completed_event_id: int


class ActivityTaskStarted(Event, frozen=True, kw_only=True):
    """A worker took the activity."""

    scheduled_event_id: int
    identity: str | None = None


class ActivityTaskCompleted(Event, frozen=True, kw_only=True):
    """The activity returned."""

    scheduled_event_id: int
    started_event_id: int
    result: str | None = None


class ActivityTaskFailed(Event, frozen=True, kw_only=True):
    """The activity failed for good; retries are exhausted."""

    scheduled_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class ActivityTaskTimedOut(Event, frozen=True, kw_only=True):
    """No result, or no heartbeat, came in time."""

    timeout_type: TimeoutType
    scheduled_event_id: int
    started_event_id: int
    details: str | None = None


class ActivityTaskCanceled(Event, frozen=True, kw_only=True):
    """The activity was canceled before, or by, its worker."""

    scheduled_event_id: int
    started_event_id: int
    details: str | None = None
    latest_cancel_requested_event_id: int | None = None


class ActivityTaskCancelRequested(Event, frozen=True, kw_only=True):
    """The decider asked for the activity to be canceled."""

    decision_task_completed_event_id: int
    activity_id: str


class RequestCancelActivityTaskFailed(Event, frozen=True, kw_only=True):
    """There is no such open activity to cancel."""

    activity_id: str
    cause: str
    decision_task_completed_event_id: int


class WorkflowExecutionSignaled(Event, frozen=True, kw_only=True):
    """A signal arrived."""

    signal_name: str
    input: str | None = None
    external_workflow_execution: WorkflowExecution | None = None
    external_initiated_event_id: int | None = None


class MarkerRecorded(Event, frozen=True, kw_only=True):
    """The decider wrote a note into the history."""

    marker_name: str
    decision_task_completed_event_id: int
    details: str | None = None


class RecordMarkerFailed(Event, frozen=True, kw_only=True):
    """The marker was refused."""

    marker_name: str
    cause: str
    decision_task_completed_event_id: int


class TimerStarted(Event, frozen=True, kw_only=True):
    """A timer runs."""

    timer_id: str
    start_to_fire: float
    decision_task_completed_event_id: int
    control: str | None = None


class StartTimerFailed(Event, frozen=True, kw_only=True):
    """The timer could not be started."""

    timer_id: str
    cause: str
    decision_task_completed_event_id: int


class TimerFired(Event, frozen=True, kw_only=True):
    """The timer ran out."""

    timer_id: str
    started_event_id: int


class TimerCanceled(Event, frozen=True, kw_only=True):
    """The decider canceled the timer."""

    timer_id: str
    started_event_id: int
    decision_task_completed_event_id: int


class CancelTimerFailed(Event, frozen=True, kw_only=True):
    """There is no such open timer to cancel."""

    timer_id: str
    cause: str
    decision_task_completed_event_id: int


class StartChildWorkflowExecutionInitiated(Event, frozen=True, kw_only=True):
    """A child execution is being started."""

    workflow_id: str
    workflow_type: WorkflowType
    task_list: str
    decision_task_completed_event_id: int
    child_policy: ChildPolicy
    control: str | None = None
    input: str | None = None
    execution_start_to_close: float | None = None
    task_priority: int | None = None
    task_start_to_close: float | None = None
    tag_list: tuple[str, ...] = ()
    lambda_role: str | None = None


class StartChildWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The child could not be started."""

    workflow_type: WorkflowType
    cause: str
    workflow_id: str
    initiated_event_id: int
    decision_task_completed_event_id: int
    control: str | None = None


class ChildWorkflowExecutionStarted(Event, frozen=True, kw_only=True):
    """The child runs."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int


class ChildWorkflowExecutionCompleted(Event, frozen=True, kw_only=True):
    """The child ended with a result."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    result: str | None = None


class ChildWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The child ended with an error."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class ChildWorkflowExecutionTimedOut(Event, frozen=True, kw_only=True):
    """The child outlived its timeout."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    timeout_type: TimeoutType
    initiated_event_id: int
    started_event_id: int


class ChildWorkflowExecutionCanceled(Event, frozen=True, kw_only=True):
    """The child was canceled."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    details: str | None = None


class ChildWorkflowExecutionTerminated(Event, frozen=True, kw_only=True):
    """The child was terminated."""

    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int


class SignalExternalWorkflowExecutionInitiated(Event, frozen=True, kw_only=True):
    """A signal to another execution is on its way."""

    workflow_id: str
    signal_name: str
    decision_task_completed_event_id: int
    run_id: str | None = None
    input: str | None = None
    control: str | None = None


class SignalExternalWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The signal reached nobody."""

    workflow_id: str
    cause: str
    initiated_event_id: int
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class ExternalWorkflowExecutionSignaled(Event, frozen=True, kw_only=True):
    """The other execution has the signal."""

    workflow_execution: WorkflowExecution
    initiated_event_id: int


class RequestCancelExternalWorkflowExecutionInitiated(Event, frozen=True, kw_only=True):
    """A cancel request to another execution is on its way."""

    workflow_id: str
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class RequestCancelExternalWorkflowExecutionFailed(Event, frozen=True, kw_only=True):
    """The cancel request reached nobody."""

    workflow_id: str
    cause: str
    initiated_event_id: int
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class ExternalWorkflowExecutionCancelRequested(Event, frozen=True, kw_only=True):
    """The other execution has the cancel request."""

    workflow_execution: WorkflowExecution
    initiated_event_id: int


class LambdaFunctionScheduled(Event, frozen=True, kw_only=True):
    """A Lambda function is to be invoked."""

    id: str
    name: str
    decision_task_completed_event_id: int
    control: str | None = None
    input: str | None = None
    start_to_close: float | None = None


class LambdaFunctionStarted(Event, frozen=True, kw_only=True):
    """The Lambda function was invoked."""

    scheduled_event_id: int


class LambdaFunctionCompleted(Event, frozen=True, kw_only=True):
    """The Lambda function returned."""

    scheduled_event_id: int
    started_event_id: int
    result: str | None = None


class LambdaFunctionFailed(Event, frozen=True, kw_only=True):
    """The Lambda function failed."""

    scheduled_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class LambdaFunctionTimedOut(Event, frozen=True, kw_only=True):
    """The Lambda function did not return in time."""

    scheduled_event_id: int
    started_event_id: int
    timeout_type: TimeoutType | None = None


class ScheduleLambdaFunctionFailed(Event, frozen=True, kw_only=True):
    """The Lambda function could not be scheduled."""

    id: str
    name: str
    cause: str
    decision_task_completed_event_id: int


class StartLambdaFunctionFailed(Event, frozen=True, kw_only=True):
    """The Lambda function could not be invoked."""

    scheduled_event_id: int | None = None
    cause: str | None = None
    message: str | None = None


class ActivityTaskRescheduled(Event, frozen=True, kw_only=True):
    """The activity goes back to its task list, at once or after a wait (ours, not SWF's)."""

    scheduled_event_id: int
    started_event_id: int
    cause: RescheduleCause
    attempt: int  # the attempt that ended, from 1
    backoff: float = 0.0  # seconds until it may start again
    reason: str | None = None
    details: str | None = None


class DecisionTaskFailed(Event, frozen=True, kw_only=True):
    """The decider could not answer: its code is at fault, not the workflow (ours, not SWF's)."""

    scheduled_event_id: int
    started_event_id: int
    cause: str  # the error's code, such as `NON_DETERMINISM`
    message: str  # one line


AnyEvent = (
    WorkflowExecutionStarted
    | WorkflowExecutionCancelRequested
    | WorkflowExecutionCompleted
    | CompleteWorkflowExecutionFailed
    | WorkflowExecutionFailed
    | FailWorkflowExecutionFailed
    | WorkflowExecutionTimedOut
    | WorkflowExecutionCanceled
    | CancelWorkflowExecutionFailed
    | WorkflowExecutionContinuedAsNew
    | ContinueAsNewWorkflowExecutionFailed
    | WorkflowExecutionTerminated
    | DecisionTaskScheduled
    | DecisionTaskStarted
    | DecisionTaskCompleted
    | DecisionTaskTimedOut
    | ActivityTaskScheduled
    | ScheduleActivityTaskFailed
    | ActivityTaskStarted
    | ActivityTaskCompleted
    | ActivityTaskFailed
    | ActivityTaskTimedOut
    | ActivityTaskCanceled
    | ActivityTaskCancelRequested
    | RequestCancelActivityTaskFailed
    | WorkflowExecutionSignaled
    | MarkerRecorded
    | RecordMarkerFailed
    | TimerStarted
    | StartTimerFailed
    | TimerFired
    | TimerCanceled
    | CancelTimerFailed
    | StartChildWorkflowExecutionInitiated
    | StartChildWorkflowExecutionFailed
    | ChildWorkflowExecutionStarted
    | ChildWorkflowExecutionCompleted
    | ChildWorkflowExecutionFailed
    | ChildWorkflowExecutionTimedOut
    | ChildWorkflowExecutionCanceled
    | ChildWorkflowExecutionTerminated
    | SignalExternalWorkflowExecutionInitiated
    | SignalExternalWorkflowExecutionFailed
    | ExternalWorkflowExecutionSignaled
    | RequestCancelExternalWorkflowExecutionInitiated
    | RequestCancelExternalWorkflowExecutionFailed
    | ExternalWorkflowExecutionCancelRequested
    | LambdaFunctionScheduled
    | LambdaFunctionStarted
    | LambdaFunctionCompleted
    | LambdaFunctionFailed
    | LambdaFunctionTimedOut
    | ScheduleLambdaFunctionFailed
    | StartLambdaFunctionFailed
    | ActivityTaskRescheduled
    | DecisionTaskFailed
)
"""Every event, as a closed union."""
