"""Handlers and rules: who is called for what, what they see, and what becomes of their faults."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from partita import Activity, Signal, activity, workflow
from partita import history as h
from partita.client import Handle
from partita.deciders import (
    Aborted,
    ActivityExecution,
    Answer,
    Answers,
    CancelActivity,
    Canceled,
    ChildProcess,
    Completed,
    CompleteProcess,
    Decider,
    Failed,
    FailProcess,
    Process,
    ProcessTimer,
    ReceivedSignal,
    RecordMarker,
    Responder,
    RuleSet,
    ScheduleActivity,
    StartChildProcess,
    StartTimer,
    TimedOut,
    cancel_requested,
    child_completed,
    child_interrupted,
    completed_activity,
    interrupted_activity,
    process_started,
    rule,
    signal,
    timer,
)
from partita.errors import InvalidOptionError, PartitaError, WorkflowFailedError
from partita.ports.state import Status
from partita.worker import PollingWorker
from tests.conftest import FIRST_DELAY, Rig, until
from tests.language.conftest import Stage

VOTE = Signal("vote", int)


@activity
def work(x: int) -> int:
    return x


class Judge(Activity):
    """End as one is told."""

    category = "default"

    def execute(self, how: str) -> int | Failed | Canceled:
        match how:
            case "raise failed":
                raise Failed("NO", "raised")
            case "return failed":
                return Failed("NO", "returned")
            case "abort":
                raise Aborted("NEVER")
            case "cancel":
                return Canceled("as you like")
            case "time out":
                raise TimedOut("HEARTBEAT")
            case "raise completed":
                raise Completed(2)
            case "exception":
                raise KeyError(how)
        return 1


class OneInput(Activity):
    """Read the one input, as an attribute."""

    def execute(self) -> Any:
        self.heartbeat({"half": True})
        return [self.input, self.info.attempt]


class Both(Responder[str]):
    """Tell how activities end."""

    def initiate(self, process: Process[str]) -> Answer:
        return ScheduleActivity(Judge, process.input)

    def respond_to_completed_activity(
        self, process: Process[str], activity: ActivityExecution
    ) -> Answer:
        return CompleteProcess(["completed", activity.value])

    def respond_to_interrupted_activity(
        self, process: Process[str], activity: ActivityExecution
    ) -> Answer:
        return CompleteProcess([type(activity.result).__name__, activity.reason, activity.details])


class Passing(Responder[Any]):
    def initiate(self, process: Process[Any]) -> Answer:
        return ScheduleActivity(OneInput, process.input)

    def respond_to_completed_activity(
        self, process: Process[Any], activity: ActivityExecution
    ) -> Answer:
        return CompleteProcess(activity.value)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("", ["completed", 1]),
        ("raise completed", ["completed", 2]),
        ("raise failed", ["Failed", "NO", "raised"]),
        ("return failed", ["Failed", "NO", "returned"]),
        ("abort", ["Failed", "NEVER", None]),
        ("cancel", ["Canceled", None, "as you like"]),
        ("time out", ["Failed", "TIMED_OUT_HEARTBEAT", None]),
        ("exception", ["Failed", "KeyError", "'exception'"]),
    ],
)
def test_every_end_of_an_activity(stage: Stage, how: str, told: list[Any]) -> None:
    assert stage.run(Both, how) == told


def test_an_activity_without_parameters_reads_its_input(stage: Stage) -> None:
    assert stage.run(Passing, {"a": 1}) == [{"a": 1}, 1]


class Retrying(Responder[str]):
    def initiate(self, process: Process[str]) -> Answer:
        again = Judge.options(retry=3)
        return ScheduleActivity(again, process.input)

    def respond_to_interrupted_activity(
        self, process: Process[str], activity: ActivityExecution
    ) -> Answer:
        return CompleteProcess(activity.reason)


def test_what_is_aborted_is_not_tried_again(clocked: Any) -> None:
    for how, times in (("raise failed", 2), ("abort", 0)):
        handle = clocked.start(Retrying, how)

        def ended(handle: Any = handle) -> bool:
            clocked.advance(60)
            return bool(handle.describe().info.status is Status.COMPLETED)

        until(ended)
        assert len(clocked.find(handle, h.ActivityTaskRescheduled)) == times


class Counting(RuleSet[int]):
    """Count votes; each form of filter is used once."""

    @process_started
    def first(self, process: Process[int]) -> Answer:
        return ScheduleActivity(work, process.input, id="first")

    @completed_activity(work, id="first", input=lambda x: x > 0, result=lambda x: x < 100)
    @completed_activity("work", id="first", result=0)
    def small(self, process: Process[int], activity: ActivityExecution) -> Answer:
        return RecordMarker("small", activity.value)

    @completed_activity(work, input=100)
    def large(self, process: Process[int], activity: ActivityExecution) -> Answer:
        return RecordMarker("large")

    @completed_activity(Judge)
    def never(self, process: Process[int], activity: ActivityExecution) -> Answer:
        raise AssertionError("a rule for one activity was used for another")

    @signal(VOTE, value=lambda vote: vote > 0)
    def vote(self, process: Process[int], signal: ReceivedSignal) -> Answers:
        votes = [one.value for one in process.signals(VOTE) if one.value in (1, 2, 4)]
        if len(votes) == 3:
            yield CompleteProcess(sum(votes))

    @signal()
    def any_signal(self, process: Process[int], signal: ReceivedSignal) -> Answer:
        return RecordMarker("heard", signal.name)

    @rule(lambda process, event: isinstance(event, h.WorkflowExecutionSignaled))
    def by_hand(self, process: Process[int], event: h.WorkflowExecutionSignaled) -> Answer:
        return None


class Loud(Counting):
    """Inherit every rule; say one thing otherwise."""

    def any_signal(self, process: Process[int], signal: ReceivedSignal) -> Answer:
        return RecordMarker("LOUD", signal.name)


def marks(stage: Stage, handle: Any) -> list[str]:
    return [one.marker_name for one in stage.find(handle, h.MarkerRecorded)]


@pytest.mark.parametrize(("form", "heard"), [(Counting, "heard"), (Loud, "LOUD")])
def test_filters_and_inherited_rules(stage: Stage, form: Any, heard: str) -> None:
    for first, mark in ((7, "small"), (0, "small"), (100, "large"), (200, None)):
        handle = stage.start(form, first)
        until(partial(stage.find, handle, h.ActivityTaskCompleted))
        for vote in (1, -5, 2):
            handle.signal(VOTE, vote)
        handle.signal("vote", "no number")
        handle.signal(VOTE, 4)
        assert handle.result(timeout=20) == 7
        found = marks(stage, handle)
        assert [one for one in found if one != heard] == ([mark] if mark else [])


class Timed(RuleSet[None]):
    @process_started
    def begin(self, process: Process[None]) -> Answers:
        yield StartTimer(0.001, {"n": 1})
        yield StartTimer(0.002, id="second")

    @timer({"n": 1})
    def one(self, process: Process[None], timer: ProcessTimer) -> Answer:
        return RecordMarker("one", timer.id)

    @timer(id="second")
    def two(self, process: Process[None], timer: ProcessTimer) -> Answer:
        return CompleteProcess([process.markers["one"], timer.data])


class Parent(RuleSet[str]):
    @process_started
    def begin(self, process: Process[str]) -> Answer:
        return StartChildProcess(process.input, 3, tags=["kid"])

    @child_completed(lambda child: child.name == "Both", tag="kid", result=["completed", 1])
    def done(self, process: Process[str], child: ChildProcess) -> Answer:
        return CompleteProcess("well")

    @child_completed("square", result=9)
    def squared(self, process: Process[str], child: ChildProcess) -> Answer:
        return CompleteProcess(child.value)

    @child_interrupted("absent", result=Failed)
    def lost(self, process: Process[str], child: ChildProcess) -> Answer:
        return CompleteProcess(child.reason)


@workflow
def square(x: int) -> int:
    return x * x


def test_timers_and_children_by_rule(stage: Stage) -> None:
    assert stage.run(Timed, None) == ["timer-1", None]
    assert stage.run(Parent, "square") == 9
    assert stage.run(Parent, "absent") == "WORKFLOW_TYPE_DOES_NOT_EXIST"


class Polite(RuleSet[None]):
    @process_started
    def begin(self, process: Process[None]) -> Answer:
        return ScheduleActivity(work.options(task_list="nobody's"), 1, id="w")

    @cancel_requested
    def stop(self, process: Process[None]) -> Answer:
        return CancelActivity("w")

    @interrupted_activity(work, result=Canceled)
    def stopped(self, process: Process[None], activity: ActivityExecution) -> Answer:
        return CompleteProcess("stopped")


class Plain(Responder[None]):
    def initiate(self, process: Process[None]) -> Answer:
        return ScheduleActivity(work.options(task_list="nobody's"), 1, id="w")


def test_a_cancel_request_by_rule_and_by_default(stage: Stage) -> None:
    polite, plain = stage.start(Polite, None), stage.start(Plain, None)
    for handle in (polite, plain):
        stage.settled(handle)
        handle.cancel()
    assert polite.result(timeout=20) == "stopped"
    until(lambda: plain.describe().info.status is Status.CANCELED)
    assert len(stage.find(plain, h.ActivityTaskCancelRequested)) == 1


# -- faults --------------------------------------------------------------------------------


class Breaking(Responder[None]):
    broken = True

    def initiate(self, process: Process[None]) -> Answer:
        return None

    def respond_to_signal(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        if type(self).broken:
            raise ValueError("not yet")
        values = [one.value for one in process.signals("s")]
        return CompleteProcess(values) if len(values) == 2 else None


class Contradicting(Decider[None]):
    mended = False

    def decide(self, process: Process[None]) -> Answer:
        if type(self).mended:
            return CompleteProcess("once")
        return [RecordMarker("half"), CompleteProcess(), RecordMarker("too late")]


def test_an_exception_in_decide_loses_no_event(memory_rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr(Breaking, "broken", True)
    with memory_rig.worker(Breaking.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Breaking, [None])
        handle.signal("s", 1)
        until(lambda: memory_rig.failures)
        handle.signal("s", 2)
        monkeypatch.setattr(Breaking, "broken", False)
        memory_rig.skip(FIRST_DELAY)
        assert handle.result(timeout=20) == [1, 2]
    assert "test_responses.py" in memory_rig.failures[0]
    assert "ValueError: not yet" in memory_rig.failures[0]
    [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
    assert failed.cause == "DECIDER_FAILED"


def test_decisions_are_applied_whole_or_not_at_all(memory_rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr(Contradicting, "mended", False)
    with memory_rig.worker(Contradicting.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Contradicting, [None])
        until(lambda: memory_rig.failures)
        assert "MarkerRecorded" not in memory_rig.kinds(handle.workflow_id)
        monkeypatch.setattr(Contradicting, "mended", True)
        memory_rig.skip(FIRST_DELAY)
        assert handle.result(timeout=20) == "once"
    assert "must be the last" in memory_rig.failures[0]


class First(Responder[None]):
    """Close at the first signal, whatever else came."""

    def initiate(self, process: Process[None]) -> Answer:
        return None

    def respond_to_signal(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return CompleteProcess(signal.name)


def test_a_completion_and_a_cancel_request_in_one_turn_close_once(memory_rig: Rig) -> None:
    handle: Handle[Any] = memory_rig.client.start_with(First, [None])
    handle.signal("a")
    handle.cancel()
    handle.signal("b")
    with memory_rig.worker(First.definition):
        assert handle.result(timeout=20) == "a"
    assert memory_rig.failures == []


def test_an_end_that_was_refused_is_made_again_after_the_news(memory_rig: Rig) -> None:
    """News came while the decider held the task: they are looked at, and the end stands."""
    service = memory_rig.engine
    worker = PollingWorker(service, workflows=[Twice], activities=[])
    handle: Handle[Any] = memory_rig.client.start_with(Twice, [None])
    assert worker.step()
    handle.signal("end")
    task = service.poll_decision_task("default", "default")
    assert task is not None
    handle.signal("more")
    service.complete_decision(task.token, worker._host.decide(task))
    assert worker.step()
    assert not worker.step()
    assert handle.result(timeout=1) == "ended by end"
    kinds = [type(one) for one in handle.history()]
    assert h.CompleteWorkflowExecutionFailed in kinds
    assert kinds.count(h.MarkerRecorded) == 1


class Twice(Responder[None]):
    def initiate(self, process: Process[None]) -> Answer:
        return None

    def respond_to_signal(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        if signal.name == "end":
            return CompleteProcess("ended by end")
        return RecordMarker("heard")


class Batch(Responder[int]):
    """Go on once nothing is unfinished: it must not matter which results come together."""

    def initiate(self, process: Process[int]) -> Answer:
        return [ScheduleActivity(work, n) for n in range(process.input)]

    def respond_to_completed_activity(
        self, process: Process[int], activity: ActivityExecution
    ) -> Answer:
        if process.unfinished_activities():
            return None
        if activity.id == "last":
            return CompleteProcess(len(process.activities))
        return ScheduleActivity(work, 0, id="last")


def test_it_makes_no_difference_which_events_come_together(memory_rig: Rig) -> None:
    for together in (1, 2, 5):
        worker = PollingWorker(memory_rig.engine, workflows=[Batch], activities=[work])
        handle: Handle[Any] = memory_rig.client.start_with(Batch, [5])
        while handle.describe().info.status is Status.OPEN:
            assert worker.decide()
            for _ in range(together):
                worker.work()
        assert handle.result(timeout=1) == 6
        scheduled = [one for one in handle.history() if isinstance(one, h.ActivityTaskScheduled)]
        assert [one.activity_id for one in scheduled][-1] == "last"
        assert len(scheduled) == 6


def test_a_default_interruption_fails_the_process(memory_rig: Rig) -> None:
    handle: Handle[Any] = memory_rig.client.start_with(Failing, ["raise failed"])
    with (
        memory_rig.worker(Failing.definition, Judge.definition),
        pytest.raises(WorkflowFailedError) as raised,
    ):
        handle.result(timeout=20)
    assert (raised.value.type, raised.value.message) == ("NO", "Judge Judge-1: raised")


class Failing(Responder[str]):
    def initiate(self, process: Process[str]) -> Answer:
        return ScheduleActivity(Judge, process.input)


def test_closed_processes_stay_readable(memory_rig: Rig) -> None:
    with memory_rig.worker(Batch.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Batch, [2], tags=["t"])
        assert handle.result(timeout=20) == 3
    process = Process.of(handle.history(), handle.workflow_id)
    assert (process.result, process.is_closed, process.tags) == (3, True, ("t",))
    assert [one.value for one in process.activities] == [0, 1, 0]
    assert process.input == 2
    assert process.unseen_events() == []
    with pytest.raises(PartitaError, match="from event 1"):
        Process.of(handle.history()[1:])


def test_deciders_are_called_by_engines_alone() -> None:
    with pytest.raises(PartitaError, match="decides over a history"):
        Batch.definition(1)
    with pytest.raises(InvalidOptionError, match="did you mean task_list"):
        type("Bad", (Responder,), {"tasklist": "x"})
    with pytest.raises(InvalidOptionError, match="a rule for"):
        completed_activity(3)


def test_deciders_can_be_asked_by_hand(memory_rig: Rig) -> None:
    """A test of a decider needs no engine: a history, and what it answers to that."""
    with memory_rig.worker(Batch.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Batch, [1])
        handle.result(timeout=20)
    history = handle.history()
    first = Process.of(history[:3])
    assert Batch().decide(first) == [ScheduleActivity(work, 0)]
    assert FailProcess("a") != CompleteProcess("a")
