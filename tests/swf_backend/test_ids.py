"""Ids, names, envelopes and payloads go there and back, and SWF takes what they become."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita import history as h
from partita.errors import InvalidInputError, InvalidOptionError, PayloadTooLargeError
from partita.swf.backend.envelopes import Failed, Schedule, Start, opened, sealed
from partita.swf.backend.ids import Attempt, attempt_of, escaped, plain, unescaped, wire
from partita.swf.backend.payloads import FIELD_LIMIT, Folder, Payloads
from partita.swf.backend.url import Address
from partita.swf.model import _name

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@given(NAMES)
def test_every_name_goes_there_and_back(name: str) -> None:
    written = escaped(name)
    assert unescaped(written) == name
    assert _name(written, "") is None
    assert "#" not in written


@pytest.mark.parametrize(
    "name", ["a:b", "a/b|c", "50%", "%3A", "arn", " a ", "a#2", "x\x00\x7f\x9f", "ünï", "%zz"]
)
def test_names_that_are_hard(name: str) -> None:
    assert unescaped(escaped(name)) == name
    assert _name(escaped(name), "") is None


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="over Amazon SWF's limit of 256"):
        escaped("x" * 257)


@given(NAMES, st.integers(1, 99), st.integers(0, 9))
def test_attempts_go_there_and_back(key: str, number: int, back: int) -> None:
    attempt = Attempt(key, number, back)
    assert attempt_of(attempt.id) == attempt


def test_the_first_attempt_has_the_activitys_own_id() -> None:
    assert Attempt("7").id == "7"
    assert Attempt("7", 2).id == "7#2"
    assert Attempt("7", lease=60).id == "7#1~60"
    assert Attempt("a#2").id != "a#2"


def test_structs_are_spelled_and_read() -> None:
    decision = h.StartChildWorkflowExecution(
        workflow_id="p:1", workflow_type=h.WorkflowType("a/b", "1:2"), task_list="x|y"
    )
    spelled = wire(decision)
    assert (spelled.workflow_id, spelled.task_list) == ("p%3A1", "x%7Cy")
    assert spelled.workflow_type == h.WorkflowType("a%2Fb", "1%3A2")
    assert plain(spelled) == decision
    assert h.ActivityType("lambda:f").key == "lambda:f@1"


@pytest.mark.parametrize(
    "envelope",
    [
        Start(text="[1]"),
        Start(text=None),
        Start(text='{"$partita":1}'),
        Start(text="[1]", signals=(h.SignalInput("s", "2"),), cancel=True, attributes={"a": 1}),
        Schedule(text="control", retry=h.RetryPolicy(max_attempts=3)),
        Failed(text="{}", heartbeat="1", final=True),
    ],
)
def test_envelopes_go_there_and_back(envelope: Any) -> None:
    assert opened(sealed(envelope), type(envelope)) == envelope


def test_a_text_with_nothing_beside_it_stays_as_it_is() -> None:
    assert sealed(Start(text="[1]")) == "[1]"
    assert opened("not ours", Start).text == "not ours"
    assert opened('{"$partita": 5}', Start).text == '{"$partita": 5}'


def test_texts_that_are_long_are_packed_and_moved(tmp_path: Path) -> None:
    payloads = Payloads(Folder(str(tmp_path / "large")))
    noise = random.Random(1).randbytes(100_000).hex()
    for text in ("short", "x" * FIELD_LIMIT, "x" * (FIELD_LIMIT + 1), noise, '{"$large":1}'):
        packed = payloads.pack(text, "it")
        assert packed is not None
        assert len(packed) <= FIELD_LIMIT
        assert payloads.unpack(packed) == text
        assert Payloads(Folder(str(tmp_path / "large"))).unpack(packed) == text
    assert len(list((tmp_path / "large").iterdir())) == 1
    packed = payloads.pack(noise, "it")
    assert payloads.pack(noise, "it") == packed
    with pytest.raises(InvalidInputError, match="give the URL that store"):
        Payloads().unpack(packed)
    next((tmp_path / "large").iterdir()).write_bytes(b"other")
    with pytest.raises(InvalidInputError, match="not what was kept"):
        Payloads(Folder(str(tmp_path / "large"))).unpack(packed)
    next((tmp_path / "large").iterdir()).unlink()
    with pytest.raises(InvalidInputError, match="is gone"):
        Payloads(Folder(str(tmp_path / "large"))).unpack(packed)


def test_without_a_store_too_much_is_refused() -> None:
    noise = random.Random(1).randbytes(100_000).hex()
    with pytest.raises(PayloadTooLargeError, match=r"the input is 200,000 characters.*large=s3"):
        Payloads().pack(noise, "the input")


def test_urls() -> None:
    address = Address.of("swf://eu-west-1/orders?endpoint=http://h:1&profile=p&sticky=0&pollers=2")
    assert (address.region, address.domain, address.sticky) == ("eu-west-1", "orders", 0)
    assert (address.endpoint, address.profile, address.pollers) == ("http://h:1", "p", 2)
    for wrong in (
        "swf://eu-west-1",
        "swf:///orders",
        "swf://r/a/b",
        "swf://r/d?nonsense=1",
        "swf://r/d?sticky=-1",
        "swf://r/d?pollers=many",
        "swf://r/d?profile=",
    ):
        with pytest.raises(InvalidOptionError):
            Address.of(wrong)
