"""Checking definitions: the cases that AWS recorded, and one row for each measured answer."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from partita.asl.check import check_definition, check_text
from tests.asl.check_rows import END, ROWS, SCHEMA, TASK, UNSUPPORTED, jsonata, machine, mapped
from tests.asl.corpus import CASES, areas, executions


def recorded(kind: str) -> list[dict[str, Any]]:
    cases = json.loads((CASES / "validation.json").read_text())["cases"]
    return [case for case in cases if case["kind"] == kind]


def found(definition: Any, kind: str = "STANDARD") -> list[tuple[str, str, str | None]]:
    return [
        (one.code, one.message, one.location)
        for one in check_definition(definition, kind)
        if one.severity == "ERROR"
    ]


def text_of(case: dict[str, Any]) -> str:
    return case["definition_text"] if "definition_text" in case else json.dumps(case["definition"])


@pytest.mark.parametrize("case", recorded("validate"), ids=lambda case: case["name"])
def test_the_recorded_diagnostics(case: dict[str, Any]) -> None:
    diagnostics = check_text(text_of(case), case["request"]["type"])
    assert [one.row() for one in diagnostics] == case["expect"]["response"]["diagnostics"]


@pytest.mark.parametrize("case", recorded("create_rejected"), ids=lambda case: case["name"])
def test_the_recorded_refusals(case: dict[str, Any]) -> None:
    expected = case["expect"].get("message") or case["expect"]["exception_value"]
    errors = [one for one in check_text(text_of(case), case["type"]) if one.severity == "ERROR"]
    matched = re.search("Invalid State Machine Definition: '(.*)'$", expected)
    text = ", ".join(map(str, errors)).replace("arn:aws:", "arn:<partition>:")
    assert text == (matched[1] if matched else "")


@pytest.mark.parametrize("area", areas())
def test_machines_that_aws_ran_have_no_error(area: str) -> None:
    for case in executions(area):
        assert found(case.data["definition"], case.data.get("type") or "STANDARD") == [], case.name


@pytest.mark.parametrize(
    ("definition", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_measured_answer(definition: Any, expected: list[tuple[str, str, str | None]]) -> None:
    assert found(definition) == expected


@pytest.mark.parametrize(
    ("state", "message", "field"),
    [
        (
            {**TASK, "Resource": "arn:aws:states:us-east-1:1:activity:a"},
            "Express state machine does not support Activity ARN",
            "Resource",
        ),
        (
            {**TASK, "Resource": "arn:aws:states:::states:startExecution.sync:2"},
            "Express state machine does not support '.sync' service integration",
            "Resource",
        ),
        (
            {
                **mapped({"A": END}),
                "ItemProcessor": {
                    **machine({"A": END}),
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                },
            },
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state "
            "machines",
            "ItemProcessor/ProcessorConfig/Mode",
        ),
    ],
)
def test_express_machines(state: dict[str, Any], message: str, field: str) -> None:
    definition = machine({"X": state})
    assert found(definition) == []
    assert found(definition, "EXPRESS") == [(SCHEMA, message, f"/States/X/{field}")]


def warnings(definition: Any) -> list[tuple[str, str | None]]:
    return [(one.code, one.location) for one in check_definition(definition)]


def test_a_variable_that_nothing_assigns_before_is_a_warning() -> None:
    undefined = "POSSIBLY_UNDEFINED_VARIABLE"
    read, write = {"v": "{% $x %}"}, {"x": 1}
    assert warnings(jsonata({"A": {**END, "Output": read, "Assign": write}})) == [
        (undefined, "/States/A/Output/v")
    ]
    states = {"A": {"Type": "Pass", "Assign": write, "Next": "B"}, "B": {**END, "Output": read}}
    assert warnings(jsonata(states)) == []
    assert warnings(machine({"A": {**END, "Parameters": {"v.$": "$x.y"}}})) == [
        (undefined, "/States/A/Parameters/v.$")
    ]
    inner = mapped({"I": {**END, "Output": read}})
    outer = {"A": {"Type": "Pass", "Assign": write, "Next": "M"}, "M": inner}
    assert warnings(jsonata(outer)) == []
    distributed = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    inner["ItemProcessor"]["ProcessorConfig"] = distributed
    assert warnings(jsonata(outer)) == [(undefined, "/States/M/ItemProcessor/States/I/Output/v")]


def test_what_looks_like_a_path_but_is_none_is_a_warning() -> None:
    assert warnings(machine({"A": {**END, "Parameters": {"a": "$.b"}}})) == [
        ("NO_DOLLAR", "/States/A/Parameters")
    ]
    assert warnings(machine({"A": {**END, "Result": ["$.b"]}})) == [
        ("PASS_RESULT_IS_STATIC", "/States/A/Result")
    ]
    assert warnings(jsonata({"A": {**END, "Output": "{% $eval('1') %}"}})) == [
        (UNSUPPORTED, "/States/A/Output")
    ]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        (
            "{not json",
            "Unexpected character ('n' (code 110)): was expecting double-quote to start field name",
            "line: 1, column: 3",
        ),
        ('{"a": 1', "Unexpected end-of-input", "line: 1, column: 8"),
        (
            '{\n "a": nil}',
            "Unrecognized token 'nil': was expecting (JSON String, Number, Array, Object or token "
            "'null', 'true' or 'false')",
            "line: 2, column: 10",
        ),
    ],
)
def test_a_text_that_is_no_json(text: str, message: str, place: str) -> None:
    [diagnostic] = check_text(text)
    location = f'[Source: (String)"{text}"; {place}]'
    assert diagnostic.code == "INVALID_JSON_DESCRIPTION"
    assert (diagnostic.message, diagnostic.location) == (f"{message}\n at {location}", location)


def test_a_name_twice_in_one_text() -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Succeed"}}}'
    [diagnostic] = check_text(text)
    assert str(diagnostic) == "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A"


def test_mutated_definitions_are_answered() -> None:
    chance = random.Random(22)
    definitions = [case.data["definition"] for area in areas() for case in executions(area)]
    for _ in range(1_500):
        check_definition(mutated(chance.choice(definitions), chance))
        text = json.dumps(chance.choice(definitions))
        at = chance.randrange(len(text))
        check_text(text[:at] + chance.choice('{}[]",:\\x0\ud800') + text[at + 1 :])
    check_text("[" * 100_000)
    check_text('{"a":' * 100_000)


VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "$",
    "$.a[",
    "States.Array(",
    "{% ( %}",
    "{%",
    [],
    {},
]
VALUES += [["a"], {"a": 1}, "States.Nothing(1)", "States.Format('{}')", "\ud800", "x" * 100]


def mutated(value: Any, chance: random.Random) -> Any:
    """Return a value in which something is replaced, taken away or added at some place."""
    if chance.random() < 0.15:
        return chance.choice(VALUES)
    if isinstance(value, dict) and value:
        name = chance.choice([*value])
        changed = {**value, name: mutated(value[name], chance)}
        if chance.random() < 0.1:
            del changed[name]
        return changed
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        return [*value[:at], mutated(value[at], chance), *value[at + 1 :]]
    return chance.choice(VALUES)
