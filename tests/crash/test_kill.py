"""Kill workers with SIGKILL at random moments; nothing may be lost, nothing recorded run again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.history import ActivityTaskCompleted, ActivityTaskScheduled, AnyEvent
from partita.ports.state import Status
from tests.conftest import until
from tests.crash.flow import five_steps
from tests.postgres import Server
from tests.soak import scaled

SCALE = scaled(1, soaking=10)
EXECUTIONS = scaled(120, soaking=2_000)
KILLS = scaled(15, soaking=250)
FLOW = Path(__file__).parent / "flow.py"


class Fleet:
    """Two worker processes on one store, each replaced when it is killed."""

    def __init__(self, url: str, log: Path, seed: int, flow: Path = FLOW) -> None:
        self.kills = 0
        self._url = url
        self._flow = flow
        self._environment = {**os.environ, "TRACE_LOG": str(log)}
        self._random = random.Random(seed)
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._workers = [self._begin(), self._begin()]

    def _begin(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "partita", "--backend", self._url, "worker"]
        return subprocess.Popen(
            [*command, "--slots", "4", str(self._flow)],
            env=self._environment,
            stderr=subprocess.DEVNULL,
        )

    def kill_one(self) -> None:
        """Kill one worker at a random moment and start another in its place."""
        time.sleep(self._random.uniform(0.05, 0.5))
        place = self._random.randrange(2)
        self._workers[place].send_signal(signal.SIGKILL)
        self._workers[place].wait()
        self._workers[place] = self._begin()
        self.kills += 1

    def stop(self) -> None:
        """End what is left, and see that nobody ended by himself before."""
        for worker in self._workers:
            assert worker.poll() is None, "a worker ended without being killed"
            worker.send_signal(signal.SIGTERM)
        for worker in self._workers:  # the last to begin may not know of signals yet
            assert worker.wait(timeout=30) in (0, -signal.SIGTERM)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A durable store of each kind that processes can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/partita.db"
        return
    durable = Server()
    yield durable.url("crash")
    durable.stop()


@pytest.fixture
def fleet(url: str, tmp_path: Path) -> Iterator[Fleet]:
    begun = Fleet(url, tmp_path / "trace.log", seed=20)
    yield begun
    begun.stop()


@pytest.mark.timeout(300 * SCALE)
def test_nothing_is_lost_and_nothing_recorded_runs_again(
    fleet: Fleet, url: str, tmp_path: Path
) -> None:
    client = Client(connect(url))
    ids: list[str] = []

    def begin(count: int) -> None:
        for _ in range(count):
            ids.append(f"run-{len(ids)}")
            client.start_with(five_steps, (ids[-1],), workflow_id=ids[-1])

    begin(EXECUTIONS)
    fleet.start()
    while fleet.kills < KILLS:
        if not client.list(status=Status.OPEN, limit=1).executions:  # nobody is killed idle
            begin(10)
        fleet.kill_one()
    until(lambda: not client.list(status=Status.OPEN, limit=1).executions, 60.0 * SCALE)
    histories = {workflow_id: client.history(workflow_id) for workflow_id in ids}
    for workflow_id in ids:
        assert client.result(workflow_id, timeout=0, workflow=five_steps) == 1 + 4 + 9 + 16 + 25
    client.close()
    _check_traces(tmp_path / "trace.log", histories)
    _check_database(url)


def _check_traces(log: Path, histories: dict[str, list[AnyEvent]]) -> None:
    recorded = {}
    for workflow_id, events in histories.items():
        steps = {
            event.event_id: int(event.activity_id)
            for event in events
            if isinstance(event, ActivityTaskScheduled)
        }
        ends = [event for event in events if isinstance(event, ActivityTaskCompleted)]
        assert sorted(steps[event.scheduled_event_id] for event in ends) == [1, 2, 3, 4, 5]
        for event in ends:
            recorded[workflow_id, steps[event.scheduled_event_id]] = event.event_timestamp
    lines = [line.split() for line in log.read_text().splitlines()]
    assert {(workflow_id, int(step)) for workflow_id, step, _ in lines} == set(recorded)
    for workflow_id, step, begun in lines:
        assert float(begun) <= recorded[workflow_id, int(step)], (workflow_id, step)


def _check_database(url: str) -> None:
    service = connect(url)
    assert isinstance(service, Engine)
    assert service.store.check() == []
    service.close()
    path = url.removeprefix("sqlite:///")
    if path == url:
        return
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
