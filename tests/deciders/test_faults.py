"""Deciders that answer nonsense, break, or reach for what is not theirs harm only themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from partita import Activity, activity
from partita import history as h
from partita.client import Handle
from partita.deciders import (
    ActivityExecution,
    Answer,
    Answers,
    CancelActivity,
    CancelProcess,
    CancelTimer,
    CompleteProcess,
    ContinueAsNew,
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
    StartTimer,
    answers,
    completed_activity,
    interrupted_activity,
    process_started,
    rule,
    signal,
    timer,
)
from partita.deciders.by_hand import ByHand
from partita.errors import (
    DeciderFailedError,
    InvalidOptionError,
    SerializationError,
    UnknownTypeError,
    UsageError,
)
from partita.ports.service import DecisionTask
from partita.ports.state import Status
from partita.testing import Environment
from partita.worker import PollingWorker
from tests.conftest import FIRST_DELAY, Rig, until


@activity
def work(x: int) -> int:
    return x


class Nonsense(Decider[str]):
    """Answer what cannot be meant, until it is mended."""

    mended = False

    def decide(self, process: Process[str]) -> Answer:
        if type(self).mended:
            return CompleteProcess("mended")
        answer: Answer = _nonsense(process)
        return answer


def _without_end() -> Iterator[Answer]:
    while True:
        yield RecordMarker("again")


class _Odd:
    def __repr__(self) -> str:
        return "many\nlines " * 100


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("it does not say")


def _nonsense(process: Process[str]) -> Any:
    match process.input:
        case "a number":
            return 3
        case "a class":
            return [CompleteProcess]
        case "text":
            return "abc"
        case "a dict":
            return {"complete": CompleteProcess()}
        case "an odd thing":
            return [RecordMarker("fine"), _Odd()]
        case "two ends":
            return [CompleteProcess(1), CancelProcess()]
        case "an end in between":
            return [RecordMarker("half"), FailProcess("x"), RecordMarker("too late")]
        case "no end":
            return _without_end()
        case "no JSON":
            return [RecordMarker("half"), CompleteProcess(object())]
        case "raises":
            raise ValueError("one line\nand another")
        case "raises in silence":
            raise SilentError
        case "leaves":
            raise SystemExit(3)
        case "changes the history":
            process.history.clear()  # type: ignore[attr-defined]
        case "changes the parts":
            process.activities.append(1)  # type: ignore[attr-defined]
        case "changes the markers":
            process.markers["x"] = 1  # type: ignore[index]
    return CompleteProcess("it was let through")


@pytest.mark.parametrize(
    ("what", "code", "says"),
    [
        ("a number", "INVALID_INPUT", "Nonsense answered 3; give decisions, or None"),
        ("a class", "INVALID_INPUT", "Nonsense answered <class 'partita"),
        ("text", "INVALID_INPUT", "Nonsense answered 'abc'"),
        ("a dict", "INVALID_INPUT", "Nonsense answered {'complete'"),
        ("an odd thing", "INVALID_INPUT", "Nonsense answered many lines many"),
        ("two ends", "DECISION_REFUSED", "decision 1 of 2, CompleteWorkflowExecution"),
        ("an end in between", "DECISION_REFUSED", "must be the last"),
        ("no end", "INVALID_INPUT", "Nonsense gives more than 1,000 decisions at a time"),
        ("no JSON", "NOT_SERIALIZABLE", "object has no JSON form"),
        ("raises", "DECIDER_FAILED", "ValueError: one line and another"),
        ("raises in silence", "DECIDER_FAILED", "SilentError: (its message cannot be had"),
        ("leaves", "DECIDER_FAILED", "SystemExit: 3"),
        ("changes the history", "DECIDER_FAILED", "has no attribute 'clear'"),
        ("changes the parts", "DECIDER_FAILED", "has no attribute 'append'"),
        ("changes the markers", "DECIDER_FAILED", "does not support item assignment"),
    ],
)
def test_nonsense_fails_the_decision_in_one_line_and_the_process_waits(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch, what: str, code: str, says: str
) -> None:
    monkeypatch.setattr(Nonsense, "mended", False)
    monkeypatch.setattr(answers, "DECISION_LIMIT", 1_000)
    with memory_rig.worker(Nonsense.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Nonsense, [what])
        until(lambda: memory_rig.failures)
        [failed] = [one for one in handle.history() if isinstance(one, h.DecisionTaskFailed)]
        assert (failed.cause, says in failed.message) == (code, True), failed.message
        assert "\n" not in failed.message
        assert len(failed.message) < 300
        if code == "DECIDER_FAILED":
            assert "test_faults.py:" in failed.message
        assert "MarkerRecorded" not in memory_rig.kinds(handle.workflow_id)
        monkeypatch.setattr(Nonsense, "mended", True)
        memory_rig.skip(FIRST_DELAY)
        assert handle.result(timeout=20) == "mended"


def test_what_a_decider_changes_in_its_input_is_not_kept(memory_rig: Rig) -> None:
    """Kept or read anew, a process has the input that the history tells of."""
    with memory_rig.worker(Popping.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Popping, [[1, 2, 3]])
        for _ in range(2):
            handle.signal("again")
        assert handle.result(timeout=20) == [1, 1, 1]


class Popping(Decider[list[int]]):
    def decide(self, process: Process[list[int]]) -> Answer:
        if len(process.received) < 2:
            count = len(process.received)
            return RecordMarker(f"first {count}", process.input.pop(0))
        process.input.pop(0)
        return CompleteProcess([1, *(process.markers.get(f"first {n}", 1) for n in (0, 1))])


def test_a_slow_decider_is_named_in_the_log(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = iter(range(0, 10_000, 100))
    monkeypatch.setattr("partita.engine.decider_calls.time", _Time(ticks))
    with memory_rig.worker(Popping.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Popping, [[1]])
        until(lambda: len(handle.history()) > 4)
        handle.terminate()
    assert "workflow Popping@1 of execution" in caplog.text
    assert "move what takes long into an activity" in caplog.text


class _Time:
    def __init__(self, ticks: Iterator[int]) -> None:
        self._ticks = ticks
        self.time = time.time

    def monotonic(self) -> float:
        return float(next(self._ticks))


CALLS: list[Any] = []


class Speaking(Decider[None]):
    """Speak to the engine that waits for its answer."""

    def decide(self, process: Process[None]) -> Answer:
        try:
            CALLS[0].signal(process.id, "hello")
        except UsageError as error:
            return CompleteProcess(str(error))
        return CompleteProcess("it was let through")


def test_a_decider_that_speaks_to_its_engine_is_refused_and_hangs_nobody(memory_rig: Rig) -> None:
    CALLS[:] = [memory_rig.client]
    with memory_rig.worker(Speaking.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Speaking, [None])
        assert "cannot speak to the engine" in handle.result(timeout=20)


# -- queries and updates -------------------------------------------------------------------


class Hearing(RuleSet[None]):
    @signal()
    def any(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return RecordMarker(signal.name)

    @signal("stop")
    def stop(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return CompleteProcess([one.name for one in process.received])


def test_an_update_is_answered_that_deciders_answer_none(memory_rig: Rig) -> None:
    with memory_rig.worker(Hearing.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Hearing, [None])
        with pytest.raises(UnknownTypeError, match="is a decider, which answers no update pay"):
            handle.update("pay", 1, timeout=20)
        with pytest.raises(UnknownTypeError, match="answers no query sum"):
            handle.query("sum")
        handle.signal("stop")
        assert handle.result(timeout=20) == ["stop"]  # the update is no signal of its own
    assert Process.of(handle.history()).unseen_events() == []


# -- rules ---------------------------------------------------------------------------------


class Overlapping(RuleSet[int]):
    """Several rules for one event; each sees what those before it have asked for."""

    @process_started
    def first(self, process: Process[int]) -> Answer:
        return [ScheduleActivity(work, 1, id="w"), StartTimer(86400, id="t")]

    @signal("go")
    def cancels(self, process: Process[int], signal: ReceivedSignal) -> Answers:
        yield CancelTimer("t")
        yield CancelActivity("w")
        yield RecordMarker("seen", 7)

    @signal("go")
    def looks(self, process: Process[int], signal: ReceivedSignal) -> Answers:
        open_work = [one.is_cancel_requested for one in process.unfinished_activities()]
        yield RecordMarker(
            "what",
            [len(process.untriggered_timers()), open_work, process.markers["seen"]],
        )
        yield StartTimer(5, id="t")  # the id is free again
        yield StartTimer(6)

    @signal("go")
    def ends(self, process: Process[int], signal: ReceivedSignal) -> Answer:
        return CompleteProcess(
            [process.markers["what"], [one.id for one in process.untriggered_timers()]]
        )

    @signal("go")
    def too_late(self, process: Process[int], signal: ReceivedSignal) -> Answer:
        raise AssertionError("a rule was asked after the process was closed")


def test_each_rule_sees_what_those_before_it_decided(memory_rig: Rig) -> None:
    with memory_rig.worker(Overlapping.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Overlapping, [0])
        handle.signal("go")
        assert handle.result(timeout=20) == [[0, [True], 7], ["t", "timer-3"]]
    assert memory_rig.failures == []
    started = [one.timer_id for one in handle.history() if isinstance(one, h.TimerStarted)]
    assert started == ["t", "t", "timer-3"]


def test_it_is_the_same_when_events_come_one_by_one(memory_rig: Rig) -> None:
    """What one response noted is there for the next, in the same answer or a later one."""
    found = []
    for together in (True, False):
        handle: Handle[Any] = memory_rig.client.start_with(Noting, [None])
        worker = PollingWorker(memory_rig.engine, workflows=[Noting], activities=[])
        for number in range(3):
            handle.signal("s", number)
            if not together:
                worker.decide()
        while worker.decide():
            pass
        found.append(handle.result(timeout=1))
    assert found == [[0, 1, 2], [0, 1, 2]]


class Noting(Responder[None]):
    def initiate(self, process: Process[None]) -> Answer:
        return RecordMarker("sum", [])

    def respond_to_signal(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        so_far = [*process.markers["sum"], signal.value]
        return CompleteProcess(so_far) if len(so_far) == 3 else RecordMarker("sum", so_far)


class Raising(RuleSet[str]):
    """Filters that raise for some of what they are asked of."""

    @process_started
    def begin(self, process: Process[str]) -> Answer:
        return ScheduleActivity(work, 1)

    @rule(lambda process, event: process.input == "rule" and 1 / 0 > 0)
    def by_hand(self, process: Process[str], event: Any) -> Answer: ...

    @completed_activity(lambda activity: process_is(activity, "activity"))
    def of_an_activity(self, process: Process[str], activity: ActivityExecution) -> Answer: ...

    @completed_activity(work, result=lambda value: value["no such key"])
    def of_a_result(self, process: Process[str], activity: ActivityExecution) -> Answer: ...


def process_is(activity: ActivityExecution, what: str) -> bool:
    raise LookupError(what)


@pytest.mark.parametrize(
    ("input", "says"), [("rule", "ZeroDivisionError"), ("activity", "LookupError: activity")]
)
def test_a_filter_that_raises_fails_the_decision(memory_rig: Rig, input: str, says: str) -> None:
    with memory_rig.worker(Raising.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Raising, [input])
        until(lambda: memory_rig.failures)
        handle.terminate()
    assert "test_faults.py" in memory_rig.failures[0]
    assert says in memory_rig.failures[0]


class Judging(Activity):
    def execute(self, x: int) -> int:
        raise ArithmeticError(x)


class Typed(RuleSet[None]):
    @process_started
    def begin(self, process: Process[None]) -> Answers:
        yield ScheduleActivity(work, 0)
        yield ScheduleActivity(Judging, 1)

    @completed_activity(work, result=int)  # a type: 0 is one of its values
    def number(self, process: Process[None], activity: ActivityExecution) -> Answer:
        return RecordMarker("number", activity.value)

    @completed_activity(work, result=str)
    def text(self, process: Process[None], activity: ActivityExecution) -> Answer:
        raise AssertionError("0 is no text")

    @interrupted_activity(
        Judging := type("Judging", (Activity,), {"execute": lambda self, x: 1 / 0})
    )
    def interrupted(self, process: Process[None], activity: ActivityExecution) -> Answer:
        assert isinstance(activity.result, Failed)
        return StartTimer(0, "done")

    @timer(lambda data: data == "done")
    def done(self, process: Process[None], timer: ProcessTimer) -> Answer:
        return CompleteProcess([process.markers["number"], timer.data])


def test_a_type_is_a_filter_for_its_values(memory_rig: Rig) -> None:
    with memory_rig.worker(Typed.definition, work, Judging.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Typed, [None])
        assert handle.result(timeout=20) == [0, "done"]


class Left(RuleSet[None], abstract=True):
    @signal("a")
    def a(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return RecordMarker("left a")

    @signal("a")
    def last(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return CompleteProcess(sorted(process.markers))


class Right(RuleSet[None], abstract=True):
    @signal("b")
    def a(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        raise AssertionError("the left one takes its place")

    @signal("a")
    def b(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return RecordMarker("right b")


class Diamond(Left, Right):
    """Rules of both; of two methods of a name, Python's order says which."""


def test_rules_are_inherited_from_several_bases(memory_rig: Rig) -> None:
    with memory_rig.worker(Diamond.definition):
        handle: Handle[Any] = memory_rig.client.start_with(Diamond, [None])
        handle.signal("b")
        handle.signal("a")
        assert handle.result(timeout=20) == ["left a", "right b"]
    assert not hasattr(Left, "definition")


async def _async(self: Any, *given: Any) -> None: ...


@pytest.mark.parametrize(
    ("base", "body", "says"),
    [
        (Decider, {"decide": _async}, "decide is async"),
        (Responder, {"respond_to_signal": _async}, "respond_to_signal is async"),
        (RuleSet, {"go": signal("x")(_async)}, "go is async"),
        (
            Responder,
            {"respond_to_activity_completed": lambda *_: None},
            "did you mean respond_to_completed_activity",
        ),
        (RuleSet, {"go": signal(lambda *_: None)}, "the rule above go lacks parentheses"),
        (RuleSet, {"go": completed_activity(lambda *_: None)}, "lacks parentheses"),
    ],
)
def test_methods_that_nothing_would_call_are_refused_at_once(
    base: Any, body: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidOptionError, match=says) as raised:
        type("Bad", (base,), body)
    assert "\n" not in str(raised.value)


# -- races ---------------------------------------------------------------------------------


class Closing(Responder[None]):
    """Complete at a signal; cancel at a cancel request."""

    def initiate(self, process: Process[None]) -> Answer:
        return None

    def respond_to_signal(self, process: Process[None], signal: ReceivedSignal) -> Answer:
        return CompleteProcess("completed")


@pytest.mark.parametrize("first", ["signal", "cancel"])
def test_a_cancel_request_races_a_completion(memory_rig: Rig, first: str) -> None:
    """What came while the decider made an end is looked at; the end stands, and is the only one."""
    service = memory_rig.engine
    worker = PollingWorker(service, workflows=[Closing], activities=[])
    handle: Handle[Any] = memory_rig.client.start_with(Closing, [None])
    worker.step()
    news = [lambda: handle.signal("go"), handle.cancel]
    earlier, later = news if first == "signal" else reversed(news)
    earlier()
    task = service.poll_decision_task("default", "default")
    assert task is not None
    later()
    service.complete_decision(task.token, worker._host.decide(task))
    assert worker.step()
    assert not worker.step()
    latest = Status.CANCELED if first == "signal" else Status.COMPLETED  # the news, answered
    assert handle.describe().info.status is latest
    ends = [type(one) for one in handle.history()]
    assert ends.count(h.WorkflowExecutionCanceled) + ends.count(h.WorkflowExecutionCompleted) == 1


class Twice(Decider[None]):
    def decide(self, process: Process[None]) -> Answer:
        if process.activities:
            refused = [e for e in process.unseen_events() if "Failed" in e.event_type]
            done = process.activity("a")
            assert done is not None
            return [] if refused or not done.result else CompleteProcess(done.value)
        return [ScheduleActivity(work, 1, id="a"), ScheduleActivity(work, 2, id="a")]


def test_an_id_given_twice_is_refused_once(memory_rig: Rig) -> None:
    with memory_rig.worker(Twice.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Twice, [None])
        assert handle.result(timeout=20) == 1
    refused = [one for one in handle.history() if isinstance(one, h.ScheduleActivityTaskFailed)]
    assert [one.activity_id for one in refused] == ["a"]


# -- cost ----------------------------------------------------------------------------------


class Counted(Responder[int]):
    def initiate(self, process: Process[int]) -> Answer:
        return [ScheduleActivity(work, n) for n in range(process.input)]

    def respond_to_completed_activity(
        self, process: Process[int], activity: ActivityExecution
    ) -> Answer:
        return CompleteProcess() if activity.value == process.input - 1 else None

    def respond_to_cancel_request(self, process: Process[int]) -> Answer:
        return [CancelActivity(one) for one in process.unfinished_activities()]


def test_a_decision_reads_what_is_new_and_nothing_else(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the history is, each event is given to a kept decider once."""
    given: list[int] = []
    decide = ByHand.decide

    def counting(self: ByHand, task: DecisionTask) -> Any:
        given.extend(event.event_id for event in task.events)
        return decide(self, task)

    monkeypatch.setattr(ByHand, "decide", counting)
    with memory_rig.worker(Climbing.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Climbing, [200])
        assert handle.result(timeout=30) == 199
    assert given == sorted(set(given))
    assert len(given) > 1_000


class Climbing(Responder[int]):
    def initiate(self, process: Process[int]) -> Answer:
        return ScheduleActivity(work, 0)

    def respond_to_completed_activity(
        self, process: Process[int], activity: ActivityExecution
    ) -> Answer:
        if activity.value == process.input - 1:
            return CompleteProcess(activity.value)
        return ScheduleActivity(work, activity.value + 1)


def test_many_ids_at_once_cost_no_more_each(memory_rig: Rig) -> None:
    """Counted in calls, which grow with the number of decisions and not with its square."""
    counts = {}
    for size in (100, 1_000):
        handle: Handle[Any] = memory_rig.client.start_with(Counted, [size])
        task = memory_rig.engine.poll_decision_task("default", "default")
        assert task is not None
        calls = _Calls()
        with calls:
            decisions = ByHand([Counted.definition]).decide(task)
        assert len({one.activity_id for one in decisions}) == size  # type: ignore[union-attr]
        counts[size] = calls.count
        handle.terminate()
    assert counts[1_000] < 11 * counts[100]


class _Calls:
    """Count the lines of this package's deciders that run in a block."""

    def __init__(self) -> None:
        self.count = 0

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        if "deciders" not in frame.f_code.co_filename:
            return None
        self.count += 1
        return self._trace

    def __enter__(self) -> None:
        self._before = sys.gettrace()
        sys.settrace(self._trace)

    def __exit__(self, *exc: object) -> None:
        sys.settrace(self._before)


def test_many_cancellations_at_once(memory_rig: Rig) -> None:
    handle: Handle[Any] = memory_rig.client.start_with(Counted, [500])
    worker = PollingWorker(memory_rig.engine, workflows=[Counted], activities=[])
    assert worker.decide()
    handle.cancel()
    assert worker.decide()
    asked = [one for one in handle.history() if isinstance(one, h.ActivityTaskCancelRequested)]
    assert len(asked) == 500
    process = Process.of(handle.history())
    assert process.unfinished_activities() == []


# -- alone, and in the environment ---------------------------------------------------------


def test_a_decider_alone_says_what_is_wrong_with_its_answer() -> None:
    with Environment(workflows=[Nonsense], activities=[]) as env:
        handle = env.start(Nonsense, "two ends")
        with pytest.raises(Exception, match="must be the last") as raised:
            handle.result()
        assert "cannot go on" in str(raised.value)
        process = Process.of(handle.history())
    with pytest.raises(SerializationError):
        CompleteProcess(object()).render(process)
    with pytest.raises(AttributeError):
        process.activities.sort()  # type: ignore[attr-defined]
    assert process.activities == [] == process.timers
    assert repr(process.history[:1]).startswith("[WorkflowExecutionStarted")


class Again(Responder[int]):
    def initiate(self, process: Process[int]) -> Answer:
        if process.input == 0:
            return CompleteProcess("done")
        return StartTimer(86400, process.input - 1)

    def respond_to_timer(self, process: Process[int], timer: ProcessTimer) -> Answer:
        return ContinueAsNew(timer.data)


def test_days_of_a_decider_take_no_time() -> None:
    with Environment(workflows=[Again], activities=[]) as env:
        begun = env.now()
        assert env.run(Again, 30) == "done"
        assert (env.now() - begun).days == 30


def test_a_decider_may_be_forked(memory_rig: Rig) -> None:
    """A run that reuses another's results has the same process to decide on."""
    with memory_rig.worker(Climbing.definition, work):
        handle: Handle[Any] = memory_rig.client.start_with(Climbing, [5], workflow_id="up")
        assert handle.result(timeout=20) == 4
        fork = memory_rig.client.fork("up", new_workflow_id="again", results={"work-5": 4})
        assert fork.result(timeout=20) == 4
    assert fork.describe().info.status is Status.COMPLETED
    assert len([e for e in fork.history() if isinstance(e, h.WorkflowExecutionCompleted)]) == 1
    assert [one.value for one in Process.of(fork.history()).activities] == [0, 1, 2, 3, 4]


def test_what_fails_is_no_partita_error_of_its_own(memory_rig: Rig) -> None:
    """The error that says so has the decider's own as its cause."""
    handle: Handle[Any] = memory_rig.client.start_with(Nonsense, ["raises"])
    process = Process.of(handle.history())
    task = memory_rig.engine.poll_decision_task("default", "default")
    assert task is not None
    with pytest.raises(DeciderFailedError) as raised:
        ByHand([Nonsense.definition]).decide(task)
    assert isinstance(raised.value.__cause__, ValueError)
    assert process.input == "raises"
    assert [one.marker_name for one in process.history if isinstance(one, h.MarkerRecorded)] == []
