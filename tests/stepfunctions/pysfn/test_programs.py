"""Programs of pyawssfn's language are equal in plain Python, on our engine, and on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from partita.asl.check import check_text
from partita.asl.machines import machine as workflow_of_machine
from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.errors import MachineFailedError, WorkflowFailedError
from partita.stepfunctions.pysfn.lambda_package import zip_of
from partita.stepfunctions.pysfn.workflows import definition_of
from partita.testing import Environment
from tests.stepfunctions.pysfn import moto_machine
from tests.stepfunctions.pysfn.corpus import ARN, Case, cases, failed, load, named, plain

CASES = list(cases())

DEVIATIONS = {"other_letters": "moto takes the escapes of a member's name for its letters"}
"""Programs on which moto does not do what AWS does, and why."""


@pytest.fixture(params=CASES, ids=[case.name for case in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def path(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / f"pysfn_{case.name}.py"
    path.write_text(case.source, "utf-8")
    return path


class Dispatcher:
    """The function of a new module for each execution."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module: ModuleType | None = None

    def __call__(self, event: Any, context: Any) -> Any:
        called, variables = event["call_descr"], event["locals"]
        function = getattr(self.module, called["function"])
        return function(*[variables[name] for name in called["arg_names"]])

    def begin(self) -> None:
        self.module = load(self.path)


@pytest.fixture
def dispatcher(path: Path) -> Iterator[Dispatcher]:
    made = Dispatcher(path)
    register_lambda("dispatch", made)
    yield made
    forget_lambda("dispatch")


def test_plain_python_and_the_engine_agree(case: Case, path: Path, dispatcher: Dispatcher) -> None:
    definition = definition_of(load(path), str(path), ARN)
    assert check_text(json.dumps(definition)) == []
    workflow = workflow_of_machine(definition, f"pysfn_{case.name}")
    with Environment(modules=[], workflows=[workflow]) as environment:
        for given in case.inputs:
            dispatcher.begin()
            found: Any
            try:
                found = environment.run(workflow, {"locals": given})
            except (WorkflowFailedError, MachineFailedError) as error:
                found = named(failed(error))
            assert found == plain(load(path), given), given


def test_plain_python_and_moto_agree(case: Case, path: Path, dispatcher: Dispatcher) -> None:
    definition = definition_of(load(path), str(path), ARN)
    with moto_machine.interpreter(dispatcher):
        for given in case.inputs[:2]:
            dispatcher.begin()
            found = named(moto_machine.run(definition, {"locals": given}))
            agrees = found == plain(load(path), given)
            assert agrees is (case.name not in DEVIATIONS), (given, found)


def test_every_program_has_a_zip(path: Path) -> None:
    assert zip_of(str(path)) == zip_of(str(path))
