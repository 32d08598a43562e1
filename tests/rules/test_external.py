"""What an execution does to others, and hears from them: children, signals, cancel requests."""

from __future__ import annotations

from typing import Any

import pytest

from partita import history as h
from partita.ports.state import Status
from partita.rules import commands as c
from tests.rules.play import Play

TYPE = h.WorkflowType("child")
CHILD = h.WorkflowExecution("c", "c" * 32)
PARENT = h.WorkflowExecution("p", "p" * 32)


def start_child(play: Play, **options: Any) -> c.StartChild:
    """Decide to start a child; return the message that is to start it."""
    decision = h.StartChildWorkflowExecution(workflow_id="c", workflow_type=TYPE, **options)
    (sent,) = play.decide(decision).outgoing
    assert isinstance(sent, c.StartChild)
    return sent


def with_child(**execution: Any) -> tuple[Play, int]:
    """Return a play with a running child, and the child's initiated event id."""
    play = Play(**execution)
    initiated = start_child(play).initiated_event_id
    play.do(c.ChildStarted(execution=CHILD, workflow_type=TYPE, initiated_event_id=initiated))
    return play, initiated


def closed(initiated: int, status: Status, **more: Any) -> c.ChildClosed:
    return c.ChildClosed(
        execution=CHILD, workflow_type=TYPE, initiated_event_id=initiated, status=status, **more
    )


def test_a_child_is_made_as_the_decision_says() -> None:
    play = Play()
    sent = start_child(
        play, input="[1]", control="c", tag_list=("t",), child_policy=h.ChildPolicy.ABANDON
    )
    child = sent.execution
    assert (child.workflow_id, child.workflow_type, child.domain) == ("c", TYPE, "d")
    assert child.parent == h.WorkflowExecution("w", "r" * 32)
    assert child.parent_initiated_event_id == sent.initiated_event_id == play.last.event_id
    assert (child.task_list, child.tag_list) == ("default", ("t",))
    assert child.child_policy is play.last.child_policy is h.ChildPolicy.ABANDON
    assert (sent.input, sent.control) == (play.last.input, play.last.control) == ("[1]", "c")
    assert play.state.progress.open_children == 0, "it does not run yet"


def test_a_child_that_runs_wakes_its_parent() -> None:
    play, _ = with_child()
    assert play.kinds[-2:] == ["ChildWorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert play.state.progress.open_children == 1


@pytest.mark.parametrize(
    ("status", "event", "given"),
    [
        (Status.COMPLETED, "Completed", {"result": "7"}),
        (Status.FAILED, "Failed", {"reason": "r", "details": "d"}),
        (Status.CANCELED, "Canceled", {"details": "d"}),
        (Status.TERMINATED, "Terminated", {}),
        (Status.TIMED_OUT, "TimedOut", {}),
    ],
)
def test_a_child_ends_once(status: Status, event: str, given: dict[str, str]) -> None:
    play, initiated = with_child()
    play.decide()
    play.do(closed(initiated, status, **given))
    ended: Any = play.state.new_events[-2]
    assert ended.event_type == f"ChildWorkflowExecution{event}"
    assert ended.workflow_execution == CHILD
    assert {name: getattr(ended, name) for name in given} == given
    assert play.last.event_type == "DecisionTaskScheduled"
    assert play.state.progress.open_children == 0
    assert play.do(closed(initiated, status, **given)).events == []


def test_a_child_that_continues_as_new_is_still_open() -> None:
    play, initiated = with_child()
    assert play.do(closed(initiated, Status.CONTINUED_AS_NEW)).events == []
    assert play.state.progress.open_children == 1


def test_a_child_that_does_not_start() -> None:
    play = Play()
    sent = start_child(play, control="c")
    play.do(
        c.ChildNotStarted(
            workflow_id="c",
            workflow_type=TYPE,
            initiated_event_id=sent.initiated_event_id,
            decision_task_completed_event_id=sent.decision_task_completed_event_id,
            cause="WORKFLOW_ALREADY_RUNNING",
            control=sent.control,
        )
    )
    failed: Any = play.state.new_events[-2]
    assert failed.event_type == "StartChildWorkflowExecutionFailed"
    assert (failed.cause, failed.control) == ("WORKFLOW_ALREADY_RUNNING", "c")
    assert play.last.event_type == "DecisionTaskScheduled"


@pytest.mark.parametrize("policy", list(h.ChildPolicy))
@pytest.mark.parametrize("how", ["terminated", "timed out", "terminated with another policy"])
def test_the_child_policy_is_applied_from_outside(policy: h.ChildPolicy, how: str) -> None:
    other = "other" in how
    own = h.ChildPolicy.ABANDON if other else policy
    play, _ = with_child(child_policy=own, execution_start_to_close=60.0)
    command: c.Command = c.Terminate(child_policy=policy if other else None)
    if how == "timed out":
        play.now += 60
        command = c.Due(kind="execution", id="")
    outgoing = play.do(command).outgoing
    expected = [] if policy is h.ChildPolicy.ABANDON else [c.ApplyChildPolicy(policy=policy)]
    assert outgoing == expected
    assert play.last.child_policy is policy


def test_the_child_policy_is_not_applied_where_the_workflow_ends_by_itself() -> None:
    play, _ = with_child(child_policy=h.ChildPolicy.TERMINATE)
    assert play.decide(h.CompleteWorkflowExecution()).outgoing == []
    assert play.state.progress.status is Status.COMPLETED


def test_a_policy_needs_a_child() -> None:
    assert Play(child_policy=h.ChildPolicy.TERMINATE).do(c.Terminate()).outgoing == []


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (h.CompleteWorkflowExecution(result="3"), {"status": Status.COMPLETED, "result": "3"}),
        (
            h.FailWorkflowExecution(reason="r", details="d"),
            {"status": Status.FAILED, "reason": "r", "details": "d"},
        ),
        (h.CancelWorkflowExecution(details="d"), {"status": Status.CANCELED, "details": "d"}),
    ],
)
def test_a_child_tells_its_parent_how_it_ended(decision: h.AnyDecision, told: Any) -> None:
    play = Play(parent=PARENT, parent_initiated_event_id=9)
    (sent,) = play.decide(decision).outgoing
    me = h.WorkflowExecution("w", "r" * 32)
    expected = c.ChildClosed(
        execution=me, workflow_type=h.WorkflowType("flow"), initiated_event_id=9, **told
    )
    assert sent == c.TellParent(parent=PARENT, closed=expected)


def test_a_child_tells_its_parent_of_a_violent_end() -> None:
    ended = []
    for command in (c.Terminate(), c.Due(kind="execution", id="")):
        play = Play(parent=PARENT, parent_initiated_event_id=9, execution_start_to_close=0.0)
        (sent,) = play.do(command).outgoing
        assert isinstance(sent, c.TellParent)
        ended.append(sent.closed.status)
    assert ended == [Status.TERMINATED, Status.TIMED_OUT]


def test_a_run_that_continues_does_not_tell_its_parent() -> None:
    play = Play(parent=PARENT, parent_initiated_event_id=9)
    sent = play.decide(h.ContinueAsNewWorkflowExecution()).outgoing
    assert not any(isinstance(message, c.TellParent) for message in sent)


@pytest.mark.parametrize(
    ("decision", "message", "arrived", "failed"),
    [
        (
            h.SignalExternalWorkflowExecution(
                workflow_id="o", run_id="x", signal_name="s", control="c"
            ),
            c.SendSignal,
            "ExternalWorkflowExecutionSignaled",
            "SignalExternalWorkflowExecutionFailed",
        ),
        (
            h.RequestCancelExternalWorkflowExecution(workflow_id="o", run_id="x", control="c"),
            c.SendCancel,
            "ExternalWorkflowExecutionCancelRequested",
            "RequestCancelExternalWorkflowExecutionFailed",
        ),
    ],
)
def test_messages_to_others_arrive_or_not(
    decision: h.AnyDecision, message: type[Any], arrived: str, failed: str
) -> None:
    for cause in (None, "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"):
        play = Play()
        (sent,) = play.decide(decision).outgoing
        assert isinstance(sent, c.SendSignal | c.SendCancel)
        assert isinstance(sent, message)
        assert (sent.workflow_id, sent.run_id, sent.control) == ("o", "x", "c")
        assert play.last.event_type == f"{decision.decision_type}Initiated"
        play.do(c.ExternalAnswered(outgoing=sent, run_id="x", cause=cause))
        answer: Any = play.state.new_events[-2]
        if cause is None:
            assert answer.event_type == arrived
            assert answer.workflow_execution == h.WorkflowExecution("o", "x")
        else:
            assert answer.event_type == failed
            assert (answer.cause, answer.control, answer.run_id) == (cause, "c", "x")
        assert play.last.event_type == "DecisionTaskScheduled"


def test_a_message_tells_where_it_came_from() -> None:
    play = Play()
    play.do(c.Signal(signal_name="s", input="1", source=PARENT, source_initiated_event_id=7))
    signaled = play.last
    play.do(
        c.RequestCancel(source=PARENT, source_initiated_event_id=8, cause="CHILD_POLICY_APPLIED")
    )
    assert (signaled.signal_name, signaled.input) == ("s", "1")
    for event, initiated in ((signaled, 7), (play.last, 8)):
        assert event.external_workflow_execution == PARENT
        assert event.external_initiated_event_id == initiated
    assert play.last.cause == "CHILD_POLICY_APPLIED"


def test_news_of_a_child_while_a_decider_is_out_causes_another_task() -> None:
    play, initiated = with_child()
    started = play.take_decision()
    play.do(closed(initiated, Status.COMPLETED))
    finish = [h.CompleteWorkflowExecution()]
    play.do(c.CompleteDecisionTask(started_event_id=started, decisions=list(finish)))
    assert play.kinds[-4:-2] == ["ChildWorkflowExecutionCompleted", "DecisionTaskScheduled"]
    assert play.kinds[-2:] == ["DecisionTaskCompleted", "CompleteWorkflowExecutionFailed"]
    assert play.decide(h.CompleteWorkflowExecution()).closes


def test_a_child_belongs_where_its_decision_says_or_where_its_parent_does() -> None:
    play = Play(trace_context="the parent's")
    assert start_child(play).execution.trace_context == "the parent's"
    play = Play(trace_context="the parent's")
    assert start_child(play, trace_context="its own").execution.trace_context == "its own"
