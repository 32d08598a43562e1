"""Machines survive crashes at every commit, go on with their own definition, and stop nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.asl import evaluations, forget_lambda, machine, program, register_lambda
from partita.client import Client, Handle
from partita.connect import connect
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.errors import TaskFailedError
from partita.integrations.task_tokens import SUCCESS, Answer
from partita.stores.memory import MemoryStore
from partita.testing import Environment, crash_at_every_step
from partita.testing.crash_points import CrashReport
from partita.worker import Worker
from tests.asl.running import Machine, failure, of, task

CHANCE = {"id": "{% $uuid() %}", "n": "{% $random() %}", "at": "{% $now() %}"}


@pytest.fixture(autouse=True)
def functions() -> Iterator[None]:
    def unsteady(event: Any) -> Any:
        if event["count"] == 0:
            raise TaskFailedError("Busy")
        return event

    register_lambda("echo", lambda event: event)
    register_lambda("unsteady", unsteady)
    yield
    forget_lambda("echo")
    forget_lambda("unsteady")


def branch(*states: dict[str, Any]) -> dict[str, Any]:
    names = [f"S{number}" for number in range(len(states))]
    linked = {}
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        rest = {key: value for key, value in state.items() if key != "End"}
        is_last = number == len(states) - 1
        linked[name] = {**rest, **({"End": True} if is_last else {"Next": names[number + 1]})}
    return {"StartAt": "S0", "States": linked}


WAIT = {"Type": "Wait", "Seconds": 5}
RETRIED = task(
    "unsteady",
    Parameters={"count.$": "$$.State.RetryCount"},
    Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "JitterStrategy": "FULL"}],
)


def crashed(made: Machine, input: Any, **options: Any) -> CrashReport:
    """Crash a machine at each of its commits."""
    return crash_at_every_step(made, input, workflows=[made], activities=[], **options)


MACHINES: dict[str, Callable[[], Any]] = {
    "sequence": lambda: machine(branch(task("echo"), WAIT, task("echo")), "sequence"),
    "retry": lambda: machine(branch(RETRIED, WAIT, RETRIED), "retry"),
    "parallel": lambda: of(
        {"P": {"Type": "Parallel", "Branches": [branch(WAIT, task("echo"))] * 2, "End": True}}
    ),
    "map": lambda: of(
        {"M": {"Type": "Map", "ItemProcessor": branch(task("echo"), WAIT), "End": True}}
    ),
    "failing branch": lambda: of(
        {
            "P": {
                "Type": "Parallel",
                "Branches": [branch(WAIT, {"Type": "Fail", "Error": "Bad"}), branch(task("echo"))],
                "Catch": [{"ErrorEquals": ["Bad"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "End": True},
        }
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_crash_changes_nothing(name: str) -> None:
    report = crashed(MACHINES[name](), [1, 2])
    assert report.crashes == 2 * report.commits


def test_what_was_random_stays_the_same_after_a_crash() -> None:
    states = {
        "Choose": {"Type": "Pass", "Output": CHANCE, "Assign": {"first": CHANCE}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Again"},
        "Again": task("echo", Output="{% $states.result = $states.input %}"),
    }
    report = crashed(of(states, jsonata=True), {})
    assert report.outcome.value is True


def test_a_token_is_good_after_a_crash() -> None:
    waits = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "echo", "Payload": {"token.$": "$$.Task.Token"}},
    }
    made = machine(branch(waits, WAIT), "token")

    def answer(handle: Handle[Any]) -> None:
        handle.signal("task-1", Answer(SUCCESS, "answered"))

    report = crashed(made, {}, drive=answer)
    assert report.outcome.value == "answered"


def test_a_running_execution_keeps_its_definition(tmp_path: Path) -> None:
    old, new = (
        machine(branch(WAIT, {"Type": "Pass", "Result": version}), "versions") for version in (1, 2)
    )
    url = f"sqlite:///{tmp_path / 'test.db'}"
    with Environment(workflows=[old], activities=[], url=url) as env:
        handle = env.start(old, {})
        env.sleep(1)
    with Environment(workflows=[new], activities=[], url=url) as env:
        assert env.client.result(handle.workflow_id) == 1
        assert env.run(new, {}) == 2


LOOP = {
    "A": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "B"}],
        "Default": "C",
    },
    "B": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "A"},
    "C": {"Type": "Succeed"},
}


def test_an_endless_machine_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "TURN_SECONDS", 0.001)
    states = {"A": {"Type": "Pass", "Next": "A"}}
    endless = machine({"StartAt": "A", "States": states}, "endless", is_express=True)
    other = machine(branch(task("echo"), task("echo")), "other")
    service = connect("memory://")
    worker = Worker(service, workflows=[endless, other], activities=[])
    with Client(service) as client:
        worker.start()
        handle = client.start(endless, {})
        assert client.start(other, 5).result() == 5
        handle.terminate()
        worker.stop()


def test_endless_machines_that_fill_each_turn_stop_nobody() -> None:
    states = {"A": {"Type": "Pass", "Next": "A"}}
    endless = machine({"StartAt": "A", "States": states}, "endless", is_express=True)
    other = machine(branch(task("echo"), task("echo")), "other")
    service = Engine(MemoryStore(), timing=Timing(decision_span=0.0))
    worker = Worker(service, workflows=[endless, other], activities=[])
    with Client(service) as client:
        worker.start()
        handles = [client.start(endless, {}) for _ in range(3)]
        assert client.start(other, 5).result(timeout=60) == 5
        for handle in handles:
            handle.terminate()
        worker.stop()


def test_a_pause_is_replayed_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "TURN_SECONDS", 0.0)  # every transition is a turn
    report = crashed(of(LOOP), {"n": 0})
    assert report.outcome.value == {"n": 3}
    assert report.commits >= 8


BOMB = "{% ($f := function($x) { $x($x) }; $f($f)) %}"


def test_expressions_that_use_up_their_time_stop_nobody() -> None:
    bomb = branch({"Type": "Pass", "Output": BOMB})
    again = {
        "Type": "Parallel",
        "Branches": [bomb],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}],
        "Next": "A",
    }
    endless = machine(
        {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": again}}, "endless"
    )
    other = machine(branch(*[task("echo")] * 8), "other")
    service = connect("memory://")
    worker = Worker(service, workflows=[endless, other], activities=[])
    with Client(service) as client:
        worker.start()
        handles = [client.start(endless, {}) for _ in range(3)]
        assert client.start(other, 5).result(timeout=60) == 5
        for handle in handles:
            handle.terminate()
        worker.stop()


def test_a_slow_expression_is_evaluated_once_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluations, "TURN_LIMIT", 1e-6)
    slow = "{% ($sum($map([1..20000], function($v) { $v * 2 })) + $floor($random() * 1e6)) %}"
    states = {
        "A": {
            "Type": "Pass",
            "Output": [slow, slow],
            "Assign": {"id": "{% $uuid() %}"},
            "Next": "W",
        },
        "W": {"Type": "Wait", "Seconds": 5, "Next": "B"},
        "B": task(
            "echo", Output="{% $states.result = $states.input and $sum($states.input) > 8e8 %}"
        ),
    }
    report = crashed(of(states, jsonata=True), {})
    assert report.outcome.value is True


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1..20000].($ < 20000 or $error('late'))", "D3137: late"),
        ("[1..20000][$ > 20000]", "returned nothing"),
        ("($map([1..20000], $string); $string)", "unsupported result type"),
    ],
)
def test_a_slow_expression_fails_as_a_quick_one(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.setattr(evaluations, "TURN_LIMIT", 1e-6)
    made = of({"A": {"Type": "Pass", "Output": f"{{% {text} %}}", "End": True}}, jsonata=True)
    error, cause = failure(made)
    assert error == "States.QueryEvaluationError"
    assert problem in (cause or "")


def test_a_large_result_of_a_slow_expression_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluations, "TURN_LIMIT", 1e-6)
    monkeypatch.setattr(evaluations, "PAYLOAD_LIMIT", 1000)
    made = of(
        {"A": {"Type": "Pass", "Output": "{% [1..20000].($ * 2) %}", "End": True}}, jsonata=True
    )
    report = crashed(made, {})
    assert report.outcome.value == list(range(2, 40_002, 2))
