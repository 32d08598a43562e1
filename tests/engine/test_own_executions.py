"""A host of one execution takes its items alone, and large executions cost no more per item."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, workflow
from partita.client import Client
from partita.connect import connect
from partita.engine.own_executions import OTHERS_LIMIT, OwnExecutions
from partita.worker import Worker
from tests.conftest import until


@activity
def one(number: int) -> int:
    return number


@workflow
def many(count: int) -> int:
    return sum(one.map(range(count)).result())


@workflow
def child(number: int) -> int:
    return one(number)


@workflow
def family(count: int) -> int:
    return sum(child.map(range(count)).result())


FLOWS: list[Any] = [many, child, family]


@pytest.fixture(params=["memory", "sqlite"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'x.db'}"
    with Client(connect(url)) as made:
        yield made


def serving(client: Client, **options: Any) -> Worker:
    return Worker(client.service, workflows=FLOWS, activities=[one], **options)


@pytest.mark.parametrize("flow", [many, family])
@pytest.mark.parametrize("others", [3, OTHERS_LIMIT + 200])
def test_waiting_items_of_others_are_left_in_the_queue(
    client: Client, flow: Any, others: int
) -> None:
    other = client.start_with(many, (others,), workflow_id="other")
    with serving(client, acts=False):
        until(lambda: len(client.describe("other").activities) == others)
    mine = client.start_with(flow, (150,), workflow_id="mine")
    with serving(client, only="mine"):
        assert mine.result(timeout=60) == sum(range(150))
    assert all(one.queue for one in other.describe().activities)
    with serving(client):
        assert other.result(timeout=60) == sum(range(others))


def test_open_items_are_not_read_again_and_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    items = OwnExecutions._items

    def counted(*given: Any) -> Iterator[Any]:
        for found in items(*given):
            read.append(found[1].id)
            yield found

    monkeypatch.setattr(OwnExecutions, "_items", counted)
    mine = client.start_with(many, (2_000,), workflow_id="mine")
    with serving(client, only="mine"):
        assert mine.result(timeout=60) == sum(range(2_000))
    assert len(read) < 2_000
