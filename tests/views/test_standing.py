"""Who holds a decision task, and why an execution ended, told from a history alone."""

from __future__ import annotations

import pytest

from partita import history as h
from partita.authoring.failure import Failure
from partita.ports.state import OpenDecision
from partita.views.standing import reason, taken

FIRST = h.WorkflowExecutionStarted(
    event_id=1,
    event_timestamp=100.0,
    child_policy=h.ChildPolicy.TERMINATE,
    task_list="default",
    workflow_type=h.WorkflowType("flow"),
    execution_start_to_close=90.0,
)
ASKED = h.WorkflowExecutionCancelRequested(
    event_id=2, event_timestamp=101.0, cause="CHILD_POLICY_APPLIED"
)


def failed(reason: str | None, details: str | None) -> h.AnyEvent:
    return h.WorkflowExecutionFailed(
        event_id=9,
        event_timestamp=102.0,
        decision_task_completed_event_id=8,
        reason=reason,
        details=details,
    )


def canceled(details: str | None) -> h.AnyEvent:
    return h.WorkflowExecutionCanceled(
        event_id=9, event_timestamp=102.0, decision_task_completed_event_id=8, details=details
    )


def terminated(**said: str) -> h.AnyEvent:
    return h.WorkflowExecutionTerminated(
        event_id=9, event_timestamp=102.0, child_policy=h.ChildPolicy.TERMINATE, **said
    )


LATE = h.WorkflowExecutionTimedOut(
    event_id=9,
    event_timestamp=190.0,
    timeout_type=h.TimeoutType.START_TO_CLOSE,
    child_policy=h.ChildPolicy.TERMINATE,
)
DONE = h.WorkflowExecutionCompleted(
    event_id=9, event_timestamp=102.0, decision_task_completed_event_id=8
)
OURS = Failure(type="Broken", module="shop", message="two\nlines")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([FIRST], None),
        ([FIRST, DONE], None),
        ([FIRST, failed("shop.Broken", OURS.dump())], "Broken: two lines"),
        ([FIRST, failed("Broken", "of others")], "Broken: of others"),
        ([FIRST, failed(None, None)], "Failure"),
        ([FIRST, LATE], "START_TO_CLOSE: it was open for longer than 90 s"),
        ([FIRST, ASKED, canceled(None)], "CHILD_POLICY_APPLIED"),
        ([FIRST, ASKED, canceled("by request")], "by request"),
        ([FIRST, canceled(None)], None),
        ([FIRST, terminated()], None),
        (
            [FIRST, terminated(cause="OPERATOR_INITIATED", reason="old", details="a day")],
            "OPERATOR_INITIATED: old: a day",
        ),
    ],
)
def test_why_it_ended(events: list[h.AnyEvent], expected: str | None) -> None:
    assert reason(events) == expected


def test_who_holds_the_decision_task() -> None:
    begun = h.DecisionTaskStarted(
        event_id=3, event_timestamp=103.0, scheduled_event_id=2, identity="7@here"
    )
    over = h.DecisionTaskFailed(
        event_id=4,
        event_timestamp=104.0,
        scheduled_event_id=2,
        started_event_id=3,
        cause="BROKEN",
        message="no",
    )
    waiting = OpenDecision(id="", scheduled_event_id=2)
    held = OpenDecision(id="", scheduled_event_id=2, started_event_id=3)
    assert taken(held, [FIRST, begun]) == begun
    assert taken(held, [FIRST, begun, over]) is None, "since it was looked at"
    assert taken(waiting, [FIRST, begun, over]) is None
    assert taken(None, [FIRST]) is None
