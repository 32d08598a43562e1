"""Machines that start executions at their own endpoint."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from partita.server.local import stepfunctions_endpoint
from tests.stepfunctions import endpoint  # noqa: F401 - for the keys

ROLE = "arn:aws:iam::123456789012:role/sfn"
PREFIX = "arn:aws:states:us-east-1:123456789012"


def machine(client: Any, name: str, state: dict[str, Any], type: str = "STANDARD") -> str:
    definition = {"StartAt": "A", "States": {"A": {**state}}}
    return str(
        client.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE, type=type
        )["stateMachineArn"]
    )


def finished(client: Any, arn: str, name: str) -> dict[str, Any]:
    execution = client.start_execution(stateMachineArn=arn, name=name)["executionArn"]
    found: dict[str, Any] = client.describe_execution(executionArn=execution)
    while found["status"] == "RUNNING":
        found = client.describe_execution(executionArn=execution)
    return found


@pytest.mark.parametrize("pattern", ["", ".sync", ".sync:2"])
def test_an_execution_starts_another(pattern: str) -> None:
    with stepfunctions_endpoint() as url:
        client = boto3.client(
            "stepfunctions", "us-east-1", endpoint_url=url, config=Config(inject_host_prefix=False)
        )
        inner = machine(client, "inner", {"Type": "Pass", "Result": {"x": 1}, "End": True})
        failing = machine(client, "failing", {"Type": "Fail", "Error": "E", "Cause": "c"})
        task = {"Type": "Task", "Resource": f"arn:aws:states:::states:startExecution{pattern}"}

        def outer(name: str, target: str) -> dict[str, Any]:
            given = {"StateMachineArn": target, "Name": f"by-{name}"}
            arn = machine(client, name, {**task, "Parameters": given, "End": True})
            return finished(client, arn, "one")

        found = outer("outer", inner)
        assert found["status"] == "SUCCEEDED"
        output = json.loads(found["output"])
        assert output["ExecutionArn"] == f"{PREFIX}:execution:inner:by-outer"
        if pattern:
            shown = output["Output"]
            assert (json.loads(shown) if pattern == ".sync" else shown) == {"x": 1}
            events = client.get_execution_history(executionArn=found["executionArn"])["events"]
            types = [one["type"] for one in events]
            assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
            submitted = events[4]["taskSubmittedEventDetails"]
            assert json.loads(submitted["output"])["ExecutionArn"] == output["ExecutionArn"]
            assert submitted["resource"] == f"startExecution{pattern}"
            failed = outer("unlucky", failing)
            assert (failed["status"], failed["error"]) == ("FAILED", "States.TaskFailed")
            assert json.loads(failed["cause"])["Error"] == "E"
        missing = outer("lost", f"{PREFIX}:stateMachine:none")
        assert missing["error"] == "StepFunctions.StateMachineDoesNotExistException"
