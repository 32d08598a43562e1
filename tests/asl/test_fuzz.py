"""Random and mutated definitions, inputs and paths: no hang, no traceback, nobody else held up.

`test_mutations` changes one field; here are wild values, grafts, loops and machines made at random.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from partita.asl import forget_lambda, machine, program, register_lambda
from partita.asl.check import check_text
from partita.asl.diagram import diagram_of_text
from partita.errors import (
    ExecutionNotFoundError,
    InvalidDefinitionError,
    InvalidInputError,
    MachineFailedError,
    WaitTimeoutError,
    WorkflowFailedError,
    WorkflowTimedOutError,
)
from partita.graph import mermaid, svg
from partita.testing import Environment, endless_runs
from tests.asl.running import Machine, arn
from tests.asl.test_mutations import FIELDS, INPUTS, VALUES, places, small_definitions
from tests.soak import scaled

DEFINITIONS = scaled(500, soaking=40_000)
BATCH = 25
"""Machines that run in one environment."""

WILD: list[Any] = [
    *("\u00e9\u0000\U0001f600" * 50, "x" * 100_000, "9" * 30, "2020-01-01T00:00:00Z"),
    *(10**30, 10**400, -(10**18), 1e308, 2**63, 0.1, 99_999_999, 100_000_000),
    *("$..*", "$[*]", "$[?(@.a==1)]", "$[0:2]", "$.a[0]", "$$.Execution", "$$.Map.Item.Value"),
    *("$x", "{% $states.input %}", "{% $states.result %}", "{% $states.context %}", "{%%}"),
    *("{% [1..9e9] %}", "{% $map([1..1000], $string) %}", "{% $ %}", "{% $x %}"),
    *("States.ArrayRange(1,1000,1)", "States.MathAdd($,1)", "States.StringToJson($)"),
    *([["a"]], [{}], {"a": {"b": []}}, {"Next": "A"}, "States.ALL", "States.Timeout"),
    *(arn("echo"), "arn:aws:states:::lambda:invoke", "arn:aws:states:::sqs:sendMessage"),
    *("Pass", "Map", "Parallel", "Choice", "Wait", "Succeed", "Fail", "Task"),
]
FIELD_NAMES = [
    *FIELDS,
    *("Branches", "ItemProcessor", "Iterator", "States", "StartAt", "End", "Resource", "Result"),
    *("Parameters", "ResultSelector", "InputPath", "OutputPath", "SecondsPath", "Timestamp"),
    *("TimestampPath", "TimeoutSeconds", "HeartbeatSeconds", "TimeoutSecondsPath", "Condition"),
    *("Variable", "And", "Not", "Or", "NumericEquals", "StringMatches", "IsPresent", "Error"),
    *("Cause", "CausePath", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"),
    *("JitterStrategy", "ItemReader", "ResultWriter", "ItemSelector", "Items", "Label"),
    *("ToleratedFailureCount", "ProcessorConfig", "Credentials", "MaxItemsPerBatch"),
]
SOME_INPUTS = [*INPUTS, *WILD, {"a": [{"b": 1}] * 5}, [[[1]]], {"items": [{"x": 1}]}]
NAMES = ["A", "B", "C", "D"]


def changed(definition: Any, chance: random.Random) -> Any:
    """Return a definition in which values are replaced, moved, repeated or taken from elsewhere."""
    changed = copy.deepcopy(definition)
    for _ in range(chance.choice([1, 1, 2, 3, 6])):
        known = list(places(changed))
        if not known:
            break
        container, key = chance.choice(known)
        _change(container, key, chance, chance.choice(known))
    return changed


def _change(container: Any, key: Any, chance: random.Random, other: tuple[Any, Any]) -> None:
    kind = chance.random()
    if kind < 0.5:
        container[key] = copy.deepcopy(chance.choice([*VALUES, *WILD]))
    elif kind < 0.7:
        container[key] = copy.deepcopy(other[0][other[1]])
    elif isinstance(container, list):
        container.append(copy.deepcopy(container[key]))
    else:
        value = container.pop(key)
        if kind > 0.8:
            container[chance.choice(FIELD_NAMES)] = value


def made_up(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Return a definition of states that go on at random, often in loops."""
    names = NAMES[: chance.randint(1, len(NAMES))]
    states = {name: _state(chance, names, depth) for name in names}
    return {"StartAt": chance.choice(names), "States": states}


def _state(chance: random.Random, names: list[str], depth: int) -> dict[str, Any]:
    kinds = ["Pass", "Wait", "Task", "Choice", "Succeed", "Fail"]
    kind = chance.choice(kinds if depth > 1 else [*kinds, "Parallel", "Map"])
    path = chance.choice(["$", "$.a", "$[0]", "$..a", "$$.State", "$.a[?(@.b>0)]"])
    state: dict[str, Any] = {"Type": kind}
    if kind == "Choice":
        rule = {"Variable": path, "IsPresent": chance.random() < 0.5, "Next": chance.choice(names)}
        return {**state, "Choices": [rule], "Default": chance.choice(names)}
    if kind in ("Succeed", "Fail"):
        return state
    if kind == "Wait":
        state["Seconds"] = chance.choice([0, 10, 1000])
    elif kind == "Task":
        state["Resource"] = arn(chance.choice(["echo", "nowhere"]))
        state["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": chance.choice(names)}]
    elif kind == "Parallel":
        state["Branches"] = [made_up(chance, depth + 1) for _ in range(chance.randint(1, 3))]
    elif kind == "Map":
        mode = chance.choice([{}, {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}])
        state["ItemProcessor"] = {"ProcessorConfig": mode, **made_up(chance, depth + 1)}
    elif chance.random() < 0.5:
        state["Parameters"] = {"a.$": path, "b": [1]}
    end = {"End": True} if chance.random() < 0.4 else {"Next": chance.choice(names)}
    return {**state, **end}


@pytest.fixture
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Find endless machines soon, and let one function answer."""
    monkeypatch.setattr(program, "TURN_SECONDS", 0.002)
    monkeypatch.setattr(endless_runs, "ENDLESS_SECONDS", 0.1)
    monkeypatch.setattr(endless_runs, "STANDSTILL_SECONDS", 0.5)
    register_lambda("echo", lambda event: event)
    yield
    forget_lambda("echo")


@pytest.mark.usefixtures("quick_turns")
@pytest.mark.timeout(scaled(120, soaking=3_000))
def test_no_definition_breaks_anything() -> None:
    chance = random.Random(14)
    known = small_definitions()
    made: list[Machine] = []
    for _ in range(DEFINITIONS):
        is_known = chance.random() < 0.9
        definition = changed(chance.choice(known), chance) if is_known else made_up(chance)
        read(definition)
        try:
            made.append(machine(definition, f"fuzzed-{len(made)}"))
        except InvalidDefinitionError:
            continue
        if len(made) == BATCH:
            run_all(made, chance)
            made.clear()


def read(definition: Any) -> None:
    """Check and draw a definition."""
    text = json.dumps(definition)
    check_text(text)
    try:
        graph = diagram_of_text(text, "fuzzed")
    except InvalidDefinitionError:
        return
    assert svg(graph)
    assert mermaid(graph)


def run_all(machines: list[Machine], chance: random.Random) -> None:
    """Run machines, and a healthy one beside each of them."""
    healthy = machine({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, "healthy")
    with Environment(workflows=[*machines, healthy], activities=[]) as env:
        for number, made in enumerate(machines):
            run_one(env, made, chance.choice(SOME_INPUTS))
            assert env.run(healthy, number) == number


def run_one(env: Environment, made: Machine, input: Any) -> None:
    """Run a machine until it ends, or longer than a test would let it."""
    try:
        handle = env.start(made, input)
    except InvalidInputError:
        return
    try:
        handle.result(timeout=500)
    except WorkflowFailedError as error:
        if not isinstance(error.__cause__, MachineFailedError):
            raise
    except WaitTimeoutError:
        with suppress(ExecutionNotFoundError):  # it has ended meanwhile
            handle.terminate()
    except WorkflowTimedOutError:
        pass


BOMBS = ["[1..9e9]", "$reduce([1..60], function($a, $b) { $a & $a }, 'x')"]
PLACES: dict[str, dict[str, Any]] = {
    "Output": {"Type": "Pass", "Output": {"x": ["{% bomb %}"]}},
    "Assign": {"Type": "Pass", "Assign": {"x": "{% bomb %}"}},
    "Arguments": {"Type": "Task", "Resource": arn("echo"), "Arguments": "{% bomb %}"},
    "Seconds": {"Type": "Wait", "Seconds": "{% bomb %}"},
    "Items": {
        "Type": "Map",
        "Items": "{% bomb %}",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}},
    },
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("place", PLACES)
def test_an_expression_that_grows_fails_where_it_stands(place: str, bomb: str) -> None:
    state = json.loads(json.dumps(PLACES[place]).replace("bomb", bomb)) | {"End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}}
    made = machine(definition, "grows")
    with (
        Environment(workflows=[made], activities=[]) as env,
        pytest.raises(WorkflowFailedError) as failed,
    ):
        env.run(made, {})
    cause = failed.value.__cause__
    assert isinstance(cause, MachineFailedError)
    assert cause.error == "States.QueryEvaluationError"
