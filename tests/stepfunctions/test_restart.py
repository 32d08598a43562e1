"""The endpoint killed between two calls: nothing is lost, and tokens keep their meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.swf.command import served

ROLE = "arn:aws:iam::123456789012:role/sfn"
HANDLER = """
def double(event):
    return {"twice": event["n"] * 2}
"""
MACHINE = {
    "StartAt": "Double",
    "States": {
        "Double": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "double", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:us-east-1:123456789012:activity:ask",
            "Next": "Call",
        },
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "keep", "Payload": {"token.$": "$$.Task.Token"}},
            "End": True,
        },
    },
}
KEEP = """
def keep(event):
    with open("token", "w") as file:
        file.write(event["token"])
"""


def client_of(url: str) -> Any:
    return boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
        config=Config(inject_host_prefix=False),
    )


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as found:
        call(**given)
    return str(found.value.response["Error"]["Code"])


def token_in(folder: Path, client: Any, execution: str) -> str:
    """Return the token that the function was given, once it was."""
    file = folder / "token"
    while not file.exists() or not file.read_text():
        assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    return file.read_text()


def test_killed_between_calls(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLER + KEEP)
    options = [
        *("--protocol", "stepfunctions", "--lambda", "double=handlers.py:double"),
        *("--lambda", "keep=handlers.py:keep"),
    ]

    def serve() -> Any:
        return served(f"sqlite:///{tmp_path / 'machines.db'}", *options, folder=tmp_path)

    with serve() as endpoint:
        client = client_of(endpoint.url)
        arn = client.create_state_machine(
            name="order", definition=json.dumps(MACHINE), roleArn=ROLE
        )["stateMachineArn"]
        activity = client.create_activity(name="ask")["activityArn"]
        started = client.start_execution(stateMachineArn=arn, name="one", input='{"n": 4}')
        execution = started["executionArn"]
        task = client.get_activity_task(activityArn=activity, workerName="ada")
        assert json.loads(task["input"]) == {"twice": 8}
        endpoint.kill()
    with serve() as endpoint:
        client = client_of(endpoint.url)
        again = client.start_execution(stateMachineArn=arn, name="one", input='{"n": 4}')
        assert again["executionArn"] == execution
        before = client.get_execution_history(executionArn=execution)["events"]
        assert before[-1]["activityStartedEventDetails"] == {"workerName": "ada"}
        client.send_task_success(taskToken=task["taskToken"], output='"yes"')
        token = token_in(tmp_path, client, execution)
        endpoint.kill()
    with serve() as endpoint:
        client = client_of(endpoint.url)
        late = {"taskToken": task["taskToken"], "output": "1"}
        assert refused(client.send_task_success, **late) == "TaskTimedOut"
        forged = token[:-4] + ("aaaa" if token[-4:] != "aaaa" else "bbbb")
        assert refused(client.send_task_success, taskToken=forged, output="1") == "InvalidToken"
        client.send_task_success(taskToken=token, output='{"done": true}')
        assert refused(client.send_task_success, taskToken=token, output="1") == "TaskTimedOut"
        found = client.describe_execution(executionArn=execution)
        while found["status"] == "RUNNING":
            found = client.describe_execution(executionArn=execution)
        assert (found["status"], found["output"]) == ("SUCCEEDED", '{"done":true}')
        events = client.get_execution_history(executionArn=execution)["events"]
        assert events[: len(before)] == before
        assert endpoint.stop() == 0
