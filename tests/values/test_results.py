"""A result that does not fit its return hint fails where it is returned, not where it is read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest

from partita import Activity, Workflow, activity, query, update, wait_signal, workflow
from partita.deciders import Completed
from partita.errors import InvalidInputError, QueryFailedError, WorkflowFailedError
from partita.history import WorkflowExecutionFailed
from tests.language.conftest import Stage


@dataclass
class Receipt:
    """What was paid."""

    cents: int


@workflow
def counts(value: Any) -> int:
    return value  # type: ignore[no-any-return]


@workflow
def pays(value: Any) -> Receipt:
    return value  # type: ignore[no-any-return]


@workflow
def nothing(value: Any) -> None:
    return value  # type: ignore[no-any-return]


@workflow
def days(value: Any) -> list[date]:
    return value  # type: ignore[no-any-return]


@workflow
def named(value: Any) -> Literal["a", "b"]:
    return value  # type: ignore[no-any-return]


@workflow
def perhaps(value: Any) -> dict[str, int] | None:
    return value  # type: ignore[no-any-return]


@workflow
async def later(value: Any) -> int:
    await asyncio.sleep(0)
    return value  # type: ignore[no-any-return]


class Form(Workflow):
    """A workflow in class form."""

    def run(self, value: Any) -> int:
        return value  # type: ignore[no-any-return]


FLOWS = {
    "text for a number": (counts, "seven"),
    "no number": (counts, None),
    "truth for a number": (counts, True),
    "a fraction": (counts, 1.5),
    "a dict without the field": (pays, {"dollars": 5}),
    "a list for a dataclass": (pays, [5]),
    "something for nothing": (nothing, 5),
    "no date": (days, ["2026-12-01", "yesterday"]),
    "another literal": (named, "c"),
    "a wrong member": (perhaps, {"a": "b"}),
    "async": (later, "seven"),
    "class form": (Form, "seven"),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_fails_when_its_result_does_not_fit(name: str, stage: Stage) -> None:
    flow: Any = FLOWS[name][0]
    handle = stage.start(flow, FLOWS[name][1])
    with pytest.raises(WorkflowFailedError) as caught:
        handle.result(timeout=20)
    error = caught.value.__cause__
    assert isinstance(error, InvalidInputError)
    assert len(stage.find(handle, WorkflowExecutionFailed)) == 1
    with pytest.raises(InvalidInputError) as plain:
        plainly(flow, FLOWS[name][1])
    assert str(plain.value) == str(error)
    assert "the result of workflow" in str(error)
    assert "return what the hint says" in str(error)


def plainly(flow: Any, value: Any) -> Any:
    found = Form.call(value) if flow is Form else flow(value)
    return asyncio.run(found) if asyncio.iscoroutine(found) else found


FITTING = [(counts, 7), (pays, {"cents": 5}), (nothing, None), (perhaps, None), (later, 7)]


@pytest.mark.parametrize("number", range(len(FITTING)))
def test_one_that_fits_is_read_by_its_hint(number: int, stage: Stage) -> None:
    flow, value = FITTING[number]
    expected = Receipt(5) if flow is pays else value
    assert stage.run(flow, value) == plainly(flow, value) == expected


@activity
def count(value: Any) -> int:
    return value  # type: ignore[no-any-return]


@activity
async def count_later(value: Any) -> int:
    return value  # type: ignore[no-any-return]


@activity
def count_named(value: Any) -> int | Completed:
    return Completed(value)


class Count(Activity):
    """An activity in class form."""

    def execute(self, value: Any) -> int:
        return value  # type: ignore[no-any-return]


@workflow
def uses(what: str) -> str:
    """Catch what comes of a result that does not fit, and go on."""
    calls: dict[str, Any] = {
        "activity": lambda: count("x"),
        "submitted": lambda: count.submit("x").result(),
        "async activity": lambda: count_later("x"),
        "activity by name": lambda: count_named("x"),
        "activity in class form": lambda: Count.call("x"),
        "child": lambda: counts("x"),
        "async child": lambda: later("x"),
    }
    try:
        calls[what]()
    except InvalidInputError as error:
        return str(error)
    return "accepted"


CALLS = ["activity", "submitted", "async activity", "activity by name", "activity in class form"]
CALLS += ["child", "async child"]


@pytest.mark.parametrize("what", CALLS)
def test_an_activity_or_child_fails_when_its_result_does_not_fit(what: str, stage: Stage) -> None:
    found = stage.run(uses, what)
    assert found == uses(what)
    assert "does not fit: Expected `int`, got `str`" in found


@workflow
def answers() -> str:
    @query
    def asked(value: Any) -> int:
        return value  # type: ignore[no-any-return]

    @update
    def changed(value: Any) -> Receipt:
        return value  # type: ignore[no-any-return]

    wait_signal("stop")
    return "stopped"


def test_a_query_or_update_fails_when_its_answer_does_not_fit(stage: Stage) -> None:
    handle = stage.start(answers)
    stage.settled(handle)
    assert handle.query("asked", 7) == 7
    assert handle.update("changed", {"cents": 5}, timeout=20) == Receipt(5)
    with pytest.raises((QueryFailedError, InvalidInputError), match="the answer to query asked"):
        handle.query("asked", "seven")
    with pytest.raises(InvalidInputError, match="the answer to update changed does not fit"):
        handle.update("changed", {"dollars": 5}, timeout=20)
    handle.signal("stop")
    assert handle.result(timeout=20) == "stopped"
