"""List which checks test each decision, and which check causes each event.

Only tables. Each named check, run alone, makes a service accept the decision or record the event.
"""

from __future__ import annotations

from partita import history as h

_UNSEEN = "no_execution_closes_over_an_event_that_its_decider_has_not_seen"
_CHILD_CLOSES = "a_parent_hears_of_each_way_that_its_child_closes_itself"

DECIDED: dict[type[h.Decision], tuple[str, ...]] = {
    h.ScheduleActivityTask: (
        "a_scheduled_activity_is_recorded_as_it_was_decided",
        "an_activity_id_in_use_is_refused",
        "an_activity_id_is_free_again_at_its_end",
    ),
    h.RequestCancelActivityTask: (
        "a_waiting_activity_is_canceled_at_once",
        "a_running_activity_is_canceled_by_its_worker",
        "canceling_no_activity_is_refused",
    ),
    h.CompleteWorkflowExecution: ("a_completed_execution_has_its_result", _UNSEEN),
    h.FailWorkflowExecution: ("a_failed_execution_has_its_reason", _UNSEEN),
    h.CancelWorkflowExecution: ("an_asked_execution_cancels_itself", _UNSEEN),
    h.ContinueAsNewWorkflowExecution: (
        "the_next_run_has_what_the_decision_gives",
        "the_next_run_inherits_what_the_decision_leaves_out",
        _UNSEEN,
    ),
    h.RecordMarker: ("a_marker_is_recorded_and_wakes_nobody",),
    h.StartTimer: ("a_timer_is_recorded_and_fires", "a_timer_id_in_use_is_refused"),
    h.CancelTimer: ("a_canceled_timer_does_not_fire", "canceling_no_timer_is_refused"),
    h.SignalExternalWorkflowExecution: (
        "a_signal_to_another_arrives_and_is_acknowledged",
        "a_signal_to_nobody_is_refused",
        "the_closed_hear_nothing",
    ),
    h.RequestCancelExternalWorkflowExecution: (
        "a_cancel_request_to_another_arrives_and_is_acknowledged",
        "a_cancel_request_to_nobody_is_refused",
        "the_closed_hear_nothing",
    ),
    h.StartChildWorkflowExecution: (
        "a_child_is_initiated_as_it_was_decided",
        "a_child_knows_its_parent_and_its_parent_the_run",
        "a_child_whose_id_is_taken_is_refused",
        "a_child_of_no_known_type_is_refused",
    ),
    h.ScheduleLambdaFunction: ("a_lambda_function_is_refused_where_there_is_no_lambda",),
}
"""Every decision -> the checks of what it records, and of when it is refused."""

RECORDED: dict[type[h.Event], str] = {
    h.WorkflowExecutionStarted: "a_start_is_recorded_as_it_was_asked_for",
    h.WorkflowExecutionCancelRequested: "an_asked_execution_cancels_itself",
    h.WorkflowExecutionCompleted: "a_completed_execution_has_its_result",
    h.CompleteWorkflowExecutionFailed: _UNSEEN,
    h.WorkflowExecutionFailed: "a_failed_execution_has_its_reason",
    h.FailWorkflowExecutionFailed: _UNSEEN,
    h.WorkflowExecutionTimedOut: "an_execution_that_outlives_its_time_is_closed",
    h.WorkflowExecutionCanceled: "an_asked_execution_cancels_itself",
    h.CancelWorkflowExecutionFailed: _UNSEEN,
    h.WorkflowExecutionContinuedAsNew: "the_next_run_has_what_the_decision_gives",
    h.ContinueAsNewWorkflowExecutionFailed: _UNSEEN,
    h.WorkflowExecutionTerminated: "a_terminated_execution_has_its_reason",
    h.DecisionTaskScheduled: "a_decision_task_is_recorded_from_schedule_to_answer",
    h.DecisionTaskStarted: "a_decision_task_is_recorded_from_schedule_to_answer",
    h.DecisionTaskCompleted: "a_decision_task_is_recorded_from_schedule_to_answer",
    h.DecisionTaskTimedOut: "a_decision_task_that_times_out_is_scheduled_anew",
    h.ActivityTaskScheduled: "a_scheduled_activity_is_recorded_as_it_was_decided",
    h.ScheduleActivityTaskFailed: "an_activity_id_in_use_is_refused",
    h.ActivityTaskStarted: "a_completed_activity_is_recorded",
    h.ActivityTaskCompleted: "a_completed_activity_is_recorded",
    h.ActivityTaskFailed: "a_failed_activity_is_recorded",
    h.ActivityTaskTimedOut: "each_timeout_of_an_activity_says_which_it_was",
    h.ActivityTaskCanceled: "a_running_activity_is_canceled_by_its_worker",
    h.ActivityTaskCancelRequested: "a_running_activity_is_canceled_by_its_worker",
    h.RequestCancelActivityTaskFailed: "canceling_no_activity_is_refused",
    h.WorkflowExecutionSignaled: "signals_keep_their_order_and_input",
    h.MarkerRecorded: "a_marker_is_recorded_and_wakes_nobody",
    h.TimerStarted: "a_timer_is_recorded_and_fires",
    h.StartTimerFailed: "a_timer_id_in_use_is_refused",
    h.TimerFired: "a_timer_is_recorded_and_fires",
    h.TimerCanceled: "a_canceled_timer_does_not_fire",
    h.CancelTimerFailed: "canceling_no_timer_is_refused",
    h.StartChildWorkflowExecutionInitiated: "a_child_is_initiated_as_it_was_decided",
    h.StartChildWorkflowExecutionFailed: "a_child_whose_id_is_taken_is_refused",
    h.ChildWorkflowExecutionStarted: "a_child_knows_its_parent_and_its_parent_the_run",
    h.ChildWorkflowExecutionCompleted: _CHILD_CLOSES,
    h.ChildWorkflowExecutionFailed: _CHILD_CLOSES,
    h.ChildWorkflowExecutionTimedOut: "a_parent_hears_that_its_child_ran_out_of_time",
    h.ChildWorkflowExecutionCanceled: _CHILD_CLOSES,
    h.ChildWorkflowExecutionTerminated: "a_parent_hears_that_its_child_was_terminated",
    h.SignalExternalWorkflowExecutionInitiated: "a_signal_to_another_arrives_and_is_acknowledged",
    h.SignalExternalWorkflowExecutionFailed: "a_signal_to_nobody_is_refused",
    h.ExternalWorkflowExecutionSignaled: "a_signal_to_another_arrives_and_is_acknowledged",
    h.RequestCancelExternalWorkflowExecutionInitiated: (
        "a_cancel_request_to_another_arrives_and_is_acknowledged"
    ),
    h.RequestCancelExternalWorkflowExecutionFailed: "a_cancel_request_to_nobody_is_refused",
    h.ExternalWorkflowExecutionCancelRequested: (
        "a_cancel_request_to_another_arrives_and_is_acknowledged"
    ),
    h.ScheduleLambdaFunctionFailed: "a_lambda_function_is_refused_where_there_is_no_lambda",
    h.ActivityTaskRescheduled: "an_attempt_that_failed_is_recorded_as_rescheduled",
    h.DecisionTaskFailed: "a_decision_task_that_fails_says_why_and_loses_nothing",
}
"""Every event that a check causes -> that check."""

_NO_LAMBDA = "needs a front that runs Lambda functions, such as the SWF endpoint"

UNRECORDED: dict[type[h.Event], str] = {
    h.RecordMarkerFailed: "SWF's only cause is OPERATION_NOT_PERMITTED, and we have no permissions",
    h.LambdaFunctionScheduled: _NO_LAMBDA,
    h.LambdaFunctionStarted: _NO_LAMBDA,
    h.LambdaFunctionCompleted: _NO_LAMBDA,
    h.LambdaFunctionFailed: _NO_LAMBDA,
    h.LambdaFunctionTimedOut: _NO_LAMBDA,
    h.StartLambdaFunctionFailed: _NO_LAMBDA,
}
"""Every other event -> why no check can cause it."""
