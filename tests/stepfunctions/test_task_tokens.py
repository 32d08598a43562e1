"""Tokens of tasks within Map and Parallel states, and of attempts that have ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from partita.asl import forget_integration, register_integration
from partita.asl.tasks.outside import item_pages
from tests.asl.stand_ins import data_sets
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import made
from tests.stepfunctions.test_limits import refused

ASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {
        "QueueUrl": "https://sqs.us-east-1.amazonaws.com/111111111111/asked",
        "MessageBody": {"token.$": "$$.Task.Token", "item.$": "$"},
    },
    "End": True,
}


@pytest.fixture
def asked() -> Iterator[list[dict[str, Any]]]:
    """Return what has been sent so far."""
    bodies: list[dict[str, Any]] = []

    def send(parameters: Any) -> dict[str, str]:
        body = parameters["MessageBody"]
        bodies.append(body)
        if body["item"] == "broken":
            raise ConnectionError
        return {"MessageId": "m"}

    register_integration("sqs:sendMessage", send)
    yield bodies
    forget_integration("sqs:sendMessage")


def mapped(mode: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    config = {"Mode": mode}
    if mode == "DISTRIBUTED":
        config["ExecutionType"] = "STANDARD"
    processor = {"ProcessorConfig": config, "StartAt": "Ask", "States": {"Ask": state}}
    return {
        "StartAt": "Each",
        "States": {"Each": {"Type": "Map", "ItemProcessor": processor, "End": True, **more}},
    }


def begun(sfn: Endpoint, name: str, definition: dict[str, Any], input: Any) -> str:
    arn = made(sfn, name, definition)
    text = json.dumps(input)
    return str(sfn.client.start_execution(stateMachineArn=arn, input=text)["executionArn"])


def wait_for(sfn: Endpoint, bodies: list[dict[str, Any]], count: int) -> None:
    while len(bodies) < count:
        sfn.client.list_activities()


@pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
def test_tokens_of_iterations(mode: str, sfn: Endpoint, asked: list[dict[str, Any]]) -> None:
    execution = begun(sfn, f"asking-{mode}", mapped(mode, ASK), [1, 2, 3])
    wait_for(sfn, asked, 3)
    for body in asked:
        sfn.client.send_task_heartbeat(taskToken=body["token"])
        sfn.client.send_task_success(taskToken=body["token"], output=json.dumps(-body["item"]))
    assert json.loads(sfn.wait(execution)["output"]) == [-1, -2, -3]
    late = {"taskToken": asked[0]["token"], "output": "1"}
    assert refused(sfn.client.send_task_success, **late)[0] == "TaskTimedOut"


def test_tokens_of_many_pages(sfn: Endpoint, asked: list[dict[str, Any]]) -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": "data", "Key": "items"},
    }
    with data_sets({"data": {"items": "1\n2\n3\n4\n5\n"}}):
        item_pages()._page_items = 2
        definition = mapped("DISTRIBUTED", ASK, ItemReader=reader)
        execution = begun(sfn, "asking-pages", definition, {})
        wait_for(sfn, asked, 5)
        for body in asked:
            sfn.client.send_task_success(taskToken=body["token"], output=json.dumps(-body["item"]))
        assert json.loads(sfn.wait(execution)["output"]) == [-1, -2, -3, -4, -5]


def test_the_token_of_a_branch_that_was_aborted(sfn: Endpoint, asked: list[dict[str, Any]]) -> None:
    def branch(name: str, item: int) -> dict[str, Any]:
        given = {**ASK["Parameters"], "MessageBody": {"token.$": "$$.Task.Token", "item": item}}  # type: ignore[dict-item]
        return {"StartAt": name, "States": {name: {**ASK, "Parameters": given}}}

    state = {
        "Type": "Parallel",
        "Branches": [branch("One", 1), branch("Two", 2)],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Later"}],
        "Next": "Later",
    }
    later = {"Type": "Wait", "Seconds": 1000, "End": True}
    definition = {"StartAt": "Both", "States": {"Both": state, "Later": later}}
    execution = begun(sfn, "asking-branches", definition, {})
    wait_for(sfn, asked, 2)
    one, two = sorted(asked, key=lambda body: int(body["item"]))
    sfn.client.send_task_failure(taskToken=one["token"], error="E", cause="c")
    events: list[dict[str, Any]] = []
    while not any(event["type"] == "WaitStateEntered" for event in events):
        events = sfn.client.get_execution_history(executionArn=execution)["events"]
    late = {"taskToken": two["token"], "output": "1"}
    assert refused(sfn.client.send_task_success, **late)[0] == "TaskTimedOut"
    assert sfn.wait(execution)["status"] == "SUCCEEDED"


def test_the_token_of_an_attempt_that_was_not_sent(
    sfn: Endpoint, asked: list[dict[str, Any]]
) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    definition = {"StartAt": "Ask", "States": {"Ask": {**ASK, "Retry": retry}}}
    execution = begun(sfn, "asking-twice", definition, "broken")
    sfn.engine.until(lambda: len(asked) == 2, None)
    late = {"taskToken": asked[0]["token"], "output": "1"}
    assert refused(sfn.client.send_task_success, **late)[0] == "TaskTimedOut"
    assert sfn.wait(execution)["status"] == "FAILED"


def test_activities_of_child_executions(sfn: Endpoint) -> None:
    activity = sfn.client.create_activity(name="asked-children")["activityArn"]
    state = {"Type": "Task", "Resource": activity, "End": True}
    definition = mapped("DISTRIBUTED", state, Next="After")
    del definition["States"]["Each"]["End"]
    definition["States"]["After"] = state
    execution = begun(sfn, "asking-workers", definition, [1, 2])
    for number in range(3):
        task = sfn.client.get_activity_task(activityArn=activity, workerName=f"w{number}")
        sfn.client.send_task_success(taskToken=task["taskToken"], output=task["input"])
    assert json.loads(sfn.wait(execution)["output"]) == [1, 2]
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    listed = sfn.client.list_executions(mapRunArn=run["mapRunArn"])["executions"][::-1]
    workers = [
        worker_of(sfn, one["executionArn"]) for one in (*listed, {"executionArn": execution})
    ]
    assert workers == ["w0", "w1", "w2"]


def worker_of(sfn: Endpoint, execution: str) -> Any:
    events = sfn.client.get_execution_history(executionArn=execution)["events"]
    (started,) = [one for one in events if one["type"] == "ActivityStarted"]
    return started["activityStartedEventDetails"]["workerName"]
