"""Definitions that cannot be run are refused, with the place that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partita.asl import load_machine, machine
from partita.errors import InvalidDefinitionError, LoadError

END = {"Type": "Pass", "End": True}


def one(state: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": state}}


@pytest.mark.parametrize(
    ("definition", "location", "problem"),
    [
        ([], "", "expected an object"),
        ({}, "", "StartAt is missing"),
        ({"StartAt": "A", "States": []}, "/States", "expected an object"),
        ({"StartAt": "B", "States": {"A": END}}, "/StartAt", "there is no state 'B'"),
        (one({}), "/States/A", "Type is missing"),
        (one({"Type": "Jump"}), "/States/A/Type", "there is no type of state 'Jump'"),
        (one({"Type": "Pass"}), "/States/A", "give either Next or End"),
        (one({"Type": "Pass", "End": True, "Next": "A"}), "/States/A", "give either"),
        (one({"Type": "Pass", "Next": "B"}), "/States/A/Next", "there is no state 'B'"),
        (one({**END, "InputPath": "a"}), "/States/A/InputPath", "neither a path"),
        (one({**END, "InputPath": 5}), "/States/A/InputPath", "expected a string"),
        (one({**END, "ResultPath": "$.a[*]"}), "/States/A/ResultPath", "no reference path"),
        (one({**END, "Parameters": {"x.$": "x"}}), "/States/A/Parameters", "neither a path"),
        (
            one({**END, "Parameters": {"x.$": "States.Nope()"}}),
            "/States/A/Parameters",
            "there is no intrinsic function States.Nope",
        ),
        (one({"Type": "Wait", "End": True}), "/States/A", "give Seconds"),
        (one({"Type": "Wait", "End": True, "Seconds": 1.5}), "/States/A/Seconds", "an integer"),
        (one({"Type": "Task", "End": True}), "/States/A", "Resource is missing"),
        (one({"Type": "Task", "End": True, "Resource": "x"}), "/States/A/Resource", "no ARN"),
        (
            one({"Type": "Choice", "Choices": [{"Next": "A", "Variable": "$.a"}]}),
            "/States/A/Choices/0",
            "no comparison operator",
        ),
        (
            one({"Type": "Choice", "Choices": [{"Next": "B", "Variable": "$", "IsNull": True}]}),
            "/States/A/Choices/0/Next",
            "there is no state 'B'",
        ),
        (
            one({"Type": "Parallel", "End": True, "Branches": [one({})]}),
            "/States/A/Branches/0/States/A",
            "Type is missing",
        ),
        (one({**END, "Parameters": {"x.$": 1}}), "/States/A/Parameters", "must be a path"),
        (one({**END, "Assign": "x"}), "/States/A/Assign", "expected an object"),
        (one({"Type": "Choice", "Choices": [1]}), "/States/A/Choices/0", "expected an object"),
        (
            one({"Type": "Choice", "Choices": [{"Next": "A", "IsNull": True}]}),
            "/States/A/Choices/0",
            "Variable is missing",
        ),
        (
            one({"Type": "Choice", "Choices": [{"Next": "A", "And": {}}]}),
            "/States/A/Choices/0/And",
            "expected an array",
        ),
        (
            one({**END, "Type": "Parallel", "Branches": [], "Retry": [{"ErrorEquals": [1]}]}),
            "/States/A/Retry/0/ErrorEquals",
            "an array of strings",
        ),
        (
            {"QueryLanguage": "JSONata", **one({**END, "QueryLanguage": "JSONPath"})},
            "/States/A/QueryLanguage",
            "cannot be inside",
        ),
        (
            {"QueryLanguage": "JSONata", **one({**END, "Output": "{% $sum( %}"})},
            "/States/A/Output",
            "S0",
        ),
    ],
)
def test_a_definition_is_refused(definition: Any, location: str, problem: str) -> None:
    with pytest.raises(InvalidDefinitionError) as refused:
        machine(json.dumps(definition), "test")
    assert refused.value.location == location
    assert problem in refused.value.problem


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}}', "[" * 5000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="not JSON"):
        machine(text, "test")


def test_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "m.asl.json"
    with pytest.raises(LoadError, match="cannot be read"):
        load_machine(str(path))
    path.write_text("{}")
    with pytest.raises(InvalidDefinitionError, match=r"m\.asl\.json: StartAt is missing"):
        load_machine(str(path))


def test_a_machine_has_the_name_of_its_file(tmp_path: Path) -> None:
    for name in ("order.asl.json", "order.json", "order.asl"):
        (tmp_path / name).write_text(json.dumps(one(END)))
        assert load_machine(str(tmp_path / name)).workflow_type.name == "order"
