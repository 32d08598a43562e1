"""Draw decisions: often sensible ones, over few ids, so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from partita.history import (
    AnyDecision,
    CancelTimer,
    CancelWorkflowExecution,
    CompleteWorkflowExecution,
    ContinueAsNewWorkflowExecution,
    FailWorkflowExecution,
    RecordMarker,
    RequestCancelActivityTask,
    RequestCancelExternalWorkflowExecution,
    RetryPolicy,
    ScheduleActivityTask,
    ScheduleLambdaFunction,
    SignalExternalWorkflowExecution,
    StartChildWorkflowExecution,
    StartTimer,
    WorkflowType,
)
from tests.rules.play import CHARGE

IDS = st.sampled_from("abc")
SECONDS = st.none() | st.sampled_from([1.0, 5.0])

_SCHEDULE = st.builds(
    ScheduleActivityTask,
    activity_id=IDS,
    activity_type=st.just(CHARGE),
    schedule_to_start=SECONDS,
    start_to_close=SECONDS,
    schedule_to_close=SECONDS,
    heartbeat=SECONDS,
    retry_policy=st.none() | st.just(RetryPolicy(max_attempts=3, initial_interval=1.0)),
)
_TIMERS = st.builds(
    StartTimer, timer_id=IDS, start_to_fire=st.sampled_from([-1.0, 0.0, 3.0])
) | st.builds(CancelTimer, timer_id=IDS)
_OTHERS = (
    st.builds(
        StartChildWorkflowExecution, workflow_id=IDS, workflow_type=st.just(WorkflowType("child"))
    )
    | st.builds(SignalExternalWorkflowExecution, workflow_id=IDS, signal_name=st.just("s"))
    | st.builds(RequestCancelExternalWorkflowExecution, workflow_id=IDS)
)
_NOTES: st.SearchStrategy[AnyDecision] = st.sampled_from(
    [RecordMarker(marker_name="m"), ScheduleLambdaFunction(id="l", name="function")]
)

_ONE: st.SearchStrategy[AnyDecision] = st.one_of(
    _SCHEDULE,
    _SCHEDULE,
    st.builds(RequestCancelActivityTask, activity_id=IDS),
    _TIMERS,
    _OTHERS,
    _NOTES,
)

DECISIONS = st.lists(_ONE, max_size=4)

MANY_DECISIONS = st.tuples(
    _SCHEDULE,
    st.builds(StartTimer, timer_id=IDS, start_to_fire=st.sampled_from([0.0, 3.0])),
    _OTHERS,
).map(list)
"""Something of each kind, to begin with."""

CLOSE: st.SearchStrategy[AnyDecision | None] = st.integers(0, 4).flatmap(
    lambda dice: (
        st.none()
        if dice
        else st.sampled_from(
            [
                CompleteWorkflowExecution(result="1"),
                FailWorkflowExecution(reason="x"),
                CancelWorkflowExecution(),
                ContinueAsNewWorkflowExecution(input="2"),
            ]
        )
    )
)
"""A closing decision, one time in five."""
