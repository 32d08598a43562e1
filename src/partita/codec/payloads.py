"""Turn values into payloads and back: JSON text, behind a chain of codecs.

A payload is JSON text, so that every orchestrator can carry it and people can read it. Nothing
is pickled; which types there are comes from hints and from the modules that are loaded.

A `Codec` chain may compress or encrypt payloads. Its output is bytes, which are wrapped as
`{"$codec": ["zlib"], "data": "<base64>"}`; the wrapper names the codecs to undo. A value that
looks like such a wrapper itself is wrapped with an empty list of codecs.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from partita.codec.form import TAG, Form, shown
from partita.codec.forms import form_of, is_native
from partita.codec.hints import UnresolvedName, calling_scope
from partita.codec.large_ints import tag_large_ints
from partita.codec.nesting import NESTING_LIMIT, check_depth, is_plain, too_deep
from partita.codec.tagged import ANY
from partita.codec.untagged import plain, untagged, without_unknown
from partita.errors import (
    InvalidInputError,
    PayloadTooLargeError,
    SerializationError,
    UnsupportedHintError,
)

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


@runtime_checkable
class BoundedCodec(Codec, Protocol):
    """A codec whose output may be far larger than its input, as that of compressed data is."""

    def decode_within(self, data: bytes, limit: int) -> bytes:
        """Undo `encode` without ever holding more than `limit` bytes.

        Raises:
            PayloadTooLargeError: there are more.
        """


class _Envelope(msgspec.Struct, frozen=True):
    codecs: list[str] = msgspec.field(name="$codec")
    data: str = ""


def _encode_foreign(value: Any) -> Any:
    """Return a pydantic model's own JSON form; refuse other types that msgspec refuses."""
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        return dump(value, mode="json")
    raise NotImplementedError(f"{type(value).__qualname__} has no JSON form")


_encode_plain = msgspec.json.Encoder(enc_hook=_encode_foreign).encode
_encode_data = msgspec.json.Encoder().encode
_decode_data = msgspec.json.Decoder().decode
_TAG_TEXT = f'"{TAG}"'


class Reader:
    """Read JSON text by a form: by msgspec alone where nothing in it is tagged."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._decode = _native_decoder(form)

    def __call__(self, text: str) -> Any:
        """Return the value of JSON text.

        Raises:
            MsgspecError: it is not JSON, or does not fit.
            PayloadTooDeepError: it is nested too deeply.
        """
        if len(text) > NESTING_LIMIT:
            check_depth(text)
        try:
            if self._decode is not None and _TAG_TEXT not in text:
                return self._decode(text)
            return self.form.decode(_decode_data(text))
        except RecursionError:
            raise too_deep("the payload") from None


def _native_decoder(form: Form) -> Callable[[str], Any] | None:
    if not is_native(form):
        return None
    try:
        return msgspec.json.Decoder(form.hint).decode
    except Exception:  # a class whose hints msgspec cannot read, whatever it finds in them
        return None


def reader_of(form: Form) -> Reader:
    """Return the reader of a form."""
    if form.reader is None:
        form.reader = Reader(form)
    reader: Reader = form.reader
    return reader


def decoder(hint: Any) -> Callable[[str], Any]:
    """Return a function that reads JSON text as `hint` and raises msgspec's own errors.

    Raises:
        UnsupportedHintError: values of that type cannot be stored.
    """
    return reader_of(known_form(hint))


def read_untyped(text: str) -> Any:
    """Return the value of JSON text for a reader that may not have the code that wrote it.

    Values of classes that are not loaded here are dictionaries of their fields.

    Raises:
        MsgspecError: it is not JSON.
    """
    try:
        return reader_of(ANY)(text)
    except msgspec.ValidationError:
        data = _decode_data(text)
    try:
        return ANY.decode(without_unknown(data))
    except msgspec.ValidationError:
        return untagged(data)


def plain_data(text: str) -> Any:
    """Return the data of a payload's JSON text for people; what JSON cannot say is tagged.

    Raises:
        MsgspecError: it is not JSON.
    """
    return plain(_decode_data(text))


def known_form(hint: Any) -> Form:
    """Return the form of a hint whose names must all be defined.

    Raises:
        UnsupportedHintError: values of that type cannot be stored, or a name is not defined.
    """
    try:
        return form_of(hint)
    except UnresolvedName:
        pass
    try:
        return form_of(hint, calling_scope(__name__.partition(".")[0]))
    except UnresolvedName as error:
        raise UnsupportedHintError(
            shown(hint), f"names {error.name}, which is not defined"
        ) from None


def _refuse_lost_numbers(value: Any) -> None:
    """Raise ValueError for a float that is not finite, since msgspec writes it as null."""
    plain = msgspec.to_builtins(value, str_keys=True, enc_hook=_encode_foreign)
    json.dumps(plain, allow_nan=False)


class Converter:
    """Turn values into payloads and back through one codec chain and one limit."""

    def __init__(self, codecs: Sequence[Codec] = (), *, limit: int = DEFAULT_LIMIT) -> None:
        self._codecs = tuple(codecs)
        self._by_name = {codec.name: codec for codec in codecs}
        self._times = Counter(codec.name for codec in codecs)
        self.limit = limit  # bytes

    def dump(self, value: Any, what: str = "the value", form: Form | None = None) -> str:
        """Return `value` as a payload. `what` names the value in an error.

        `form` says how; without one it is plain JSON, for a reader that knows no types.

        Raises:
            SerializationError: some part of it cannot be stored.
            PayloadTooDeepError: it is nested too deeply, or contains itself.
            PayloadTooLargeError: its JSON form is over the limit.
        """
        data = _plain(value, what) if form is None else _formed(value, what, form)
        if len(data) > self.limit:
            raise PayloadTooLargeError(
                f"{what} is {len(data):,} bytes of JSON, over the limit of {self.limit:,}; "
                "store it elsewhere and pass its name, or raise the limit"
            )
        if self._codecs or data.startswith(_ENVELOPE_BYTES):
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
        self._check_chain(names)
        limit = max(self.limit, DEFAULT_LIMIT)
        for place, name in reversed(list(enumerate(names))):
            room = 2 * limit if place else limit  # what is encrypted or encoded grows
            data = _within(self._by_name[name], data, room)
        return data

    def _check_chain(self, names: list[str]) -> None:
        """Check that a payload asks for no codec more often than it is configured.

        The order is the payload's own, which may be older than the configuration.
        """
        for name, times in Counter(names).items():
            if name not in self._by_name:
                raise InvalidInputError(
                    f"a payload needs the codec {name!r}, which is not configured here"
                )
            if times > self._times[name]:
                raise InvalidInputError(
                    f"a payload names the codec {name!r} {times} times, which is configured "
                    f"{self._times[name]} times here, so it is not read"
                )

    def _wrap(self, data: bytes) -> str:
        for codec in self._codecs:
            data = codec.encode(data)
        names = [codec.name for codec in self._codecs]
        envelope = _Envelope(codecs=names, data=base64.b64encode(data).decode())
        return msgspec.json.encode(envelope).decode()


def _within(codec: Codec, data: bytes, limit: int) -> bytes:
    """Return what a codec makes of the data, which must not be over the limit."""
    try:
        if isinstance(codec, BoundedCodec):
            data = codec.decode_within(data, limit)
        else:
            data = codec.decode(data)
        is_over = len(data) > limit
    except PayloadTooLargeError:
        is_over = True
    if is_over:
        raise InvalidInputError(
            f"a payload is over the limit of {limit:,} bytes once the codec {codec.name!r} is "
            "undone, and is not read; raise the converter's limit if it is meant to be so large"
        )
    return data


def _plain(value: Any, what: str) -> bytes:
    """Return JSON that says nothing of types."""
    try:
        data = _encode_plain(value)
        if b"null" in data and value is not None:
            _refuse_lost_numbers(value)
    except RecursionError:
        raise too_deep(what) from None
    except (TypeError, NotImplementedError, ValueError) as error:
        raise _unstorable(what, error) from error
    if len(data) > NESTING_LIMIT:
        check_depth(data, what)
    return data


def _formed(value: Any, what: str, form: Form) -> bytes:
    """Return JSON by a form."""
    try:
        data = _encode_data(form.encode(value))
    except RecursionError:
        data = _deep(value, what)
    except ValueError:
        data = _with_large_ints(value, what, form)
    except (SerializationError, TypeError, NotImplementedError) as error:
        raise _unstorable(what, error) from error
    if len(data) > NESTING_LIMIT:
        check_depth(data, what)
    return data


def _with_large_ints(value: Any, what: str, form: Form) -> bytes:
    """Return the JSON of a value that has ints in it, perhaps, which msgspec does not write."""
    try:
        return _encode_data(tag_large_ints(msgspec.to_builtins(form.encode(value), str_keys=True)))
    except RecursionError:
        raise too_deep(what) from None
    except (SerializationError, TypeError, NotImplementedError, ValueError) as error:
        raise _unstorable(what, error) from error


def _deep(value: Any, what: str) -> bytes:
    """Return the JSON of lists and dictionaries that are nested too deeply for a form."""
    if not is_plain([value], TAG):
        raise too_deep(what)
    try:
        return _encode_data(value)
    except RecursionError:
        raise too_deep(what) from None


def _unstorable(what: str, error: Exception) -> SerializationError:
    why = _one_line(error)
    advice = "; use plain values, dataclasses, msgspec, attrs or pydantic types"
    if isinstance(error, UnicodeEncodeError):
        why = f"a string has the lone surrogate {error.object[error.start]!a}, "
        why += "which is no character; replace it"
    elif "set_int_max_str_digits" in why:
        why = "an int has too many digits for plain JSON; give it as a hexadecimal string"
    return SerializationError(f"{what} cannot be stored: {why}{'' if ';' in why else advice}")


_ENVELOPE_BYTES = _ENVELOPE.encode()

_UNCHANGED = frozenset(
    {str, int, float, bool, type(None), bytes, complex, date, timedelta, Decimal, UUID}
)
"""Immutable types whose exact instances come back as they are."""

_SURE_LENGTH = 8192  # characters, bytes, or bits of an int: no limit is near


def _is_unchanged(value: Any, kind: type[Any]) -> bool:
    if kind is str:
        return len(value) <= _SURE_LENGTH and (value.isascii() or _is_unicode(value))
    if kind is int:
        return value.bit_length() <= _SURE_LENGTH  # type: ignore[no-any-return]
    return kind is not bytes or len(value) <= _SURE_LENGTH


def _is_unicode(text: str) -> bool:
    """Whether a string can be written, that is without lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def carry(value: Any, hint: Any = Any, what: str = "the value") -> Any:
    """Return what `value` becomes when it is written and read under `hint`.

    `what` names the value in an error.

    Raises:
        SerializationError: some part of it cannot be written.
        InvalidInputError: it does not fit the hint.
        UnsupportedHintError: values of that type cannot be stored.
    """
    kind = type(value)
    if kind in _UNCHANGED and (hint is kind or hint is Any) and _is_unchanged(value, kind):
        return value
    form = known_form(hint)
    return _bare.load(_bare.dump(value, what, form), reader_of(form), what)


_bare = Converter()


def same(one: str | None, other: str | None) -> bool:
    """Whether two payloads hold equal JSON; the order of an object's keys does not count.

    What an earlier version wrote without tags is the same as what is tagged today.
    """
    if one == other:
        return True
    if one is None or other is None:
        return False
    try:
        left, right = _decode_data(one), _decode_data(other)
    except (msgspec.DecodeError, RecursionError):
        return False
    if left == right:
        return True
    if (_TAG_TEXT in one) == (_TAG_TEXT in other):
        return False
    return bool(untagged(left) == untagged(right))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
