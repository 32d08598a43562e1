"""Runs of distributed Map states whose items are read in many pages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.asl.tasks.outside import item_pages
from tests.asl.stand_ins import data_sets
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import made

PAGE = 4
FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:paged"

calls: Counter[int] = Counter()
stubborn: set[int] = set()  # numbers that always fail


def paged(item: dict[str, str]) -> int:
    """Fail the first call for each multiple of five; return twice the number."""
    number = int(item["n"])
    calls[number] += 1
    if number % 5 == 0 and (calls[number] == 1 or number in stubborn):
        raise ValueError(number)
    return 2 * number


@pytest.fixture(autouse=True)
def _rows() -> Iterator[None]:
    calls.clear()
    stubborn.clear()
    register_lambda("paged", paged)
    rows = "n\n" + "".join(f"{number}\n" for number in range(1, 19))
    with data_sets({"data": {"rows.csv": rows}}):
        item_pages()._page_items = PAGE
        yield
    forget_lambda("paged")


CALL = {"Call": {"Type": "Task", "Resource": FUNCTION, "End": True}}
WAIT = {"Wait": {"Type": "Wait", "Seconds": 100, "End": True}}


def run_of(states: dict[str, Any], type: str = "STANDARD", **more: Any) -> dict[str, Any]:
    """Return a machine whose Map state runs these states for each row."""
    state = {
        "Type": "Map",
        "Label": "rows",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "data", "Key": "rows.csv"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": type},
            "StartAt": next(iter(states)),
            "States": states,
        },
        "End": True,
        **more,
    }
    return {"StartAt": "Each", "States": {"Each": state}}


def started(sfn: Endpoint, name: str, definition: dict[str, Any]) -> str:
    arn = made(sfn, name, definition)
    return str(sfn.client.start_execution(stateMachineArn=arn)["executionArn"])


def map_run(sfn: Endpoint, execution: str) -> dict[str, Any]:
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    found: dict[str, Any] = sfn.client.describe_map_run(mapRunArn=run["mapRunArn"])
    return found


def settled(sfn: Endpoint, execution: str, **counts: int) -> dict[str, Any]:
    """Wait until so many child executions stand so; return the run."""
    while True:
        if sfn.client.list_map_runs(executionArn=execution)["mapRuns"]:
            run = map_run(sfn, execution)
            if counts.items() <= run["executionCounts"].items():
                return run


def children(sfn: Endpoint, run: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    pages = sfn.client.get_paginator("list_executions").paginate(
        mapRunArn=run["mapRunArn"], PaginationConfig={"PageSize": 5}, **more
    )
    return [one for page in pages for one in page["executions"]][::-1]


@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
def test_a_redrive_runs_what_has_failed(type: str, sfn: Endpoint) -> None:
    states = {
        "First": {"Type": "Pass", "Assign": {"seen.$": "$.n"}, "Next": "Call"},
        "Call": {"Type": "Task", "Resource": FUNCTION, "Next": "Last"},
        "Last": {"Type": "Pass", "Parameters": {"n.$": "$", "seen.$": "$seen"}, "End": True},
    }
    definition = run_of(states, type, ToleratedFailureCount=2)
    execution = started(sfn, f"redriven-rows-{type}", definition)
    assert sfn.wait(execution)["status"] == "FAILED"
    run = map_run(sfn, execution)
    assert run["status"] == "FAILED"
    before = calls.copy()
    sfn.client.redrive_execution(executionArn=execution)
    found = sfn.wait(execution)
    assert found["status"] == "SUCCEEDED", found
    expected = [{"n": 2 * number, "seen": str(number)} for number in range(1, 19)]
    assert json.loads(found["output"]) == expected
    for number in range(1, 19):
        if before[number] == 1 and number % 5:
            assert calls[number] == 1
    again = map_run(sfn, execution)
    assert again["mapRunArn"] == run["mapRunArn"]
    assert (again["status"], again["redriveCount"]) == ("SUCCEEDED", 1)
    assert again["itemCounts"]["succeeded"] == again["itemCounts"]["total"] == 18
    assert again["executionCounts"]["pendingRedrive"] == 0
    listed = children(sfn, again)
    assert [one["status"] for one in listed] == ["SUCCEEDED"] * 18
    assert len({one["name"] for one in listed}) == 18
    events = sfn.client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    types = [one["type"] for one in events]
    assert types.count("MapRunStarted") == types.count("MapRunRedriven") == 1
    redriven = next(one for one in events if one["type"] == "MapRunRedriven")
    assert redriven["mapRunRedrivenEventDetails"] == {
        "mapRunArn": run["mapRunArn"],
        "redriveCount": 1,
    }
    if type == "STANDARD":
        one = next(one for one in listed if one["redriveCount"])
        told = sfn.client.get_execution_history(executionArn=one["executionArn"])["events"]
        assert "ExecutionRedriven" in [event["type"] for event in told]
        assert [event["id"] for event in told] == list(range(1, len(told) + 1))
        assert sum(event["type"] == "PassStateEntered" for event in told) == 2


def test_a_redrive_counts_failures_anew(sfn: Endpoint) -> None:
    stubborn.update((5, 15))
    definition = run_of(CALL, ToleratedFailureCount=2, MaxConcurrency=1)
    execution = started(sfn, "stubborn-rows", definition)
    assert sfn.wait(execution)["error"] == "States.ExceedToleratedFailureThreshold"
    sfn.client.redrive_execution(executionArn=execution)
    found = sfn.wait(execution)
    assert found["status"] == "SUCCEEDED", found
    counts = map_run(sfn, execution)["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (18, 16, 2)


def test_pages_run_at_a_time_and_share_the_concurrency(sfn: Endpoint) -> None:
    execution = started(sfn, "lanes", run_of(WAIT, MaxConcurrency=6))
    run = settled(sfn, execution, running=6)
    names = {one["name"][:8] for one in children(sfn, run)}
    assert len(names) > 1
    assert len(children(sfn, run, statusFilter="RUNNING")) == 6
    found = sfn.wait(execution)
    assert found["status"] == "SUCCEEDED"
    assert (found["stopDate"] - found["startDate"]).total_seconds() <= 500
    assert [one["n"] for one in json.loads(found["output"])] == [str(n) for n in range(1, 19)]
    child = children(sfn, run)[-1]["executionArn"]
    described = sfn.client.describe_execution(executionArn=child)
    assert (described["input"], described["status"]) == ('{"n":"18"}', "SUCCEEDED")
    assert sfn.client.get_execution_history(executionArn=child)["events"][1]["type"] == (
        "WaitStateEntered"
    )


def test_a_change_reaches_all_pages(sfn: Endpoint) -> None:
    execution = started(sfn, "changed-pages", run_of(WAIT, MaxConcurrency=1))
    run = settled(sfn, execution, running=1)
    sfn.client.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=1000)
    found = sfn.wait(execution)
    assert found["status"] == "SUCCEEDED"
    assert (found["stopDate"] - found["startDate"]).total_seconds() <= 200
    assert map_run(sfn, execution)["maxConcurrency"] == 1000


def test_too_many_failures_abort_the_other_pages(sfn: Endpoint) -> None:
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "StringEquals": "9", "Next": "Bad"}],
            "Default": "Wait",
        },
        "Bad": {"Type": "Fail", "Error": "Nine"},
        **WAIT,
    }
    execution = started(sfn, "aborted-pages", run_of(states))
    found = sfn.wait(execution)
    assert (found["status"], found["error"]) == (
        "FAILED",
        "States.ExceedToleratedFailureThreshold",
    )
    run = map_run(sfn, execution)
    counts = run["itemCounts"]
    assert counts["failed"] == 1
    assert counts["aborted"] >= 8
    aborted = children(sfn, run, statusFilter="ABORTED")
    assert len(aborted) == counts["aborted"]
    told = sfn.client.get_execution_history(executionArn=aborted[0]["executionArn"])["events"]
    assert told[-1]["type"] == "ExecutionAborted"


def test_a_redrive_after_a_stop_keeps_what_has_succeeded(sfn: Endpoint) -> None:
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "StringLessThan": "2", "Next": "Call"}],
            "Default": "Wait",
        },
        "Wait": {"Type": "Wait", "Seconds": 100, "Next": "Call"},
        **CALL,
    }
    execution = started(sfn, "stopped-pages", run_of(states, ToleratedFailurePercentage=100))
    settled(sfn, execution, succeeded=8, failed=2)
    sfn.client.stop_execution(executionArn=execution)
    assert map_run(sfn, execution)["status"] == "ABORTED"
    before = calls.copy()
    sfn.client.redrive_execution(executionArn=execution)
    assert sfn.wait(execution)["status"] == "SUCCEEDED"
    assert {number for number in before if calls[number] > 1} == {10, 15}
    assert map_run(sfn, execution)["executionCounts"]["total"] == 18


def test_a_map_run_within_another(sfn: Endpoint) -> None:
    inner = run_of(WAIT, MaxConcurrency=1000)["States"]["Each"]
    outer = run_of({"Inner": {**inner, "Label": "inner"}}, Label="outer")["States"]["Each"]
    del outer["ItemReader"]
    definition = {"StartAt": "Outer", "States": {"Outer": outer}}
    arn = made(sfn, "nested-runs", definition)
    execution = sfn.client.start_execution(stateMachineArn=arn, input='["a", "b"]')["executionArn"]
    run = settled(sfn, execution, running=2)
    first = children(sfn, run)[0]
    (within,) = sfn.client.list_map_runs(executionArn=first["executionArn"])["mapRuns"]
    assert within["executionArn"] == first["executionArn"]
    assert ":mapRun:nested-runs/outer/inner:" in within["mapRunArn"]
    sfn.client.update_map_run(mapRunArn=within["mapRunArn"], maxConcurrency=500)
    assert sfn.wait(execution)["status"] == "SUCCEEDED"
    found = sfn.client.describe_map_run(mapRunArn=within["mapRunArn"])
    assert (found["status"], found["maxConcurrency"]) == ("SUCCEEDED", 500)
    assert found["itemCounts"]["succeeded"] == found["itemCounts"]["total"] == 18
    innermost = children(sfn, within)
    assert len({one["name"][:8] for one in innermost}) == 5
    told = sfn.client.describe_execution(executionArn=innermost[-1]["executionArn"])
    assert (told["status"], told["input"]) == ("SUCCEEDED", '{"n":"18"}')
    assert ":execution:nested-runs/outer/inner:" in told["executionArn"]


def test_a_map_run_within_a_page(sfn: Endpoint) -> None:
    inner = {
        "Type": "Map",
        "Label": "inner",
        "ItemsPath": "$.all",
        "ItemProcessor": run_of(WAIT)["States"]["Each"]["ItemProcessor"],
        "End": True,
    }
    states = {"Two": {"Type": "Pass", "Result": {"all": [1, 2]}, "Next": "Inner"}, "Inner": inner}
    execution = started(sfn, "runs-in-pages", run_of(states))
    assert sfn.wait(execution)["status"] == "SUCCEEDED"
    last = children(sfn, map_run(sfn, execution))[-1]["executionArn"]
    (within,) = sfn.client.list_map_runs(executionArn=last)["mapRuns"]
    assert within["executionArn"] == last
    assert len(children(sfn, within)) == 2
    found = sfn.client.describe_map_run(mapRunArn=within["mapRunArn"])
    assert found["executionCounts"]["succeeded"] == 2
