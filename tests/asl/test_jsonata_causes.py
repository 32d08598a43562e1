"""The causes of states whose JSONata fails: AWS's sentences, with the field that failed.

Measured by: floci-io/floci 2665, 2689, 2736, 2737 and 2783, on AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from partita.asl import machine
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import MachineFailedError, WorkflowFailedError
from partita.testing import Environment

END = {"Type": "Pass", "End": True}
INPUT = {"n": 5, "text": "abc"}
NOTHING = "returned nothing (undefined)."
THREW = "threw an error during evaluation"
MEMORY = f"{THREW}: Expression evaluation memory limit exceeded: Check for excessive memory usage"
STACK = (
    f"{THREW}: Stack overflow error: Check for non-terminating recursive function. "
    "Consider rewriting as tail-recursive"
)
TIME = f"{THREW}: Expression evaluation timeout: Check for infinite loop"


def choice(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [{"Next": "E", **rule} for rule in rules]}


def type_fault(expected: str, found: str, value: str) -> str:
    return (
        f"returned an unexpected result type. Expected '{expected}', but was '{found}' for value: "
        f"{value}"
    )


ROWS: list[tuple[dict[str, Any], str, str, str]] = [  # state, expression, field, what it did
    ({**END, "Output": "{% $states.input.no %}"}, "$states.input.no", "Output", NOTHING),
    ({**END, "Output": {"v": "{% $no %}"}}, "$no", "Output/v", NOTHING),
    ({**END, "Output": {"a": {"b": [[1, "{% $no %}"]]}}}, "$no", "Output/a/b[0][1]", NOTHING),
    ({**END, "Assign": {"v": "{% $no %}"}}, "$no", "Assign/v", NOTHING),
    (choice({"Condition": "{% $no %}"}), "$no", "Choices[0]/Condition", NOTHING),
    (
        choice(
            {"Condition": "{% false %}"}, {"Condition": "{% true %}", "Output": {"v": "{% $no %}"}}
        ),
        "$no",
        "Choices[1]/Output/v",
        NOTHING,
    ),
    ({"Type": "Wait", "Seconds": "{% $no %}", "End": True}, "$no", "Seconds", NOTHING),
    ({"Type": "Fail", "Cause": "{% $no %}"}, "$no", "Cause", NOTHING),
    (
        {**END, "Output": {"r": '{% $sum(["a"]) %}'}},
        '$sum(["a"])',
        "Output/r",
        f'{THREW}. T0412: Argument 1 of function "sum" must be an array of "numbers"',
    ),
    (
        {**END, "Output": {"r": '{% $eval("1+1") %}'}},
        '$eval("1+1")',
        "Output/r",
        f"{THREW}. T1006: Attempted to invoke a non-function",
    ),
    ({**END, "Output": {"r": "{% [1..9e9] %}"}}, "[1..9e9]", "Output/r", MEMORY),
    (
        {**END, "Output": {"r": "{% $sum([1..900000]) %}"}},
        "$sum([1..900000])",
        "Output/r",
        MEMORY,
    ),
    (
        {**END, "Output": "{% ($f := function($x){ 1 + $f($x) }; $f(1)) %}"},
        "($f := function($x){ 1 + $f($x) }; $f(1))",
        "Output",
        STACK,
    ),
    (
        choice({"Condition": "{% 1 %}"}),
        "1",
        "Choices[0]/Condition",
        type_fault("boolean", "number", "1"),
    ),
    (
        {**END, "Output": {"f": "{% $sum %}"}},
        "$sum",
        "Output/f",
        "returned an unsupported result type.",
    ),
]


ENDLESS = f'$match("{"a" * 40}!", /(a+)+$/)'


def compiled(number: int, state: dict[str, Any]) -> WorkflowDefinition[[Any], Any]:
    states = {"S": state, **({"E": END} if state["Type"] == "Choice" else {})}
    definition = {"QueryLanguage": "JSONata", "StartAt": "S", "States": states}
    return machine(definition, f"row-{number}")


MACHINES = [compiled(number, row[0]) for number, row in enumerate(ROWS)]
MACHINES.append(compiled(len(ROWS), {**END, "Output": f"{{% {ENDLESS} %}}"}))


@pytest.fixture(scope="module")
def env() -> Iterator[Environment]:
    with Environment(workflows=MACHINES, activities=[]) as env:
        yield env


def failure(env: Environment, number: int) -> MachineFailedError:
    with pytest.raises(WorkflowFailedError) as caught:
        env.run(MACHINES[number], INPUT)
    cause = caught.value.__cause__
    assert isinstance(cause, MachineFailedError)
    return cause


@pytest.mark.parametrize(
    "number", range(len(ROWS)), ids=lambda one: f"{ROWS[one][2]} {ROWS[one][1]}"
)
def test_the_cause_names_expression_and_field(env: Environment, number: int) -> None:
    _, text, field, what = ROWS[number]
    failed = failure(env, number)
    assert failed.error == "States.QueryEvaluationError"
    assert failed.cause == (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata "
        f"expression '{text}' specified for the field '{field}' {what}"
    )


def test_an_endless_expression_ends_when_its_second_is_over(env: Environment) -> None:
    failed = failure(env, len(ROWS))
    assert failed.error == "States.QueryEvaluationError"
    assert (failed.cause or "").endswith(TIME)
