"""No decision and no event is without its check, and the table that says so is true."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import get_args

import pytest

import partita.rules
from partita.engine import Engine
from partita.history import AnyDecision, AnyEvent, Decision, Event
from partita.stores.memory import MemoryStore
from partita.testing import Clock
from partita.testing.conformance import CHECKS, DECIDED, RECORDED, UNRECORDED, Recorder


def name(kind: type) -> str:
    return kind.__name__


def seen_in(check: str) -> Recorder:
    """Run one check against an engine of its own."""
    clock = Clock()
    engine = Engine(MemoryStore(), clock=clock)
    recorder = Recorder(engine)
    CHECKS[check](recorder.service, clock)
    return recorder


def recorded(recorder: Recorder) -> set[type[Event]]:
    return {type(event) for events in recorder.histories().values() for event in events}


def test_every_decision_has_its_checks() -> None:
    assert set(DECIDED) == set(get_args(AnyDecision))
    assert all(DECIDED.values())
    assert {one for checks in DECIDED.values() for one in checks} <= set(CHECKS)


def test_every_event_has_its_check_or_a_reason() -> None:
    assert set(RECORDED) | set(UNRECORDED) == set(get_args(AnyEvent))
    assert not set(RECORDED) & set(UNRECORDED)
    assert set(RECORDED.values()) <= set(CHECKS)


@pytest.mark.parametrize("kind", DECIDED, ids=name)
def test_the_checks_of_a_decision_decide_it(kind: type[Decision]) -> None:
    for check in DECIDED[kind]:
        assert kind in {type(decision) for decision in seen_in(check).decisions}, check


@pytest.mark.parametrize("kind", RECORDED, ids=name)
def test_the_check_of_an_event_records_it(kind: type[Event]) -> None:
    assert kind in recorded(seen_in(RECORDED[kind]))


def test_what_is_said_never_to_be_recorded_is_recorded_by_no_check() -> None:
    found = {kind for check in CHECKS for kind in recorded(seen_in(check))}
    assert not found & set(UNRECORDED)
    assert found == set(RECORDED)


def test_what_is_said_never_to_be_recorded_is_known_to_no_rule() -> None:
    """But for Lambda functions, which only a front can run; tests/swf tests them."""
    folder = Path(inspect.getfile(partita.rules)).parent
    known = {
        node.id if isinstance(node, ast.Name) else node.attr
        for file in folder.glob("*.py")
        if file.name not in ("lambdas.py", "refusals.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.Name, ast.Attribute))  # TimerFired, h.TimerFired
    }
    assert not known & {kind.__name__ for kind in UNRECORDED}
    assert {"TimerFired", "MarkerRecorded"} <= known
