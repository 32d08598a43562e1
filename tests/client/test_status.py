"""`status`: how an execution stands and has ended, by its id alone, on every backend."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, continue_as_new, wait_signal, workflow
from partita.client import AsyncClient, Client, ExecutionStatus
from partita.deciders import Answer, Decider, FailProcess, Process
from partita.engine import Engine
from partita.errors import (
    ExecutionNotFoundError,
    WorkflowCanceledError,
    WorkflowFailedError,
    WorkflowTerminatedError,
    WorkflowTimedOutError,
)
from partita.ports.state import Status
from partita.worker import Worker
from tests.conftest import new_store, until
from tests.swf_backend.endpoint import Endpoint, PreparedSwfService


@activity
def work(x: int) -> int:
    return x


@workflow
def sum_of(xs: tuple[int, ...]) -> tuple[int, ...]:
    return (*xs, sum(map(work, xs)))


@workflow
def broken() -> None:
    raise ValueError("no\ngood")


class Refusing(Decider[str]):
    def decide(self, process: Process[str]) -> Answer:
        return FailProcess("BAD_INPUT", f"received {process.input}")


@workflow
def patient() -> str:
    found: str = wait_signal("go", str)
    return found


@workflow(execution_start_to_close=1)
def brief() -> None:
    wait_signal("never")


@workflow
def again(left: int) -> int:
    if left:
        continue_as_new(left - 1)
    return left


WORKFLOWS: list[Any] = [sum_of, broken, Refusing, patient, brief, again]


@pytest.fixture(params=["memory", "sqlite", "postgres", "swf"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """A client whose worker runs all of the workflows above."""
    kind = "sqlite" if request.param == "swf" else request.param
    engine = Engine(new_store(kind, tmp_path))
    endpoint = Endpoint(engine) if request.param == "swf" else None
    service: Any = engine if endpoint is None else PreparedSwfService(endpoint)
    with Worker(service, workflows=WORKFLOWS, activities=[work]):
        yield Client(service)
    service.close()
    if endpoint is not None:
        endpoint.close()
        engine.close()


def start(client: Client, workflow: Any, *args: Any) -> str:
    client.start_with(workflow, args, workflow_id=workflow.__name__)
    return str(workflow.__name__)


def ended(client: Client, id: str, run_id: str = "") -> ExecutionStatus:
    until(lambda: not client.status(id, run_id=run_id).is_open)
    return client.status(id, run_id=run_id)


def test_every_end_is_told_by_the_id_alone(client: Client) -> None:
    found = ended(client, start(client, sum_of, (1, 2)))
    assert (found.status, found.result, found.error) == (Status.COMPLETED, [1, 2, 3], None)
    assert found.info.workflow_type.name == "sum_of"
    assert client.status("sum_of", workflow=sum_of).result == (1, 2, 3)
    assert client.handle("sum_of", workflow=sum_of).status().result == (1, 2, 3)

    found = ended(client, start(client, broken))
    assert (found.status, found.reason) == (Status.FAILED, "ValueError: no good")
    assert isinstance(found.error, WorkflowFailedError)
    assert isinstance(found.error.__cause__, ValueError)

    found = ended(client, start(client, Refusing, "this"))
    assert (found.status, found.reason) == (Status.FAILED, "BAD_INPUT: received this")

    client.terminate(start(client, patient), "it takes too long")
    found = ended(client, "patient")
    assert found.status is Status.TERMINATED
    assert "it takes too long" in (found.reason or "")
    assert isinstance(found.error, WorkflowTerminatedError)

    found = ended(client, start(client, brief))
    assert (found.status, type(found.error)) == (Status.TIMED_OUT, WorkflowTimedOutError)


def test_an_open_one_is_told_at_once(client: Client) -> None:
    start(client, patient)
    found = client.status("patient")
    assert (found.status, found.is_open, found.result, found.reason) == (
        *(Status.OPEN, True),
        *(None, None),
    )
    assert found.detail.info == found.info
    client.cancel("patient")
    found = ended(client, "patient")
    assert (found.status, type(found.error)) == (Status.CANCELED, WorkflowCanceledError)


def test_one_that_continued_names_the_next_run(client: Client) -> None:
    first = client.start_with(again, [1], workflow_id="again")
    found = ended(client, "again", first.run_id)
    assert (found.status, found.result, found.error) == (Status.CONTINUED_AS_NEW, None, None)
    assert found.next_run_id
    assert ended(client, "again", found.next_run_id).result == 0
    assert client.status("again").info.run_id == found.next_run_id  # the newest


def test_none_is_an_error(client: Client) -> None:
    for run_id in ("", "0" * 32):
        with pytest.raises(ExecutionNotFoundError, match="none"):
            client.status("none", run_id=run_id)


def test_in_asyncio_it_is_the_same(client: Client) -> None:
    async def look() -> tuple[ExecutionStatus, ExecutionStatus]:
        awaited = AsyncClient(client)
        return await awaited.status("sum_of"), await awaited.handle("sum_of").status()

    ended(client, start(client, sum_of, (1,)))
    assert [one.result for one in asyncio.run(look())] == [[1, 1]] * 2
