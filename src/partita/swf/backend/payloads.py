"""Fit texts of any length into Amazon SWF's text fields.

SWF takes 32,768 characters. A longer text is compressed, and if that is not enough it is
moved to a store, under a name made of its content, and a short reference takes its place.
Nothing is ever removed from the store: how long SWF keeps a history is for its domain to say.

Source: Amazon SWF API Reference (2012-01-25), the lengths of the type Data.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import boto3
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.authoring.failure import Failure, fitted
from partita.aws.s3 import Bucket
from partita.codec import ZlibCodec
from partita.errors import (
    InvalidInputError,
    InvalidOptionError,
    PayloadTooLargeError,
    StoreUnavailableError,
)
from partita.private_files import make_folder, opener

S = TypeVar("S", bound=Struct)

FIELD_LIMIT = 32_768
"""Characters that one of SWF's text fields takes."""

LARGE_LIMIT = 64 * 1024 * 1024
"""Bytes of the largest text; whoever writes to a domain could name any other size."""

_CACHE_CHARACTERS = 2 * LARGE_LIMIT
"""Characters of large texts that are kept in memory."""

_NAME = re.compile(r"[0-9a-f]{64}")
"""How large texts are named: they are files, and objects below a prefix."""

_FIELDS = ("input", "result", "details", "control", "execution_context")
_MARK = '{"$large":'


class LargeStore(Protocol):
    """A place for texts that are too long; a name is written once and never changed."""

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` for good. Raises StoreUnavailableError; repeating is safe."""

    def get(self, name: str, limit: int | None = None) -> bytes:
        """Return what was kept, at most `limit` bytes; InvalidInputError: there is no such name."""


class Folder:
    """Files in a folder that all workers and clients share."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def put(self, name: str, data: bytes) -> None:
        """Write the file under another name first, so that nobody reads half of it."""
        target = self._path / name
        if target.exists():
            return
        try:
            make_folder(self._path)
            draft = self._path / f".{name}.{os.getpid()}.{threading.get_ident()}"
            with open(draft, "wb", opener=opener) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError as error:
            raise StoreUnavailableError(
                f"a large payload cannot be kept: {error}; make room in {self._path}"
            ) from error

    def get(self, name: str, limit: int | None = None) -> bytes:
        """Read the file, or the first `limit` bytes of it."""
        try:
            with open(self._path / name, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                return file.read(size if limit is None else min(limit, size))
        except OSError as error:
            raise InvalidInputError(
                f"a large payload is gone: {error}; the URL's `large` must name the same folder "
                "everywhere"
            ) from error


def large_store(url: str | None, session: boto3.Session) -> LargeStore | None:
    """Return the store that a URL names, in the account that SWF is called with.

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


class _Reference(Struct, frozen=True, omit_defaults=True):
    """What stands in SWF's field instead of the text."""

    size: int  # characters of the text
    name: str | None = None  # in the store
    data: str | None = None  # or compressed, as base64


class _Outer(Struct, frozen=True):
    reference: _Reference = msgspec.field(name="$large")


class Payloads:
    """Fits texts into SWF's fields, and restores them. Safe to use from many threads."""

    def __init__(self, large: LargeStore | None = None) -> None:
        self._large = large
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, str] = OrderedDict()  # by name, most recent last
        self._cached = 0  # characters in it

    def pack(self, text: str | None, what: str) -> str | None:
        """Return what SWF is given for `text`; `what` names it in an error.

        Raises:
            PayloadTooLargeError: it is too long, and there is no store for it.
            StoreUnavailableError: the store cannot be written to.
        """
        if text is None or (len(text) <= FIELD_LIMIT and not text.startswith(_MARK)):
            return text
        encoded = text.encode()
        if len(encoded) > LARGE_LIMIT:
            raise PayloadTooLargeError(
                f"{what} is {len(encoded):,} bytes, over the limit of {LARGE_LIMIT:,} on Amazon "
                "SWF; keep it elsewhere and pass a reference"
            )
        data = _ZLIB.encode(encoded)
        short = _Reference(size=len(text), data=base64.b64encode(data).decode())
        if len(packed := _written(short)) <= FIELD_LIMIT:
            return packed
        if self._large is None:
            raise PayloadTooLargeError(
                f"{what} is {len(text):,} characters, over Amazon SWF's limit of {FIELD_LIMIT:,}; "
                "let the URL say where large payloads are kept: swf://…?large=s3://BUCKET/PREFIX"
            )
        name = hashlib.sha256(data).hexdigest()
        if not self._known(name):
            self._large.put(name, data)
            self._remember(name, text)
        return _written(_Reference(size=len(text), name=name))

    def takes(self, text: str) -> bool:
        """Return whether a text can be packed, however long it is."""
        if self._large is not None or len(text) <= FIELD_LIMIT:
            return True
        data = base64.b64encode(_ZLIB.encode(text.encode())).decode()
        return len(_written(_Reference(size=len(text), data=data))) <= FIELD_LIMIT

    def unpack(self, text: str | None) -> str | None:
        """Return the text that `pack` was given.

        No more is decompressed than the reference says.

        Raises:
            InvalidInputError: it is in a store that is not at hand, is damaged, or is too large.
        """
        if text is None or not text.startswith(_MARK):
            return text
        try:
            reference = msgspec.json.decode(text, type=_Outer).reference
        except msgspec.DecodeError:
            return text  # written by others
        if not 0 <= reference.size <= LARGE_LIMIT:
            raise InvalidInputError(
                f"a large payload says that it has {reference.size:,} characters; there may be "
                f"{LARGE_LIMIT:,}"
            )
        try:
            if reference.data is not None:
                return _decompressed(base64.b64decode(reference.data), reference.size)
            return self._fetched(reference.name or "", reference.size)
        except (ValueError, zlib.error) as error:
            raise InvalidInputError(f"a large payload is damaged: {error}") from error

    def _fetched(self, name: str, size: int) -> str:
        with self._lock:
            if name in self._cache:
                self._cache.move_to_end(name)
                return self._cache[name]
        if self._large is None:
            raise InvalidInputError(
                "a payload was moved to a store for large ones; give the URL that store: "
                "swf://…?large=s3://BUCKET/PREFIX"
            )
        if not _NAME.fullmatch(name):
            raise InvalidInputError(f"{name[:80]!r} is not the name of a large payload")
        data = self._large.get(name, LARGE_LIMIT + 1)
        if hashlib.sha256(data).hexdigest() != name:
            raise InvalidInputError(f"large payload {name} is not what was kept under that name")
        text = _decompressed(data, size)
        self._remember(name, text)
        return text

    def _known(self, name: str) -> bool:
        with self._lock:
            return name in self._cache

    def _remember(self, name: str, text: str) -> None:
        with self._lock:
            self._cached += len(text) - len(self._cache.pop(name, ""))
            self._cache[name] = text
            while self._cached > _CACHE_CHARACTERS:
                self._cached -= len(self._cache.popitem(last=False)[1])

    def packed(self, struct: S) -> S:
        """Return a decision whose texts all fit."""
        name = type(struct).__name__
        return _mapped(struct, lambda field, text: self.pack(text, f"the {field} of {name}"))

    def fitted(self, decision: S) -> S:
        """Return a decision; if it fails an execution, with an error that is short enough."""
        if not isinstance(decision, h.FailWorkflowExecution) or decision.details is None:
            return decision
        if self.takes(decision.details):
            return decision
        failure = Failure.load(decision.details, decision.reason)
        return replace(decision, details=fitted(failure, self.takes).dump())

    def unpacked(self, struct: S) -> S:
        """Return an event with the texts that were given."""
        return _mapped(struct, lambda _, text: self.unpack(text))


def _decompressed(data: bytes, size: int) -> str:
    """Return a text of `size` characters; hold no more bytes than these can have.

    Raises:
        InvalidInputError, ValueError, zlib.error: there is another text, or none.
    """
    limit = min(4 * size, LARGE_LIMIT)
    try:
        text = _ZLIB.decode_within(data, limit).decode()
    except PayloadTooLargeError as error:
        raise InvalidInputError(f"a large payload of {size:,} characters has {error}") from error
    if len(text) != size:
        raise InvalidInputError(f"a large payload of {size:,} characters has {len(text):,}")
    return text


_ZLIB = ZlibCodec()


def _written(reference: _Reference) -> str:
    return msgspec.json.encode(_Outer(reference)).decode()


def _mapped(struct: S, change: Any) -> S:
    new: dict[str, Any] = {}
    for field in _FIELDS:
        text = getattr(struct, field, None)
        if text is not None and (changed := change(field, text)) is not text:
            new[field] = changed
    return replace(struct, **new) if new else struct
