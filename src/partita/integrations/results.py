"""Turn the answer of an API into the JSON that a Task state's result is.

`aws-sdk:` results carry times as texts and no metadata; results of the optimised integrations
carry times in milliseconds, and the HTTP headers of the answer.

Source: recorded executions of AWS Step Functions (shared/conformance/asl).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.response import StreamingBody

from partita.integrations.naming import capitalized, java_name

BODY_LIMIT = 1_048_576
"""Bytes of an object that a task reads; AWS refuses a result over 256 KiB."""

_HEADERS = {
    "content-length": "Content-Length",
    "content-type": "Content-Type",
    "date": "Date",
    "x-amzn-requestid": "x-amzn-RequestId",
}
"""Headers as AWS shows them, which botocore writes in lower case."""


def sdk_result(shape: StructureShape | None, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an `aws-sdk:` task."""
    return _members(shape, answer, is_sdk=True)


def optimized_result(shape: StructureShape | None, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an optimised integration, with the metadata of the answer."""
    metadata = answer.get("ResponseMetadata", {})
    headers = {
        _HEADERS.get(name, name): value for name, value in metadata.get("HTTPHeaders", {}).items()
    }
    result = job_result(shape, answer)
    result["SdkHttpMetadata"] = {
        "AllHttpHeaders": {name: [value] for name, value in headers.items()},
        "HttpHeaders": headers,
        "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
    }
    result["SdkResponseMetadata"] = {"RequestId": metadata.get("RequestId", "")}
    return result


def job_result(shape: StructureShape | None, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a job that a `.sync` task waited for."""
    return _members(shape, answer, is_sdk=False)


def _members(
    shape: StructureShape | None, value: Mapping[str, Any], *, is_sdk: bool
) -> dict[str, Any]:
    spell = java_name if is_sdk else capitalized
    members = {} if shape is None else shape.members
    return {
        spell(name): _value(members.get(name), part, is_sdk=is_sdk)
        for name, part in value.items()
        if name != "ResponseMetadata" and part is not None
    }


def _value(shape: Shape | None, value: Any, *, is_sdk: bool) -> Any:
    match shape:
        case StructureShape() if isinstance(value, dict) and not shape.is_document_type:
            return _members(shape, value, is_sdk=is_sdk)
        case ListShape():
            return [_value(shape.member, item, is_sdk=is_sdk) for item in value]
        case MapShape():
            return {key: _value(shape.value, item, is_sdk=is_sdk) for key, item in value.items()}
        case _:
            return _scalar(value, is_sdk=is_sdk)


def _scalar(value: Any, *, is_sdk: bool) -> Any:
    if isinstance(value, datetime):
        return _instant(value) if is_sdk else int(value.timestamp() * 1000)
    if isinstance(value, StreamingBody):
        with value:
            value = value.read(BODY_LIMIT)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return value


def _instant(value: datetime) -> str:
    """Return a time as Java writes an instant: no fraction, or milliseconds."""
    text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = value.microsecond // 1000
    return f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"
