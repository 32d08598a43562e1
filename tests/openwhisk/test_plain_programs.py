"""Compositions of plain Python mean what it means: values, names, errors, order."""

from __future__ import annotations

import inspect
import json
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest

from partita.authoring.workflow import WorkflowDefinition
from partita.compile import CompileError
from partita.openwhisk.emitter import composition_of
from partita.openwhisk.emitter.hints import types_of, written
from partita.openwhisk.emitter.step_values import StepValues
from tests.compile.corpus import load
from tests.compile.test_openwhisk import Actions
from tests.openwhisk import plain_programs
from tests.openwhisk.conducting import Conductor
from tests.rotation import sample

Definition = WorkflowDefinition[..., Any]
PROGRAMS = {
    name: one for name, one in vars(plain_programs).items() if isinstance(one, WorkflowDefinition)
}


def plain(workflow: Definition, given: dict[str, Any]) -> Any:
    """Return what plain Python makes of a workflow, as JSON, or the error."""
    hint = literal_eval(written(types_of(workflow.function)["return"]))
    try:
        found = workflow.function(**given)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return json.loads(json.dumps(StepValues({"__builtins__": {}}).output(found, hint)))


def composed(workflow: Definition, given: dict[str, Any]) -> Any:
    """Return what its composition makes of it."""
    composition = composition_of(workflow)
    found = Conductor(composition, Actions(composition)).invoke(dict(given))
    if "value" in found:
        return found["value"]
    return [found["error"]["type"], found["error"]["message"]]


@pytest.mark.parametrize("name", sample(list(PROGRAMS), 4))
def test_a_composition_means_what_its_python_means(name: str) -> None:
    workflow = PROGRAMS[name]
    parameters = list(inspect.signature(workflow.function).parameters)
    for first in (2, 0):
        given = dict(zip(parameters[:2], (first, 5), strict=False))
        assert composed(workflow, given) == plain(workflow, given)


def test_what_cannot_be_kept_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    source = (
        "@workflow\ndef main(n: int) -> int:\n"
        "    numbers = (i for i in range(3))\n    double(n)\n    return next(numbers)\n"
    )
    kind, message = composed(load("lost_generator", source, tmp_path), {"n": 1})
    assert kind == "TypeError"
    assert message.startswith("variable numbers is lost: a value of type generator cannot be kept")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import math\n    return double(n)", "3:5: import: "),
        ("f = list(map(double, [n]))\n    return f[0]", "3:5: use of double: "),
        ("return sum(x for x in map(double, [n]))", "3:5: use of double: "),
        ("return sorted([n], key=lambda x: double(x))[0]", "3:28: lambda: "),
        ("g = (double(x) for x in [n])\n    return next(g)", "3:9: generator: "),
        ("for x in (y for y in [n]):\n        double(x)\n    return 1", "3:14: loop over "),
        ("global LIMIT\n    LIMIT = double(n)\n    return 1", "3:5: global: "),
        ("with open('x') as f:\n        double(n)\n    return 1", "3:5: with: "),
        ("_out = double(n)\n    return _out", "2:1: variable _out: "),
        ("return double()", "3:12: argument n: "),
        ("return double(n, m=1)", "3:12: arguments: "),
        ("return double(*[n])", "3:12: arguments: "),
        ("a, b[double(0)] = n, n\n    return n", "3:5: call in a target: "),
    ],
)
def test_what_is_refused_has_a_place_and_a_way_out(body: str, said: str, tmp_path: Path) -> None:
    source = f"@workflow\ndef main(n: int) -> int:\n    {body}\n"
    workflow = load(f"refused_{abs(hash(body))}", source, tmp_path)
    with pytest.raises(CompileError) as caught:
        composition_of(workflow, "p.py")
    rows = 3  # of the imports before the program
    places = [f"{one.row - rows}:{one.column}: {one.what}: " for one in caught.value.diagnostics]
    assert said in "".join(places)
    assert all(one.way_out for one in caught.value.diagnostics)
