"""Run machines by moto's interpreter, which others wrote, with the JSONata of jsonata-python.

moto has no JSONata of its own, and runs Lambda functions in containers: it is given both.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.jsonata import jsonata

from partita.asl.jsonata.contract import Settings
from partita.asl.jsonata.pure_engine import PureText
from tests.integrations.moto import client

Function = Callable[[Any, Any], Any]
_ROLE = "arn:aws:iam::123456789012:role/tests"


@contextmanager
def interpreter(function: Function) -> Iterator[None]:
    """Have moto's server run machines meanwhile, whose Lambda function is the one given."""

    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        return _invoked(function, json.loads(parameters["Payload"]))

    with (
        mock.patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}),
        mock.patch.object(jsonata, "_eval_jsonata", _evaluated),
        mock.patch.object(lambda_eval_utils, "_invoke_lambda_function", invoke),
    ):
        yield


def run(definition: dict[str, Any], input: Any) -> Any:
    """Return the output of an execution, or its error's name and cause."""
    states = client("stepfunctions")
    made = states.create_state_machine(
        name=f"m{uuid.uuid4().hex}", definition=json.dumps(definition), roleArn=_ROLE
    )
    started = states.start_execution(
        stateMachineArn=made["stateMachineArn"], input=json.dumps(input)
    )
    while True:
        found = states.describe_execution(executionArn=started["executionArn"])
        if found["status"] != "RUNNING":
            break
        time.sleep(0.005)
    if found["status"] == "SUCCEEDED":
        return _parsed(found.get("output"))
    return found.get("error"), found.get("cause")


def _parsed(output: str | None) -> Any:
    """Return an output, of which moto writes a text as it is, and null not at all."""
    try:
        return None if output is None else json.loads(output)
    except ValueError:
        return output


def _evaluated(text: str) -> Any:
    settings = Settings(document=None, now=0, seconds=5.0)
    found = PureText(text).evaluate({}, settings)
    return None if found is None else json.loads(found)


def _invoked(function: Function, event: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    try:
        return {**answer, "Payload": json.loads(json.dumps(function(event, None)))}
    except Exception as error:
        payload = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return {**answer, "FunctionError": "Unhandled", "Payload": payload}
