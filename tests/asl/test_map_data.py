"""Distributed Map states that read data sets and write results, in a folder that stands for S3."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.asl import ServiceSettings, machine, use_services
from partita.asl.frame import Execution
from partita.asl.item_readers.pages import ItemPages
from partita.asl.tasks import outside
from partita.errors import WorkflowFailedError
from partita.testing import Environment, crash_at_every_step

DOUBLE = {
    "Double": {
        "Type": "Pass",
        "Parameters": {"n.$": "States.MathAdd($.n, $.n)"},
        "End": True,
    }
}
FAIL_ON_THREE = {
    "Look": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericEquals": 3, "Next": "Fail"}],
        "Default": "Done",
    },
    "Fail": {"Type": "Fail", "Error": "Three", "Cause": "it is three"},
    "Done": {"Type": "Pass", "OutputPath": "$.n", "End": True},
}


RESULTS = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Path]:
    use_services(ServiceSettings(is_aws_used=False, folder=str(tmp_path)))
    path = tmp_path / "data"
    path.mkdir()
    yield path
    use_services(None)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page have two items."""
    monkeypatch.setattr(outside, "ItemPages", partial(ItemPages, page_items=2))


def distributed(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a machine whose only state maps the items of `data/items`."""
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket": "data", "Key": "items"},
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": next(iter(states)),
        "States": states,
    }
    state = {
        "Type": "Map",
        "ItemReader": reader,
        "ItemProcessor": processor,
        "End": True,
        **fields,
    }
    return {"StartAt": "All", "States": {"All": state}}


def run(definition: dict[str, Any], input: Any = None) -> Any:
    """Return a machine's output, or the MachineFailedError that it ends with."""
    made = machine(definition, f"machine-{uuid.uuid4().hex}")
    with Environment(workflows=[made], activities=()) as env:
        try:
            return env.run(made, input)
        except WorkflowFailedError as error:
            return error.__cause__


def items(bucket: Path, *numbers: int) -> None:
    text = "".join(json.dumps({"n": number}) + "\n" for number in numbers)
    (bucket / "items").write_text(text)


@pytest.fixture(params=["one page", "many pages", "many pages in one workflow"])
def pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "one page":
        request.getfixturevalue("small_pages")
    if request.param == "many pages in one workflow":  # of those who run executions by themselves
        none = property(lambda _: None, lambda _, __: None)
        monkeypatch.setattr(Execution, "start_page", none, raising=False)
    return str(request.param)


def test_items_are_read_and_outputs_are_in_order(bucket: Path, pages: str) -> None:
    items(bucket, 1, 2, 3, 4, 5)
    assert run(distributed(DOUBLE)) == [{"n": 2 * n} for n in (1, 2, 3, 4, 5)]


def test_no_items(bucket: Path, pages: str) -> None:
    items(bucket)
    assert run(distributed(DOUBLE)) == []


def test_the_place_comes_from_the_input(bucket: Path, pages: str) -> None:
    items(bucket, 1, 2, 3)
    definition = distributed(DOUBLE)
    definition["States"]["All"]["ItemReader"] |= {
        "Parameters": {"Bucket.$": "$.where.bucket", "Key.$": "$.where.key"},
        "ReaderConfig": {"InputType": "JSONL", "MaxItemsPath": "$.most"},
    }
    definition["States"]["All"]["InputPath"] = "$.inner"
    given = {"inner": {"where": {"bucket": "data", "key": "items"}, "most": 2}}
    assert run(definition, given) == [{"n": 2}, {"n": 4}]


def test_the_place_is_expressed_in_jsonata(bucket: Path, pages: str) -> None:
    items(bucket, 1, 2, 3)
    definition = distributed({"Same": {"Type": "Pass", "End": True}})
    definition["QueryLanguage"] = "JSONata"
    definition["States"]["All"]["ItemReader"] = {
        "Resource": "arn:aws:states:::s3:getObject",
        "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "items"},
        "ReaderConfig": {"InputType": "JSONL", "MaxItems": "{% $states.input.most %}"},
    }
    assert run(definition, {"bucket": "data", "most": 1}) == [{"n": 1}]


def test_a_selector_sees_the_item_and_the_state(bucket: Path, pages: str) -> None:
    items(bucket, 7, 8, 9)
    definition = distributed(
        {"Same": {"Type": "Pass", "End": True}},
        ItemSelector={
            "index.$": "$$.Map.Item.Index",
            "n.$": "$$.Map.Item.Value.n",
            "own.$": "$.own",
            "variable.$": "$v",
            "name.$": "$$.State.Name",
            "input.$": "$$.Execution.Input.own",
        },
    )
    definition["StartAt"] = "Set"
    definition["States"]["Set"] = {"Type": "Pass", "Assign": {"v": 5}, "Next": "All"}
    shared = {"own": "x", "variable": 5, "name": "All", "input": "x"}
    assert run(definition, {"own": "x"}) == [
        {"index": index, "n": 7 + index, **shared} for index in range(3)
    ]


def test_the_members_of_an_object_have_keys(bucket: Path, pages: str) -> None:
    (bucket / "items").write_text('{"a": 1, "b": 2, "c": 3}')
    definition = distributed(
        {"Same": {"Type": "Pass", "End": True}},
        ItemSelector={"key.$": "$$.Map.Item.Key", "value.$": "$$.Map.Item.Value"},
    )
    definition["States"]["All"]["ItemReader"]["ReaderConfig"] = {"InputType": "JSON"}
    assert run(definition) == [
        {"key": key, "value": value} for key, value in (("a", 1), ("b", 2), ("c", 3))
    ]


def test_items_are_batched(bucket: Path) -> None:
    items(bucket, 1, 2, 3)
    same = {"Same": {"Type": "Pass", "End": True}}
    found = run(distributed(same, ItemBatcher={"MaxItemsPerBatch": 2}))
    assert found == [{"Items": [{"n": 1}, {"n": 2}]}, {"Items": [{"n": 3}]}]


def test_results_are_written(bucket: Path, pages: str) -> None:
    items(bucket, 1, 2, 3, 4)
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "data", "Prefix.$": "$.prefix"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    }
    output = run(distributed(DOUBLE, ResultWriter=writer), {"prefix": "out"})
    details = output["ResultWriterDetails"]
    assert details["Bucket"] == "data"
    assert output["MapRunArn"].startswith("arn:aws:states:us-east-1:123456789012:mapRun:machine-")
    run_id = output["MapRunArn"].rpartition(":")[2]
    assert details["Key"] == f"out/{run_id}/manifest.json"
    manifest = json.loads((bucket / details["Key"]).read_text())
    assert manifest["MapRunArn"] == output["MapRunArn"]
    files = [one["Key"] for one in manifest["ResultFiles"]["SUCCEEDED"]]
    assert len(files) == (1 if pages == "one page" else 2)
    lines = [line for key in files for line in (bucket / key).read_text().splitlines()]
    assert [json.loads(line) for line in lines] == [{"n": 2 * n} for n in (1, 2, 3, 4)]


def test_results_with_their_executions(bucket: Path, pages: str) -> None:
    items(bucket, 1, 3, 2)
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "data"},
    }
    definition = distributed(FAIL_ON_THREE, ResultWriter=writer, ToleratedFailureCount=1)
    output = run(definition)
    manifest = json.loads((bucket / output["ResultWriterDetails"]["Key"]).read_text())
    found = {
        status: [one for file in files for one in json.loads((bucket / file["Key"]).read_text())]
        for status, files in manifest["ResultFiles"].items()
    }
    assert [one["Output"] for one in found["SUCCEEDED"]] == ["1", "2"]
    assert [one["Input"] for one in found["SUCCEEDED"]] == ['{"n":1}', '{"n":2}']
    (failed,) = found["FAILED"]
    assert (failed["Error"], failed["Cause"]) == ("Three", "it is three")
    assert (failed["Status"], failed["Input"]) == ("FAILED", '{"n":3}')
    assert found["PENDING"] == []


def test_results_are_written_though_the_run_fails(bucket: Path, pages: str) -> None:
    items(bucket, 1, 2, 3, 4)
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data"}}
    failed = run(distributed(FAIL_ON_THREE, ResultWriter=writer, MaxConcurrency=1))
    assert failed.error == "States.ExceedToleratedFailureThreshold"
    (path,) = bucket.rglob("manifest.json")
    files = json.loads(path.read_text())["ResultFiles"]
    counts = {
        status: sum(len(json.loads((bucket / one["Key"]).read_text())) for one in those)
        for status, those in files.items()
    }
    assert counts == {"SUCCEEDED": 2, "FAILED": 1, "PENDING": 1}


@pytest.mark.parametrize(
    ("tolerance", "error"),
    [
        ({}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailureCount": 1}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailureCount": 2}, None),
        ({"ToleratedFailurePercentage": 39}, "States.ExceedToleratedFailureThreshold"),
        ({"ToleratedFailurePercentage": 40}, None),
    ],
)
def test_failures_are_tolerated(
    bucket: Path, pages: str, tolerance: dict[str, Any], error: str | None
) -> None:
    items(bucket, 1, 3, 2, 3, 1)
    found = run(distributed(FAIL_ON_THREE, **tolerance))
    if error is not None:
        assert found.error == error
    else:
        three = {"Status": "FAILED", "Error": "Three", "Cause": "it is three"}
        assert found == [1, three, 2, three, 1]


@pytest.mark.parametrize("transformation", ["NONE", "COMPACT", "FLATTEN"])
def test_results_are_transformed_without_a_place(
    bucket: Path, pages: str, transformation: str
) -> None:
    (bucket / "items").write_text("[1, 2]\n[3]\n[4, 5]\n")
    writer = {"WriterConfig": {"Transformation": transformation, "OutputType": "JSON"}}
    found = run(distributed({"Same": {"Type": "Pass", "End": True}}, ResultWriter=writer))
    if transformation == "NONE":
        assert [one["Output"] for one in found] == ["[1,2]", "[3]", "[4,5]"]
    else:
        expected = [[1, 2], [3], [4, 5]] if transformation == "COMPACT" else [1, 2, 3, 4, 5]
        assert found == expected


def test_outputs_that_are_too_large(bucket: Path, pages: str) -> None:
    (bucket / "items").write_text(f"{json.dumps('x' * 100_000)}\n" * 3)
    failed = run(distributed({"Same": {"Type": "Pass", "End": True}}))
    assert failed.error == "States.DataLimitExceeded"


def test_a_broken_row_fails_the_state(bucket: Path, pages: str) -> None:
    (bucket / "items").write_text('{"n": 1}\n{"n": 2}\n{"n": \n')
    definition = distributed(
        DOUBLE, Catch=[{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "Caught"}]
    )
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    found = run(definition)
    assert found["Cause"].startswith("s3://data/items cannot be read at line 3: it is not JSON")


@pytest.mark.parametrize("field", ["ItemReader", "ItemBatcher", "ResultWriter"])
def test_an_inline_map_has_no_data_sets(bucket: Path, field: str) -> None:
    items(bucket, 1)
    definition = distributed(DOUBLE, ItemBatcher={"MaxItemsPerBatch": 2}, ResultWriter=RESULTS)
    state = definition["States"]["All"]
    del state["ItemProcessor"]["ProcessorConfig"]
    for other in {"ItemReader", "ItemBatcher", "ResultWriter"} - {field}:
        del state[other]
    failed = run(definition, [])
    assert failed.error == "States.Runtime"
    assert failed.cause == (
        "An error occurred while executing the state 'All' (entered at the event id #2). The "
        "ItemReader, ItemBatcher and ResultWriter fields are not supported for INLINE maps"
    )


def test_a_missing_file_fails_the_state(bucket: Path) -> None:
    failed = run(distributed(DOUBLE))
    assert failed.error == "States.ItemReaderFailed"
    assert failed.cause.startswith("The specified key does not exist.")


def test_without_a_store_nothing_is_read() -> None:
    use_services(None)  # whatever a command has configured in this process
    failed = run(distributed(DOUBLE))
    assert failed.error == "States.ItemReaderFailed"
    assert "this worker calls no services of AWS" in failed.cause


def test_each_page_has_a_workflow_of_its_own(bucket: Path, small_pages: None) -> None:
    items(bucket, *range(5))
    made = machine(distributed(DOUBLE), f"machine-{uuid.uuid4().hex}")
    with Environment(workflows=[made], activities=()) as env:
        env.run(made, None)
        found = env.client.list()
        assert len(found.executions) == 4, found  # three pages with items, and the machine


def test_a_crash_changes_nothing(bucket: Path, small_pages: None) -> None:
    items(bucket, *range(5))
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "data", "Prefix": "out"},
        "WriterConfig": {"Transformation": "COMPACT"},
    }
    definition = distributed(DOUBLE, ResultWriter=writer)
    definition["States"]["All"]["ResultSelector"] = {
        "bucket.$": "$.ResultWriterDetails.Bucket"  # the run's id differs
    }
    made = machine(definition, f"machine-{uuid.uuid4().hex}")
    report = crash_at_every_step(made, None, limit=12, workflows=[made], activities=())
    assert report.outcome.value == {"bucket": "data"}
    assert report.crashes > 12
    for manifest in bucket.rglob("manifest.json"):
        files = json.loads(manifest.read_text())["ResultFiles"]["SUCCEEDED"]
        found = [one for file in files for one in json.loads((bucket / file["Key"]).read_text())]
        assert found == [{"n": 2 * n} for n in range(5)]
