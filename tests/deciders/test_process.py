"""What a process shows of an execution: what is new, what is open, whose child it is, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from partita import activity, workflow
from partita.client import Handle
from partita.deciders import (
    Answer,
    Canceled,
    CancelTimer,
    CompleteProcess,
    Decider,
    Failed,
    Process,
    ScheduleActivity,
    ScheduleLambda,
    StartChildProcess,
    StartTimer,
)
from partita.history import WorkflowExecution, WorkflowType
from partita.worker import PollingWorker
from tests.conftest import Rig
from tests.language.conftest import Stage


@activity
def work(x: int) -> int:
    return x


@workflow
def small(x: int) -> int:
    return x


class Watching(Decider[Any]):
    """Begin some of everything; write down what is seen at each turn."""

    def decide(self, process: Process[Any]) -> Answer:
        SEEN.append(
            {
                "news": [one.event_type for one in process.unseen_events()],
                "activities": [one.id for one in process.unfinished_activities()],
                "timers": [one.id for one in process.untriggered_timers()],
                "children": [one.id for one in process.unfinished_children()],
                "cancel": process.is_cancel_requested,
            }
        )
        if len(SEEN) == 1:
            return [
                ScheduleActivity(work, 1, id="a"),
                StartTimer(86400, "x", id="t"),
                StartChildProcess(small, 2, id="c"),
                ScheduleLambda("far", {"n": 1}),
            ]
        if process.is_cancel_requested:
            return [CancelTimer("t"), CompleteProcess([one.reason for one in process.lambdas])]
        return None


SEEN: list[dict[str, Any]] = []


def test_each_turn_shows_what_is_new_and_what_is_open(memory_rig: Rig) -> None:
    SEEN.clear()
    handle: Handle[Any] = memory_rig.client.start_with(Watching, [None], workflow_id="w")
    deciding = PollingWorker(memory_rig.engine, workflows=[Watching, small], activities=[work])
    assert deciding.decide()
    while deciding.step():
        pass
    handle.cancel()
    while deciding.step():
        pass
    assert handle.result(timeout=1) == []  # a Lambda function that was refused never was open
    assert SEEN[0] == {
        "news": ["WorkflowExecutionStarted"],
        "activities": [],
        "timers": [],
        "children": [],
        "cancel": False,
    }
    news = [name for seen in SEEN for name in seen["news"]]
    assert sorted(news) == [
        "ActivityTaskCompleted",
        "ActivityTaskStarted",
        "ChildWorkflowExecutionCompleted",
        "ChildWorkflowExecutionStarted",
        "ScheduleLambdaFunctionFailed",
        "WorkflowExecutionCancelRequested",
        "WorkflowExecutionStarted",
    ]
    last = SEEN[-1]
    assert (last["activities"], last["timers"], last["children"]) == ([], ["t"], [])
    assert last["cancel"]
    process = Process.of(handle.history(), "w")
    assert [type(one.result) for one in process.timers] == [Canceled]
    assert process.timers[0].data == "x"
    assert process.untriggered_timers() == []


class Child(Decider[str]):
    def decide(self, process: Process[str]) -> Answer:
        parent = process.parent
        return CompleteProcess(
            [
                process.id,
                process.workflow.key,
                process.input,
                list(process.tags),
                None if parent is None else parent.workflow_id,
            ]
        )


class Parent(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        if not process.children:
            return [
                StartChildProcess(Child, "in", id=f"{process.id}/c", tags=["x", "y"]),
                StartChildProcess(Child, "again", id=f"{process.id}/c"),
            ]
        first, second = process.children
        if first.result is None or second.result is None:
            return None
        return CompleteProcess([first.value, second.reason])


def test_a_child_knows_its_parent(stage: Stage) -> None:
    alone = stage.start(Child, "in", id="alone", tags=["t"])
    assert alone.result(timeout=20) == ["alone", "Child@1", "in", ["t"], None]
    parent = stage.start(Parent, None, id="p")
    told, refused = parent.result(timeout=20)
    assert told == ["p/c", "Child@1", "in", ["x", "y"], "p"]
    assert refused == "WORKFLOW_ALREADY_RUNNING"
    process = Process.of(parent.history(), "p", parent.run_id)
    child = process.children[0]
    assert child.execution == WorkflowExecution("p/c", stage.client.describe("p/c").info.run_id)
    assert child.name == "Child"
    assert process.workflow == WorkflowType("Parent")
    last = parent.history()[-1].event_timestamp
    assert process.time == datetime.fromtimestamp(last, UTC)
    assert repr(process) == f"<Process p of Parent@1: {len(parent.history())} events>"


class Refused(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        refused = [one for one in process.unseen_events() if one.event_type.endswith("Failed")]
        if refused:
            part = process.part(refused[0])
            return CompleteProcess([part.id, part.reason, isinstance(part.result, Failed)])
        return ScheduleLambda("far", 1)


def test_what_was_refused_says_why(stage: Stage) -> None:
    id, reason, failed = stage.run(Refused, None)
    assert (id, failed) == ("far-1", True)
    assert reason == reason.upper()
