"""What a front that speaks another protocol is given: work without threads, and news."""

from __future__ import annotations

import threading

import pytest

from partita.engine import Engine
from partita.errors import ExecutionNotFoundError
from partita.history import WorkflowExecution, WorkflowType
from partita.ports.service import StartRequest
from partita.stores.memory import MemoryStore


def test_submitted_work_is_done_and_its_errors_are_kept() -> None:
    engine = Engine(MemoryStore())
    assert engine.submit(lambda tx: 7).result(10) == 7
    missing = WorkflowExecution("w", "")
    with pytest.raises(ExecutionNotFoundError):
        engine.submit(lambda tx: tx.open("default", missing)).result(10)
    assert engine.transact(lambda tx: tx.find("default", "w")) is None
    engine.close()


def test_what_was_submitted_cannot_be_taken_back() -> None:
    engine = Engine(MemoryStore())
    assert not engine.submit(lambda tx: 7).cancel()
    engine.close()


def test_who_subscribed_hears_of_work_until_the_end() -> None:
    engine, heard = Engine(MemoryStore()), threading.Event()
    told: list[set[tuple[str, str, str]] | None] = []

    def hear(lines: set[tuple[str, str, str]] | None) -> None:
        told.append(lines)
        heard.set()

    end = engine.subscribe(hear)
    engine.start_workflow_execution(StartRequest(workflow_id="a", workflow_type=WorkflowType("w")))
    assert heard.wait(10)
    assert told == [{("decision", "default", "default")}]
    end()
    heard.clear()
    engine.start_workflow_execution(StartRequest(workflow_id="b", workflow_type=WorkflowType("w")))
    engine.transact(lambda tx: None)
    assert not heard.is_set()
    engine.close()
