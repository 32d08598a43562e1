"""Payloads are decoded only by what is configured, and never into more than the limit."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from partita.codec import DEFAULT_LIMIT, Codec, Converter, ZlibCodec, decoder
from partita.errors import InvalidInputError

HUGE = 96 * 1024 * 1024


class Repeat:
    """A codec of a user's, which knows no limit: each byte becomes a thousand."""

    name = "repeat"

    def encode(self, data: bytes) -> bytes:
        return data[::1000]

    def decode(self, data: bytes) -> bytes:
        return b"".join(bytes([one]) * 1000 for one in data)


class Hex:
    """A codec whose encoded form is larger than what it encodes."""

    name = "hex"

    def encode(self, data: bytes) -> bytes:
        return data.hex().encode()

    def decode(self, data: bytes) -> bytes:
        return bytes.fromhex(data.decode())


def payload(data: bytes, *codecs: str) -> str:
    return json.dumps({"$codec": list(codecs), "data": base64.b64encode(data).decode()}).replace(
        '{"$codec": ', '{"$codec":'
    )


def zeros(size: int) -> bytes:
    """Compress that many zeros, piece by piece."""
    writing = zlib.compressobj(9)
    piece = bytes(1024 * 1024)
    parts = [writing.compress(piece) for _ in range(size // len(piece))]
    return b"".join([*parts, writing.flush()])


BOMB = zeros(HUGE)

Made = Callable[[], str]

BOMBS: dict[str, tuple[list[Codec], Made, str]] = {
    "a chain of its own": (
        [ZlibCodec()],
        lambda: payload(zlib.compress(BOMB), "zlib", "zlib"),
        "names the codec 'zlib' 2 times",
    ),
    "one stage": ([ZlibCodec()], lambda: payload(BOMB, "zlib"), "over the limit of 2,097,152"),
    "two stages, both configured": (
        [ZlibCodec(), ZlibCodec()],
        lambda: payload(zlib.compress(BOMB), "zlib", "zlib"),
        "over the limit",
    ),
    "behind another": (
        [Hex(), ZlibCodec()],
        lambda: payload(BOMB, "hex", "zlib"),
        "over the limit of 4,194,304",
    ),
    "a codec without a limit": (
        [Repeat()],
        lambda: payload(bytes(3000), "repeat"),
        "once the codec 'repeat' is undone",
    ),
    "five hundred names": (
        [Hex()],
        lambda: payload(b"00", *["hex"] * 500),
        "names the codec 'hex' 500 times",
    ),
    "nothing is configured": ([], lambda: payload(BOMB, "zlib"), "'zlib', which is not config"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_payload_does_not_become_a_large_one(name: str) -> None:
    codecs, make, said = BOMBS[name]
    converter, text = Converter(codecs), make()
    assert len(text) < 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match=said) as caught:
            converter.load(text, decoder(str))
        assert tracemalloc.get_traced_memory()[1] < 12 * DEFAULT_LIMIT
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("codecs", [[ZlibCodec()], [ZlibCodec(), Hex()], [Hex(), ZlibCodec()]])
def test_what_could_be_written_can_be_read(codecs: list[Codec]) -> None:
    converter = Converter(codecs)
    value = "x" * (DEFAULT_LIMIT - 2)
    assert converter.load(converter.dump(value), decoder(str)) == value


def test_a_larger_limit_is_for_reading_too() -> None:
    value = "x" * (2 * DEFAULT_LIMIT)
    written = Converter([ZlibCodec()], limit=4 * DEFAULT_LIMIT).dump(value)
    assert Converter([ZlibCodec()], limit=4 * DEFAULT_LIMIT).load(written, decoder(str)) == value
    with pytest.raises(InvalidInputError, match="raise the converter's limit"):
        Converter([ZlibCodec()]).load(written, decoder(str))


def test_a_lower_limit_leaves_what_is_stored_readable() -> None:
    written = Converter([ZlibCodec()]).dump("x" * 5000)
    assert Converter([ZlibCodec()], limit=100).load(written, decoder(str)) == "x" * 5000


def test_payloads_of_an_earlier_configuration_are_read() -> None:
    chains: list[list[Codec]] = [[], [ZlibCodec()], [ZlibCodec(), Hex()], [Hex(), ZlibCodec()]]
    for before in chains:
        written = Converter(before).dump([1, "é"])
        assert Converter([Hex(), ZlibCodec()]).load(written, decoder(list[int | str])) == [1, "é"]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_payload_that_is_cut_off_is_damaged(cut: int) -> None:
    data = zlib.compress(b'"' + bytes(range(97, 123)) * 3 + b'"')[:-cut]
    with pytest.raises(InvalidInputError, match="cannot be undone"):
        Converter([ZlibCodec()]).load(payload(data, "zlib"), decoder(str))
