"""Results of distributed Map states, as the state's output and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partita.asl.result_writers import (
    ChildResult,
    parse_writer,
    state_output,
    write_manifest,
    write_part,
)
from partita.errors import TaskFailedError
from partita.integrations.objects import FolderStore

RUN = "arn:aws:states:us-east-1:123456789012:mapRun:csvProcess/Map:ad9b5f27"
WHERE = {"Bucket": "out", "Prefix": "jobs"}


def succeeded(output: Any, input: Any = 1) -> ChildResult:
    return ChildResult(
        status="SUCCEEDED",
        input=json.dumps(input),
        output=json.dumps(output),
        name="n1",
        execution_arn="arn:execution",
        machine_arn="arn:machine",
        started="2025-01-01T00:00:00.000Z",
        stopped="2025-01-01T00:00:01.000Z",
    )


FAILED = ChildResult(
    status="FAILED",
    input="2",
    name="n2",
    execution_arn="arn:execution:2",
    machine_arn="arn:machine",
    error="Boom",
    cause="it broke",
    started="2025-01-01T00:00:00.000Z",
    stopped="2025-01-01T00:00:01.000Z",
)
PENDING = ChildResult(status="PENDING", input="3")

SHOWN_SUCCESS = {
    "ExecutionArn": "arn:execution",
    "Input": "1",
    "InputDetails": {"Included": True},
    "Name": "n1",
    "Output": "[1,2]",
    "OutputDetails": {"Included": True},
    "RedriveCount": 0,
    "RedriveStatus": "NOT_REDRIVABLE",
    "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    "StartDate": "2025-01-01T00:00:00.000Z",
    "StateMachineArn": "arn:machine",
    "Status": "SUCCEEDED",
    "StopDate": "2025-01-01T00:00:01.000Z",
}
SHOWN_FAILURE = {
    "Cause": "it broke",
    "Error": "Boom",
    "ExecutionArn": "arn:execution:2",
    "Input": "2",
    "InputDetails": {"Included": True},
    "Name": "n2",
    "OutputDetails": {"Included": True},
    "RedriveCount": 0,
    "RedriveStatus": "REDRIVABLE",
    "StartDate": "2025-01-01T00:00:00.000Z",
    "StateMachineArn": "arn:machine",
    "Status": "FAILED",
    "StopDate": "2025-01-01T00:00:01.000Z",
}


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        ("NONE", [{**SHOWN_SUCCESS, "Output": "[1, 2]"}, SHOWN_FAILURE]),
        ("COMPACT", [[1, 2], SHOWN_FAILURE]),
        ("FLATTEN", [1, 2, SHOWN_FAILURE]),
    ],
)
class TestTransformations:
    def test_as_the_states_output(self, transformation: str, expected: list[Any]) -> None:
        config = {"Transformation": transformation}
        writer = parse_writer(None, config, has_resource=False)
        assert state_output(writer, [succeeded([1, 2]), FAILED]) == expected

    def test_as_lines(self, transformation: str, expected: list[Any]) -> None:
        config = {"Transformation": transformation, "OutputType": "JSONL"}
        writer = parse_writer(None, config, has_resource=False)
        lines = state_output(writer, [succeeded([1, 2]), FAILED]).split("\n")
        assert [json.loads(line) for line in lines] == expected

    @pytest.mark.parametrize("output_type", ["JSON", "JSONL"])
    def test_as_files(
        self, transformation: str, expected: list[Any], output_type: str, tmp_path: Path
    ) -> None:
        config = {"Transformation": transformation, "OutputType": output_type}
        writer = parse_writer(WHERE, config)
        write_part(FolderStore(tmp_path), writer, RUN, 0, [succeeded([1, 2]), FAILED])
        text = (tmp_path / "out/jobs/ad9b5f27/SUCCEEDED_0.json").read_text()
        found = (
            json.loads(text)
            if output_type == "JSON"
            else [json.loads(line) for line in text.split("\n")]
        )
        assert found == expected[:-1]


def test_flattening_leaves_what_is_no_array() -> None:
    writer = parse_writer(None, {"Transformation": "FLATTEN"}, has_resource=False)
    assert state_output(writer, [succeeded([[1], 2]), succeeded({"a": []})]) == [[1], 2, {"a": []}]


def test_the_manifest_lists_the_files_of_all_parts(tmp_path: Path) -> None:
    store, writer = FolderStore(tmp_path), parse_writer(WHERE)
    parts = [
        write_part(store, writer, RUN, 0, [succeeded("a"), FAILED]),
        write_part(store, writer, RUN, 1, [succeeded("b"), PENDING]),
    ]
    output = write_manifest(store, writer, RUN, parts)
    key = "jobs/ad9b5f27/manifest.json"
    assert output == {"MapRunArn": RUN, "ResultWriterDetails": {"Bucket": "out", "Key": key}}
    manifest = json.loads((tmp_path / "out" / key).read_text())
    sizes = {
        name: [
            {"Key": one["Key"], "Size": (tmp_path / "out" / one["Key"]).stat().st_size}
            for one in files
        ]
        for name, files in manifest["ResultFiles"].items()
    }
    assert manifest == {"DestinationBucket": "out", "MapRunArn": RUN, "ResultFiles": sizes}
    assert [one["Key"] for one in sizes["SUCCEEDED"]] == [
        "jobs/ad9b5f27/SUCCEEDED_0.json",
        "jobs/ad9b5f27/SUCCEEDED_1.json",
    ]
    assert [one["Key"] for one in sizes["FAILED"]] == ["jobs/ad9b5f27/FAILED_0.json"]
    pending = json.loads((tmp_path / "out/jobs/ad9b5f27/PENDING_1.json").read_text())
    assert pending == [{"Input": "3", "InputDetails": {"Included": True}, "Status": "PENDING"}]


def test_a_part_that_is_written_again_replaces_itself(tmp_path: Path) -> None:
    store, writer = FolderStore(tmp_path), parse_writer({"Bucket": "out"})
    first = write_part(store, writer, RUN, 0, [succeeded("a")])
    assert write_part(store, writer, RUN, 0, [succeeded("a")]) == first
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["SUCCEEDED_0.json"]
    assert files[0].parent == tmp_path / "out" / "ad9b5f27"


def test_what_times_out_has_failed(tmp_path: Path) -> None:
    late = ChildResult(status="TIMED_OUT", input="1", error="States.Timeout")
    part = write_part(FolderStore(tmp_path), parse_writer(WHERE), RUN, 0, [late])
    assert list(part.files) == ["FAILED"]


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        ({}, None),
        ("text", None),
        ({"Bucket": 1}, None),
        ({"Bucket": "b", "Prefix": 1}, None),
        (WHERE, {"Transformation": "SOME"}),
        (WHERE, {"OutputType": "CSV"}),
        (WHERE, "text"),
    ],
)
def test_what_cannot_be_used(arguments: Any, config: Any) -> None:
    with pytest.raises(TaskFailedError) as raised:
        parse_writer(arguments, config)
    assert raised.value.error == "States.ResultWriterFailed"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the bucket should be")
    with pytest.raises(TaskFailedError, match=r"jobs/ad9b5f27/SUCCEEDED_0\.json cannot be"):
        write_part(FolderStore(tmp_path), parse_writer(WHERE), RUN, 0, [succeeded(1)])
