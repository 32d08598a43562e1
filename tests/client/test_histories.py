"""Histories leave one service and enter another, where they can be used and do not run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from partita import activity, query, sleep, upsert_search_attributes, workflow
from partita.client import Client
from partita.engine import Engine
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidInputError,
    InvalidOptionError,
)
from partita.history.document import ExportedHistory, load
from partita.ports.capabilities import Importing, supports
from partita.ports.state import Status
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.worker import Worker
from tests.conftest import Rig, until

made: list[str] = []


@activity
def make(what: str) -> str:
    made.append(what)
    return what.upper()


@workflow(name="travelling")
def travelling(what: str, fails: bool = False) -> str:
    upsert_search_attributes(what=what)

    @query
    def current() -> str:
        return what

    sleep(0)
    done = make(what)
    if fails:
        raise ValueError(what)
    return done


@pytest.fixture
def source() -> Iterator[Client]:
    """Where histories come from."""
    made = Client(Engine(MemoryStore()))
    yield made
    made.close()


def ran(source: Client, id: str = "x", *, fails: bool = False, what: str = "a") -> ExportedHistory:
    """Run a workflow there to its end, and return its history after a way through text."""
    with Worker(source.service, workflows=[travelling], activities=[make]):
        handle = source.start_with(
            travelling, (what, fails), workflow_id=id, tags=["red"], reuse_policy="allow"
        )
        until(lambda: source.describe(id).info.status is not Status.OPEN)
    return load(source.export_history(id, run_id=handle.run_id).dump())


def test_a_closed_run_is_here_as_it_was_there(rig: Rig, source: Client) -> None:
    history = ran(source)
    assert rig.client.import_history(history)
    assert rig.client.describe("x").info == source.describe("x").info
    assert rig.client.history("x") == source.history("x")
    assert rig.client.result("x") == "A"
    found = rig.client.list(search_attributes={"what": "a"}, tag="red", status=Status.COMPLETED)
    assert [info.workflow_id for info in found.executions] == ["x"]
    assert rig.client.export_history("x") == history
    assert rig.client.query("x", "current", workflow=travelling) == "a"
    assert rig.engine.store.check() == []


def test_twice_is_once(rig: Rig, source: Client) -> None:
    history = ran(source)
    assert rig.client.import_history(history)
    assert not rig.client.import_history(history)
    assert len(rig.client.list().executions) == 1


def test_it_does_not_run_but_can_be_run_again_and_forked(rig: Rig, source: Client) -> None:
    rig.client.import_history(ran(source, fails=True))
    before = list(made)
    with rig.worker(travelling, make):
        forked = rig.client.fork("x", new_workflow_id="y", args=["a"]).result(timeout=20)
        assert made == before  # the recorded result was reused
        again = rig.client.rerun("x")
        until(lambda: again.describe().info.status is Status.FAILED)
    assert forked == "A"
    assert made == before
    assert len(rig.client.list(workflow_id="x").executions) == 2


def test_an_open_run_is_refused_unless_it_is_ended(rig: Rig, source: Client) -> None:
    source.start_with(travelling, ("a",), workflow_id="x")
    history = source.export_history("x")
    with pytest.raises(InvalidInputError, match="it would begin to run here as well"):
        rig.client.import_history(history)
    assert rig.client.list().executions == ()
    assert rig.client.import_history(history.terminated("looked at"))
    with rig.worker(travelling, make):
        assert rig.client.describe("x").info.status is Status.TERMINATED
    assert rig.kinds("x")[-1] == "WorkflowExecutionTerminated"


def test_what_is_here_is_never_replaced(rig: Rig, source: Client) -> None:
    first, second = ran(source), ran(source, what="b")
    changed = replace(first, events=first.events, execution=second.execution)
    rig.client.import_history(second)
    with pytest.raises(ExecutionAlreadyStartedError, match="with another history"):
        rig.client.import_history(changed)
    with pytest.raises(ExecutionAlreadyStartedError, match="a run here that began later"):
        rig.client.import_history(first)
    rig.client.start_with(travelling, ("c",), workflow_id="open")
    with pytest.raises(ExecutionAlreadyStartedError, match="has a run here that is open"):
        rig.client.import_history(ran(source, "open"))
    assert len(rig.client.list().executions) == 2


def test_runs_of_one_id_are_imported_in_their_order(rig: Rig, source: Client) -> None:
    for history in (ran(source), ran(source, what="b")):
        assert rig.client.import_history(history)
    assert rig.client.result("x") == "B"
    assert len(rig.client.list(workflow_id="x").executions) == 2


def test_it_survives_the_process(store: Store, source: Client) -> None:
    client = Client(Engine(store))
    client.import_history(ran(source))
    assert store.find("default", "x", None) is not None
    assert len(store.events(1, 0)) == len(source.history("x"))
    client.close()


def test_there_must_be_such_an_execution(source: Client) -> None:
    with pytest.raises(ExecutionNotFoundError):
        source.export_history("x")


def test_a_service_that_keeps_only_its_own_says_so(source: Client) -> None:
    class Other:
        pass

    assert supports(source.service, Importing)
    with pytest.raises(InvalidOptionError, match="Other keeps only what it has run itself"):
        Client(Other()).import_history(ran(source))  # type: ignore[arg-type]
