"""Map runs and their child executions."""

from __future__ import annotations

import json

from tests.asl.stand_ins import data_sets
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import made
from tests.stepfunctions.test_limits import refused

MAP = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "Label": "each",
            "MaxConcurrency": 2,
            "ToleratedFailureCount": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Check",
                "States": {
                    "Check": {
                        "Type": "Choice",
                        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Bad"}],
                        "Default": "Good",
                    },
                    "Bad": {"Type": "Fail", "Error": "Two", "Cause": "it is two"},
                    "Good": {"Type": "Succeed"},
                },
            },
            "End": True,
        }
    },
}


def test_a_map_run_and_its_child_executions(sfn: Endpoint) -> None:
    arn = made(sfn, "mapped", MAP)
    execution = sfn.client.start_execution(stateMachineArn=arn, input="[1, 2, 3]")["executionArn"]
    assert sfn.wait(execution)["status"] == "SUCCEEDED"
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    assert ":mapRun:mapped/each:" in run["mapRunArn"]
    found = sfn.client.describe_map_run(mapRunArn=run["mapRunArn"])
    counts = found["executionCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (3, 2, 1)
    assert (found["status"], found["maxConcurrency"]) == ("SUCCEEDED", 2)
    assert found["toleratedFailureCount"] == 1
    children = sfn.client.list_executions(mapRunArn=run["mapRunArn"])["executions"][::-1]
    assert [one["status"] for one in children] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    failed = sfn.client.describe_execution(executionArn=children[1]["executionArn"])
    assert (failed["error"], failed["cause"], failed["input"]) == ("Two", "it is two", "2")
    assert failed["mapRunArn"] == run["mapRunArn"]
    history = sfn.client.get_execution_history(executionArn=children[0]["executionArn"])
    assert [one["type"] for one in history["events"]] == [
        "ExecutionStarted",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]
    assert json.loads(history["events"][-1]["executionSucceededEventDetails"]["output"]) == 1
    of_child = sfn.client.describe_state_machine_for_execution(
        executionArn=children[0]["executionArn"]
    )
    assert (of_child["name"], of_child["label"]) == ("mapped/each", "each")
    assert of_child["mapRunArn"] == run["mapRunArn"]
    assert json.loads(of_child["definition"]) == MAP["States"]["Each"]["ItemProcessor"]  # type: ignore[index]
    label = {"stateMachineArn": of_child["stateMachineArn"]}
    assert refused(sfn.client.describe_state_machine, **label)[0] == "ValidationException"
    pending = {"stateMachineArn": arn, "statusFilter": "PENDING_REDRIVE"}
    assert refused(sfn.client.list_executions, **pending)[0] == "ValidationException"
    wanted = {"mapRunArn": run["mapRunArn"], "statusFilter": "FAILED"}
    assert len(sfn.client.list_executions(**wanted)["executions"]) == 1
    change = {"mapRunArn": run["mapRunArn"], "maxConcurrency": 5}
    assert refused(sfn.client.update_map_run, **change)[0] == "ValidationException"
    assert refused(sfn.client.describe_map_run, mapRunArn=run["mapRunArn"] + "x") == (
        "ResourceNotFound",
        f"Resource not found: '{run['mapRunArn']}x'",
    )


def test_a_data_set_of_many_pages_is_counted(sfn: Endpoint) -> None:
    state = {
        "Type": "Map",
        "Label": "rows",
        "ToleratedFailurePercentage": 100,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "data", "Key": "rows.csv"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Check",
            "States": {
                "Check": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.n", "StringEquals": "7", "Next": "Bad"}],
                    "Default": "Good",
                },
                "Bad": {"Type": "Fail", "Error": "Seven"},
                "Good": {"Type": "Succeed"},
            },
        },
        "ResultPath": None,
        "ResultSelector": {},
        "End": True,
    }
    rows = "n\n" + "".join(f"{number}\n" for number in range(1_100))
    arn = made(sfn, "rows", {"StartAt": "Each", "States": {"Each": state}})
    with data_sets({"data": {"rows.csv": rows}}):
        execution = sfn.client.start_execution(stateMachineArn=arn)["executionArn"]
        assert sfn.wait(execution)["status"] == "SUCCEEDED"
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    counts = sfn.client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (1_100, 1_099, 1)


def test_a_map_run_is_changed_while_it_runs(sfn: Endpoint) -> None:
    state = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Wait",
            "States": {"Wait": {"Type": "Wait", "Seconds": 100, "End": True}},
        },
        "End": True,
    }
    arn = made(sfn, "changed", {"StartAt": "Each", "States": {"Each": state}})
    started = sfn.client.start_execution(stateMachineArn=arn, input="[1, 2, 3, 4, 5]")
    execution = started["executionArn"]
    (run,) = sfn.client.list_map_runs(executionArn=execution)["mapRuns"]
    assert refused(sfn.client.update_map_run, mapRunArn=run["mapRunArn"])[0] == (
        "ValidationException"
    )
    sfn.client.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=4)
    found = sfn.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert found["maxConcurrency"] == 4
    assert found["executionCounts"]["running"] == 4
    ended = sfn.wait(execution)
    assert ended["status"] == "SUCCEEDED"
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() == 200
    assert json.loads(ended["output"]) == [1, 2, 3, 4, 5]
