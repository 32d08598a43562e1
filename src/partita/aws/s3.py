"""Keep large payloads as objects of Amazon S3."""

from __future__ import annotations

import threading
from typing import Any

import boto3

from partita.aws.calls import one_line, status_of
from partita.errors import InvalidInputError, OperationRefusedError, StoreUnavailableError


class Bucket:
    """Objects below a prefix of a bucket, in the account of a session."""

    def __init__(self, session: boto3.Session, bucket: str, prefix: str) -> None:
        self._session = session
        self._bucket = bucket
        self._prefix = prefix
        self._lock = threading.Lock()
        self._client: Any = None

    def _s3(self) -> Any:
        with self._lock:  # made when it is first needed: most payloads are small
            if self._client is None:
                self._client = self._session.client("s3")
            return self._client

    def put(self, name: str, data: bytes) -> None:
        """Write the object; writing it again writes the same."""
        try:
            self._s3().put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)
        except Exception as error:  # whatever the SDK raises
            raise StoreUnavailableError(
                f"a large payload cannot be kept in s3://{self._bucket}: {one_line(error)}"
            ) from error

    def get(self, name: str, limit: int | None = None) -> bytes:
        """Read the object, or the first `limit` bytes of it.

        Raises:
            InvalidInputError: it is not there.
            OperationRefusedError: it may not be read, or the bucket is not there.
            StoreUnavailableError: out of reach; repeating is safe.
        """
        try:
            found = self._s3().get_object(Bucket=self._bucket, Key=self._prefix + name)
            data: bytes = found["Body"].read(limit)
        except Exception as error:
            if "NoSuchKey" in str(error):
                raise InvalidInputError(
                    f"a large payload is gone: s3://{self._bucket}/{self._prefix}{name}; "
                    "the bucket must keep objects as long as histories are kept"
                ) from error
            kind = OperationRefusedError if _is_refusal(error) else StoreUnavailableError
            raise kind(
                f"a large payload cannot be read from s3://{self._bucket}: {one_line(error)}"
            ) from error
        return data


def _is_refusal(error: Exception) -> bool:
    """Whether S3 has answered that this request will not do: no permission, no such bucket."""
    return 400 <= status_of(error) < 500 and status_of(error) not in (408, 429)
