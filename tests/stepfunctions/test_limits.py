"""Quotas, names, tokens and times, as AWS has them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from partita.asl import forget_integration, machine, register_integration, trail
from partita.client import Client
from partita.errors import WorkflowFailedError
from partita.testing import Environment
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import GREETING, ROLE, made

LOOP = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.stop", "IsPresent": True, "Next": "B"}],
            "Default": "A",
        },
        "B": {"Type": "Succeed"},
    },
}
COUNT = {
    "StartAt": "Add",
    "States": {
        "Add": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)"},
            "Next": "Enough",
        },
        "Enough": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericEquals": 60, "Next": "Done"}],
            "Default": "Add",
        },
        "Done": {"Type": "Succeed"},
    },
}
PREFIX = "arn:aws:states:us-east-1:111111111111"


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as found:
        call(**given)
    error = found.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_last_event_of_a_history_is_its_failure(
    sfn: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "EVENT_LIMIT", 100)
    arn = made(sfn, "endless", LOOP)
    execution = sfn.client.start_execution(stateMachineArn=arn)["executionArn"]
    assert sfn.wait(execution)["error"] == "States.Runtime"
    events = sfn.client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    assert (len(events), events[-1]["type"]) == (100, "ExecutionFailed")


def test_the_limit_of_events_holds_for_machines_of_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trail, "EVENT_LIMIT", 100)
    for is_express in (False, True):
        counted = machine(COUNT, f"counted-{is_express}", is_express=is_express)
        with Environment(workflows=[counted], activities=()) as env:
            if is_express:
                assert env.run(counted, {"n": 0}) == {"n": 60}
                continue
            with pytest.raises(WorkflowFailedError) as failed:
                env.run(counted, {"n": 0})
            assert "maximum number of history events (100)" in str(failed.value.__cause__)


def test_a_machine_that_runs_out_of_time_ends_at_that_moment(sfn: Endpoint) -> None:
    arn = made(sfn, "late", {**GREETING, "TimeoutSeconds": 5})
    execution = sfn.client.start_execution(stateMachineArn=arn)["executionArn"]
    found = sfn.wait(execution)
    assert found["status"] == "TIMED_OUT"
    assert found["stopDate"] - found["startDate"] == timedelta(seconds=5)
    assert not {"error", "cause", "output"} & found.keys()
    last = sfn.client.get_execution_history(executionArn=execution)["events"][-1]
    assert last["executionTimedOutEventDetails"] == {}


def test_what_is_too_large_is_refused(sfn: Endpoint) -> None:
    arn = made(sfn, "sized")
    large = json.dumps("x" * 262_144)
    code, _ = refused(sfn.client.start_execution, stateMachineArn=arn, input=large)
    assert code == "ValidationException"
    given = {"name": "huge", "definition": " " * (1024 * 1024 + 1), "roleArn": ROLE}
    assert refused(sfn.client.create_state_machine, **given)[0] == "ValidationException"


def test_a_name_is_taken(sfn: Endpoint) -> None:
    arn = made(sfn, "named")
    start = sfn.client.start_execution
    first = start(stateMachineArn=arn, name="x", input="{}")
    again = start(stateMachineArn=arn, name="x", input="{}")
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    other = {"stateMachineArn": arn, "name": "x", "input": "[1]"}
    assert refused(start, **other) == (
        "ExecutionAlreadyExists",
        f"Execution Already Exists: '{first['executionArn']}'",
    )
    sfn.wait(first["executionArn"])
    assert refused(start, stateMachineArn=arn, name="x", input="{}")[0] == "ExecutionAlreadyExists"
    assert refused(start, stateMachineArn=arn, name="a b")[0] == "InvalidName"


@pytest.mark.parametrize("other", ["eu-west-1:111111111111", "us-east-1:222222222222"])
def test_an_arn_of_elsewhere(other: str, sfn: Endpoint) -> None:
    arn = f"arn:aws:states:{other}:stateMachine:x"
    assert refused(sfn.client.describe_state_machine, stateMachineArn=arn)[0] == "InvalidArn"


@pytest.mark.parametrize("form", ["arn:aws-cn:{}", "arn:aws:{}:", "arn:aws:{}::1"])
def test_an_arn_that_nearly_names_a_machine(form: str, sfn: Endpoint) -> None:
    arn = form.format(made(sfn, "near").removeprefix("arn:aws:"))
    assert refused(sfn.client.describe_state_machine, stateMachineArn=arn)[0] == "InvalidArn"
    assert refused(sfn.client.start_execution, stateMachineArn=arn)[0] == "InvalidArn"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[" * 100_000, "The JSON text is nested too deeply"),
        ("1" * 5000, "The JSON text has a number of too many digits"),
    ],
)
def test_an_input_that_no_reader_takes(text: str, cause: str, sfn: Endpoint) -> None:
    arn = made(sfn, "extreme")
    assert refused(sfn.client.start_execution, stateMachineArn=arn, input=text) == (
        "InvalidExecutionInput",
        f"Invalid State Machine Execution Input: '{cause}'",
    )


def test_a_page_token_of_another_call(sfn: Endpoint) -> None:
    for name in ("paged-1", "paged-2"):
        made(sfn, name)
    token = sfn.client.list_state_machines(maxResults=1)["nextToken"]
    assert sfn.client.list_state_machines(maxResults=1, nextToken=token)["stateMachines"]
    assert refused(sfn.client.list_activities, nextToken=token)[0] == "InvalidToken"
    assert refused(sfn.client.list_state_machines, nextToken="forged")[0] == "InvalidToken"


def test_pages_of_a_history_in_both_orders(sfn: Endpoint) -> None:
    arn = made(sfn, "read")
    execution = sfn.client.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.wait(execution)
    pages = sfn.client.get_paginator("get_execution_history")
    for backwards in (False, True):
        found = pages.paginate(
            executionArn=execution, reverseOrder=backwards, PaginationConfig={"PageSize": 2}
        )
        ids = [event["id"] for page in found for event in page["events"]]
        assert ids == sorted(range(1, 7), reverse=backwards)
    bare = sfn.client.get_execution_history(executionArn=execution, includeExecutionData=False)
    assert "input" not in bare["events"][0]["executionStartedEventDetails"]


def waiting_machine(sfn: Endpoint, name: str, **more: Any) -> tuple[str, list[str]]:
    tokens: list[str] = []

    def keep(given: Any) -> dict[str, Any]:
        tokens.append(given["token"])
        return {}

    register_integration("sqs:sendMessage", keep)
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"token.$": "$$.Task.Token"},
        "End": True,
        **more,
    }
    return made(sfn, name, {"StartAt": "Ask", "States": {"Ask": state}}), tokens


def asked(sfn: Endpoint, arn: str, tokens: list[str]) -> str:
    execution = str(sfn.client.start_execution(stateMachineArn=arn)["executionArn"])
    while not tokens:
        sfn.client.describe_execution(executionArn=execution)
    return execution


def test_a_token_is_for_one_attempt(sfn: Endpoint) -> None:
    arn, tokens = waiting_machine(sfn, "asking")
    execution = asked(sfn, arn, tokens)
    send = sfn.client.send_task_success
    assert refused(send, taskToken="abc", output="1")[0] == "InvalidToken"
    assert refused(send, taskToken=tokens[0], output="{")[0] == "InvalidOutput"
    sfn.client.send_task_heartbeat(taskToken=tokens[0])
    send(taskToken=tokens[0], output='{"ok": 1}')
    assert refused(send, taskToken=tokens[0], output="1")[0] == "TaskTimedOut"
    assert json.loads(sfn.wait(execution)["output"]) == {"ok": 1}
    forget_integration("sqs:sendMessage")


def test_a_token_whose_attempt_has_run_out_of_time(sfn: Endpoint) -> None:
    retry = [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}]
    arn, tokens = waiting_machine(sfn, "hurrying", TimeoutSeconds=10, Retry=retry)
    execution = asked(sfn, arn, tokens)
    sfn.engine.until(lambda: len(tokens) == 2, None)
    late = refused(sfn.client.send_task_success, taskToken=tokens[0], output="1")
    assert late == ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    sfn.client.send_task_failure(taskToken=tokens[1], error="No", cause="never")
    found = sfn.wait(execution)
    assert (found["error"], found["cause"]) == ("No", "never")
    forget_integration("sqs:sendMessage")


def test_an_execution_of_partita_run_is_seen(sfn: Endpoint) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    made(sfn, "shared", definition)
    client = Client(sfn.engine)
    client.start_with(machine(definition, "shared"), [{"n": 1}], workflow_id="by-hand")
    arn = f"{PREFIX}:execution:shared:by-hand"
    found = sfn.client.describe_execution(executionArn=arn)
    assert (found["status"], found["input"]) == ("RUNNING", '{"n":1}')
    listed = sfn.client.list_executions(stateMachineArn=f"{PREFIX}:stateMachine:shared")
    assert [one["name"] for one in listed["executions"]] == ["by-hand"]
    assert sfn.client.get_execution_history(executionArn=arn)["events"] == []
    client.terminate("by-hand")


@pytest.mark.parametrize("name", ["variables", "context"])
@pytest.mark.parametrize("text", ["null", "[]", "{", '"x"'])
def test_what_a_test_of_a_state_is_given_must_be_an_object(
    name: str, text: str, sfn: Endpoint
) -> None:
    given = {"definition": '{"Type": "Succeed"}', name: text}
    assert refused(sfn.client.test_state, **given)[0] == "ValidationException"


@pytest.mark.parametrize("text", ['"\\ud800"', "1e999", "[" * 5_000 + "]" * 5_000])
def test_json_that_cannot_be_kept_is_refused(text: str, sfn: Endpoint) -> None:
    state = f'{{"Type": "Pass", "Result": {text}, "End": true}}'
    definition = f'{{"StartAt": "A", "States": {{"A": {state}}}}}'
    given = {"name": "unreadable", "definition": definition, "roleArn": ROLE}
    assert refused(sfn.client.create_state_machine, **given)[0] == "InvalidDefinition"
    arn = made(sfn, "readable")
    found = refused(sfn.client.start_execution, stateMachineArn=arn, input=text)
    assert found[0] == "InvalidExecutionInput"
    found = refused(sfn.client.send_task_success, taskToken="x", output=text)
    assert found[0] == "InvalidOutput"
    given = {"definition": definition, "inspectionLevel": "DEBUG"}
    assert refused(sfn.client.test_state, **given)[0] == "InvalidDefinition"
