"""Every decision of a decider by hand is carried out, on every backend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from partita import Activity, Signal, Workflow, activity, lambda_function, wait_signal, workflow
from partita import history as h
from partita.deciders import (
    Answer,
    CancelActivity,
    Canceled,
    CancelProcess,
    CancelTimer,
    Completed,
    CompleteProcess,
    ContinueAsNew,
    Decider,
    Failed,
    FailProcess,
    Process,
    RecordMarker,
    RequestCancelExternal,
    ScheduleActivity,
    ScheduleLambda,
    SignalExternal,
    StartChildProcess,
    StartTimer,
    TimedOut,
)
from partita.errors import InvalidInputError, InvalidOptionError, WorkflowFailedError
from partita.ports.state import Status
from tests.conftest import until
from tests.language.conftest import Stage

GREETING = Signal("greeting", str)


@activity
def double(x: int) -> int:
    return 2 * x


@activity
def add(x: int, y: int = 1) -> int:
    return x + y


@activity(task_list="nobody's", schedule_to_start=0.01)
def unserved() -> None: ...


class Triple(Activity):
    version = "2"

    def execute(self, x: int) -> int:
        return 3 * x


shout = lambda_function("shout", local=str.upper)


class Steps(Decider[list[int]]):
    """Do one thing after the other; each turn is told by what is there already."""

    def decide(self, process: Process[list[int]]) -> Answer:
        values = [one.value for one in process.activities if one.result is not None]
        if len(values) < len(process.input):
            if process.unfinished_activities():
                return None
            return ScheduleActivity(double, process.input[len(values)])
        return CompleteProcess(values)


def test_one_after_the_other(stage: Stage) -> None:
    handle = stage.start(Steps, [1, 2, 3])
    assert handle.result(timeout=20) == [2, 4, 6]
    scheduled = stage.find(handle, h.ActivityTaskScheduled)
    assert [one.activity_id for one in scheduled] == ["double-1", "double-2", "double-3"]


class Everything(Decider[str]):
    """Make one decision of each kind that begins something, then tell what came of them."""

    def decide(self, process: Process[str]) -> Answer:
        if not process.activities:
            return [
                ScheduleActivity(double, 4, data={"why": "x"}),
                ScheduleActivity(Triple, 4),
                ScheduleActivity("add", 1, kwargs={"y": 5}, id="sum"),
                ScheduleActivity(h.ActivityType("Triple", "2"), 5, id="by type"),
                ScheduleLambda(shout, "hey"),
                StartTimer(0.001, data="soon"),
                StartTimer(timedelta(days=1), id="late"),
                RecordMarker("seen", [1, 2]),
                StartChildProcess(Steps, [7], tags=["small"]),
                SignalExternal(process.id, GREETING, "to myself"),
                SignalExternal("nobody", "greeting"),
            ]
        if process.unfinished_activities() or process.unfinished_children():
            return None
        if not (process.received and process.timers[0].result):
            return None
        late = process.untriggered_timers()[0]
        done = CompleteProcess(
            {
                "activities": {one.id: one.value for one in process.activities},
                "data": process.activities[0].data,
                "marker": process.markers["seen"],
                "timers": [one.id for one in process.timers],
                "timer data": process.timers[0].data,
                "child": process.children[0].value,
                "greeting": process.received[0].read(GREETING),
                "nobody": sum(
                    isinstance(one, h.SignalExternalWorkflowExecutionFailed)
                    for one in process.history
                ),
            }
        )
        return [CancelTimer(late), done]


def test_every_decision_that_begins_something(stage: Stage) -> None:
    handle = stage.start(Everything, "go", id="all")
    assert handle.result(timeout=20) == {
        "activities": {
            "double-1": 8,
            "Triple-2": 12,
            "sum": 6,
            "by type": 15,
            "lambda:shout-5": "HEY",
        },
        "data": {"why": "x"},
        "marker": [1, 2],
        "timers": ["timer-1", "late"],
        "timer data": "soon",
        "child": [14],
        "greeting": "to myself",
        "nobody": 1,
    }
    process = Process.of(handle.history())
    assert [type(one.result) for one in process.timers] == [Completed, Canceled]
    [child] = stage.find(handle, h.StartChildWorkflowExecutionInitiated)
    run_id = handle.describe().info.run_id
    assert child.workflow_id == f"all:{run_id[:8]}:Steps-1"
    assert child.tag_list == ("small",)
    assert [one.start_to_fire for one in stage.find(handle, h.TimerStarted)] == [0.001, 86400.0]
    assert [one.marker_name for one in stage.find(handle, h.MarkerRecorded)] == ["seen"]


class Ending(Decider[str]):
    def decide(self, process: Process[str]) -> Answer:
        match process.input:
            case "fail":
                return FailProcess("REASON", "details")
            case "error":
                return FailProcess(ValueError("no"))
            case "cancel":
                return CancelProcess("enough")
            case "raw":
                return h.CompleteWorkflowExecution(result='"raw"')
            case "again":
                return ContinueAsNew("raw", tags=["second"])
        return CompleteProcess()


def test_every_decision_that_ends(stage: Stage) -> None:
    ended = {
        how: stage.start(Ending, how) for how in ("", "fail", "error", "cancel", "raw", "again")
    }
    assert ended[""].result(timeout=20) is None
    with pytest.raises(WorkflowFailedError, match="REASON: details"):
        ended["fail"].result(timeout=20)
    with pytest.raises(WorkflowFailedError) as raised:
        ended["error"].result(timeout=20)
    assert isinstance(raised.value.__cause__, ValueError)
    until(lambda: ended["cancel"].describe().info.status is Status.CANCELED)
    assert ended["raw"].result(timeout=20) == ended["again"].result(timeout=20) == "raw"
    [first] = stage.find(ended["again"], h.WorkflowExecutionContinuedAsNew)
    assert first.tag_list == ("second",)
    assert stage.client.describe(ended["again"].workflow_id).info.tag_list == ("second",)


@workflow
def patient() -> str:
    return wait_signal("go", str)


class Stopping(Decider[None]):
    """Ask what runs to cancel itself, and tell how it ended."""

    def decide(self, process: Process[None]) -> Answer:
        if not process.children:
            return [
                StartChildProcess(patient, id=f"{process.id}-child"),
                ScheduleActivity(add.options(task_list="nobody's"), 1, id="waits"),
                ScheduleActivity(unserved),
            ]
        child, waiting = process.children[0], process.activity("waits")
        assert waiting is not None
        if child.execution is not None and waiting.result is None:
            return [CancelActivity(waiting), RequestCancelExternal(child)]
        if child.result is None or process.unfinished_activities():
            return None
        return CompleteProcess([type(one.result).__name__ for one in (child, *process.activities)])


def test_cancelling_and_timing_out(stage: Stage) -> None:
    assert stage.run(Stopping, None) == ["Canceled", "Canceled", "TimedOut"]


@workflow
def calling() -> Any:
    return Steps.definition([4, 5])


class Family(Workflow):
    def run(self) -> Any:
        return self.submit(Steps, [6]).result()


def test_deciders_are_children_of_workflows_of_every_kind(stage: Stage) -> None:
    assert stage.run(calling) == [8, 10]
    assert stage.run(Family) == [12]


def test_results_compare_as_values() -> None:
    assert Completed(1) == Completed(1) != Completed(2)
    assert Failed("a", "b") == Failed("a", "b") != TimedOut("a", "b")
    assert {Canceled(): 1} == {Canceled(): 1}
    assert ScheduleActivity(double, 1) == ScheduleActivity(double, 1) != ScheduleActivity(double, 2)
    assert "double" in repr(ScheduleActivity(double, 1))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ScheduleActivity(patient), "is not an activity"),
        (lambda: ScheduleActivity(len), "is not an activity"),
        (lambda: StartChildProcess(double), "is not a workflow"),
        (lambda: StartTimer(-1), "positive number of seconds"),
        (lambda: CancelTimer(7), "has no id"),  # type: ignore[arg-type]
        (lambda: ScheduleLambda(double).render(_process()), "not a Lambda function"),
        (lambda: ScheduleActivity(double, 1, 2).render(_process()), "activity double"),
        (lambda: CompleteProcess(object()).render(_process()), "JSON"),
        (lambda: StartChildProcess(patient, id="a\nb"), "has control characters; leave them out"),
        (lambda: SignalExternal("a\nb", "s"), "has control characters; leave them out"),
        (lambda: RequestCancelExternal(""), "give the id of an execution"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(make: Any, says: str) -> None:
    with pytest.raises((InvalidInputError, InvalidOptionError, Exception)) as raised:
        make()
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def _process() -> Process[Any]:
    return Process(h.WorkflowExecution("x", "y"), h.WorkflowType("z"))


def test_a_failure_is_told_with_its_message(stage: Stage) -> None:
    handle = stage.start(Ending, "error")
    with pytest.raises(WorkflowFailedError):
        handle.result(timeout=20)
    process = Process.of(handle.history())
    assert isinstance(process.ended, Failed)
    assert (process.ended.reason, process.ended.details) == ("ValueError", "no")
    [event] = stage.find(handle, h.WorkflowExecutionFailed)
    assert event.reason == "ValueError"
