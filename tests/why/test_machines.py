"""Reasons of executions on AWS Step Functions' API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from partita.server.local import stepfunctions_endpoint
from tests.why.programs import Place

WAITS = {"Type": "Wait", "Seconds": 3600, "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}
SIGNAL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {
        "FunctionName": "send",
        "Payload": {"signal": "approve", "token.$": "$$.Task.Token"},
    },
    "End": True,
}
FAILS = {"Type": "Fail", "Error": "CarrierDown", "Cause": "no carrier"}
RETRIED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "breaks", "Payload": {}},
    "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600}],
    "End": True,
}


def _breaks(*_: object) -> Any:
    raise ValueError("no carrier")


@pytest.mark.parametrize(
    ("state", "code", "part"),
    [
        (WAITS, "SLEEPS", "it sleeps in state One since"),
        (TASK, "MACHINE_RUNS", "state One (Task) runs since"),
        (SIGNAL, "SIGNAL", "it waits for signal approve in state One"),
        (FAILS, "FAILED", "CarrierDown"),
        (RETRIED, "RETRIES", "no carrier"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_a_machine(
    state: dict[str, Any], code: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "tests")
    lambdas = {"send": lambda *_: None, "breaks": _breaks}
    with stepfunctions_endpoint(lambdas=lambdas) as url:
        client = boto3.client("stepfunctions", "us-east-1", endpoint_url=url)
        client.create_activity(name="a")
        machine = client.create_state_machine(
            name="order",
            definition=json.dumps({"StartAt": "One", "States": {"One": state}}),
            roleArn="arn:aws:iam::123456789012:role/r",
        )
        client.start_execution(stateMachineArn=machine["stateMachineArn"], name="one")
        place = Place(tmp_path, f"stepfunctions://us-east-1?endpoint={url}")
        found = place.until_why("order:one", code)
        client.close()
    assert part in found["sentence"]
