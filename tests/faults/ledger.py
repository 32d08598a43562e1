"""Hold what a store says against what happened outside it.

The witnesses are the ledger, to which every attempt of a step appended a line; what clients
were told (`Told`); the histories; and the tables themselves. Knows nothing of what was done
to the processes in between.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
from msgspec import Struct, field

from partita import history as h
from partita.engine import Engine
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing.conformance.soundness import sound

ORPHANS = {
    "items of a closed or unknown run": (
        "SELECT count(*) FROM {0}items WHERE run NOT IN "
        "(SELECT run FROM {0}executions WHERE status = 0)"
    ),
    "batches of an unknown run": (
        "SELECT count(*) FROM {0}batches WHERE run NOT IN (SELECT run FROM {0}executions)"
    ),
    "attributes of an unknown run": (
        "SELECT count(*) FROM {0}attributes WHERE run NOT IN (SELECT run FROM {0}executions)"
    ),
    "executions without a history": (
        "SELECT count(*) FROM {0}executions WHERE run NOT IN (SELECT run FROM {0}batches)"
    ),
    "tasks held by an unknown worker": (
        "SELECT count(*) FROM {0}items WHERE owner IS NOT NULL "
        "AND owner NOT IN (SELECT key FROM {0}catalogue WHERE kind = 'worker')"
    ),
}
"""What must not be there: a name, and a query that counts it."""


class Line(Struct, frozen=True):
    """One attempt of a step, as it noted itself."""

    run_id: str
    activity_id: str
    token: str
    result: str
    begun: float  # seconds since the epoch, by the machine's own clock

    @property
    def started_event_id(self) -> int:
        """Return which event gave the attempt to its worker."""
        return int(self.token.split(":")[2])


class Told(Struct):
    """What clients were told is done."""

    starts: dict[str, str] = field(default_factory=dict)  # workflow id -> run id
    signals: list[tuple[str, str]] = field(default_factory=list)  # workflow id, value


def lines_of(ledger: Path) -> list[Line]:
    """Read a ledger."""
    if not ledger.exists():
        return []
    rows = [text.split() for text in ledger.read_text().splitlines()]
    return [
        Line(run, step, token, result, float(begun)) for run, step, token, result, begun in rows
    ]


def faults(engine: Engine, ledger: Path, told: Told, *, one_clock: bool = True) -> list[str]:
    """Return what is wrong, a line each, once nothing runs any more.

    `one_clock` says that the times in the histories are by the ledger's clock.
    """
    lines = lines_of(ledger)
    runs = all_runs(engine)
    found = [*engine.store.check(), *orphans(engine)]
    found += _broken_promises(engine, told, runs)
    for info in runs:
        mine = [line for line in lines if line.run_id == info.run_id]
        events = history(engine, info)
        found += [f"{info.workflow_id}: {text}" for text in _of_run(events, mine, one_clock)]
    known = {info.run_id for info in runs}
    lost = [line.run_id for line in lines if line.run_id not in known]
    found += [f"a step of run {run_id}, which is not here" for run_id in lost]
    twice = [token for token, times in Counter(one.token for one in lines).items() if times > 1]
    return [*found, *(f"task {token} was run twice" for token in twice)]


def all_runs(engine: Engine) -> list[ExecutionInfo]:
    """Return every run that a store holds."""
    return list(engine.list_executions(ExecutionFilter(limit=1_000_000)).executions)


def history(engine: Engine, info: ExecutionInfo) -> list[h.AnyEvent]:
    """Return a run's events."""
    return engine.history("default", h.WorkflowExecution(info.workflow_id, info.run_id))


def _broken_promises(engine: Engine, told: Told, runs: list[ExecutionInfo]) -> Iterator[str]:
    by_id: dict[str, list[ExecutionInfo]] = {}
    for info in runs:
        by_id.setdefault(info.workflow_id, []).append(info)
    for workflow_id, run_id in told.starts.items():
        found = by_id.get(workflow_id, [])
        if [info.run_id for info in found] != [run_id]:
            yield f"{workflow_id}: {len(found)} runs, not the one that was acknowledged"
        for info in found:
            if info.status is not Status.COMPLETED:
                yield f"{workflow_id}: it was acknowledged, and is {info.status.name}"
    for workflow_id in {workflow_id for workflow_id, _ in told.signals}:
        heard = _signals(engine, by_id.get(workflow_id, []))
        sent = Counter(value for id, value in told.signals if id == workflow_id)
        if heard != sent:
            yield f"{workflow_id}: signals {sorted(sent)} were acknowledged, not {sorted(heard)}"


def _signals(engine: Engine, runs: list[ExecutionInfo]) -> Counter[str]:
    return Counter(
        json.loads(event.input or "null")
        for info in runs
        for event in history(engine, info)
        if isinstance(event, h.WorkflowExecutionSignaled)
    )


def _of_run(events: list[h.AnyEvent], lines: list[Line], one_clock: bool) -> Iterator[str]:
    try:
        sound(events)
    except AssertionError as error:
        yield str(error).splitlines()[0]
        return
    for line in lines:
        started = events[line.started_event_id - 1 : line.started_event_id]
        if not (started and isinstance(started[0], h.ActivityTaskStarted)):
            yield f"step {line.activity_id} ran without being recorded as started"
    for event in events:
        if isinstance(event, h.ActivityTaskCompleted):
            yield from _of_step(event, _step(events, event), lines, one_clock)


def _step(events: list[h.AnyEvent], event: h.ActivityTaskCompleted) -> str:
    scheduled = events[event.scheduled_event_id - 1]
    assert isinstance(scheduled, h.ActivityTaskScheduled)
    return scheduled.activity_id


def _of_step(
    event: h.ActivityTaskCompleted, step: str, lines: list[Line], one_clock: bool
) -> Iterator[str]:
    mine = [line for line in lines if line.activity_id == step]
    result = json.loads(event.result or "null")
    recorded = [line for line in mine if line.started_event_id == event.started_event_id]
    if [line.result for line in recorded] != [result]:
        yield f"the result of step {step} is of no attempt that was started"
    if any(line.started_event_id > event.event_id for line in mine):
        yield f"step {step} was started again after its result was recorded"
    if one_clock and any(line.begun > event.event_timestamp for line in mine):
        yield f"step {step} ran again after its result was recorded"


def orphans(engine: Engine) -> list[str]:
    """Ask the tables themselves for rows that belong to nothing."""
    found = {name: _count(engine, query) for name, query in ORPHANS.items()}
    return [f"{name}: {count}" for name, count in found.items() if count]


def _count(engine: Engine, query: str) -> int:
    store = engine.store
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store.path)) as connection:
            return int(connection.execute(query.format("")).fetchone()[0])
    assert isinstance(store, PostgresStore)
    with psycopg.connect(store.address.conninfo) as server:
        row = server.execute(query.format(f'"{store.address.schema}".').encode()).fetchone()
    assert row is not None
    return int(row[0])
