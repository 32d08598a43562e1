"""Executions that go on after their end: what runs again, and when they may."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.stepfunctions.faults import ExecutionNotRedrivable
from partita.stepfunctions.front import redrives
from tests.stepfunctions.endpoint import Endpoint

FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:counted"
ROLE = "arn:aws:iam::111111111111:role/any"

calls: Counter[str] = Counter()


def counted(event: Any) -> str:
    """Fail the first call with each of the bad texts."""
    calls[event] += 1
    if event in ("bad", "bad 2") and calls[event] == 1:
        raise ValueError(event)
    return f"{event}!"


@pytest.fixture(autouse=True)
def _function() -> Iterator[None]:
    calls.clear()
    register_lambda("counted", counted)
    yield
    forget_lambda("counted")


def call(text: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a state that calls the function with a text, or with its input."""
    given = {} if text is None else {"Parameters": text}
    return {
        "Type": "Task",
        "Resource": FUNCTION,
        **given,
        **({} if "Next" in more else END),
        **more,
    }


END = {"End": True}


def failed(sfn: Endpoint, state: dict[str, Any], input: Any = None) -> str:
    """Run a machine of this one state until it fails; return the execution's ARN."""
    definition = {"StartAt": "All", "States": {"All": {**state, **END}}}
    arn = sfn.client.create_state_machine(
        name=f"redriven-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    started = sfn.client.start_execution(stateMachineArn=arn, name="x", input=json.dumps(input))
    assert sfn.wait(started["executionArn"])["status"] == "FAILED"
    return str(started["executionArn"])


def redriven(sfn: Endpoint, execution: str) -> Any:
    """Let an execution go on to its end; return its output."""
    sfn.client.redrive_execution(executionArn=execution)
    found = sfn.wait(execution)
    assert found["status"] == "SUCCEEDED", found
    events = sfn.client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    return json.loads(found["output"])


def branch(*states: dict[str, Any]) -> dict[str, Any]:
    """Return a branch of states, named by their numbers and the branch's text."""
    last = len(states) - 1
    names = [f"{json.dumps(states)[-30:]} {number}" for number in range(len(states))]
    nexts = [{"Next": names[number + 1]} if number < last else END for number in range(last + 1)]
    named = {name: {**one, **go} for name, one, go in zip(names, states, nexts, strict=True)}
    for one in named.values():
        if "Next" in one or one["Type"] == "Fail":
            one.pop("End", None)
    return {"StartAt": names[0], "States": named}


def test_only_failed_branches_run_again_from_the_state_that_failed(sfn: Endpoint) -> None:
    good = branch(call("good"), {"Type": "Pass"})
    bad = branch(
        {"Type": "Pass", "Assign": {"seen": 7}, **END}, call("first"), call("bad"),
        {"Type": "Pass", "Parameters": {"seen.$": "$seen", "was.$": "$"}},
    )  # fmt: skip
    slow = {"Type": "Wait", "Seconds": 9}
    waited = branch({"Type": "Pass"}, slow, call("late"))
    execution = failed(sfn, {"Type": "Parallel", "Branches": [good, waited, bad]})
    assert calls == {"good": 1, "first": 1, "bad": 1}
    assert redriven(sfn, execution) == ["good!", "late!", {"seen": 7, "was": "bad!"}]
    assert calls == {"good": 1, "first": 1, "bad": 2, "late": 1}


@pytest.mark.parametrize("concurrency", [1, 2, 0])
def test_only_failed_iterations_run_again(concurrency: int, sfn: Endpoint) -> None:
    processor = branch(call(), call())
    state = {"Type": "Map", "MaxConcurrency": concurrency, "ItemProcessor": processor}
    execution = failed(sfn, state, ["a", "bad", "c"])
    before = calls.copy()
    assert redriven(sfn, execution) == ["a!!", "bad!!", "c!!"]
    assert calls["bad"] == 2
    assert calls["a"] == before["a"] == 1


def test_parts_of_parts_go_on_as_often_as_they_fail(sfn: Endpoint) -> None:
    inner = {"Type": "Parallel", "Branches": [branch(call("one")), branch(call("bad"))], **END}
    outer = branch({"Type": "Pass"}, inner, call("bad 2", ResultPath="$[2]"))
    execution = failed(sfn, {"Type": "Parallel", "Branches": [outer, branch(call("other"))]})
    sfn.client.redrive_execution(executionArn=execution)
    assert sfn.wait(execution)["status"] == "FAILED"
    assert calls == {"one": 1, "bad": 2, "bad 2": 1, "other": 1}
    sfn.client.redrive_execution(executionArn=execution)
    assert sfn.wait(execution)["redriveCount"] == 2
    assert calls == {"one": 1, "bad": 2, "bad 2": 2, "other": 1}


def test_a_retry_after_the_redrive_runs_all_branches(sfn: Endpoint) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    branches = [branch(call("good")), branch(call("bad"), {"Type": "Fail", "Error": "E"})]
    execution = failed(sfn, {"Type": "Parallel", "Branches": branches, "Retry": retry})
    assert calls == {"good": 2, "bad": 2}
    sfn.client.redrive_execution(executionArn=execution)
    assert sfn.wait(execution)["status"] == "FAILED"
    assert calls == {"good": 3, "bad": 3}


def test_the_same_token_redrives_once(sfn: Endpoint) -> None:
    execution = failed(sfn, call("bad"))
    redrive = sfn.client.redrive_execution
    first = redrive(executionArn=execution, clientToken="t")
    assert redrive(executionArn=execution, clientToken="t")["redriveDate"] == first["redriveDate"]
    assert sfn.wait(execution)["redriveCount"] == 1
    assert redrive(executionArn=execution, clientToken="t")["redriveDate"] == first["redriveDate"]
    with pytest.raises(sfn.client.exceptions.ExecutionNotRedrivable):
        redrive(executionArn=execution, clientToken="u")
    sfn.clock.advance(15 * 60 + 1)
    with pytest.raises(sfn.client.exceptions.ExecutionNotRedrivable):
        redrive(executionArn=execution, clientToken="t")


def test_an_execution_cannot_go_on_after_two_weeks(sfn: Endpoint) -> None:
    execution = failed(sfn, call("bad"))
    sfn.clock.advance(14 * 24 * 3600 - 60)
    assert sfn.client.describe_execution(executionArn=execution)["redriveStatus"] == "REDRIVABLE"
    sfn.clock.advance(120)
    found = sfn.client.describe_execution(executionArn=execution)
    assert found["redriveStatus"] == "NOT_REDRIVABLE"
    assert found["redriveStatusReason"] == "Execution redrivable period exceeded"
    with pytest.raises(sfn.client.exceptions.ExecutionNotRedrivable, match="period exceeded"):
        sfn.client.redrive_execution(executionArn=execution)


@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
def test_child_executions_that_have_failed_are_redriven(type: str, sfn: Endpoint) -> None:
    processor = branch(call(), call(), {"Type": "Pass"})
    processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": type}
    state = {"Type": "Map", "MaxConcurrency": 1, "ToleratedFailureCount": 1}
    execution = failed(sfn, {**state, "ItemProcessor": processor}, ["a", "c", "bad", "bad 2"])
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    arn = run["mapRunArn"]
    counts = sfn.client.describe_map_run(mapRunArn=arn)["executionCounts"]
    assert (counts["succeeded"], counts["failed"]) == (2, 2)
    names = {one["name"] for one in sfn.client.list_executions(mapRunArn=arn)["executions"]}
    assert redriven(sfn, execution) == ["a!!", "c!!", "bad!!", "bad 2!!"]
    assert calls["a"] == calls["a!"] == calls["c"] == 1
    assert calls["bad"] == calls["bad 2"] == 2
    found = sfn.client.describe_map_run(mapRunArn=arn)
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 1)
    assert found["executionCounts"]["succeeded"] == found["executionCounts"]["total"] == 4
    children = sfn.client.list_executions(mapRunArn=arn)["executions"][::-1]
    kept = {one["name"] for one in children} & names
    assert len(kept) == (4 if type == "STANDARD" else 2)
    if type == "STANDARD":
        assert [one["redriveCount"] for one in children] == [0, 0, 1, 1]
        wanted = {"mapRunArn": arn, "redriveFilter": "REDRIVEN"}
        assert sfn.client.list_executions(**wanted)["executions"] == children[:1:-1]
        wanted["redriveFilter"] = "NOT_REDRIVEN"
        assert sfn.client.list_executions(**wanted)["executions"] == children[1::-1]
        told = sfn.client.describe_execution(executionArn=children[2]["executionArn"])
        assert (told["redriveCount"], told["redriveStatus"]) == (1, "NOT_REDRIVABLE")


def test_a_child_execution_is_redriven_by_its_map_run_only(sfn: Endpoint) -> None:
    processor = branch(call("bad"))
    processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    execution = failed(sfn, {"Type": "Map", "ItemProcessor": processor}, [1])
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    (child,) = sfn.client.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    found = sfn.client.describe_execution(executionArn=child["executionArn"])
    assert found["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    with pytest.raises(sfn.client.exceptions.ExecutionNotRedrivable):
        sfn.client.redrive_execution(executionArn=child["executionArn"])
    with pytest.raises(sfn.client.exceptions.ValidationException, match=f"stop {execution}"):
        sfn.client.stop_execution(executionArn=child["executionArn"])


def test_redrives_at_the_same_time_with_one_token_are_one(sfn: Endpoint) -> None:
    execution = failed(sfn, {"Type": "Task", "Resource": FUNCTION, "Parameters": "bad"})
    request = {"executionArn": execution, "clientToken": "same"}
    plans = [redrives.plan(sfn.front, request) for _ in range(3)]
    other = redrives.plan(sfn.front, {"executionArn": execution, "clientToken": "other"})

    def begin(plan: redrives.Plan) -> Any:
        return sfn.front.service.transact(lambda session: redrives.redrive_execution(session, plan))

    assert len({begin(one)["redriveDate"] for one in plans}) == 1
    with pytest.raises(ExecutionNotRedrivable):
        begin(other)
    assert sfn.wait(execution)["redriveCount"] == 1
    assert begin(plans[0]) == begin(plans[1])
    with pytest.raises(ExecutionNotRedrivable):
        begin(other)
