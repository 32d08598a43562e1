"""What moto's server lacks of Amazon SWF: check -> why.

Moto implements 7 of the 13 decisions and 33 of the 39 operations.
"""

from __future__ import annotations

from partita.ports.capabilities import SupportsPauses
from partita.testing.conformance.arrange import NEEDS

_BROKEN = "the server answers with an error 500"
_CANCEL = "it has no RequestCancelWorkflowExecution, and writes TimerCanceled with another name"
_COUNT = "it counts no executions, so the count is asked for again and again"
_DECISION = "the decision is one of the six that it does not implement"
_ID = "it never lets an activity id be used again"
_INPUT = "it takes no signal without an input"
_PRIORITY = "it knows no task priorities"
_RETRIES = "SWF leaves the next attempt to the decider, which this check does not ask"
_START = "it keeps no tags, priority, role or parent of a start"
_SWF = "SWF itself has nothing like it"
_TIME = "its time cannot be moved"
_TIMER = "it does not say which timer could not be canceled"
_TWO = "it schedules a second decision task while one is open"

LACKING: dict[str, str] = {
    "a_cancel_request_to_another_arrives_and_is_acknowledged": _DECISION,
    "a_cancel_request_to_nobody_is_refused": _DECISION,
    "a_cancel_request_unseen_keeps_an_execution_open": _CANCEL,
    "a_canceled_timer_does_not_fire": _CANCEL,
    "a_child_is_initiated_as_it_was_decided": _DECISION,
    "a_child_knows_its_parent_and_its_parent_the_run": _DECISION,
    "a_child_of_an_unknown_type_does_not_start": _DECISION,
    "a_child_of_no_known_type_is_refused": _DECISION,
    "a_child_runs_and_its_parent_hears": _DECISION,
    "a_child_whose_id_is_taken_does_not_start": _DECISION,
    "a_child_whose_id_is_taken_is_refused": _DECISION,
    "a_childs_id_is_free_again_at_its_end": _DECISION,
    "a_closed_execution_stays_readable_and_has_nothing_open": _CANCEL,
    "a_closed_execution_takes_nothing_more": _BROKEN,
    "a_decision_task_is_held_by_one": _INPUT,
    "a_decision_task_is_recorded_from_schedule_to_answer": _PRIORITY,
    "a_decision_task_that_fails_again_says_so_once": _SWF,
    "a_decision_task_that_fails_says_why_and_loses_nothing": _BROKEN,
    "a_decision_task_that_times_out_is_scheduled_anew": _BROKEN,
    "a_failed_activity_is_tried_again_after_its_backoff": _RETRIES,
    "a_failed_decision_is_tried_again_later": _SWF,
    "a_fork_reuses_results_up_to_its_event": _DECISION,
    "a_lambda_function_is_refused_where_there_is_no_lambda": _DECISION,
    "a_late_decision_is_refused": _TIME,
    "a_late_result_is_refused": _TIME,
    "a_parent_hears_of_each_way_that_its_child_closes_itself": _DECISION,
    "a_parent_hears_that_its_child_ran_out_of_time": _DECISION,
    "a_parent_hears_that_its_child_was_terminated": _DECISION,
    "a_parent_hears_the_end_of_its_childs_last_run": _DECISION,
    "a_parent_that_completes_leaves_its_child_running": _DECISION,
    "a_repeated_start_means_the_first_of_the_runs": _DECISION,
    "a_reset_replaces_the_open_run": _DECISION,
    "a_running_activity_is_canceled_by_its_worker": _CANCEL,
    "a_signal_to_another_arrives_and_is_acknowledged": _DECISION,
    "a_signal_to_nobody_is_refused": _DECISION,
    "a_start_is_recorded_as_it_was_asked_for": _START,
    "a_terminated_parents_policy_reaches_its_children": _DECISION,
    "a_timed_out_activity_keeps_its_last_heartbeats_details": _TIME,
    "a_timer_id_in_use_is_refused": _TIME,
    "a_timer_id_is_free_again_at_its_end": _TIME,
    "a_timer_is_recorded_and_fires": _TIME,
    "a_timer_that_fires_unseen_keeps_an_execution_open": _TIME,
    "a_waiting_activity_is_canceled_at_once": _DECISION,
    "a_workflow_id_alone_means_the_newest_run": _DECISION,
    "activities_come_by_priority_then_age": _PRIORITY,
    "an_activity_id_is_free_again_at_its_end": _ID,
    "an_activity_that_is_to_be_canceled_is_not_tried_again": _CANCEL,
    "an_activity_that_waits_for_its_next_attempt_is_canceled_at_once": _CANCEL,
    "an_asked_execution_cancels_itself": _CANCEL,
    "an_attempt_that_failed_is_recorded_as_rescheduled": _RETRIES,
    "an_attempt_that_is_over_has_no_more_say": _RETRIES,
    "an_attempt_that_timed_out_is_recorded_as_rescheduled": _RETRIES,
    "an_execution_signals_itself": _DECISION,
    "an_execution_that_outlives_its_time_is_closed": _TIME,
    "asking_twice_to_cancel_is_asking_once": _DECISION,
    "canceling_no_activity_is_refused": _DECISION,
    "canceling_no_timer_is_refused": _TIMER,
    "continue_as_new_begins_the_next_run": _DECISION,
    "decisions_are_recorded_in_their_order_and_a_refused_one_stops_none": _TIMER,
    "each_timeout_ends_an_activity": _TIME,
    "each_timeout_of_an_activity_says_which_it_was": _TIME,
    "executions_are_described_listed_and_counted": _COUNT,
    "executions_signal_and_cancel_each_other": _DECISION,
    "heartbeats_keep_alive_and_bring_cancel_requests": _CANCEL,
    "limits_are_kept_and_lifted": _SWF,
    "many_events_are_one_decision_task": _INPUT,
    "no_execution_closes_over_an_event_that_its_decider_has_not_seen": _TWO,
    "of_two_children_with_one_id_the_first_starts": _DECISION,
    "schedule_to_close_counts_over_all_attempts": _RETRIES,
    "search_attributes_are_set_merged_and_found": _SWF,
    "signal_with_start_starts_or_signals": _TWO,
    "signals_and_cancel_requests_are_recorded": _CANCEL,
    "signals_keep_their_order_and_input": _TWO,
    "start_to_close_counts_anew_for_each_attempt": _RETRIES,
    "terminating_a_parent_terminates_its_children": _DECISION,
    "the_closed_hear_nothing": _DECISION,
    "the_execution_timeout_closes_it": _TIME,
    "the_next_attempt_has_the_last_heartbeats_details": _RETRIES,
    "the_next_run_has_what_the_decision_gives": _DECISION,
    "the_next_run_inherits_what_the_decision_leaves_out": _DECISION,
    "the_soonest_of_the_timeouts_counts": _TIME,
    "the_wait_between_attempts_grows_up_to_its_limit": _RETRIES,
    "timers_fire": _TIME,
    "unread_signals_go_on_to_the_next_run": _DECISION,
    "what_differs_is_done_again": _DECISION,
    "what_is_not_there_is_not_found": _BROKEN,
    "what_is_sent_with_the_closing_decision_arrives": _DECISION,
    **{check: _SWF for check, needed in NEEDS.items() if needed is SupportsPauses},
}
