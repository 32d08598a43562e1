"""Executions from their start to their history."""

from __future__ import annotations

import json
from typing import Any

from tests.stepfunctions.endpoint import Endpoint

ROLE = "arn:aws:iam::111111111111:role/sfn"

GREETING = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "Greet"},
        "Greet": {"Type": "Pass", "Result": "hello", "ResultPath": "$.said", "End": True},
    },
}


def made(sfn: Endpoint, name: str, definition: dict[str, Any] = GREETING, **more: Any) -> str:
    answer = sfn.client.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE, **more
    )
    return str(answer["stateMachineArn"])


def test_an_execution_from_its_start_to_its_history(sfn: Endpoint) -> None:
    arn = made(sfn, "greeting")
    execution = sfn.client.start_execution(
        stateMachineArn=arn, name="first", input='{"to":  "ada"}'
    )["executionArn"]
    assert sfn.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    found = sfn.wait(execution)
    assert (found["status"], found["input"]) == ("SUCCEEDED", '{"to":  "ada"}')
    assert json.loads(found["output"]) == {"to": "ada", "said": "hello"}
    events = sfn.client.get_execution_history(executionArn=execution)["events"]
    assert [(one["id"], one["previousEventId"], one["type"]) for one in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "WaitStateEntered"),
        (3, 2, "WaitStateExited"),
        (4, 3, "PassStateEntered"),
        (5, 4, "PassStateExited"),
        (6, 5, "ExecutionSucceeded"),
    ]
    assert (events[2]["timestamp"] - events[1]["timestamp"]).total_seconds() == 60
    again = sfn.client.get_execution_history(executionArn=execution)["events"]
    assert again == events
