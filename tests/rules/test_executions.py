"""Executions and decision tasks: exclusive, woken, closed, continued, timed out."""

from __future__ import annotations

from typing import Any

import pytest

from partita.commands import (
    ApplyChildPolicy,
    ChildClosed,
    ChildNotStarted,
    ChildStarted,
    Command,
    CompleteActivityTask,
    CompleteDecisionTask,
    ContinueRun,
    Due,
    ExternalAnswered,
    FailDecisionTask,
    RequestCancel,
    SendCancel,
    SendSignal,
    Signal,
    StartChild,
    StartDecisionTask,
    TellParent,
    Terminate,
)
from partita.errors import DecisionRefusedError, ExecutionNotFoundError, TaskLostError
from partita.history import (
    AnyDecision,
    CancelTimer,
    CancelWorkflowExecution,
    ChildPolicy,
    CompleteWorkflowExecution,
    ContinueAsNewWorkflowExecution,
    FailWorkflowExecution,
    RecordMarker,
    RequestCancelExternalWorkflowExecution,
    ScheduleLambdaFunction,
    SignalExternalWorkflowExecution,
    StartChildWorkflowExecution,
    StartTimer,
    WorkflowExecution,
    WorkflowType,
)
from partita.state import Status
from tests.rules.play import Play

CLOSINGS: list[tuple[AnyDecision, str, Status]] = [
    (CompleteWorkflowExecution(result="1"), "WorkflowExecutionCompleted", Status.COMPLETED),
    (FailWorkflowExecution(reason="x"), "WorkflowExecutionFailed", Status.FAILED),
    (CancelWorkflowExecution(), "WorkflowExecutionCanceled", Status.CANCELED),
    (
        ContinueAsNewWorkflowExecution(input="2"),
        "WorkflowExecutionContinuedAsNew",
        Status.CONTINUED_AS_NEW,
    ),
]


def test_a_decision_task_is_exclusive() -> None:
    play = Play()
    play.take_decision()
    with pytest.raises(TaskLostError):
        play.do(StartDecisionTask())


def test_events_while_a_decider_is_out_cause_another_task() -> None:
    play = Play()
    started = play.take_decision()
    play.do(Signal(signal_name="a"))
    play.do(Signal(signal_name="b"))
    assert play.kinds.count("DecisionTaskScheduled") == 1
    play.do(CompleteDecisionTask(started_event_id=started, decisions=[]))
    assert play.kinds[-2:] == ["DecisionTaskCompleted", "DecisionTaskScheduled"]


def test_events_before_a_decider_comes_cause_no_second_task() -> None:
    play = Play()
    play.do(Signal(signal_name="a"))
    assert play.kinds.count("DecisionTaskScheduled") == 1


@pytest.mark.parametrize(("decision", "event", "status"), CLOSINGS)
def test_closing_decisions(decision: AnyDecision, event: str, status: Status) -> None:
    play = Play()
    play.decide(StartTimer(timer_id="t", start_to_fire=5))
    play.do(Signal(signal_name="wake"))
    play.decide(decision)
    assert play.kinds[-1] == event
    assert play.state.progress.status is status
    assert play.state.progress.closed_at == play.now
    assert play.open_items() == []


@pytest.mark.parametrize(("decision", "event", "_"), CLOSINGS)
def test_a_close_is_refused_while_there_are_unseen_events(
    decision: AnyDecision, event: str, _: Status
) -> None:
    play = Play()
    started = play.take_decision()
    play.do(Signal(signal_name="late"))
    play.do(CompleteDecisionTask(started_event_id=started, decisions=[decision]))
    refused: Any = play.state.new_events[-2]
    assert refused.event_type == f"{decision.decision_type}Failed"
    assert refused.cause == "UNHANDLED_DECISION"
    assert play.last.event_type == "DecisionTaskScheduled"
    assert event not in play.kinds


def test_a_list_that_contradicts_itself_is_refused_whole() -> None:
    play = Play()
    started = play.take_decision()
    before = play.kinds
    lists: list[list[AnyDecision]] = [
        [RecordMarker(marker_name="m"), CompleteWorkflowExecution(), RecordMarker(marker_name="n")],
        [RecordMarker(marker_name="m"), StartTimer(timer_id="t", start_to_fire=-1)],
    ]
    for decisions in lists:
        with pytest.raises(DecisionRefusedError):
            play.do(CompleteDecisionTask(started_event_id=started, decisions=decisions))
    assert play.kinds == before


def test_a_late_answer_is_refused() -> None:
    play = Play(task_start_to_close=10.0)
    started = play.take_decision()
    play.now += 10
    play.do(Due(kind="decision", id=""))
    assert play.kinds[-2:] == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]
    with pytest.raises(TaskLostError):
        play.do(CompleteDecisionTask(started_event_id=started, decisions=[]))


def test_a_broken_decider_is_asked_again_later_and_told_of_once() -> None:
    play = Play()
    delays = []
    for _ in range(3):
        play.do(FailDecisionTask(started_event_id=0, cause="BROKEN", message="no"))
        delays.append(play.item("decision").due - play.now)
        with pytest.raises(TaskLostError):
            play.do(CompleteDecisionTask(started_event_id=0, decisions=[]))
        play.now = play.item("decision").due
        play.do(Due(kind="decision", id=""))
        assert play.item("decision").queue == "default"
    assert play.kinds.count("DecisionTaskFailed") == 1
    assert delays == sorted(delays)
    play.do(FailDecisionTask(started_event_id=0, cause="BROKEN", message="something else"))
    assert play.kinds.count("DecisionTaskFailed") == 2


def test_the_execution_timeout_closes_it() -> None:
    play = Play(execution_start_to_close=60.0)
    play.now += 60
    play.do(Due(kind="execution", id=""))
    assert play.kinds[-1] == "WorkflowExecutionTimedOut"
    assert play.state.progress.status is Status.TIMED_OUT


def test_a_cancel_request_is_recorded_once() -> None:
    play = Play()
    play.do(RequestCancel())
    assert play.do(RequestCancel()).events == []
    assert play.state.progress.cancel_requested


@pytest.mark.parametrize("command", [Signal(signal_name="x"), RequestCancel(), Terminate()])
def test_a_closed_execution_refuses_requests(command: Command) -> None:
    play = Play()
    play.do(Terminate(reason="enough"))
    assert play.last.reason == "enough"
    with pytest.raises(ExecutionNotFoundError):
        play.do(command)


def test_a_closed_execution_refuses_tasks() -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    play.do(Terminate())
    with pytest.raises(TaskLostError):
        play.do(CompleteActivityTask(activity_id="a", started_event_id=started))


def test_timers_fire_or_are_canceled() -> None:
    play = Play()
    play.decide(
        StartTimer(timer_id="t", start_to_fire=5), StartTimer(timer_id="t", start_to_fire=6)
    )
    refused: Any = play.state.new_events[-2]
    assert refused.cause == "TIMER_ID_ALREADY_IN_USE"
    play.decide(StartTimer(timer_id="u", start_to_fire=5))
    play.now += 5
    play.do(Due(kind="timer", id="t"))
    assert play.kinds[-2:] == ["TimerFired", "DecisionTaskScheduled"]
    play.decide(CancelTimer(timer_id="u"), CancelTimer(timer_id="u"))
    assert play.kinds[-2:] == ["TimerCanceled", "CancelTimerFailed"]
    assert play.state.progress.open_timers == 0


def test_children_start_and_end() -> None:
    play = Play()
    change = play.decide(
        StartChildWorkflowExecution(workflow_id="c", workflow_type=WorkflowType("child"))
    )
    (start,) = change.outgoing
    assert isinstance(start, StartChild)
    assert start.execution.parent == WorkflowExecution("w", "r" * 32)
    child = WorkflowExecution("c", "c" * 32)
    play.do(
        ChildStarted(
            execution=child,
            workflow_type=WorkflowType("child"),
            initiated_event_id=start.initiated_event_id,
        )
    )
    assert play.state.progress.open_children == 1
    closed = ChildClosed(
        execution=child,
        workflow_type=WorkflowType("child"),
        initiated_event_id=start.initiated_event_id,
        status=Status.COMPLETED,
        result="7",
    )
    play.do(closed)
    ended: Any = play.state.new_events[-1]
    assert (ended.event_type, ended.result) == ("ChildWorkflowExecutionCompleted", "7")
    assert play.state.progress.open_children == 0
    assert play.do(closed).events == []


def test_a_child_that_does_not_start() -> None:
    play = Play()
    play.do(
        ChildNotStarted(
            workflow_id="c",
            workflow_type=WorkflowType("child"),
            initiated_event_id=5,
            decision_task_completed_event_id=4,
            cause="WORKFLOW_ALREADY_RUNNING",
        )
    )
    assert play.last.cause == "WORKFLOW_ALREADY_RUNNING"


@pytest.mark.parametrize("policy", list(ChildPolicy))
def test_the_child_policy_is_applied_on_terminate(policy: ChildPolicy) -> None:
    play = Play(child_policy=policy)
    play.do(
        ChildStarted(
            execution=WorkflowExecution("c", "c"),
            workflow_type=WorkflowType("child"),
            initiated_event_id=2,
        )
    )
    outgoing = play.do(Terminate()).outgoing
    expected = [] if policy is ChildPolicy.ABANDON else [ApplyChildPolicy(policy=policy)]
    assert outgoing == expected


def test_a_child_tells_its_parent() -> None:
    play = Play(parent=WorkflowExecution("p", "p"), parent_initiated_event_id=9)
    (told,) = play.decide(CompleteWorkflowExecution(result="3")).outgoing
    assert isinstance(told, TellParent)
    assert (told.closed.initiated_event_id, told.closed.result) == (9, "3")


def test_signals_and_cancel_requests_to_others() -> None:
    play = Play()
    change = play.decide(
        SignalExternalWorkflowExecution(workflow_id="o", signal_name="s", input="1"),
        RequestCancelExternalWorkflowExecution(workflow_id="o"),
    )
    signal, cancel = change.outgoing
    assert isinstance(signal, SendSignal)
    assert isinstance(cancel, SendCancel)
    play.do(ExternalAnswered(outgoing=signal, run_id="r"))
    assert "ExternalWorkflowExecutionSignaled" in play.kinds
    play.do(ExternalAnswered(outgoing=cancel, cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"))
    assert play.kinds[-1] == "RequestCancelExternalWorkflowExecutionFailed"


def test_continue_as_new_carries_on_under_a_new_run() -> None:
    play = Play(tag_list=("t",))
    (next_run,) = play.decide(
        ContinueAsNewWorkflowExecution(input="[2]", workflow_type_version="2")
    ).outgoing
    assert isinstance(next_run, ContinueRun)
    assert next_run.execution.run_id == play.last.new_execution_run_id != "r" * 32
    assert next_run.execution.workflow_type.version == "2"
    assert (next_run.execution.tag_list, next_run.input) == (("t",), "[2]")


def test_lambda_functions_are_refused_as_an_event() -> None:
    play = Play()
    play.decide(ScheduleLambdaFunction(id="l", name="f"))
    assert "ScheduleLambdaFunctionFailed" in play.kinds
