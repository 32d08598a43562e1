"""What an error holds that cannot be stored, or is too long, is left out and said."""

from __future__ import annotations

import datetime
import http.client
import io
import urllib.error
from typing import Any

import pydantic
import pytest

from partita import activity, workflow
from partita.authoring.failure import describe, fitted, rebuild
from partita.errors import WorkflowFailedError
from tests.language.conftest import Stage, stage
from tests.values.raised import Card, Declined, Unstorable, unstorable
from tests.values.raising import KINDS
from tests.values.told import raised

__all__ = ["stage"]


# -- what cannot be kept, and what is too long -----------------------------------------------


@workflow
def of_the_unstorable() -> list[Any]:
    try:
        act_unstorable()
    except Unstorable as error:
        return [str(error)[:10], error.code, repr(error.lock)[:11], error.pair[0], error.__notes__]
    return []


@activity
def act_unstorable() -> None:
    unstorable()


def test_what_cannot_be_stored_is_said_and_all_else_is_kept(stage: Stage) -> None:
    for found in (stage.run(of_the_unstorable), of_the_unstorable()):
        *kept, notes = found
        assert kept == ["('held up'", 7, "<unlocked _", 1]
        (note,) = [note for note in notes if note.startswith("Left out")]
        assert note == (
            "Left out when it was stored: argument 1 (lock has no stored form); "
            "lock (lock has no stored form); pair (lock has no stored form)"
        )


@activity
def act_long(size: int) -> None:
    error = Declined(5)
    error.document = "\u20ac".join(map(chr, range(33, 33 + size)))  # type: ignore[attr-defined]
    error.short = "s"  # type: ignore[attr-defined]
    raise error from ValueError(bytes(range(256)) * size)


@workflow
def of_a_long_one(size: int) -> list[Any]:
    try:
        act_long(size)
    except Declined as error:
        return [str(error), error.code, error.short, str(type(error.__cause__))]  # type: ignore[attr-defined]
    return []


@workflow
def fails_long(size: int) -> None:
    act_long(size)


def test_a_long_error_keeps_its_class_and_text(stage: Stage) -> None:
    expected = ["declined with code 5", 5, "s", "<class 'ValueError'>"]
    assert stage.run(of_a_long_one, 10_000) == expected
    with pytest.raises(WorkflowFailedError, match=r"^Declined: declined with code 5$") as caught:
        stage.run(fails_long, 10_000)
    assert isinstance(caught.value.__cause__, Declined)


def test_a_long_error_is_the_same_in_plain_python() -> None:
    expected = ["declined with code 5", 5, "s", "<class 'ValueError'>"]
    assert of_a_long_one(10_000) == expected


@pytest.mark.parametrize("limit", [500_000, 30_000, 3_000, 1_500])
def test_the_least_useful_goes_first(limit: int) -> None:
    failure = describe(raised(lambda: act_long.function(200)))
    short = fitted(failure, lambda text: len(text) <= limit)
    assert len(short.dump()) <= limit
    found = rebuild(short)
    assert isinstance(found, Declined)
    assert str(found) == "declined with code 5"
    assert isinstance(found.__cause__, ValueError)
    left_out = [note for note in found.__notes__ if note.startswith("Left out")]
    assert bool(left_out) is (limit < 500_000)


def test_a_message_that_is_too_long_is_cut_and_says_so() -> None:
    short = fitted(describe(ValueError("x" * 100_000)), lambda text: len(text) <= 2_000)
    assert short.message == f"{'x' * 1000}... (99,000 more characters)"
    assert "Left out when it was stored: argument 0 (too long: 100,002 bytes)" in str(
        rebuild(short).__notes__
    )


def test_the_object_that_lacks_an_attribute_is_kept_if_it_is_plain() -> None:
    plain = rebuild(describe(raised(lambda: [1].nothing)))  # type: ignore[attr-defined]
    assert (plain.name, plain.obj) == ("nothing", [1])  # type: ignore[attr-defined]
    settings = Card("secret", datetime.date(2026, 1, 1))
    failure = describe(raised(lambda: settings.nothing))  # type: ignore[attr-defined]
    found = rebuild(failure)
    assert (found.name, found.obj) == ("nothing", None)  # type: ignore[attr-defined]
    assert "secret" not in failure.dump()
    assert "Left out when it was stored: obj (of type Card)" in found.__notes__


def test_an_http_error_keeps_its_status_and_headers() -> None:
    headers = http.client.HTTPMessage()
    headers["Retry-After"] = "3"
    error = urllib.error.HTTPError("http://x", 429, "Slow down", headers, io.BytesIO(b"body"))
    found = rebuild(describe(error))
    error.close()
    assert isinstance(found, urllib.error.HTTPError)
    assert (str(found), found.code) == ("HTTP Error 429: Slow down", 429)
    assert found.headers["retry-after"] == "3"
    (note,) = found.__notes__
    assert note.startswith("Left out when it was stored: fp (BytesIO has no stored form)")


def test_a_validation_error_says_what_is_wrong() -> None:
    error = raised(KINDS["a_model_with_an_error_of_its_own"])
    found = rebuild(describe(error))
    assert isinstance(found, pydantic.ValidationError)
    assert isinstance(error, pydantic.ValidationError)
    assert found.errors() == error.errors()


def test_a_validation_error_with_a_long_input_is_one_all_the_same() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(list[int]).validate_python("x" * 600_000)
    for limit in (10_000, 500):
        found = rebuild(describe(caught.value, limit))
        assert isinstance(found, pydantic.ValidationError)
        assert found.title == "list[int]"
        assert "Input should be a valid list" in str(found)
        assert found.error_count() == 1
        assert any("findings (too long" in note or "args" in note for note in found.__notes__)


def chain(length: int) -> Exception:
    error: Exception = Declined(0)
    for number in range(1, length):
        outer = Declined(number)
        outer.__cause__ = error
        error = outer
    return error


def links(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *links(error.__cause__)]


@pytest.mark.parametrize("length", [101, 102, 150])
def test_causes_that_are_too_many_are_said_to_be_left_out(length: int) -> None:
    found = links(rebuild(describe(chain(length))))
    assert len(found) == 101
    if length == 101:
        assert not any(hasattr(error, "__notes__") for error in found)
        return
    assert found[0].__notes__ == [
        "Left out when it was stored: all but 100 of the exceptions that led to it"
    ]
    assert found[-1].__notes__ == ["Left out when it was stored: its cause"]


def test_contexts_parts_and_values_that_are_too_many_are_said_to_be_left_out() -> None:
    error: Exception = Declined(0)
    for number in range(1, 150):
        outer = Declined(number)
        outer.__context__ = error
        error = outer
    assert "all but 100" in rebuild(describe(error)).__notes__[0]
    group = ExceptionGroup("many", [Declined(number) for number in range(150)])
    found = rebuild(describe(group))
    assert len(found.exceptions) == 100  # type: ignore[attr-defined]
    assert "50 exceptions of the group; all but 100" in found.__notes__[0]
    assert "all but 100" in rebuild(describe(KeyError(list(group.exceptions)))).__notes__[0]
