"""Run files of pyawssfn on the engine: their compiled machines, with the module as the function.

The machine is the one that is deployed; its Lambda function is the module that is loaded here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from partita.asl.machines import ACCOUNT, REGION, machine
from partita.asl.tasks.lambdas import register_lambda
from partita.authoring.workflow import WorkflowDefinition
from partita.compile.tree import Program
from partita.errors import TaskFailedError
from partita.source.discovery import read
from partita.stepfunctions.pysfn.lowering import compile_source
from partita.stepfunctions.pysfn.machine import machine as written

_MARSHAL_ERROR = "Runtime.MarshalError"  # what Lambda calls a result that is no JSON value


def program_of(module: ModuleType, filename: str) -> Program:
    """Return the tree of a module's entry point.

    Raises:
        CompileError: it is not of pyawssfn's language.
    """
    return compile_source(read(Path(str(module.__file__))), filename, vars(module))


def definition_of(module: ModuleType, filename: str, lambda_arn: str) -> dict[str, Any]:
    """Return the definition of the machine of a module's entry point."""
    return written(program_of(module, filename), lambda_arn)


def own_arn(module: ModuleType) -> str:
    """Return the ARN of the function that a module is, where it runs on the engine."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{module.__name__.rpartition('.')[2]}"


def workflow_of(module: ModuleType, filename: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs the machine of a module's entry point."""
    program = program_of(module, filename)
    arn = own_arn(module)
    register_lambda(arn.rpartition(":")[2], _Dispatcher(module))
    return machine(written(program, arn), program.name)


class _Dispatcher:
    """Calls the function of a module that an event names."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __call__(self, event: Mapping[str, Any]) -> Any:
        called = event["call_descr"]
        function = getattr(self._module, called["function"])
        return _marshalled(function(*[event["locals"][name] for name in called["arg_names"]]))


def _marshalled(result: Any) -> Any:
    """Return a result as Lambda's runtime for Python sends it.

    Raises:
        TaskFailedError: it is no JSON value.
    """
    try:
        return json.loads(json.dumps(result, allow_nan=False, default=_number))
    except (TypeError, ValueError, RecursionError) as error:
        text = f"Unable to marshal response: {error}"
        cause = {"errorType": _MARSHAL_ERROR, "errorMessage": text, "stackTrace": []}
        raise TaskFailedError(_MARSHAL_ERROR, json.dumps(cause)) from error


def _number(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
