"""A service that others wrote passes the public checks, and runs everything that is ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita import (
    CancelledError,
    Retry,
    activity,
    activity_info,
    heartbeat,
    query,
    signals,
    sleep,
    workflow,
)
from partita import history as h
from partita.client import Client
from partita.connect import connect
from partita.errors import InvalidOptionError, UnsupportedError
from partita.ports.service import Service
from partita.testing import Clock
from partita.testing.conformance import CHECKS, checks_for, sound
from partita.worker import PollingWorker, Timing, Worker
from tests.conftest import until
from tests.third_party.shelf import ShelfService
from tests.worker import jobs

QUICK = Timing(poll_wait=0.05, unwanted_interval=0.05, cancel_interval=0.02)

BEGUN, GO_ON = threading.Event(), threading.Event()


@activity
def double(x: int) -> int:
    return 2 * x


@activity
async def add(x: int, y: int) -> int:
    await asyncio.sleep(0)
    return x + y


@activity(process=True)
def where() -> int:
    return os.getpid()


@activity(retry=Retry(3, initial_interval=0), heartbeat=30)
def stubborn() -> list[object]:
    info = activity_info()
    heartbeat(info.attempt)
    if info.attempt < 3:
        raise ValueError("not yet")
    return [info.attempt, info.last_heartbeat]


@activity
async def endless() -> None:
    BEGUN.set()
    await asyncio.sleep(600)


@activity
def gated() -> str:
    BEGUN.set()
    assert GO_ON.wait(20)
    return "through"


@workflow
def everything(x: int) -> list[object]:
    doubled = double(x)
    sleep(0.01)
    return [doubled, add.submit(doubled, 1).result(), stubborn()]


@workflow
def cancels() -> str:
    future = endless.submit()
    signals("cancel").get()
    future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return ""


@workflow
def passes() -> str:
    return gated()


@workflow
def listens() -> list[object]:
    heard: list[object] = []

    @query
    def state() -> list[object]:
        return heard

    channel = signals("s")
    while len(heard) < 2:
        heard.append(channel.get())
    return heard


@workflow
def chain(length: int) -> int:
    value = 1
    for _ in range(length):
        value = double(value)
    return value


@pytest.fixture(autouse=True)
def _clean() -> None:
    BEGUN.clear()
    GO_ON.clear()


@pytest.fixture
def service() -> Iterator[ShelfService]:
    made = ShelfService()
    yield made
    for state in made._runs:
        sound(made._histories[state.run])


@pytest.fixture
def client(service: ShelfService) -> Client:
    return Client(service)


ACTIVITIES = [double, add, where, stubborn, endless, gated]


def worker(service: Service, **options: object) -> Worker:
    workflows = [everything, cancels, passes, listens, chain]
    return Worker(service, workflows=workflows, activities=ACTIVITIES, timing=QUICK, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", checks_for(ShelfService()))
def test_it_passes_the_checks(name: str) -> None:
    clock = Clock()
    CHECKS[name](ShelfService(clock), clock)


def test_activities_of_each_kind_run(service: ShelfService, client: Client) -> None:
    with worker(service):
        assert client.start(everything, 4).result(timeout=20) == [8, 9, [3, 2]]


def test_activities_run_in_processes(service: ShelfService, client: Client) -> None:
    @workflow
    def odd() -> str:
        try:
            jobs.odd(3)
        except jobs.OddError:
            return "typed"
        return ""

    with Worker(service, workflows=[odd], activities=[jobs.odd], timing=QUICK):
        assert client.start(odd).result(timeout=60) == "typed"


def test_an_activity_without_heartbeats_is_cancelled(service: ShelfService, client: Client) -> None:
    with worker(service):
        handle = client.start(cancels)
        assert BEGUN.wait(20)
        handle.signal("cancel")
        assert handle.result(timeout=20) == "cancelled"


def test_what_runs_may_finish_within_the_grace(service: ShelfService, client: Client) -> None:
    serving = worker(service)
    serving.start()
    handle = client.start(passes)
    assert BEGUN.wait(20)
    threading.Timer(0.1, GO_ON.set).start()
    serving.stop(grace=20)
    assert isinstance(handle.history()[-2], h.ActivityTaskCompleted)


def test_what_does_not_is_left_to_its_timeouts(
    service: ShelfService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    serving = worker(service)
    serving.start()
    client.start(passes)
    assert BEGUN.wait(20)
    serving.stop(grace=0)
    GO_ON.set()
    assert "was not finished; it ends by its timeouts" in caplog.text


def test_signals_and_queries_without_a_worker(service: ShelfService, client: Client) -> None:
    handle = client.start_with(listens, workflow_id="l", signal=("s", 1))
    with worker(service):
        until(lambda: handle.describe().decision is None)
    assert handle.query("state") == [1]  # by a replay here
    assert client.start_with(listens, workflow_id="l", signal=("s", 2)).run_id == handle.run_id
    with worker(service):
        assert handle.result(timeout=20) == [1, 2]


def test_what_it_lacks_is_refused(client: Client) -> None:
    with pytest.raises(UnsupportedError, match="The shelf cannot limit how fast"):
        client.limits()
    with pytest.raises(UnsupportedError, match="The shelf cannot tell listeners"):
        client.listen(print)
    with pytest.raises(InvalidOptionError, match="The shelf keeps only what it has run itself"):
        client.import_history(client.export_history(client.start(passes).workflow_id))


def test_it_is_stepped_by_hand(service: ShelfService, client: Client) -> None:
    handle = client.start(chain, 10)
    stepped = PollingWorker(service, workflows=[chain], activities=ACTIVITIES)
    while stepped.step():
        pass
    assert handle.result(timeout=1) == 1024


def test_a_live_run_is_fed_only_what_is_new(service: ShelfService, client: Client) -> None:
    fed: list[int] = []

    class Counting(Worker):
        def decide(self, task: object) -> list[h.AnyDecision]:
            fed.append(len(task.events))  # type: ignore[attr-defined]
            return super().decide(task)  # type: ignore[arg-type]

    with Counting(service, workflows=[chain], activities=ACTIVITIES, timing=QUICK):
        handle = client.start(chain, 30)
        assert handle.result(timeout=20) == 1 << 30
    assert sum(fed) <= len(handle.history())


FLOW = """
from partita import activity, workflow

@activity
def greet(name: str) -> str:
    return f"hello {name}"

@workflow
def flow(name: str) -> str:
    return greet(name)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that registers the service, as pip would."""
    info = tmp_path / "shelf-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[partita.services]\nshelf = tests.third_party.shelf:open_shelf\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_a_url_chooses_it() -> None:
    service = connect("shelf://one")
    assert isinstance(service, ShelfService)
    with Client(service) as client, worker(service):
        assert client.start(chain, 3).result(timeout=20) == 8


@pytest.mark.usefixtures("installed")
def test_the_command_line_runs_workflows_on_it(tmp_path: Path) -> None:
    (tmp_path / "greeting_flow.py").write_text(FLOW)
    words = ["--backend", "shelf://two", "run", "greeting_flow.py:flow", "--input", '["you"]']
    done = subprocess.run(
        [sys.executable, "-m", "partita", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, '"hello you"\n'), done.stderr
