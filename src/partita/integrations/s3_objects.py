"""Read and write objects of Amazon S3, or of an endpoint that speaks its protocol.

Source: Amazon S3 API Reference, GetObject, ListObjectsV2, PutObject.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from partita.integrations.clients import Clients
from partita.integrations.failures import ObjectFailure
from partita.integrations.objects import ListedObject, Location
from partita.integrations.service_errors import refusal_of, sdk_cause

LISTING_LIMIT = 1000
"""Objects that S3 lists at once."""


class S3Store:
    """Objects of S3."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def open(
        self, at: Location, *, offset: int = 0, length: int | None = None, tag: str | None = None
    ) -> _S3Reading:
        """Begin to read; see `ObjectStore`."""
        members: dict[str, Any] = {"Bucket": at.bucket, "Key": at.key}
        if at.version is not None:
            members["VersionId"] = at.version
        if tag is not None:
            members["IfMatch"] = tag
        if offset or length is not None:
            end = "" if length is None else offset + length - 1
            members["Range"] = f"bytes={offset}-{end}"
        answer = self._called("get_object", members, at)
        return _S3Reading(answer, offset)

    def list(self, bucket: str, prefix: str, after: str, limit: int) -> list[ListedObject]:
        """Return a part of a listing; see `ObjectStore`."""
        members: dict[str, Any] = {"Bucket": bucket, "MaxKeys": min(limit, LISTING_LIMIT)}
        if prefix:
            members["Prefix"] = prefix
        if after:
            members["StartAfter"] = after
        answer = self._called("list_objects_v2", members, Location(bucket, prefix))
        return [
            ListedObject(
                key=found["Key"],
                tag=found.get("ETag", ""),
                modified=found["LastModified"].timestamp(),
                size=found.get("Size", 0),
                storage_class=found.get("StorageClass", "STANDARD"),
            )
            for found in answer.get("Contents", [])
        ]

    def put(self, at: Location, data: bytes) -> None:
        """Write an object; see `ObjectStore`."""
        members = {
            "Bucket": at.bucket,
            "Key": at.key,
            "Body": data,
            "ContentType": "application/json",
        }
        self._called("put_object", members, at)

    def _called(self, operation: str, members: dict[str, Any], at: Location) -> dict[str, Any]:
        if not at.bucket:
            raise ObjectFailure("no bucket is given")
        try:
            answer: dict[str, Any] = getattr(self._clients.client("s3"), operation)(**members)
        except ClientError as error:
            refusal = refusal_of(error)
            if refusal.status == 412:
                raise ObjectFailure(f"{at} has changed while it was read") from error
            if refusal.status == 416:
                return _nothing(members)
            raise ObjectFailure(sdk_cause("S3", refusal)) from error
        except BotoCoreError as error:
            raise ObjectFailure(f"{at} is out of reach: {_one_line(error)}") from error
        return answer


class _S3Reading:
    """The content of an object, as it comes."""

    def __init__(self, answer: dict[str, Any], offset: int) -> None:
        self._body = answer["Body"]
        self.tag: str = answer.get("ETag", "")
        total = answer.get("ContentRange", "").rpartition("/")[2]
        self.size = int(total) if total.isdecimal() else offset + answer["ContentLength"]

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._body.read(size)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise ObjectFailure(f"an object was cut off: {_one_line(error)}") from error
        return data

    def close(self) -> None:
        self._body.close()


class _Empty:
    """What is read behind the end of an object."""

    def read(self, _size: int) -> bytes:
        return b""

    def close(self) -> None:
        """Hold nothing."""


def _nothing(members: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request for bytes behind the end of an object."""
    return {"Body": _Empty(), "ETag": members.get("IfMatch", ""), "ContentLength": 0}


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
