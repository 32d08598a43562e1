"""Make workflows of state machines.

The definition with which an execution begins is recorded in its history, so that a changed file
affects new executions only, as on AWS.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from partita.asl.failures import StateFailure
from partita.asl.frame import Execution, Identity
from partita.asl.page_runs import run_page
from partita.asl.page_tasks import PageTask
from partita.asl.parser import Machine, compile_machine
from partita.asl.states.state import run_program
from partita.asl.tasks.mocks import Mocks, Responses, responses_of
from partita.asl.trail import LimitedTrail, Trail
from partita.authoring.definition import WorkflowOptions
from partita.authoring.determinism import side_effect
from partita.authoring.execution import workflow_info
from partita.authoring.hooks import NO_HOOKS
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.codec.nesting import check_depth
from partita.errors import (
    InvalidDefinitionError,
    LoadError,
    MachineFailedError,
    PayloadTooDeepError,
)
from partita.history import AnyEvent, MarkerRecorded, WorkflowType

MOCK_CONFIG = "SFN_MOCK_CONFIG"
"""The environment variable with the path of a mock file, as AWS Step Functions Local reads it."""

REGION = "us-east-1"
ACCOUNT = "123456789012"
_SUFFIXES = (".asl.json", ".asl", ".json")


class _Recorded(msgspec.Struct, omit_defaults=True):
    """What an execution records when it begins."""

    definition: str
    account: str = ACCOUNT
    is_express: bool = False
    mocks: dict[str, list[dict[str, Any]]] | None = None


def machine(
    definition: str | Mapping[str, Any],
    name: str,
    *,
    mocks: Responses | None = None,
    is_express: bool = False,
    account: str = ACCOUNT,
) -> WorkflowDefinition[[Any], Any]:
    """Return a workflow that runs a state machine; its one argument is the machine's input.

    Args:
        definition: JSON text, or the object that it stands for.
        name: the machine's name, and the workflow's.
        mocks: responses that replace tasks, by state.
        is_express: whether its executions have ARNs of express executions.
        account: the AWS account in ARNs.

    Raises:
        InvalidDefinitionError: it is no definition; the error has the location.
    """
    text = definition if isinstance(definition, str) else json.dumps(definition)
    compiled = compiled_text(text)
    recorded = _Recorded(text, account, is_express, None if mocks is None else dict(mocks))

    def run(input: Any = None, page: PageTask | None = None) -> Any:
        kept = msgspec.convert(side_effect(lambda: msgspec.to_builtins(recorded)), _Recorded)
        is_limited = page is None and not kept.is_express
        return _run(kept, input, LimitedTrail() if is_limited else Trail(), made, page)

    run.__name__ = run.__qualname__ = name
    run.__doc__ = compiled.comment
    timeout = compiled.timeout
    made: WorkflowDefinition[[Any], Any] = workflow(name=name, execution_start_to_close=timeout)(
        run
    )
    made.takes_document = True
    return made


def recorded_definition(history: Sequence[AnyEvent]) -> tuple[str, str] | None:
    """Return the definition that an execution of `machine` runs, and its account.

    None if it was not decided yet, or is of another workflow.
    """
    marker = next((one for one in history if isinstance(one, MarkerRecorded)), None)
    try:
        recorded = msgspec.json.decode((marker and marker.details) or "null", type=_Recorded)
    except msgspec.DecodeError:
        return None
    return recorded.definition, recorded.account


def role_of(account: str) -> str:
    """Return the ARN of the role that executions of `machine` are shown with."""
    return f"arn:aws:iam::{account}:role/partita"


def shown_machine(name: str, trail: Trail) -> WorkflowDefinition[[Any], Any]:
    """Return a workflow that repeats what a machine of that name has done, along a trail.

    It is for replays only: the definition is the one that the history has recorded.
    """

    def run(input: Any = None, page: PageTask | None = None) -> Any:
        kept: Any = side_effect(lambda: None)
        return _run(msgspec.convert(kept, _Recorded), input, trail, made, page)

    run.__annotations__ |= {"input": Any, "page": PageTask | None, "return": Any}
    made: WorkflowDefinition[[Any], Any] = WorkflowDefinition(
        run, WorkflowType(name), WorkflowOptions(), NO_HOOKS
    )
    return made


@functools.lru_cache(maxsize=256)
def compiled_text(text: str) -> Machine:
    """Return the machine of a definition's text, compiled once in a process."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidDefinitionError(f"the definition is not JSON: {error}") from error
    try:
        check_depth(text)
        return compile_machine(value)
    except (PayloadTooDeepError, RecursionError) as error:
        raise InvalidDefinitionError("the definition is nested too deeply") from error


def _run(
    recorded: _Recorded,
    input: Any,
    trail: Trail,
    made: WorkflowDefinition[..., Any],
    page: PageTask | None,
) -> Any:
    """Run an execution, or a page of a distributed Map state's items."""
    compiled = compiled_text(recorded.definition)

    def start_page(task: PageTask, name: str) -> Any:
        return made.options(workflow_id=name).submit(None, task)

    if page is not None:
        mocks = _mocks(recorded)
        return run_page(compiled.program, page, mocks, trail=trail, start_page=start_page)
    execution = Execution(
        identity_of(recorded.account, is_express=recorded.is_express),
        input,
        trail,
        _mocks(recorded),
    )
    execution.start_page = start_page
    return interpret(compiled, execution, input)


def _mocks(recorded: _Recorded) -> Mocks | None:
    return None if recorded.mocks is None else Mocks(recorded.mocks)


def interpret(compiled: Machine, execution: Execution, input: Any) -> Any:
    """Return the output of an execution.

    Raises:
        MachineFailedError: it failed.
    """
    try:
        return run_program(compiled.program, execution, input)
    except StateFailure as failure:
        raise MachineFailedError(failure.error, failure.cause) from failure


def identity_of(account: str = ACCOUNT, *, is_express: bool = False) -> Identity:
    """Return the names of the execution that runs here."""
    info = workflow_info()
    prefix = f"arn:aws:states:{REGION}:{account}"
    kind, suffix = ("express", f":{info.run_id}") if is_express else ("execution", "")
    return Identity(
        execution_arn=f"{prefix}:{kind}:{info.name}:{info.workflow_id}{suffix}",
        execution_name=info.workflow_id,
        machine_arn=f"{prefix}:stateMachine:{info.name}",
        machine_name=info.name,
        role_arn=role_of(account),
        lambda_prefix=f"arn:aws:lambda:{REGION}:{account}:function",
    )


def load_machine(path: str, test_case: str | None = None) -> WorkflowDefinition[[Any], Any]:
    """Return the workflow of the machine in a file, named after the file.

    `test_case` is one of the mock file that SFN_MOCK_CONFIG names.

    Raises:
        LoadError: the file cannot be read.
        InvalidDefinitionError: it holds no definition.
    """
    file = Path(path)
    name = machine_name(path)
    text = _read(file)
    mocks = None if test_case is None else responses_of(_mock_file(), name, test_case)
    try:
        return machine(text, name, mocks=mocks)
    except InvalidDefinitionError as error:
        raise InvalidDefinitionError(error.problem, f"{path} {error.location}".strip()) from error


def machine_name(path: str) -> str:
    """Return the name of the machine in a file."""
    name = Path(path).name
    return next(name.removesuffix(one) for one in _SUFFIXES if name.endswith(one))


def _mock_file() -> Mapping[str, Any]:
    path = os.environ.get(MOCK_CONFIG)
    if not path:
        raise LoadError(f"a test case needs a mock file; set {MOCK_CONFIG} to its path")
    try:
        found: Mapping[str, Any] = json.loads(_read(Path(path)))
    except ValueError as error:
        raise LoadError(f"mock file {path} is not JSON: {error}") from error
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{file} cannot be read: {error}") from error
