"""Executions and decision tasks: exclusive, woken, closed, continued, timed out."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from partita import history as h
from partita.errors import DecisionRefusedError, ExecutionNotFoundError, TaskLostError
from partita.history.references import Kind
from partita.history.timeline import Timeline
from partita.ports.state import Status
from partita.rules import commands as c
from partita.rules.decision_tasks import was_lost
from tests.rules.play import CHARGE, Play

CLOSINGS: list[tuple[h.AnyDecision, str, Status]] = [
    (h.CompleteWorkflowExecution(result="1"), "WorkflowExecutionCompleted", Status.COMPLETED),
    (h.FailWorkflowExecution(reason="x"), "WorkflowExecutionFailed", Status.FAILED),
    (h.CancelWorkflowExecution(), "WorkflowExecutionCanceled", Status.CANCELED),
    (
        h.ContinueAsNewWorkflowExecution(input="2"),
        "WorkflowExecutionContinuedAsNew",
        Status.CONTINUED_AS_NEW,
    ),
]


def test_a_decision_task_is_exclusive() -> None:
    play = Play()
    play.take_decision()
    with pytest.raises(TaskLostError):
        play.do(c.StartDecisionTask())


def test_events_while_a_decider_is_out_cause_another_task() -> None:
    play = Play()
    started = play.take_decision()
    play.do(c.Signal(signal_name="a"))
    play.do(c.Signal(signal_name="b"))
    told = ["WorkflowExecutionSignaled", "DecisionTaskScheduled", "WorkflowExecutionSignaled"]
    assert play.kinds[-3:] == told
    with pytest.raises(TaskLostError):
        play.do(c.StartDecisionTask())
    play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[]))
    assert play.kinds[-4:] == [*told, "DecisionTaskCompleted"]
    assert play.item("decision").scheduled_event_id == started + 2
    play.take_decision()
    assert play.last.scheduled_event_id == started + 2


def test_of_a_history_that_records_no_task_for_unseen_events_the_next_one_follows() -> None:
    play = Play()
    started = play.take_decision()
    play.state.progress = replace(play.state.progress, unseen=True)  # as versions up to 1.0 wrote
    play.do(c.Signal(signal_name="a"))
    assert play.kinds[-1] == "WorkflowExecutionSignaled"
    play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[]))
    assert play.kinds[-2:] == ["DecisionTaskCompleted", "DecisionTaskScheduled"]


def test_a_failed_decision_is_tried_again_as_the_task_recorded_meanwhile() -> None:
    play = Play()
    for _ in range(2):
        started = play.take_decision()
        play.do(c.Signal(signal_name="meanwhile"))
        play.do(c.FailDecisionTask(started_event_id=started, cause="BROKEN", message="no"))
        assert play.kinds[-2:] == ["DecisionTaskScheduled", "DecisionTaskFailed"]
        assert play.item("decision").scheduled_event_id == started + 2
        play.now = play.item("decision").due
        play.do(c.Due(kind="decision", id=""))
    play.take_decision()
    tasks = list(Timeline(play.state.new_events).open(Kind.DECISION))
    assert [task.event_id for task in tasks] == [started + 2]


def test_a_decision_that_times_out_gives_way_to_the_task_recorded_meanwhile() -> None:
    play = Play(task_start_to_close=10.0)
    started = play.take_decision()
    play.do(c.Signal(signal_name="meanwhile"))
    play.now += 10
    play.do(c.Due(kind="decision", id=""))
    assert play.kinds[-2:] == ["DecisionTaskScheduled", "DecisionTaskTimedOut"]
    play.take_decision()
    assert play.last.scheduled_event_id == started + 2


def test_a_close_forgets_the_task_recorded_meanwhile() -> None:
    play = Play()
    play.take_decision()
    play.do(c.Signal(signal_name="meanwhile"))
    play.do(c.Terminate())
    assert play.state.progress.next_decision_event_id == 0
    assert play.open_items() == []


def test_events_before_a_decider_comes_cause_no_second_task() -> None:
    play = Play()
    play.do(c.Signal(signal_name="a"))
    assert play.kinds.count("DecisionTaskScheduled") == 1


@pytest.mark.parametrize(("decision", "event", "status"), CLOSINGS)
def test_closing_decisions(decision: h.AnyDecision, event: str, status: Status) -> None:
    play = Play()
    play.decide(h.StartTimer(timer_id="t", start_to_fire=5))
    play.do(c.Signal(signal_name="wake"))
    play.decide(decision)
    assert play.kinds[-1] == event
    assert play.state.progress.status is status
    assert play.state.progress.closed_at == play.now
    assert play.open_items() == []


@pytest.mark.parametrize(("decision", "event", "_"), CLOSINGS)
def test_a_close_is_refused_while_there_are_unseen_events(
    decision: h.AnyDecision, event: str, _: Status
) -> None:
    play = Play()
    started = play.take_decision()
    play.do(c.Signal(signal_name="late"))
    play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[decision]))
    refused: Any = play.last
    assert refused.event_type == f"{decision.decision_type}Failed"
    assert refused.cause == "UNHANDLED_DECISION"
    assert play.item("decision").queue
    assert event not in play.kinds


def test_a_list_that_contradicts_itself_is_refused_whole() -> None:
    play = Play()
    started = play.take_decision()
    before = play.kinds
    lists: list[list[h.AnyDecision]] = [
        [
            h.RecordMarker(marker_name="m"),
            h.CompleteWorkflowExecution(),
            h.RecordMarker(marker_name="n"),
        ],
        [h.RecordMarker(marker_name="m"), h.StartTimer(timer_id="t", start_to_fire=-1)],
        [h.StartTimer(timer_id="t", start_to_fire=math.nan)],
        [h.StartTimer(timer_id="t", start_to_fire=math.inf)],
    ]
    for decisions in lists:
        with pytest.raises(DecisionRefusedError):
            play.do(c.CompleteDecisionTask(started_event_id=started, decisions=decisions))
    assert play.kinds == before


def test_a_late_answer_is_refused() -> None:
    play = Play(task_start_to_close=10.0)
    started = play.take_decision()
    play.now += 10
    play.do(c.Due(kind="decision", id=""))
    assert play.kinds[-2:] == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]
    with pytest.raises(TaskLostError):
        play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[]))


def test_a_broken_decider_is_asked_again_later_and_told_of_once() -> None:
    play = Play()
    delays = []
    for _ in range(3):
        play.do(c.FailDecisionTask(started_event_id=0, cause="BROKEN", message="no"))
        delays.append(play.item("decision").due - play.now)
        with pytest.raises(TaskLostError):
            play.do(c.CompleteDecisionTask(started_event_id=0, decisions=[]))
        play.now = play.item("decision").due
        play.do(c.Due(kind="decision", id=""))
        assert play.item("decision").queue == "default"
    assert play.kinds.count("DecisionTaskFailed") == 1
    assert delays == [1.0, 2.0, 4.0]
    play.do(c.FailDecisionTask(started_event_id=0, cause="BROKEN", message="something else"))
    assert play.kinds.count("DecisionTaskFailed") == 2


def test_a_decider_that_fails_loses_no_event() -> None:
    play = Play()
    started = play.take_decision()
    play.do(c.Signal(signal_name="late"))
    play.do(c.FailDecisionTask(started_event_id=started, cause="BROKEN", message="no"))
    play.now = play.item("decision").due
    play.do(c.Due(kind="decision", id=""))
    change = play.decide(h.CompleteWorkflowExecution())  # it has seen the signal now
    assert change.closes


def test_a_decider_that_gives_back_its_task_is_replaced_at_once() -> None:
    play = Play()
    started = play.take_decision()
    play.do(c.Signal(signal_name="late"))
    play.do(c.Release(kind="decision", id="", cause=h.RescheduleCause.GIVEN_BACK))
    assert play.kinds[-2:] == ["DecisionTaskScheduled", "DecisionTaskTimedOut"]
    assert (
        play.do(c.Release(kind="decision", id="", cause=h.RescheduleCause.GIVEN_BACK)).events == []
    )
    with pytest.raises(TaskLostError):
        play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[]))
    assert play.decide(h.CompleteWorkflowExecution()).closes


def test_a_decision_over_which_workers_are_lost_waits_longer_and_longer() -> None:
    play = Play()
    delays = []
    for _ in range(12):
        play.take_decision()
        play.do(c.Release(kind="decision", id="", cause=h.RescheduleCause.WORKER_LOST))
        delays.append(play.item("decision").due - play.now)
        play.now = play.item("decision").due
        play.do(c.Due(kind="decision", id=""))
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert play.kinds.count("DecisionTaskFailed") == 1
    assert was_lost(play.item("decision"))
    assert play.decide(h.CompleteWorkflowExecution()).closes


def test_a_lost_decider_loses_no_event() -> None:
    play = Play()
    started = play.take_decision()
    play.do(c.Signal(signal_name="late"))
    play.do(c.Release(kind="decision", id="", cause=h.RescheduleCause.WORKER_LOST))
    assert (
        play.do(c.Release(kind="decision", id="", cause=h.RescheduleCause.WORKER_LOST)).events == []
    )
    with pytest.raises(TaskLostError):
        play.do(c.CompleteDecisionTask(started_event_id=started, decisions=[]))
    play.now = play.item("decision").due
    play.do(c.Due(kind="decision", id=""))
    assert play.decide(h.CompleteWorkflowExecution()).closes


def test_a_decision_task_is_answered_once_and_only_when_taken() -> None:
    play = Play()
    with pytest.raises(TaskLostError):
        play.do(c.CompleteDecisionTask(started_event_id=0, decisions=[]))
    started = play.take_decision()
    answer = c.CompleteDecisionTask(started_event_id=started, decisions=[], execution_context="c")
    play.do(answer)
    assert play.last.execution_context == "c"
    assert play.state.progress.previous_started_event_id == started
    for late in (answer, c.FailDecisionTask(started_event_id=started, cause="C", message="m")):
        with pytest.raises(TaskLostError):
            play.do(late)


def test_an_execution_may_begin_later() -> None:
    play = Play(begin=c.Start(first_decision_at=1030.0))
    assert play.item("decision").queue is None
    assert play.item("decision").due == 1030.0
    play.now = 1030.0
    play.do(c.Due(kind="decision", id=""))
    assert play.item("decision").queue == "default"
    assert play.kinds == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


def test_the_first_event_tells_how_it_was_started() -> None:
    parent = h.WorkflowExecution("p", "p")
    play = Play(
        begin=c.Start(input="[1]", continued_execution_run_id="old"),
        parent=parent,
        parent_initiated_event_id=9,
        tag_list=("t",),
        task_priority=3,
        child_policy=h.ChildPolicy.ABANDON,
        execution_start_to_close=60.0,
        task_start_to_close=10.0,
        lambda_role="role",
    )
    first = play.state.new_events[0]
    assert first == h.WorkflowExecutionStarted(
        event_id=1,
        event_timestamp=play.now,
        child_policy=h.ChildPolicy.ABANDON,
        task_list="default",
        workflow_type=h.WorkflowType("flow"),
        input="[1]",
        execution_start_to_close=60.0,
        task_start_to_close=10.0,
        task_priority=3,
        tag_list=("t",),
        continued_execution_run_id="old",
        parent_workflow_execution=parent,
        parent_initiated_event_id=9,
        lambda_role="role",
    )
    assert play.item("execution").due == play.now + 60
    assert play.item("decision").priority == 3


def test_what_is_not_due_yet_stays_as_it_is() -> None:
    play = Play(execution_start_to_close=60.0, task_start_to_close=10.0)
    play.decide(h.StartTimer(timer_id="t", start_to_fire=5))
    play.now += 4.9
    for kind, id in (("execution", ""), ("timer", "t"), ("timer", "u"), ("activity", "a")):
        assert play.do(c.Due(kind=kind, id=id)).events == []


def test_the_execution_timeout_closes_it() -> None:
    play = Play(execution_start_to_close=60.0)
    play.now += 60
    play.do(c.Due(kind="execution", id=""))
    assert play.kinds[-1] == "WorkflowExecutionTimedOut"
    assert play.state.progress.status is Status.TIMED_OUT


def test_a_cancel_request_is_recorded_once() -> None:
    play = Play()
    play.do(c.RequestCancel())
    assert play.do(c.RequestCancel()).events == []
    assert play.state.progress.cancel_requested


REQUESTS: list[c.Command] = [c.Start(), c.Signal(signal_name="x"), c.RequestCancel(), c.Terminate()]
TASKS: list[c.Command] = [
    c.StartDecisionTask(),
    c.CompleteDecisionTask(started_event_id=3, decisions=[]),
    c.FailDecisionTask(started_event_id=3, cause="C", message="m"),
    c.StartActivityTask(activity_id="b"),
    c.CompleteActivityTask(activity_id="a", started_event_id=7),
    c.FailActivityTask(activity_id="a", started_event_id=7),
    c.CancelActivityTask(activity_id="a", started_event_id=7),
    c.Heartbeat(activity_id="a", started_event_id=7),
    c.Release(kind="activity", id="a", cause=h.RescheduleCause.WORKER_LOST),
    c.Due(kind="timer", id="t"),
    c.ChildClosed(
        execution=h.WorkflowExecution("c", "c"),
        workflow_type=h.WorkflowType("child"),
        initiated_event_id=5,
        status=Status.FAILED,
    ),
]


@pytest.mark.parametrize(
    ("command", "error"),
    [(command, ExecutionNotFoundError) for command in REQUESTS]
    + [(command, TaskLostError) for command in TASKS],
    ids=lambda given: type(given).__name__ if isinstance(given, c.Command) else given.__name__,
)
def test_a_closed_execution_refuses_everything(command: c.Command, error: type[Exception]) -> None:
    play = Play()
    play.decide(
        h.ScheduleActivityTask(activity_id="a", activity_type=CHARGE),
        h.ScheduleActivityTask(activity_id="b", activity_type=CHARGE),
        h.StartTimer(timer_id="t", start_to_fire=0),
    )
    assert play.take_activity() == 8
    play.do(c.Terminate(reason="enough", details="d"))
    assert (play.last.reason, play.last.details) == ("enough", "d")
    before = play.kinds
    with pytest.raises(error, match=r"execution w .* is closed"):
        play.do(command)
    assert play.kinds == before


def test_timers_fire_or_are_canceled() -> None:
    play = Play()
    play.decide(
        h.StartTimer(timer_id="t", start_to_fire=5), h.StartTimer(timer_id="t", start_to_fire=6)
    )
    refused: Any = play.state.new_events[-2]
    assert refused.cause == "TIMER_ID_ALREADY_IN_USE"
    play.decide(h.StartTimer(timer_id="u", start_to_fire=5))
    play.now += 5
    play.do(c.Due(kind="timer", id="t"))
    assert play.kinds[-2:] == ["TimerFired", "DecisionTaskScheduled"]
    play.decide(h.CancelTimer(timer_id="u"), h.CancelTimer(timer_id="u"))
    assert play.kinds[-2:] == ["TimerCanceled", "CancelTimerFailed"]
    assert play.state.progress.open_timers == 0


def test_continue_as_new_carries_on_under_a_new_run() -> None:
    play = Play(
        tag_list=("t",),
        task_start_to_close=9.0,
        parent=h.WorkflowExecution("p", "p"),
        lambda_role="r",
    )
    play.now += 5
    (next_run,) = play.decide(
        h.ContinueAsNewWorkflowExecution(input="[2]", workflow_type_version="2", task_list="other")
    ).outgoing
    assert isinstance(next_run, c.ContinueRun)
    new = next_run.execution
    assert new.run_id == play.last.new_execution_run_id != "r" * 32
    assert new.workflow_id == "w"
    assert new.workflow_type == play.last.workflow_type == h.WorkflowType("flow", "2")
    assert (new.task_list, new.started_at, next_run.input) == ("other", play.now, "[2]")
    assert (new.tag_list, new.task_start_to_close, new.lambda_role) == (("t",), 9.0, "r")
    assert new.parent == h.WorkflowExecution("p", "p"), "the next run is the child now"
    assert play.last.input == "[2]"


def test_lambda_functions_are_refused_as_an_event() -> None:
    play = Play()
    play.decide(h.ScheduleLambdaFunction(id="l", name="f"))
    assert "ScheduleLambdaFunctionFailed" in play.kinds


def test_time_never_goes_back_in_a_history_whatever_clocks_do() -> None:
    play = Play()
    play.decide(h.StartTimer(timer_id="t", start_to_fire=5.0))
    play.now -= 3600.0
    play.do(c.Signal(signal_name="s"))
    assert play.item("timer", "t").due == 1005.0
    play.decide(h.CompleteWorkflowExecution())
    times = [event.event_timestamp for event in play.state.new_events]
    assert times == [1000.0] * len(times)
    assert play.state.progress.closed_at == 1000.0
