"""What a front may ask for besides its decisions: refusals, limits, sticky lists, Lambda."""

from __future__ import annotations

from typing import Any

import pytest

from partita import history as h
from partita.errors import TaskLostError
from partita.ports.state import LAMBDA_TASK_LIST
from partita.rules import commands as c
from tests.rules.play import Play

ACTIVITY = h.ScheduleActivityTask(activity_type=h.ActivityType("a"), activity_id="1")
CHILD = h.StartChildWorkflowExecution(
    workflow_type=h.WorkflowType("c"), workflow_id="c", control="x"
)
FUNCTION = h.ScheduleLambdaFunction(id="f", name="function", input="in")
LAMBDAS = c.Terms(lambdas=True)

EVERY: list[h.AnyDecision] = [
    ACTIVITY,
    h.RequestCancelActivityTask(activity_id="1"),
    h.CompleteWorkflowExecution(),
    h.FailWorkflowExecution(),
    h.CancelWorkflowExecution(),
    h.ContinueAsNewWorkflowExecution(),
    h.RecordMarker(marker_name="m"),
    h.StartTimer(timer_id="t", start_to_fire=1),
    h.CancelTimer(timer_id="t"),
    h.SignalExternalWorkflowExecution(workflow_id="o", signal_name="s"),
    h.RequestCancelExternalWorkflowExecution(workflow_id="o"),
    CHILD,
    FUNCTION,
]


def answer(play: Play, *decisions: h.AnyDecision, **more: Any) -> None:
    """Take the decision task and answer it, as a front does."""
    started = play.take_decision()
    play.do(c.CompleteDecisionTask(started_event_id=started, decisions=list(decisions), **more))


@pytest.mark.parametrize("decision", EVERY, ids=lambda one: one.decision_type)
def test_a_refused_decision_is_an_event_that_the_decider_sees(decision: h.AnyDecision) -> None:
    play = Play()
    is_lambda = isinstance(decision, h.ScheduleLambdaFunction)
    cause = "ID_ALREADY_IN_USE" if is_lambda else "OPERATION_NOT_PERMITTED"
    answer(play, decision, refusals={0: cause})
    failed: Any = play.state.new_events[-2]
    assert failed.event_type.endswith("Failed")
    assert failed.cause == cause
    assert failed.decision_task_completed_event_id == 4
    assert play.last.event_type == "DecisionTaskScheduled"
    assert not play.state.items.keys() - {("decision", "")}


def test_only_the_refused_ones_are_refused() -> None:
    play = Play()
    timers = [h.StartTimer(timer_id=str(n), start_to_fire=1) for n in range(3)]
    answer(play, *timers, refusals={1: "OPERATION_NOT_PERMITTED"})
    assert play.kinds[4:] == [
        "TimerStarted",
        "StartTimerFailed",
        "TimerStarted",
        "DecisionTaskScheduled",
    ]


@pytest.mark.parametrize(
    ("decisions", "terms", "cause"),
    [
        (
            [ACTIVITY, h.ScheduleActivityTask(activity_type=h.ActivityType("a"), activity_id="2")],
            c.Terms(open_activities=1),
            "OPEN_ACTIVITIES_LIMIT_EXCEEDED",
        ),
        (
            [h.StartTimer(timer_id=id, start_to_fire=1) for id in "ab"],
            c.Terms(open_timers=1),
            "OPEN_TIMERS_LIMIT_EXCEEDED",
        ),
        ([CHILD, CHILD], c.Terms(open_children=1), "OPEN_CHILDREN_LIMIT_EXCEEDED"),
        (
            [FUNCTION, h.ScheduleLambdaFunction(id="g", name="function")],
            c.Terms(open_lambdas=1, lambdas=True),
            "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
        ),
        ([FUNCTION, FUNCTION], LAMBDAS, "ID_ALREADY_IN_USE"),
        ([FUNCTION], c.Terms(), "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION"),
    ],
)
def test_terms_are_kept(decisions: list[h.AnyDecision], terms: c.Terms, cause: str) -> None:
    play = Play()
    answer(play, *decisions, terms=terms)
    assert [getattr(event, "cause", None) for event in play.state.new_events].count(cause) == 1


# -- sticky task lists


def sticky(seconds: float | None = 5) -> Play:
    play = Play()
    answer(play, task_list="mine", task_list_schedule_to_start=seconds)
    play.do(c.Signal(signal_name="s"))
    return play


def test_decision_tasks_come_back_to_the_list_that_the_decider_names() -> None:
    play = sticky()
    assert (play.last.task_list, play.last.schedule_to_start) == ("mine", 5)
    assert (play.item("decision").queue, play.item("decision").due) == ("mine", play.now + 5)
    play.decide()
    play.do(c.Signal(signal_name="s"))
    assert play.last.task_list == "mine"


def test_a_task_that_nobody_takes_goes_back_to_the_first_list() -> None:
    play = sticky()
    play.now += 5
    play.do(c.Due(kind="decision", id=""))
    timed_out, scheduled = play.state.new_events[-2:]
    assert getattr(timed_out, "timeout_type", None) is h.TimeoutType.SCHEDULE_TO_START
    assert getattr(timed_out, "started_event_id", None) == 0
    assert getattr(scheduled, "task_list", None) == "default"
    assert play.item("decision").queue == "default"
    assert play.item("decision").due is None


def test_a_task_that_is_not_answered_goes_back_too() -> None:
    play = Play(task_start_to_close=30)
    answer(play, task_list="mine", task_list_schedule_to_start=5)
    play.do(c.Signal(signal_name="s"))
    play.take_decision()
    assert play.item("decision").due == play.now + 30
    play.now += 30
    play.do(c.Due(kind="decision", id=""))
    assert play.last.task_list == "default"


def test_without_a_timeout_the_list_stays() -> None:
    play = sticky(None)
    assert play.item("decision").due is None
    play.take_decision()
    assert play.item("decision").queue is None


def test_the_context_is_kept_until_there_is_another() -> None:
    play = Play()
    answer(play, execution_context="first")
    play.do(c.Signal(signal_name="s"))
    answer(play)
    assert play.state.progress.execution_context == "first"


def test_the_last_activity_is_noted() -> None:
    play = Play()
    play.now += 7
    play.schedule()
    assert play.state.progress.latest_activity_at == play.now


# -- Lambda functions


def invoked(start_to_close: float | None = None) -> Play:
    play = Play()
    decision = h.ScheduleLambdaFunction(id="f", name="function", start_to_close=start_to_close)
    answer(play, decision, terms=LAMBDAS)
    assert play.item("lambda", "f").queue == LAMBDA_TASK_LIST
    play.do(c.StartLambdaFunction(id="f"))
    return play


def test_a_function_returns() -> None:
    play = invoked()
    assert play.state.progress.open_lambdas == 1
    play.do(c.CompleteLambdaFunction(id="f", started_event_id=6, result="out"))
    assert play.kinds[4:] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionCompleted",
        "DecisionTaskScheduled",
    ]
    assert play.state.progress.open_lambdas == 0
    with pytest.raises(TaskLostError):
        play.do(c.CompleteLambdaFunction(id="f", started_event_id=6))


def test_a_function_fails() -> None:
    play = invoked()
    play.do(c.FailLambdaFunction(id="f", started_event_id=6, reason="ValueError", details="{}"))
    assert "LambdaFunctionFailed" in play.kinds


@pytest.mark.parametrize(("given", "seconds"), [(None, 300), (2.0, 2)])
def test_a_function_runs_out_of_time(given: float | None, seconds: float) -> None:
    play = invoked(given)
    play.now += seconds
    play.do(c.Due(kind="lambda", id="f"))
    assert play.kinds[-2:] == ["LambdaFunctionTimedOut", "DecisionTaskScheduled"]


def test_a_function_that_cannot_be_invoked() -> None:
    play = Play()
    answer(play, FUNCTION, terms=LAMBDAS)
    play.do(c.StartLambdaFunction(id="f", failure="no role"))
    failed = play.state.new_events[-2]
    assert getattr(failed, "cause", None) == "ASSUME_ROLE_FAILED"
    with pytest.raises(TaskLostError):
        play.do(c.StartLambdaFunction(id="f"))


def test_a_decision_task_is_not_taken_twice() -> None:
    play = sticky()
    play.take_decision()
    with pytest.raises(TaskLostError):
        play.do(c.StartDecisionTask())
