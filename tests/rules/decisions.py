"""Draw decisions: often sensible ones, over few ids, so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from partita import history as h
from tests.rules.play import CHARGE

IDS = st.sampled_from("abc")
SECONDS = st.none() | st.sampled_from([1.0, 5.0])

_SCHEDULE = st.builds(
    h.ScheduleActivityTask,
    activity_id=IDS,
    activity_type=st.just(CHARGE),
    schedule_to_start=SECONDS,
    start_to_close=SECONDS,
    schedule_to_close=SECONDS,
    heartbeat=SECONDS,
    retry_policy=st.none() | st.just(h.RetryPolicy(max_attempts=3, initial_interval=1.0)),
)
_TIMERS = st.builds(
    h.StartTimer, timer_id=IDS, start_to_fire=st.sampled_from([-1.0, 0.0, 3.0])
) | st.builds(h.CancelTimer, timer_id=IDS)
_OTHERS = (
    st.builds(
        h.StartChildWorkflowExecution,
        workflow_id=IDS,
        workflow_type=st.just(h.WorkflowType("child")),
    )
    | st.builds(h.SignalExternalWorkflowExecution, workflow_id=IDS, signal_name=st.just("s"))
    | st.builds(h.RequestCancelExternalWorkflowExecution, workflow_id=IDS)
)
_NOTES: st.SearchStrategy[h.AnyDecision] = st.sampled_from(
    [h.RecordMarker(marker_name="m"), h.ScheduleLambdaFunction(id="l", name="function")]
)

_ONE: st.SearchStrategy[h.AnyDecision] = st.one_of(
    _SCHEDULE,
    _SCHEDULE,
    st.builds(h.RequestCancelActivityTask, activity_id=IDS),
    _TIMERS,
    _OTHERS,
    _NOTES,
)

DECISIONS = st.lists(_ONE, max_size=4)

MANY_DECISIONS = st.tuples(
    _SCHEDULE,
    st.builds(h.StartTimer, timer_id=IDS, start_to_fire=st.sampled_from([0.0, 3.0])),
    _OTHERS,
).map(list)
"""Something of each kind, to begin with."""

CLOSE: st.SearchStrategy[h.AnyDecision | None] = st.integers(0, 4).flatmap(
    lambda dice: (
        st.none()
        if dice
        else st.sampled_from(
            [
                h.CompleteWorkflowExecution(result="1"),
                h.FailWorkflowExecution(reason="x"),
                h.CancelWorkflowExecution(),
                h.ContinueAsNewWorkflowExecution(input="2"),
            ]
        )
    )
)
"""A closing decision, one time in five."""
