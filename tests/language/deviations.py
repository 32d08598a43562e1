"""What Amazon SWF cannot do as the embedded engine does: test -> why, and how the test fails.

A test that passes all the same, or fails in another way, is a mistake in this table, and fails.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from partita.errors import UnsupportedError, WorkflowTimedOutError


class Deviation(NamedTuple):
    """An expected failure."""

    why: str  # and what to do instead
    error: type[Exception]
    match: str  # a regular expression, found in the error's text

    def raised(self) -> pytest.RaisesExc[Exception]:
        """Match the expected error, and no other."""
        return pytest.RaisesExc(self.error, match=self.match)


_LIMITS = Deviation(
    "SWF hands a task to whoever asks; give a task list fewer workers or --slots",
    UnsupportedError,
    r"^Amazon SWF cannot limit how fast a task list is worked off",
)
_INSIDE = Deviation(
    "the test takes the embedded engine apart",
    AttributeError,
    r"SwfService' object has no attribute '_",
)
_SECONDS = Deviation(
    "SWF's timers and timeouts count whole seconds",
    AssertionError,
    r"assert \[.*\b1\.0.*\] == \[.*\b0\.0",
)
_FAILED = Deviation(
    "SWF has no event for a decider that failed; it says so in its worker's log",
    IndexError,
    r"^list index out of range$",
)
_YEAR = Deviation(
    "SWF ends an execution after a year; let it continue_as_new",
    WorkflowTimedOutError,
    r"^execution '\w+' timed out$",
)
_ATTRIBUTES = Deviation(
    "SWF has no search attributes; find executions by tags",
    UnsupportedError,
    r"^Amazon SWF cannot find executions by search attributes",
)

DEVIATIONS: dict[str, Deviation] = {
    "async.test_deadlines": _SECONDS,
    "hard_cases.test_a_fork_goes_the_way_of_results_that_came_together": _INSIDE,
    "hard_cases.test_a_list_with_both_limits_goes_on": _LIMITS,
    "hard_cases.test_an_update_that_comes_with_a_continue_as_new_is_done": _INSIDE,
    "hard_cases.test_limits_that_are_raised_or_lifted_hold_at_once": _LIMITS,
    "hard_cases.test_no_limit_breaks_the_engine": _LIMITS,
    "old_faults.test_edited_code_gets_no_other_calls_result": _FAILED,
    "routing.test_a_crowd_that_is_terminated_gives_its_places_free": _LIMITS,
    "routing.test_a_limit_holds_for_polling_workers_too": _LIMITS,
    "routing.test_a_task_lists_concurrency_is_kept": _LIMITS,
    "routing.test_a_task_lists_rate_is_kept": _LIMITS,
    "routing.test_other_task_lists_go_on": _LIMITS,
    "routing.test_search_attributes": _ATTRIBUTES,
    "time.test_a_block_that_is_done_in_time_leaves_no_timer": _SECONDS,
    "time.test_a_timer_may_run_for_years": _YEAR,
}
