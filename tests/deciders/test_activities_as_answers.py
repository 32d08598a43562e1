"""Activities as answers of a decider: each is called with the process's input, on every backend."""

from __future__ import annotations

from typing import Any

import pytest

from partita import Activity, Workflow, activity, remote_activity, workflow
from partita.deciders import (
    ActivityExecution,
    Answer,
    Answers,
    CompleteProcess,
    Decider,
    Process,
    RecordMarker,
    Responder,
    RuleSet,
    ScheduleActivity,
    answers,
    completed_activity,
    process_started,
)
from partita.errors import InvalidInputError
from tests.language.conftest import Stage


class Multiply(Activity):
    def execute(self, factors: list[int]) -> int:
        return factors[0] * factors[1]


class Measure(Activity):
    def execute(self) -> int:
        return len(self.input)


@activity
def largest(factors: list[int]) -> int:
    return max(factors)


@activity
def nothing() -> str:
    return "nothing"


elsewhere = remote_activity("largest")


class One(Decider[list[int]]):
    """As the library of old: the class itself is the answer."""

    def decide(self, process: Process[list[int]]) -> Answer:
        if process.unfinished_activities():
            return None
        if not process.activities:
            return Multiply
        return CompleteProcess(process.activities[0].value)


class Several(Decider[list[int]]):
    """A list of classes, functions, decisions, and activities of others."""

    def decide(self, process: Process[list[int]]) -> Answer:
        if not process.activities:
            return [
                *(Multiply, Measure, largest, nothing, elsewhere),
                ScheduleActivity(largest, [9, 1]),
                RecordMarker("begun"),
            ]
        if process.unfinished_activities():
            return None
        return CompleteProcess([(one.id, one.value) for one in process.activities])


class ByEvent(Responder[list[int]]):
    def initiate(self, process: Process[list[int]]) -> Answer:
        return Multiply

    def respond_to_completed_activity(
        self, process: Process[list[int]], activity: ActivityExecution
    ) -> Answer:
        if activity.name == "Multiply":
            return (Measure,)
        return CompleteProcess([one.value for one in process.activities])


class ByRule(RuleSet[list[int]]):
    @process_started
    def begin(self, process: Process[list[int]]) -> Answers:
        yield Measure
        yield largest

    @completed_activity(largest)
    def done(self, process: Process[list[int]], activity: ActivityExecution) -> Answer:
        return CompleteProcess(activity.value)


@pytest.mark.parametrize(
    ("decider", "result"),
    [
        (One, 42),
        (
            Several,
            [
                *(["Multiply-1", 42], ["Measure-2", 2], ["largest-3", 7], ["nothing-4", "nothing"]),
                *(["largest-5", 7], ["largest-6", 9]),
            ],
        ),
        (ByEvent, [42, 2]),
        (ByRule, 7),
    ],
)
def test_an_activity_is_called_with_the_input(stage: Stage, decider: Any, result: Any) -> None:
    found = stage.start(decider, [6, 7]).result(timeout=20)
    assert [*map(list, found)] == result if decider is Several else found == result


class Child(Workflow):
    def run(self) -> None: ...


@workflow
def function() -> None: ...


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Child, "a workflow; StartChildProcess(workflow, ...) starts it"),
        ([One], "a workflow; StartChildProcess(workflow, ...) starts it"),
        (function, "a workflow; StartChildProcess(workflow, ...) starts it"),
        (Activity, "give decisions, or None"),
        ([Multiply, int], "answered <class 'int'>; give decisions, or None"),
        (nothing.function, "give decisions, or None"),
    ],
)
def test_what_is_no_activity_is_refused(answer: Any, says: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        list(answers.listed(answer, "Mine"))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
