"""Write the results of a distributed Map state, as files of S3 or as the state's output.

The results are written in parts: each part is a file for each status, and the manifest lists all
of them. A part has a number, so that writing it again, after a crash, replaces it.

Source: AWS Step Functions Developer Guide, "ResultWriter (Map)".
"""

from __future__ import annotations

from typing import Any, Literal, NoReturn, get_args

import msgspec
from msgspec import Struct, field

from partita.errors import TaskFailedError
from partita.integrations.failures import ObjectFailure
from partita.integrations.objects import Location, ObjectStore

RESULT_WRITER_FAILED = "States.ResultWriterFailed"

Transformation = Literal["NONE", "COMPACT", "FLATTEN"]
OutputType = Literal["JSON", "JSONL"]
Status = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING"]

FILES = ("FAILED", "PENDING", "SUCCEEDED")
"""The statuses that have files of their own; those that time out or are aborted have failed."""


class ChildResult(Struct, frozen=True, kw_only=True):
    """How the execution for one item, or one batch, has ended. Plain data."""

    status: Status
    input: str  # JSON text
    name: str | None = None  # None: it was not started
    execution_arn: str | None = None
    machine_arn: str | None = None
    output: str | None = None  # JSON text, of one that has succeeded
    error: str | None = None
    cause: str | None = None
    started: str | None = None  # as AWS writes times: 2025-01-31T10:00:00.000Z
    stopped: str | None = None
    redrives: int = 0


class Writer(Struct, frozen=True, kw_only=True):
    """The ResultWriter of a Map state once its paths and expressions are evaluated."""

    transformation: Transformation
    output_type: OutputType = "JSON"
    bucket: str | None = None  # None: the results are the state's output
    prefix: str = ""


class ResultFile(Struct, frozen=True, rename="pascal"):
    """A file with results, as the manifest lists it."""

    key: str
    size: int  # bytes


class Part(Struct, frozen=True):
    """What one call has written: files by status. Plain data, an activity's result."""

    files: dict[str, ResultFile] = field(default_factory=dict)


def parse_writer(arguments: Any, config: Any = None, *, has_resource: bool = True) -> Writer:
    """Return the writer of a ResultWriter's Parameters or Arguments, and WriterConfig.

    Raises:
        TaskFailedError: they cannot be used.
    """
    settings = config or {}
    if not isinstance(settings, dict):
        _fail("WriterConfig of the ResultWriter must be an object")
    default = "NONE" if has_resource else "COMPACT"
    writer = Writer(
        transformation=_choice(settings, "Transformation", Transformation, default),
        output_type=_choice(settings, "OutputType", OutputType, "JSON"),
    )
    if not has_resource:
        return writer
    if not isinstance(arguments, dict):
        _fail("Parameters of the ResultWriter must be an object")
    bucket, prefix = arguments.get("Bucket"), arguments.get("Prefix") or ""
    if not isinstance(bucket, str) or not bucket or not isinstance(prefix, str):
        _fail("Bucket and Prefix of the ResultWriter must be strings")
    return msgspec.structs.replace(writer, bucket=bucket, prefix=prefix)


def state_output(writer: Writer, results: list[ChildResult]) -> Any:
    """Return the output of a Map state whose results are not written to S3.

    JSON gives an array, JSONL a string of lines.
    """
    values = transformed(writer.transformation, results)
    return values if writer.output_type == "JSON" else _lines(values).decode()


def write_part(
    store: ObjectStore, writer: Writer, map_run_arn: str, number: int, results: list[ChildResult]
) -> Part:
    """Write the results of a part, and return its files; `number` counts from 0.

    Raises:
        TaskFailedError: States.ResultWriterFailed.
    """
    by_status: dict[str, list[ChildResult]] = {}
    for result in results:
        by_status.setdefault(_file_status(result.status), []).append(result)
    files = {}
    for status, those in by_status.items():
        data = _encoded(writer.output_type, transformed(writer.transformation, those))
        key = f"{_folder(writer, map_run_arn)}{status}_{number}.json"
        _put(store, writer, key, data)
        files[status] = ResultFile(key, len(data))
    return Part(files)


def write_manifest(
    store: ObjectStore, writer: Writer, map_run_arn: str, parts: list[Part]
) -> dict[str, Any]:
    """Write the manifest of all parts; return the Map state's output, which names it.

    Raises:
        TaskFailedError: States.ResultWriterFailed.
    """
    listed = {
        status: [part.files[status] for part in parts if status in part.files] for status in FILES
    }
    manifest = {
        "DestinationBucket": writer.bucket,
        "MapRunArn": map_run_arn,
        "ResultFiles": listed,
    }
    key = f"{_folder(writer, map_run_arn)}manifest.json"
    _put(store, writer, key, msgspec.json.encode(manifest))
    return {
        "MapRunArn": map_run_arn,
        "ResultWriterDetails": {"Bucket": writer.bucket, "Key": key},
    }


def transformed(transformation: Transformation, results: list[ChildResult]) -> list[Any]:
    """Return results as a WriterConfig shows them; failures are always shown as executions."""
    values: list[Any] = []
    for result in results:
        if transformation == "NONE" or result.status != "SUCCEEDED" or result.output is None:
            values.append(execution(result))
            continue
        output = msgspec.json.decode(result.output)
        if transformation == "FLATTEN" and isinstance(output, list):
            values += output
        else:
            values.append(output)
    return values


def execution(result: ChildResult) -> dict[str, Any]:
    """Return a result with the execution it is of, as DescribeExecution shows that."""
    if result.status == "PENDING":
        return {"Input": result.input, "InputDetails": {"Included": True}, "Status": "PENDING"}
    has_succeeded = result.status == "SUCCEEDED"
    shown = {
        "Cause": result.cause,
        "Error": result.error,
        "ExecutionArn": result.execution_arn,
        "Input": result.input,
        "InputDetails": {"Included": True},
        "Name": result.name,
        "Output": result.output,
        "OutputDetails": {"Included": True},
        "RedriveCount": result.redrives,
        "RedriveStatus": "NOT_REDRIVABLE" if has_succeeded else "REDRIVABLE",
        "RedriveStatusReason": _NOT_REDRIVABLE if has_succeeded else None,
        "StartDate": result.started,
        "StateMachineArn": result.machine_arn,
        "Status": result.status,
        "StopDate": result.stopped,
    }
    return {name: value for name, value in shown.items() if value is not None}


_NOT_REDRIVABLE = "Execution is SUCCEEDED and cannot be redriven"


def _file_status(status: Status) -> str:
    return status if status in FILES else "FAILED"


def _folder(writer: Writer, map_run_arn: str) -> str:
    """Return what the keys of a run's files begin with: the prefix and the run's id."""
    run = map_run_arn.rpartition(":")[2]
    return f"{writer.prefix.rstrip('/')}/{run}/" if writer.prefix else f"{run}/"


def _encoded(output_type: OutputType, values: list[Any]) -> bytes:
    return msgspec.json.encode(values) if output_type == "JSON" else _lines(values)


def _lines(values: list[Any]) -> bytes:
    return b"\n".join(map(msgspec.json.encode, values))


def _put(store: ObjectStore, writer: Writer, key: str, data: bytes) -> None:
    try:
        store.put(Location(writer.bucket or "", key), data)
    except ObjectFailure as failure:
        _fail(str(failure), failure)


def _choice(settings: dict[str, Any], name: str, choices: Any, default: str) -> Any:
    value = settings.get(name, default)
    if value not in get_args(choices):
        _fail(f"WriterConfig.{name} must be one of {', '.join(get_args(choices))}, not {value}")
    return value


def _fail(cause: str, error: Exception | None = None) -> NoReturn:
    raise TaskFailedError(RESULT_WRITER_FAILED, cause) from error
