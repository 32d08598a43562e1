"""Polls for very many task lists: a commit looks only into those in which something waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partita.aws.faults import FaultError
from partita.aws.long_polls import LongPolls
from partita.engine import Engine
from partita.ports.session import QueueKey
from partita.ports.store import Store
from partita.stores.memory import MemoryStore
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.arrange import start
from tests.postgres import server

QUEUES = 400


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: dict[str, Any] = {
        "memory": MemoryStore,
        "sqlite": lambda: SqliteStore(tmp_path / "x.db"),
        "postgres": lambda: PostgresStore(server().url()),
    }
    with closing(made[request.param]()) as store:
        yield store


async def _never_gone() -> bool:
    return False


def _refuse(_: Any) -> Any:
    raise AssertionError("a transaction was made for nothing")


async def _looked_into(engine: Engine) -> tuple[set[QueueKey], list[Any]]:
    """Return the queues that are looked into after a commit of anybody, and the answers."""
    looked: set[QueueKey] = set()

    def hand_out(session: Any, state: Any, id: str, _: Any) -> Any:
        return "task", 0

    polls = LongPolls(
        engine,
        {"decision": hand_out},
        FaultError,
        limit=9,
        too_many=FaultError,
    )
    take_from = polls._take_from

    def note(session: Any, queue: QueueKey, *rest: Any) -> None:
        looked.add(queue)
        take_from(session, queue, *rest)

    tasks = [
        asyncio.create_task(polls.poll(("decision", "d", f"l{number}"), {}, 600.0, _never_gone))
        for number in range(QUEUES)
    ]
    while not all(poll.looked for each in polls._waiting.values() for poll in each) or not tasks:
        await asyncio.sleep(0.01)
    while polls._looking is not None or len(polls._waiting) < QUEUES:
        await asyncio.sleep(0.01)
    polls._take_from = note  # type: ignore[method-assign, assignment]
    engine.submit = _refuse  # type: ignore[method-assign, assignment]  # no transaction either
    polls._look_into(None)
    while polls._looking is not None:
        await asyncio.sleep(0.01)
    polls.close()
    return looked, list(await asyncio.gather(*tasks))


def test_a_foreign_commit_looks_into_no_empty_list(store: Store) -> None:
    engine = Engine(store)
    looked, answers = asyncio.run(_looked_into(engine))
    assert looked == set()
    assert answers == [None] * QUEUES


def test_what_waits_is_found_among_many_lists(store: Store) -> None:
    engine = Engine(store)

    async def run() -> Any:
        polls = LongPolls(
            engine,
            {"decision": lambda *_: ({}, 0)},
            FaultError,
            limit=9,
            too_many=FaultError,
        )
        (waiting,) = store.backlogs()
        names = [waiting.task_list, *(f"l{number}" for number in range(QUEUES))]
        tasks = [
            asyncio.create_task(
                polls.poll(("decision", waiting.domain, name), {}, 600.0, _never_gone)
            )
            for name in names
        ]
        answer = await asyncio.wait_for(tasks[0], 20.0)
        polls.close()
        await asyncio.gather(*tasks)
        return answer

    start(engine)
    assert asyncio.run(run()) == {}
