"""Pictures of state machines, and `partita graph`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from partita.asl.diagram import diagram
from partita.cli import main
from partita.errors import InvalidDefinitionError
from partita.graph import Graph, mermaid, svg
from tests.asl.check_rows import END, TASK, branch, machine, mapped
from tests.asl.corpus import areas, executions
from tests.asl.test_check import mutated

Capture = pytest.CaptureFixture[str]


def edges(graph: Graph) -> list[tuple[str, str, str]]:
    names = {box.id: box.label for box in graph.boxes}
    return [(names[edge.source], names[edge.target], edge.label) for edge in graph.edges]


def test_states_are_boxes_and_transitions_edges() -> None:
    rule = {"Variable": "$.n", "NumericGreaterThanEquals": 3, "Next": "Pay"}
    drawn = diagram(
        machine(
            {
                "Choose": {"Type": "Choice", "Choices": [rule], "Default": "No"},
                "Pay": {**TASK, "Catch": [{"ErrorEquals": ["A", "B"], "Next": "No"}]},
                "No": {"Type": "Fail", "Error": "Refused"},
            }
        )
    )
    assert edges(drawn) == [
        ("start", "Choose", ""),
        ("Choose", "Pay", "$.n ≥ 3"),
        ("Choose", "No", "otherwise"),
        ("Pay", "end", ""),
        ("Pay", "No", "A, B"),
    ]
    assert [(box.kind, box.detail) for box in drawn.boxes[1:4]] == [
        ("choice", ""),
        ("task", "lambda:invoke"),
        ("fail", "Refused"),
    ]


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ({"Condition": "{% $states.input.n > 1 %}"}, "$states.input.n > 1"),
        ({"Variable": "$.a", "IsPresent": False}, "not $.a IsPresent"),
        ({"Variable": "$.a", "StringEqualsPath": "$.b"}, "$.a = $.b"),
        (
            {
                "Not": {
                    "Or": [
                        {"Variable": "$.a", "IsNull": True},
                        {"Variable": "$.b", "StringMatches": "x*"},
                    ]
                }
            },
            "not ($.a IsNull or $.b ~ x*)",
        ),
    ],
)
def test_a_rule_is_its_label(rule: dict[str, Any], label: str) -> None:
    choice = {"Type": "Choice", "Choices": [{**rule, "Next": "E"}]}
    assert edges(diagram(machine({"C": choice, "E": END})))[1] == ("C", "E", label)


def test_branches_and_processors_are_within_their_states() -> None:
    drawn = diagram(machine({"P": branch({"M": mapped({"A": END})})}))
    [parallel] = [box for box in drawn.boxes if box.label == "P"]
    [map_] = [box for box in parallel.inner[0].boxes if box.label == "M"]
    assert [box.label for box in map_.inner[0].boxes] == ["start", "A", "end"]


def test_a_missing_state_is_drawn_as_missing() -> None:
    drawn = diagram(machine({"A": {"Type": "Pass", "Next": "Ghost"}}))
    assert [box.detail for box in drawn.boxes if box.label == "Ghost"] == ["missing"]


def test_what_has_no_states_is_refused() -> None:
    with pytest.raises(InvalidDefinitionError, match="/States/M/ItemProcessor: States is not"):
        diagram(machine({"M": {"Type": "Map", "ItemProcessor": {}}}))


@pytest.mark.parametrize("area", areas())
def test_recorded_machines_are_drawn(area: str) -> None:
    seen = set()
    for case in executions(area):
        text = json.dumps(case.data["definition"])
        if text not in seen:
            seen.add(text)
            drawn = diagram(case.data["definition"], case.name)
            ElementTree.fromstring(svg(drawn))
            assert mermaid(drawn).count("subgraph") == mermaid(drawn).count("end\n")


def test_mutated_definitions_are_drawn_or_refused() -> None:
    chance = random.Random(5)
    definitions = [case.data["definition"] for area in areas() for case in executions(area)]
    for _ in range(300):
        try:
            drawn = diagram(mutated(chance.choice(definitions), chance))
        except InvalidDefinitionError:
            continue
        ElementTree.fromstring(svg(drawn))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("order.asl.json").write_text(json.dumps(machine({"A": END})))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command_writes_svg_or_mermaid(capsys: Capture) -> None:
    assert main(["graph", "order.asl.json"]) == 0
    assert capsys.readouterr().out.startswith("<svg ")
    assert main(["graph", "order.asl.json", "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart TD\n")
    assert main(["graph", "order.asl.json", "-o", "order.mmd"]) == 0
    assert Path("order.mmd").read_text().startswith("flowchart TD\n")
    assert main(["graph", "order.asl.json", "-o", "order.svg"]) == 0
    assert "<title>order</title>" in Path("order.svg").read_text()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.asl.json"], "missing.asl.json"),
        (["bad.asl.json"], "bad.asl.json: Unexpected end-of-input"),
        (["empty.asl.json"], "empty.asl.json: States is not an object"),
        (["order.asl.json", "-o", "no/such/folder.svg"], "cannot write no/such/folder.svg"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], says: str, capsys: Capture) -> None:
    Path("bad.asl.json").write_text("{")
    Path("empty.asl.json").write_text("{}")
    assert main(["graph", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert says in line
