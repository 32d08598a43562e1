"""What a reference to a large payload may make a reader hold, read and open."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from partita.errors import InvalidInputError, PayloadTooLargeError
from partita.swf.backend import payloads
from partita.swf.backend.payloads import FIELD_LIMIT, Folder, Payloads

HUGE = 96 * 1024 * 1024


def reference(**members: Any) -> str:
    return '{"$large":' + json.dumps(members) + "}"


def inline(data: bytes, size: int) -> str:
    return reference(size=size, data=base64.b64encode(data).decode())


def kept(folder: Path, data: bytes) -> str:
    name = hashlib.sha256(data).hexdigest()
    (folder / name).write_bytes(data)
    return name


@pytest.fixture
def made(tmp_path: Path) -> Payloads:
    return Payloads(Folder(str(tmp_path)))


@pytest.mark.parametrize("text", ["x" * 40_000, "é€𝄞" * 20_000, os.urandom(30_000).hex()])
def test_a_large_text_comes_back(made: Payloads, tmp_path: Path, text: str) -> None:
    packed = made.pack(text, "a text")
    assert packed is not None
    assert len(packed) <= FIELD_LIMIT
    assert made.unpack(packed) == text
    assert Payloads(Folder(str(tmp_path))).unpack(packed) == text


BOMB = zlib.compress(b"x" * HUGE)


@pytest.mark.parametrize("size", [1, 0, -1, 40_000, HUGE, 2**62])
def test_no_more_is_decompressed_than_a_reference_says(
    made: Payloads, tmp_path: Path, size: int
) -> None:
    for text in (inline(BOMB, size), reference(size=size, name=kept(tmp_path, BOMB))):
        tracemalloc.start()
        with pytest.raises(InvalidInputError, match="large payload") as refused:
            made.unpack(text)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert held < 4_000_000
        assert "\n" not in str(refused.value)


def test_a_large_file_is_not_read_to_its_end(
    made: Payloads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "LARGE_LIMIT", 100_000)
    with (tmp_path / ("0" * 64)).open("wb") as sparse:
        sparse.truncate(50 * 1024 * 1024 * 1024)
    tracemalloc.start()
    with pytest.raises(InvalidInputError, match="is not what was kept"):
        made.unpack(reference(size=5, name="0" * 64))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 1_000_000
    with pytest.raises(PayloadTooLargeError, match="100,001 bytes, over the limit of 100,000"):
        made.pack("x" * 100_001, "the result")


@pytest.mark.parametrize(
    "name", ["/dev/zero", "../secret", "", "A" * 64, "0" * 63, "0" * 64 + "\n"]
)
def test_a_name_opens_no_other_file(made: Payloads, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not the name of a large payload"):
        made.unpack(reference(size=5, name=name))


@pytest.mark.parametrize(
    "text",
    [
        inline(zlib.compress(b"hello")[:-3], 5),
        inline(b"no zlib", 5),
        inline(zlib.compress(b"\xff\xfe"), 2),
        inline(zlib.compress(b"hello"), 6),
        reference(size=5, data="é"),
    ],
)
def test_what_is_damaged_is_refused(made: Payloads, text: str) -> None:
    with pytest.raises(InvalidInputError, match="large payload"):
        made.unpack(text)


def test_what_others_have_written_stays(made: Payloads) -> None:
    for text in ('{"$large": 5}', '{"$large":"x"}', '{"$large":{"size":"x"}}', '{"$large":'):
        assert made.unpack(text) == text
        packed = made.pack(text, "a text")
        assert made.unpack(packed) == text


def test_memory_keeps_so_many_characters(
    made: Payloads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(payloads, "_CACHE_CHARACTERS", 200_000)
    texts = [os.urandom(30_000).hex() for _ in range(6)]  # of 60,000 characters
    packed = [made.pack(text, "a text") for text in texts]
    for file in tmp_path.iterdir():
        file.unlink()
    assert [made.unpack(one) for one in packed[-3:]] == texts[-3:]
    with pytest.raises(InvalidInputError, match="a large payload is gone"):
        made.unpack(packed[0])
