"""Turn values into payloads (JSON text) and back, by their types.

A payload is JSON text, so that every orchestrator can carry it and people can read it.
Types come from the receiving function's hints; nothing is looked up by a name in the data,
and nothing is pickled. This module knows no history and no engine.

A `Codec` chain may compress or encrypt payloads. Its output is bytes, which are wrapped as
`{"$codec": ["zlib"], "data": "<base64>"}`; the wrapper names the codecs to undo. A value that
looks like such a wrapper itself is wrapped with an empty list of codecs.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from partita.errors import InvalidInputError, PayloadTooLargeError, SerializationError

DEFAULT_LIMIT = 2 * 1024 * 1024
"""The default limit of one payload, in bytes of JSON."""

_ENVELOPE = '{"$codec":'


class Codec(Protocol):
    """A reversible transformation of the bytes of payloads."""

    @property
    def name(self) -> str:
        """The name of this codec in payloads; never change it once data is stored."""

    def encode(self, data: bytes) -> bytes:
        """Return the transformed bytes. Must not depend on anything but `data` and the key."""

    def decode(self, data: bytes) -> bytes:
        """Undo `encode`."""


class ZlibCodec:
    """Compress payloads with zlib."""

    name = "zlib"

    def encode(self, data: bytes) -> bytes:
        """Return `data`, compressed."""
        return zlib.compress(data)

    def decode(self, data: bytes) -> bytes:
        """Return the decompressed bytes."""
        return zlib.decompress(data)


class _Envelope(msgspec.Struct, frozen=True):
    codecs: list[str] = msgspec.field(name="$codec")
    data: str = ""


def _encode_foreign(value: Any) -> Any:
    """Return a pydantic model's own JSON form; refuse other types that msgspec refuses."""
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        return dump(value, mode="json")
    raise NotImplementedError(f"{type(value).__qualname__} has no JSON form")


def _decode_foreign(hint: type, value: Any) -> Any:
    validate = getattr(hint, "model_validate", None)
    if validate is not None:
        return validate(value)
    if isinstance(hint, type) and isinstance(value, hint):
        return value
    raise NotImplementedError(f"{hint!r} cannot be read from JSON")


@functools.lru_cache(maxsize=4096)
def _decoder(hint: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(hint, dec_hook=_decode_foreign)


def decoder(hint: Any) -> Callable[[str], Any]:
    """Return a function that reads JSON text as `hint` and raises msgspec's own errors."""
    try:
        return _decoder(hint).decode
    except TypeError:  # a hint that cannot be hashed, or that msgspec refuses
        return msgspec.json.Decoder(_or_any(hint), dec_hook=_decode_foreign).decode


def _or_any(hint: Any) -> Any:
    try:
        msgspec.json.Decoder(hint, dec_hook=_decode_foreign)
    except TypeError:
        return Any
    return hint


_encoder = msgspec.json.Encoder(enc_hook=_encode_foreign)


def _refuse_lost_numbers(value: Any) -> None:
    """Raise ValueError for a float that is not finite, since msgspec writes it as null."""
    plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_encode_foreign)
    json.dumps(plain, allow_nan=False)


class Converter:
    """Turn values into payloads and back through one codec chain and one limit."""

    def __init__(self, codecs: Sequence[Codec] = (), *, limit: int = DEFAULT_LIMIT) -> None:
        self._codecs = tuple(codecs)
        self._by_name = {codec.name: codec for codec in codecs}
        self.limit = limit  # bytes

    def dump(self, value: Any, what: str = "the value") -> str:
        """Return `value` as a payload. `what` names the value in an error.

        Raises:
            SerializationError: some part of it has no JSON form.
            PayloadTooLargeError: its JSON form is over the limit.
        """
        try:
            data = _encoder.encode(value)
            if b"null" in data and value is not None:
                _refuse_lost_numbers(value)
        except (TypeError, NotImplementedError, ValueError, RecursionError) as error:
            raise SerializationError(
                f"{what} cannot be stored: {_one_line(error)}; "
                "use plain values, dataclasses, msgspec, attrs or pydantic types"
            ) from error
        if len(data) > self.limit:
            raise PayloadTooLargeError(
                f"{what} is {len(data):,} bytes of JSON, over the limit of {self.limit:,}; "
                "store it elsewhere and pass its name, or raise the limit"
            )
        if self._codecs or data.startswith(_ENVELOPE.encode()):
            return self._wrap(data)
        return data.decode()

    def load(
        self, payload: str | None, decode: Callable[[str], Any], what: str = "the value"
    ) -> Any:
        """Return the value in `payload`, read by `decode` (see `decoder`); None for no payload.

        Raises:
            InvalidInputError: the text is not JSON, or does not fit the type.
        """
        if payload is None:
            return None
        try:
            return decode(self.text(payload))
        except (msgspec.MsgspecError, NotImplementedError, ValueError, TypeError) as error:
            raise InvalidInputError(f"{what} does not fit: {_one_line(error)}") from error

    def text(self, payload: str) -> str:
        """Return the JSON text inside `payload`, with the codecs undone.

        Raises:
            InvalidInputError: a codec is missing, or does not know the data as its own.
        """
        if not payload.startswith(_ENVELOPE):
            return payload
        try:
            envelope = msgspec.json.decode(payload, type=_Envelope)
            return self._undo(envelope.codecs, base64.b64decode(envelope.data)).decode()
        except InvalidInputError:
            raise
        except Exception as error:  # a codec may raise anything
            raise InvalidInputError(
                f"a payload's codecs cannot be undone: {_one_line(error)}"
            ) from error

    def _undo(self, names: list[str], data: bytes) -> bytes:
        for name in reversed(names):
            if name not in self._by_name:
                raise InvalidInputError(
                    f"a payload needs the codec {name!r}, which is not configured here"
                )
            data = self._by_name[name].decode(data)
        return data

    def _wrap(self, data: bytes) -> str:
        for codec in self._codecs:
            data = codec.encode(data)
        names = [codec.name for codec in self._codecs]
        envelope = _Envelope(codecs=names, data=base64.b64encode(data).decode())
        return msgspec.json.encode(envelope).decode()


_UNCHANGED = frozenset({str, int, bool, type(None)})
"""Immutable types whose exact instances come back as they are, whatever the payload."""


def carry(value: Any, hint: Any = Any, what: str = "the value") -> Any:
    """Return what `value` becomes when it is written and read under `hint`.

    Plain mode passes every value through this, so that a value is the same with and without an
    engine. `what` names the value in an error.

    Raises:
        SerializationError: some part of it cannot be written.
        InvalidInputError: it does not fit the hint.
    """
    kind = type(value)
    if kind in _UNCHANGED and (hint is kind or hint is Any):
        return value
    converter = _unlimited
    return converter.load(converter.dump(value, what), decoder(hint), what)


_unlimited = Converter(limit=sys.maxsize)


def same(one: str | None, other: str | None) -> bool:
    """Whether two payloads hold equal JSON; the order of an object's keys does not count."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except msgspec.DecodeError:
        return False


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
