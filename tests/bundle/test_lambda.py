"""Run compiled programs with their activities in a bundle, in a bare interpreter."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.asl.frame import Execution, Identity
from partita.asl.machines import compiled_text, interpret
from partita.asl.trail import Trail
from partita.authoring.definition import ActivityDefinition
from partita.codec import Converter
from partita.compile import compile_workflow
from partita.compile.activity_calls import activities_of
from partita.compile.stand_ins import document_of
from partita.errors import MachineFailedError
from partita.stepfunctions.bundle import bundle_of, zipped
from partita.stepfunctions.compiled import lambda_of
from partita.stepfunctions.deploy.definitions import calling
from partita.stepfunctions.emitter import emit
from tests.bundle.lambdas import Lambda
from tests.compile import prelude
from tests.compile.corpus import Case, cases, load

_IDENTITY = Identity(
    execution_arn="arn:aws:states:us-east-1:123456789012:execution:program:1",
    execution_name="1",
    machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:program",
    machine_name="program",
    role_arn="arn:aws:iam::123456789012:role/program",
    lambda_prefix="arn:aws:lambda:us-east-1:123456789012:function",
)
_ACTIVITIES = {
    name: one for name, one in vars(prelude).items() if isinstance(one, ActivityDefinition)
}
_NAMES = [one.activity_type.name for one in _ACTIVITIES.values()]
_CALL = re.compile(rf"\b({'|'.join(_ACTIVITIES)})\(")
_GUARDED = ("large_ints",)  # on Lambda, integers beyond 2**53 end the execution: see test_bundle
CASES = [
    case
    for case in cases()
    if not case.is_waiting and not case.is_concurrent and _CALL.search(case.source)
    if case.file not in _GUARDED
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("programs")
    return {case.name: load(case.name, case.source, folder) for case in CASES}


@pytest.fixture(scope="module")
def function(
    programs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lambda]:
    """One function with all activities of the programs, which are in one module."""
    files = dict(bundle_of(programs[CASES[0].name]).files)
    table = dict.fromkeys(_NAMES, prelude.__name__)
    files["partita/activities.json"] = json.dumps(table).encode()
    sources = {name: sys.modules[one.function.__module__] for name, one in programs.items()}
    for module in sources.values():
        files[f"{module.__name__}.py"] = Path(str(module.__file__)).read_bytes()
    files["partita/modules.json"] = json.dumps([one.__name__ for one in sources.values()]).encode()
    running = Lambda(zipped(files), tmp_path_factory.mktemp("function"))
    yield running
    running.close()


def run(definition: dict[str, Any], document: Any, functions: Any) -> Any:
    execution = Execution(_IDENTITY, document, Trail())
    execution.functions = functions
    try:
        return interpret(compiled_text(json.dumps(definition)), execution, document)
    except MachineFailedError as error:
        return error.error, text_of(error.cause or "")


def text_of(cause: str) -> str:
    """Return what an error says, without what Lambda tells besides."""
    if "errorType" not in cause:
        return cause
    text: str = json.loads(cause)["errorMessage"]
    return text.split("\n\nPartita: ")[0].rpartition(": the attributes of")[2]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_machines_mean_the_same_on_lambda(
    case: Case, programs: dict[str, Any], function: Lambda
) -> None:
    workflow = programs[case.name]
    program = compile_workflow(workflow)
    activities = activities_of(program)
    here = {name: lambda_of(one, program) for name, one in activities.items()}
    machine = emit(program)
    deployed = calling(machine, activities, "bundle")
    for given in case.inputs:
        args, kwargs = workflow.signature.load(Converter(), given)
        document = document_of(workflow, args, kwargs)
        expected = run(machine, document, here)
        assert run(deployed, document, {"bundle": function.task}) == expected
