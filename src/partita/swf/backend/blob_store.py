"""Keep large payloads in a bucket of Amazon S3, or in a folder that all can reach."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from partita.errors import (
    InvalidInputError,
    InvalidOptionError,
    OperationRefusedError,
    StoreUnavailableError,
)
from partita.swf.backend.payloads import Folder, Large

if TYPE_CHECKING:
    import boto3


class Bucket:
    """Objects below a prefix of a bucket, in the account that SWF is called with."""

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
                f"a large payload cannot be kept in s3://{self._bucket}: {_line(error)}"
            ) from error

    def get(self, name: str) -> bytes:
        """Read the object.

        Raises:
            InvalidInputError: it is not there.
            OperationRefusedError: it may not be read, or the bucket is not there.
            StoreUnavailableError: out of reach; repeating is safe.
        """
        try:
            found = self._s3().get_object(Bucket=self._bucket, Key=self._prefix + name)
            data: bytes = found["Body"].read()
        except Exception as error:
            if "NoSuchKey" in str(error):
                raise InvalidInputError(
                    f"a large payload is gone: s3://{self._bucket}/{self._prefix}{name}; "
                    "the bucket must keep objects as long as Amazon SWF keeps histories"
                ) from error
            kind = OperationRefusedError if _is_refusal(error) else StoreUnavailableError
            raise kind(
                f"a large payload cannot be read from s3://{self._bucket}: {_line(error)}"
            ) from error
        return data


def large_store(url: str | None, session: boto3.Session) -> Large | None:
    """Return the store that a URL names.

    Raises:
        InvalidOptionError: nobody knows the URL's scheme.
    """
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        prefix = parts.path.strip("/")
        return Bucket(session, parts.netloc, f"{prefix}/" if prefix else "")
    if parts.scheme == "file" and parts.path.strip("/"):
        return Folder(unquote(parts.path))
    raise InvalidOptionError(
        f"large={url}: give s3://BUCKET/PREFIX, or file:///FOLDER that all workers share"
    )


def _is_refusal(error: Exception) -> bool:
    """Whether S3 has answered that this request will not do: no permission, no such bucket."""
    answer = getattr(error, "response", {}).get("ResponseMetadata", {})
    status = answer.get("HTTPStatusCode", 0)
    return 400 <= status < 500 and status not in (408, 429)


def _line(error: object) -> str:
    return " ".join(str(error).split())
