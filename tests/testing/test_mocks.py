"""Mocks stand in for what a workflow calls, and cannot return what the real one could not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from partita import (
    Retry,
    Workflow,
    activity,
    child_workflow,
    lambda_function,
    remote_activity,
    workflow,
)
from partita.errors import InvalidInputError, UnknownTypeError, WorkflowFailedError
from partita.testing import Environment


@dataclass
class Receipt:
    number: int


@activity(retry=Retry(max_attempts=3, initial_interval=3600, max_interval=1e6))
def charge(card: str, cents: int = 1) -> Receipt:
    raise AssertionError("the real one ran")


@activity
async def fetch(url: str) -> str:
    raise AssertionError("the real one ran")


@activity(process=True)
def crunch(n: int) -> int:
    raise AssertionError("the real one ran")


ship = remote_activity("ship_far_away")
resize = lambda_function("resize-far-away")
audit = child_workflow("audit_far_away")


@workflow
def pay(card: str) -> Receipt:
    return charge(card, cents=5)


@workflow
async def read(url: str) -> str:
    return await fetch(url)


@workflow
def count(n: int) -> int:
    return crunch(n)


@workflow
def everything(word: str) -> list[Any]:
    return [ship(word, 1), resize({"word": word}), audit(word, deep=True), pay(word).number]


class Classy(Workflow):
    def run(self, card: str) -> int:
        return pay(card).number


FLOWS: list[Any] = [pay, read, count, everything, Classy]


@pytest.fixture
def env() -> Iterator[Environment]:
    with Environment(patience=0.1, workflows=FLOWS, activities=[charge, fetch, crunch]) as made:
        yield made


def test_a_mock_returns_and_records(env: Environment) -> None:
    mock = env.mock(charge, return_value=Receipt(7))
    assert env.run(pay, "4242") == Receipt(7)
    mock.assert_called_once_with("4242", 5)
    mock.assert_called_once_with(card="4242", cents=5)
    assert mock.call_count == 1
    with pytest.raises(AssertionError):
        mock.assert_called_once_with("4242")


def test_every_kind_of_activity_is_mocked(env: Environment) -> None:
    env.mock(fetch, return_value="page")
    env.mock("crunch", return_value=3)
    assert env.run(read, "https://x") == "page"
    assert env.run(count, 2) == 3


def test_what_lives_elsewhere_is_mocked_by_name_or_itself(env: Environment) -> None:
    shipped = env.mock("ship_far_away", return_value="parcel")
    resized = env.mock(resize, side_effect=lambda event: event["word"] * 2)
    audited = env.mock("audit_far_away", side_effect=lambda word, deep: [word, deep])
    env.mock(pay, return_value=Receipt(1))
    assert env.run(everything, "a") == ["parcel", "aa", ["a", True], 1]
    shipped.assert_called_once_with("a", 1)
    resized.assert_called_once_with({"word": "a"})
    audited.assert_called_once_with("a", deep=True)


def test_errors_are_raised_and_tried_again(env: Environment) -> None:
    mock = env.mock(charge, side_effect=[ConnectionError("no"), ConnectionError("no"), Receipt(2)])
    begun = env.now()
    assert env.run(pay, "4242") == Receipt(2)
    assert mock.call_count == 3
    assert (env.now() - begun).total_seconds() >= 3600
    mock.side_effect = PermissionError("blocked")
    with pytest.raises(WorkflowFailedError) as caught:
        env.run(pay, "4242")
    assert isinstance(caught.value.__cause__, PermissionError)


def test_a_child_may_fail(env: Environment) -> None:
    env.mock(pay, side_effect=PermissionError("blocked"))
    with pytest.raises(WorkflowFailedError, match="blocked"):
        env.run(Classy, "4242")


def test_an_async_function_may_play(env: Environment) -> None:
    async def play(url: str) -> str:
        return url.upper()

    env.mock(fetch, side_effect=play)
    assert env.run(read, "x") == "X"


def test_a_mock_ends_with_its_block(env: Environment) -> None:
    with env.mock(charge, return_value=Receipt(1)):
        with env.mock(charge, return_value=Receipt(2)):
            assert env.run(pay, "a").number == 2
        assert env.run(pay, "a").number == 1
    with pytest.raises(WorkflowFailedError, match="the real one ran"):
        env.run(pay, "a")


def test_a_mock_cannot_return_what_the_real_one_could_not(env: Environment) -> None:
    with pytest.raises(InvalidInputError, match="the result of the mock of activity charge"):
        env.mock(charge, return_value="a receipt")
    with pytest.raises(InvalidInputError, match="the mock of activity crunch"):
        env.mock(crunch)
    env.mock(charge, side_effect=lambda card, cents: {"number": "x"})
    with pytest.raises(WorkflowFailedError, match="the result of the mock of activity charge"):
        env.run(pay, "a")


def test_what_nothing_can_call_cannot_be_mocked(env: Environment) -> None:
    with pytest.raises(UnknownTypeError, match=r"mock\('chrage'\): no activity"):
        env.mock("chrage", return_value=1)
