"""Executions from their start to their history."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partita.asl import forget_lambda, register_lambda
from partita.asl.machines import machine
from partita.client import Client
from partita.stepfunctions.execution.beginning import TASK_LIST
from tests.asl.corpus import ACCOUNT
from tests.stepfunctions.endpoint import Endpoint, endpoint

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


def test_a_failed_execution_goes_on_where_it_failed(sfn: Endpoint) -> None:
    calls: list[Any] = []

    def flaky(event: Any) -> str:
        calls.append(event)
        if len(calls) == 1:
            raise ValueError("not yet")
        return f"done for {event['to']}"

    register_lambda("flaky", flaky)
    definition = {
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Assign": {"seen": 1}, "Next": "Work"},
            "Work": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:111111111111:function:flaky",
                "ResultSelector": {"seen.$": "$seen", "text.$": "$"},
                "End": True,
            },
        },
    }
    arn = made(sfn, "redriven", definition)
    started = sfn.client.start_execution(stateMachineArn=arn, name="x", input='{"to": "ada"}')
    execution = started["executionArn"]
    found = sfn.wait(execution)
    assert (found["status"], found["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    before = sfn.client.get_execution_history(executionArn=execution)["events"]
    sfn.client.redrive_execution(executionArn=execution)
    found = sfn.wait(execution)
    forget_lambda("flaky")
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 1)
    assert json.loads(found["output"]) == {"seen": 1, "text": "done for ada"}
    assert found["startDate"] == started["startDate"]
    events = sfn.client.get_execution_history(executionArn=execution)["events"]
    assert events[: len(before)] == before
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    assert [one["type"] for one in events[len(before) :]] == [
        "ExecutionRedriven",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    listed = sfn.client.list_executions(stateMachineArn=arn)["executions"]
    assert [(one["name"], one["redriveCount"]) for one in listed] == [("x", 1)]
    with pytest.raises(sfn.client.exceptions.ExecutionNotRedrivable):
        sfn.client.redrive_execution(executionArn=execution)


def test_the_history_tells_of_a_tasks_role_and_times(sfn: Endpoint) -> None:
    register_lambda("echo", lambda event: event)
    role = "arn:aws:iam::111111111111:role/task"
    state = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "echo", "Payload": {"a": 1}},
        "Credentials": {"RoleArn": "{% $states.input.role %}"},
        "TimeoutSeconds": 60,
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    arn = made(sfn, "told", {"StartAt": "A", "States": {"A": state}})
    started = sfn.client.start_execution(stateMachineArn=arn, input=json.dumps({"role": role}))
    assert json.loads(sfn.wait(started["executionArn"])["output"]) == {"a": 1}
    forget_lambda("echo")
    found = sfn.client.get_execution_history(executionArn=started["executionArn"])
    details = found["events"][2]["taskScheduledEventDetails"]
    assert (details["taskCredentials"], details["timeoutInSeconds"]) == ({"roleArn": role}, 60)
    assert details["region"] == "us-east-1"


def test_the_machine_of_an_execution_that_the_api_has_not_started() -> None:
    text = json.dumps(GREETING)
    own = machine(text, "own")
    with endpoint(workflows=[own]) as sfn:
        given: list[Any] = [{"to": "ada"}]
        client = Client(sfn.engine)
        run = client.start_with(own, given, workflow_id="run-1", task_list=TASK_LIST)
        assert run.result() == {"to": "ada", "said": "hello"}
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:own:run-1"
        found = sfn.client.describe_state_machine_for_execution(executionArn=arn)
        assert (found["name"], found["definition"]) == ("own", text)
        assert found["stateMachineArn"].endswith(":stateMachine:own")
        begun = sfn.client.describe_execution(executionArn=arn)["startDate"]
        assert found["updateDate"] == begun


def test_executions_are_listed_page_by_page(sfn: Endpoint) -> None:
    failing = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E"}}}
    arn = made(sfn, "listed", failing)
    for number in range(5):
        started = sfn.client.start_execution(stateMachineArn=arn, name=f"e{number}")
        sfn.wait(started["executionArn"])
    again = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:listed:e1"
    sfn.client.redrive_execution(executionArn=again)
    sfn.wait(again)
    pages = sfn.client.get_paginator("list_executions")

    def names(**more: Any) -> list[str]:
        found = pages.paginate(stateMachineArn=arn, PaginationConfig={"PageSize": 2}, **more)
        return [one["name"] for page in found for one in page["executions"]]

    assert names() == names(statusFilter="FAILED") == ["e1", "e4", "e3", "e2", "e0"]
    assert names(statusFilter="RUNNING") == names(statusFilter="SUCCEEDED") == []


def test_what_a_failure_aborts(sfn: Endpoint) -> None:
    wait = {"Type": "Wait", "Seconds": 100, "End": True}
    soon = {"Type": "Wait", "Seconds": 1, "Next": "Bad"}
    bad = {"Type": "Fail", "Error": "E"}
    processor = {
        "StartAt": "Which",
        "States": {
            "Which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Soon"}],
                "Default": "Wait",
            },
            "Soon": soon,
            "Bad": bad,
            "Wait": wait,
        },
    }
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    arn = made(sfn, "aborting-map", {"StartAt": "Each", "States": {"Each": each}})
    execution = sfn.client.start_execution(stateMachineArn=arn, input="[1, 2]")["executionArn"]
    assert sfn.wait(execution)["error"] == "E"
    events = sfn.client.get_execution_history(executionArn=execution)["events"]
    ids = {one["type"]: one["id"] for one in events}
    assert [(one["type"], one["previousEventId"]) for one in events[-6:]] == [
        ("FailStateEntered", ids["WaitStateExited"]),
        ("MapIterationFailed", ids["FailStateEntered"]),
        ("WaitStateAborted", ids["WaitStateEntered"]),
        ("MapIterationAborted", ids["WaitStateAborted"]),
        ("MapStateFailed", ids["FailStateEntered"]),
        ("ExecutionFailed", ids["MapStateFailed"]),
    ]
    alone = {"StartAt": "Wait", "States": {"Wait": wait}}
    inner = {"Type": "Parallel", "Branches": [alone], "End": True}
    branches = [
        {"StartAt": "Soon", "States": {"Soon": soon, "Bad": bad}},
        {"StartAt": "Inner", "States": {"Inner": inner}},
    ]
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    arn = made(sfn, "aborting-parallel", {"StartAt": "Both", "States": {"Both": both}})
    execution = sfn.client.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.wait(execution)
    events = sfn.client.get_execution_history(executionArn=execution)["events"]
    assert [one["type"] for one in events[-5:]] == [
        "FailStateEntered",
        "WaitStateAborted",
        "ParallelStateAborted",
        "ParallelStateFailed",
        "ExecutionFailed",
    ]
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
