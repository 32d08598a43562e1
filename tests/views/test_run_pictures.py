"""What is drawn of a run from its history alone, and on its source."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from partita import Retry, activity, sleep, wait, wait_signal, workflow
from partita import history as h
from partita.errors import NonDeterminismError, WorkflowFailedError
from partita.graph import Step, Structure, mermaid, svg
from partita.history.document import ExportedHistory, read
from partita.views.code_pictures import picture_on_source
from partita.views.run_pictures import MOST_BOXES, picture_of_run
from partita.views.source_pictures import boxes_of
from tests.conftest import Rig, until
from tests.views.histories import done, failed, history, pending, signalled


def told(structure: Structure) -> list[tuple[str, str]]:
    """Return the label and the status of each box."""
    return [(one.label, one.status) for one in boxes_of(structure.flow)]


def noted(structure: Structure, label: str) -> str:
    return next(one.note for one in boxes_of(structure.flow) if one.label == label)


def drawn(structure: Structure) -> None:
    """Check that a picture can be written in both forms."""
    ElementTree.fromstring(svg(structure))
    assert mermaid(structure).startswith("flowchart TD")


# -- from the history alone


def test_steps_of_one_decision_are_side_by_side() -> None:
    events = history(done("a", turn=1), done("b", turn=1), failed("c", turn=2))
    structure = picture_of_run(events, "one")
    first, *_ = structure.flow
    assert isinstance(first, Step)
    assert [part.label for [part] in first.inner if isinstance(part, Step)] == ["a", "b"]
    assert told(structure)[1:] == [
        *[("a", "succeeded"), ("b", "succeeded"), ("c", "failed")],
        ("it waits", "waiting"),
    ]
    assert "KeyError" in noted(structure, "c")
    drawn(structure)


def test_steps_that_repeat_are_one_box() -> None:
    events = history(*(done("a", turn=turn) for turn in range(1, 31)), failed("a", turn=31))
    structure = picture_of_run(events, "one")
    assert told(structure) == [("a", "failed"), ("it waits", "waiting")]
    assert noted(structure, "a") == "31 runs: 1 failed, 30 succeeded"


def test_a_picture_of_a_long_run_leaves_its_middle_out() -> None:
    names = [f"step {number}" for number in range(5_000)]
    events = history(*(done(name, turn=turn) for turn, name in enumerate(names, 1)))
    labels = [label for label, _ in told(picture_of_run(events, "long"))]
    assert len(labels) == MOST_BOXES + 2
    assert (labels[0], labels[-2]) == ("step 0", "step 4999")
    assert f"… {5_000 - MOST_BOXES:,} more …" in labels


def test_what_is_open_and_what_came_is_drawn() -> None:
    structure = picture_of_run(history(signalled("go"), pending("a", turn=1)), "one")
    assert told(structure) == [
        *[("signal go", "succeeded"), ("a", "waiting"), ("it goes on", "waiting")],
    ]


def test_a_decision_that_fails_is_the_end() -> None:
    events = history(done("a", turn=1))
    broken = h.DecisionTaskFailed(
        event_id=len(events) + 1,
        event_timestamp=200.0,
        scheduled_event_id=0,
        started_event_id=0,
        cause="NON_DETERMINISM",
        message="other code",
    )
    structure = picture_of_run([*events, broken], "one")
    assert noted(structure, "the decision fails") == "NON_DETERMINISM: other code"


# -- on the source


class Declined(Exception):
    """The card is declined."""


@activity(retry=Retry(max_attempts=2, initial_interval=0.01))
def charge(cents: int) -> int:
    if cents > 100:
        raise Declined("declined")
    return cents


@activity
def ship(what: str) -> str:
    return what


@workflow
def order(items: list[int]) -> Any:
    total = 0
    for cents in items:
        total += charge(cents)
    text = ast.unparse(ast.parse("a + b"))  # which is not compiled
    with open("/dev/null"):
        label = ship(text)
        if total > 100:
            ship("insured")
        else:
            sleep(0.01)
    approved = wait_signal("approved", bool)
    try:
        charge(1_000)
    except Declined:
        label = f"{approved} {label}"
    both = [ship.submit("a"), ship.submit("b")]
    wait(both)
    return charge(2_000)


def line(text: str) -> int:
    """Return the number of the line of this file's workflow that has a text."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    begin = lines.index("def order(items: list[int]) -> Any:")
    return next(n for n, one in enumerate(lines, 1) if n > begin and text in one)


def on_source(history: ExportedHistory) -> dict[tuple[int, str], Step]:
    """Return the boxes of an order by their lines and labels."""
    structure = picture_on_source(history, order)
    drawn(structure)
    return {(one.line, one.label): one for one in boxes_of(structure.flow) if one.line}


def at(found: dict[tuple[int, str], Step], text: str) -> list[tuple[str, str]]:
    """Return the statuses and notes of the boxes of a line."""
    return [(one.status, one.note) for (row, _), one in found.items() if row == line(text)]


def test_a_run_is_drawn_on_its_source(rig: Rig) -> None:
    with rig.worker(order, charge, ship):
        handle = rig.client.start_with(order, ([1, 2, 3],), workflow_id="one")
        until(lambda: "TimerFired" in rig.kinds("one"))
        until(lambda: rig.client.describe("one").decision is None)
        found = on_source(rig.client.export_history("one"))
        assert at(found, "for cents") == [("", "4 times")]
        assert at(found, "total += ") == [("succeeded", "3 runs, all succeeded")]
        assert at(found, "ast.unparse(") == [("succeeded", "")]
        assert at(found, "label = ship(text)")[0][0] == "succeeded"
        assert at(found, 'ship("insured")') == [("unreached", "")]
        assert at(found, "sleep(0.01)")[0][0] == "succeeded"
        assert at(found, "approved = wait") == [("waiting", "it waits here")]
        assert at(found, "charge(1_000)") == [("unreached", "")]
        handle.signal("approved", True)
        with pytest.raises(WorkflowFailedError):
            handle.result()
    found = on_source(rig.client.export_history("one"))
    assert at(found, "approved = wait") == [("succeeded", "")]
    [(status, note)] = at(found, "charge(1_000)")
    assert status == "failed"
    assert "2 attempts" in note
    assert "Declined: declined" in note
    assert at(found, "label = f") == [("", "")]
    assert {status for status, _ in at(found, "both = ")} == {"succeeded"}
    assert at(found, "return charge(2_000)")[0][0] == "failed"


def test_an_imported_history_is_drawn_in_the_same_way(memory_rig: Rig, tmp_path: Path) -> None:
    with memory_rig.worker(order, charge, ship):
        handle = memory_rig.client.start_with(order, ([1],), workflow_id="one")
        handle.signal("approved", True)
        with pytest.raises(WorkflowFailedError):
            handle.result()
    exported = memory_rig.client.export_history("one")
    (tmp_path / "one.json").write_text(exported.dump())
    assert on_source(read(tmp_path / "one.json")) == on_source(exported)


@workflow
async def slept(seconds: float) -> int:
    async def inner() -> int:
        return await asyncio.sleep(seconds, 3)

    await asyncio.sleep(seconds)
    found = await asyncio.gather(inner(), inner())
    return sum(found)


def test_an_async_workflow_is_drawn(memory_rig: Rig) -> None:
    with memory_rig.worker(slept):
        assert memory_rig.client.start_with(slept, (0.01,), workflow_id="one").result() == 6
    structure = picture_on_source(memory_rig.client.export_history("one"), slept)
    assert "unreached" not in {status for _, status in told(structure)}
    drawn(structure)


@workflow
def first() -> int:
    return charge(1)


@workflow(name="first")
def second() -> str:
    return ship("x")


def test_code_that_does_not_fit_is_told(memory_rig: Rig) -> None:
    with memory_rig.worker(first, charge):
        memory_rig.client.start_with(first, (), workflow_id="one").result()
    with pytest.raises(NonDeterminismError):
        picture_on_source(memory_rig.client.export_history("one"), second)
