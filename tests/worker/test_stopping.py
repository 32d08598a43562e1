"""How a worker process ends: in order, in a hurry, or killed; and what becomes of its work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.client import Client, Handle
from partita.connect import connect
from partita.worker.signals import Shutdown
from tests.conftest import until
from tests.worker.flow import holding, holding_in_a_process, looping, looping_slowly

FLOW = Path(__file__).parent / "flow.py"


class Shop:
    """A database, a client, and worker processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/partita.db"
        self.client = Client(connect(self.url))
        self.workers: list[subprocess.Popen[str]] = []

    def worker(self, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "partita", "--backend", self.url, "worker", *options]
        worker = subprocess.Popen([*command, str(FLOW)], stderr=subprocess.PIPE, text=True)
        assert worker.stderr is not None
        assert any("on task list default" in line for line in worker.stderr)
        self.workers.append(worker)
        return worker

    def hold(self, seconds: float) -> Handle[str]:
        return self.client.start(holding, str(self.folder), seconds)

    def begun(self, worker: subprocess.Popen[str]) -> bool:
        return (self.folder / f"begun-{worker.pid}").exists()

    def end(self, worker: subprocess.Popen[str]) -> int:
        """Wait for the end of a worker; return its exit status."""
        return worker.wait(timeout=30)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    for worker in made.workers:
        worker.kill()
        worker.wait()
        assert worker.stderr is not None
        worker.stderr.close()
    made.client.close()


def events(handle: Handle[Any], kind: str) -> list[Any]:
    return [event for event in handle.history() if event.event_type == kind]


def test_sigterm_lets_activities_finish(shop: Shop) -> None:
    worker = shop.worker()
    handle = shop.hold(0.5)
    until(lambda: shop.begun(worker))
    worker.send_signal(signal.SIGTERM)
    assert shop.end(worker) == 0
    assert len(events(handle, "ActivityTaskCompleted")) == 1
    assert events(handle, "ActivityTaskRescheduled") == []


def test_what_does_not_finish_in_time_is_given_back(shop: Shop) -> None:
    worker = shop.worker("--grace", "0.1")
    handle = shop.hold(60)
    until(lambda: shop.begun(worker))
    worker.send_signal(signal.SIGTERM)
    assert shop.end(worker) == 0
    (given_back,) = events(handle, "ActivityTaskRescheduled")
    assert given_back.cause == "GIVEN_BACK"
    (waiting,) = handle.describe().activities
    assert (waiting.queue, waiting.attempt) == ("default", 1)


def test_a_second_sigterm_ends_it_at_once(shop: Shop) -> None:
    worker = shop.worker("--grace", "60")
    shop.hold(60)
    until(lambda: shop.begun(worker))
    worker.send_signal(signal.SIGTERM)
    until(lambda: not events_can_start(shop))
    worker.send_signal(signal.SIGTERM)
    assert shop.end(worker) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("number", "options"), [(signal.SIGTERM, []), (signal.SIGINT, ["--deciders-only"])]
)
def test_a_workflow_whose_code_loops_keeps_its_worker_no_longer_than_the_margin(
    shop: Shop, number: signal.Signals, options: list[str]
) -> None:
    worker = shop.worker("--grace", "0", "--log-level", "info", *options)
    handle = shop.client.start_with(looping_slowly, (), workflow_id="endless")
    until(lambda: handle.history()[-1].event_type == "DecisionTaskStarted")
    worker.send_signal(number)
    assert shop.end(worker) == 128 + number
    assert worker.stderr is not None
    said = worker.stderr.read()
    assert "stopping: 0 activities still run" in said
    assert said.splitlines()[-1].endswith(
        "this worker does not end in time; ending it hard: workflow looping_slowly@1 of execution "
        "endless is still deciding: does its code block, or loop without an end?"
    )


def test_a_second_sigterm_ends_it_at_once_while_a_workflow_loops(shop: Shop) -> None:
    worker = shop.worker("--grace", "600", "--log-level", "info")
    handle = shop.client.start_with(looping, (), workflow_id="endless")
    until(lambda: handle.history()[-1].event_type == "DecisionTaskStarted")
    worker.send_signal(signal.SIGTERM)
    assert worker.stderr is not None
    assert any("stopping: " in line for line in worker.stderr)
    worker.send_signal(signal.SIGTERM)
    assert shop.end(worker) == 128 + signal.SIGTERM


def test_nothing_is_left_of_what_would_end_a_late_process() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with Shutdown(600.0, state=lambda: "", obstacle=lambda: "") as shutdown:
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: shutdown.wait(0.1))
    assert signal.getsignal(signal.SIGTERM) == handler
    assert "partita-shutdown" not in [thread.name for thread in threading.enumerate()]


def test_a_process_that_cannot_write_its_log_ends_all_the_same() -> None:
    stuck = subprocess.run([sys.executable, "-c", STUCK], timeout=60)
    assert stuck.returncode == 128 + signal.SIGTERM


def test_a_second_sigterm_ends_a_process_whose_main_thread_hears_nothing() -> None:
    deaf = subprocess.Popen([sys.executable, "-c", DEAF], stderr=subprocess.PIPE, text=True)
    assert deaf.stderr is not None
    assert "deaf" in deaf.stderr.readline()
    deaf.send_signal(signal.SIGTERM)
    assert "stopping: nothing" in deaf.stderr.readline()
    deaf.send_signal(signal.SIGTERM)
    assert deaf.wait(60) == 128 + signal.SIGTERM
    deaf.stderr.close()


DEAF = """
import ctypes, logging, sys
from partita.worker.signals import Shutdown
logging.basicConfig(level=logging.INFO)
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
with Shutdown(600.0, state=lambda: "nothing", obstacle=lambda: ""):
    print("deaf", file=sys.stderr, flush=True)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)  # waits for ever, and no signal ends that
"""


STUCK = """
import threading
from partita.worker.signals import Shutdown
forever = threading.Event()
with Shutdown(0.0, state=lambda: "", obstacle=forever.wait) as shutdown:
    shutdown.begin()
    forever.wait()
"""


def events_can_start(shop: Shop) -> bool:
    """Whether the worker still takes tasks: a workflow of it gets beyond its start."""
    handle = shop.hold(0)
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if len(handle.history()) > 2:
            return True
    return False


def test_the_work_of_a_killed_worker_is_taken_over_within_two_seconds(shop: Shop) -> None:
    workers = [shop.worker(), shop.worker()]
    handle = shop.hold(1.0)
    until(lambda: any(map(shop.begun, workers)))
    first, second = sorted(workers, key=shop.begun, reverse=True)
    killed_at = time.time()
    first.kill()
    first.wait()
    assert handle.result(timeout=30) == "held"
    assert shop.begun(second)
    starts = events(handle, "ActivityTaskStarted")
    assert len(starts) == 2
    assert starts[1].event_timestamp - killed_at < 2.0
    (lost,) = events(handle, "ActivityTaskRescheduled")
    assert lost.cause == "WORKER_LOST"


def test_a_new_worker_takes_over_at_once(shop: Shop) -> None:
    first = shop.worker()
    handle = shop.hold(0.2)
    until(lambda: shop.begun(first))
    first.kill()
    first.wait()
    shop.worker()
    assert handle.result(timeout=30) == "held"


def test_child_processes_end_with_their_worker(shop: Shop) -> None:
    worker = shop.worker()
    shop.client.start(holding_in_a_process, str(shop.folder), 60)
    until(lambda: list(shop.folder.glob("child-*")))
    pid = next(shop.folder.glob("child-*")).name.removeprefix("child-")
    worker.kill()
    worker.wait()
    until(lambda: not alive(pid))


def test_a_child_that_ignores_sigterm_does_not_keep_its_worker(shop: Shop) -> None:
    worker = shop.worker("--grace", "0.2")
    handle = shop.client.start(holding_in_a_process, str(shop.folder), 60)
    until(lambda: list(shop.folder.glob("child-*")))
    pid = next(shop.folder.glob("child-*")).name.removeprefix("child-")
    worker.send_signal(signal.SIGTERM)
    assert shop.end(worker) == 0
    until(lambda: not alive(pid))
    assert handle.describe().activities[0].owner is None  # it was given back


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
