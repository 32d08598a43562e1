"""Run compiled machines on engines that others wrote, with the programs' own activities.

sfnx has an interpreter of its own, with the JSONata of jsonata-python; moto has one that comes from
LocalStack's, and is given the same JSONata. Neither waits.
"""

from __future__ import annotations

import inspect
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from sfnx import testing as sfnx

from partita.asl.failures import StateFailure
from partita.asl.frame import Function
from partita.codec import Converter
from partita.compile import compile_workflow
from partita.compile.activity_calls import activities_of
from partita.compile.stand_ins import document_of
from partita.stepfunctions.compiled import lambda_of
from partita.stepfunctions.emitter import GUARD, emit, optimised
from tests.compile import prelude
from tests.compile.corpus import Case, Outcome, written
from tests.integrations.moto import client

Functions = Mapping[str, Callable[[Any], Any]]
LAMBDA = "arn:aws:states:::lambda:invoke"
_ROLE = "arn:aws:iam::123456789012:role/tests"


class Machine:
    """A compiled program and its activities."""

    def __init__(self, workflow: Any, *, is_optimised: bool = False) -> None:
        self.workflow = workflow
        program = compile_workflow(workflow, "program.py")
        made = emit(program)
        self.definition = optimised(made) if is_optimised else made
        self.functions: Functions = {
            name: _as_task(lambda_of(one, program)) for name, one in activities_of(program).items()
        }

    @property
    def returns_text(self) -> bool:
        """Whether the result is a text."""
        return inspect.get_annotations(self.workflow.function, eval_str=True).get("return") is str

    @property
    def is_self_contained(self) -> bool:
        """Whether it calls activities only, and waits for nothing."""
        text = json.dumps(self.definition)
        called = set(re.findall(r'"FunctionName": "([^"]*)"', text))
        resources = set(re.findall(r'"Resource": "([^"]*)"', text))
        calls_only = resources <= {LAMBDA} and called <= set(self.functions)
        return calls_only and '"Type": "Wait"' not in text

    def document(self, given: str) -> Any:
        """Return the execution's input for arguments."""
        args, kwargs = self.workflow.signature.load(Converter(), given)
        return document_of(self.workflow, args, kwargs)


def _as_task(function: Function) -> Callable[[Any], Any]:
    return lambda payload: function("call (line 1)", payload, None, None)


def outcome(case: Case, machine: Machine, engine: str, given: str) -> Outcome:
    """Run a machine; return what it came to as `corpus.outcome` does, and its calls."""
    prelude.calls.clear()
    output, error, cause = ENGINES[engine](machine, machine.document(given))
    result: Any
    if error is None:
        decoded = machine.workflow.signature.decode_result(json.dumps(output))
        result = written(machine.workflow, decoded)
    else:
        result = (error, _message(cause or ""))
    if error is not None and error.startswith(("States.", GUARD)):
        result = ("machine", error, cause)
    calls = list(prelude.calls)
    return Outcome(result, sorted(calls) if case.is_concurrent else calls)


def _message(cause: str) -> str:
    """Return the text of an error, which Lambda wraps."""
    if cause.startswith("{") and '"errorType"' in cause:
        return str(json.loads(cause)["errorMessage"]).partition("\n\nPartita: ")[0]
    return cause


# -- sfnx


def run_on_sfnx(machine: Machine, document: Any) -> tuple[Any, str | None, str | None]:
    """Return the output, or the error's name and cause."""

    def tasks(call: sfnx.Call) -> Any:
        arguments: Any = call.arguments
        try:
            payload = machine.functions[arguments["FunctionName"]](arguments.get("Payload"))
        except StateFailure as failure:
            raise sfnx.Failure(str(failure.error), failure.cause or "") from failure
        return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}

    found = sfnx.run(machine.definition, document, tasks)
    if found.error is not None:
        return None, found.error, found.cause
    return found.output, None, None


# -- moto


def run_on_moto(machine: Machine, document: Any) -> tuple[Any, str | None, str | None]:
    """Return the output, or the error's name and cause."""
    with _interpreter(machine.functions):
        service = client("stepfunctions")
        made = service.create_state_machine(
            name=f"m{uuid.uuid4().hex}",
            definition=json.dumps(machine.definition, ensure_ascii=False),
            roleArn=_ROLE,
        )
        started = service.start_execution(
            stateMachineArn=made["stateMachineArn"], input=json.dumps(document)
        )
        while True:
            found = service.describe_execution(executionArn=started["executionArn"])
            if found["status"] != "RUNNING":
                break
            time.sleep(0.005)
    if found["status"] != "SUCCEEDED":
        return None, found.get("error"), found.get("cause")
    return _parsed(found.get("output"), machine.returns_text), None, None


def _parsed(output: str | None, is_text: bool) -> Any:
    """Return an output, of which moto writes a text as it is, and null not at all."""
    if output is None or is_text:
        return output
    try:
        return json.loads(output)
    except ValueError:
        return output


@contextmanager
def _interpreter(functions: Functions) -> Iterator[None]:
    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        function = functions[parameters["FunctionName"]]
        try:
            return {**answer, "Payload": function(json.loads(parameters["Payload"]))}
        except StateFailure as failure:
            payload = json.loads(failure.cause or "{}")
            return {**answer, "FunctionError": "Unhandled", "Payload": payload}

    at_once = SimpleNamespace(sleep=lambda seconds: None)
    with (
        mock.patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}),
        mock.patch.object(jsonata, "_eval_jsonata", _evaluated),
        mock.patch.object(lambda_eval_utils, "_invoke_lambda_function", invoke),
        mock.patch.object(retrier_decl, "time", at_once),
        mock.patch.object(states, "encode_jsonata_variable_declarations", _declared),
        mock.patch.object(variable_store, "encode_jsonata_variable_declarations", _declared),
    ):
        yield


def _declared(bindings: dict[str, Any]) -> str:
    """Return the declarations of variables; moto's own leave quotes in texts as they are."""
    plain = {name: json.loads(to_json_str(value)) for name, value in bindings.items()}
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in plain.items()}
    return "".join(f"{name}:={text};" for name, text in texts.items())


def _evaluated(text: str) -> Any:
    try:
        return sfnx.evaluate(text, {}, {})
    except sfnx.Failure as failure:
        raise jsonata.JSONataException(failure.error, failure.cause) from failure


ENGINES = {"sfnx": run_on_sfnx, "moto": run_on_moto}
