"""`partita worker --processes`: real processes, real databases, and code that kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from partita.client import Client
from partita.connect import connect
from partita.engine import Engine
from partita.errors import WorkerLostError, WorkflowFailedError
from partita.history import WorkflowType
from partita.ports.service import StartRequest
from partita.ports.state import Status
from partita.worker.worker import DEFAULT_THREADS
from tests.conftest import until
from tests.postgres import server
from tests.soak import scaled
from tests.worker.load import computing, waiting
from tests.worker.poison import crashes, drinks, drinks_unawares, hoards, lingers, sums

CODE = Path(__file__).parent / "poison.py"
LOAD = Path(__file__).parent / "load.py"


class Fleet:
    """A supervisor with its workers, and a client."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.url = url
        self.client = Client(connect(url))
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self._log = (folder / "log").open("wb")

    def begin(self, *options: str, code: Path = CODE) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "partita", "-v", "--backend", self.url, "worker"]
        self.supervisors.append(
            subprocess.Popen([*command, *options, str(code)], stderr=self._log, cwd=self.folder)
        )
        return self.supervisors[-1]

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def begun(self) -> list[int]:
        """Return the worker processes that ever said that they serve."""
        lines = [line for line in self.said().splitlines() if line.startswith("partita: worker ")]
        names = [line.split()[2] for line in lines if "on task list" in line]
        return [int(name.partition("@")[0]) for name in names]

    def end(self) -> int:
        """End the last supervisor; return its exit status."""
        self.supervisors[-1].send_signal(signal.SIGTERM)
        return self.supervisors[-1].wait(timeout=40)

    def close(self) -> None:
        for supervisor in self.supervisors:
            supervisor.kill()
            supervisor.wait()
        for pid in self.begun():
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not any(is_alive(pid) for pid in self.begun()))
        self._log.close()
        self.client.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(f"sqlite:///{tmp_path}/x.db", tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet on each database that processes can share."""
    url = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else server().url()
    made = Fleet(url, tmp_path)
    yield made
    made.close()


def test_an_activity_that_kills_its_worker_fails_and_all_others_complete(each: Fleet) -> None:
    each.begin("--processes", "2")
    poisoned = each.client.start(drinks, str(each.folder))
    innocent = each.client.start(lingers, str(each.folder))
    sound = [each.client.start(sums, number) for number in range(10)]
    message = poisoned.result(timeout=90)
    assert message.startswith("the process of activity poison died: killed by signal 9; see ")
    assert [handle.result(timeout=60) for handle in sound] == [sum(range(n)) for n in range(10)]
    (each.folder / "enough").touch()
    assert innocent.result(timeout=60) == "lingered"
    assert len(list(each.folder.glob("drunk-*"))) == 3, "two workers, and a process of its own"
    assert each.end() == 0


def test_the_failure_is_typed_for_who_waits(fleet: Fleet) -> None:
    fleet.begin("--processes", "2")
    with pytest.raises(WorkflowFailedError, match="poison died: killed by signal 9") as caught:
        fleet.client.start(drinks_unawares, str(fleet.folder)).result(timeout=90)
    assert isinstance(caught.value.__cause__, WorkerLostError)


def test_a_decision_that_kills_its_worker_waits_and_is_shown(each: Fleet) -> None:
    each.begin("--processes", "2")
    until(lambda: len(each.begun()) == 2)
    poisoned = each.client.start(crashes, str(each.folder))

    def attempts() -> int:
        task = poisoned.describe().decision
        return task.attempt if task is not None and task.failure else 0

    until(lambda: attempts() >= 2, 60)
    handle = each.client.start(sums, 5)
    assert handle.result(timeout=60) == 10
    shown = partita(each, "show", poisoned.workflow_id)
    assert "The decider fails: WORKER_LOST: the worker died while it decided;" in shown
    assert "tries" in shown
    assert len(list(each.folder.glob("crashed-*"))) < 12
    (each.folder / "mended").touch()
    assert poisoned.result(timeout=60) == "sound"
    assert each.end() == 0


def partita(fleet: Fleet, *arguments: str) -> str:
    command = [sys.executable, "-m", "partita", "--backend", fleet.url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_workers_end_when_their_supervisor_is_killed(fleet: Fleet) -> None:
    supervisor = fleet.begin("--processes", "2")
    handle = fleet.client.start(lingers, str(fleet.folder))
    until(lambda: len(fleet.begun()) == 2 and list(fleet.folder.glob("lingers-*")))
    supervisor.kill()
    supervisor.wait()
    until(lambda: fleet.said().count("the supervisor is gone; ending") == 2)
    (fleet.folder / "enough").touch()  # what runs may finish
    until(lambda: not any(is_alive(pid) for pid in fleet.begun()))
    assert "ActivityTaskCompleted" in [event.event_type for event in handle.history()]


def test_one_kind_of_worker_decides_and_another_acts(each: Fleet) -> None:
    each.begin("--processes", "2", "--deciders-only")
    handles = [each.client.start(sums, 4) for _ in range(5)]
    until(lambda: all(handle.describe().activities for handle in handles), 60)
    each.begin("--processes", "2", "--activities-only")
    assert [handle.result(timeout=60) for handle in handles] == [6] * 5


def test_a_worker_is_replaced_after_so_many_tasks(fleet: Fleet) -> None:
    fleet.begin("--max-tasks", "30")

    def has_run_one_more() -> bool:
        return fleet.client.start(sums, 20).result(timeout=60) == sum(range(20))

    until(lambda: has_run_one_more() and len(fleet.begun()) > 3, 90)
    assert "replacing worker 1: it has done" in fleet.said()
    assert fleet.end() == 0
    assert "another starts" not in fleet.said()


def test_a_worker_that_has_grown_is_replaced(fleet: Fleet) -> None:
    fleet.begin("--max-rss", "256M")
    pid = fleet.client.start(hoards, 1).result(timeout=60)
    assert fleet.client.start(hoards, 300).result(timeout=60) == pid
    until(lambda: not is_alive(pid))
    assert fleet.client.start(hoards, 1).result(timeout=60) != pid
    assert "replacing worker 1: it holds" in fleet.said()


@pytest.mark.timeout(300)
def test_four_workers_and_four_clients_share_one_file(fleet: Fleet) -> None:
    count = 40
    fleet.begin("--processes", "4")
    until(lambda: len(fleet.begun()) == 4, 60)
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.worker.starter", fleet.url, f"c{number}", str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    said = [client.communicate(timeout=200) for client in clients]
    assert [errors for _, errors in said] == [""] * 4
    assert [client.returncode for client in clients] == [0] * 4
    started = {line for lines, _ in said for line in lines.split()}
    assert len(started) == 4 * count
    for workflow_id in started:
        assert fleet.client.describe(workflow_id).info.status is Status.COMPLETED
    assert len(fleet.begun()) == 4, "one has fallen"
    assert fleet.end() == 0
    assert "locked" not in fleet.said()
    assert "rror" not in fleet.said()
    service = fleet.client.service
    assert isinstance(service, Engine)
    assert service.store.check() == []


REAL = """
from partita import activity, workflow

@activity
def name() -> str:
    return "{name}"

@workflow
def names() -> str:
    return name()
"""


def test_changed_code_is_loaded_and_broken_code_is_not(fleet: Fleet) -> None:
    code = fleet.folder / "names.py"
    code.write_text(REAL.format(name="one"))
    fleet.begin("--processes", "2", "--reload", code=code)
    assert result_of_names(fleet) == "one"
    until(lambda: len(fleet.begun()) == 2)
    code.write_text(REAL.format(name="two"))
    until(lambda: len(fleet.begun()) >= 4)
    until(lambda: result_of_names(fleet) == "two")
    code.write_text("def broken(:")
    until(lambda: "is not replaced" in fleet.said())
    assert result_of_names(fleet) == "two"
    code.write_text(REAL.format(name="three"))
    until(lambda: result_of_names(fleet) == "three")
    until(lambda: len(fleet.begun()) >= 6)
    until(lambda: sum(is_alive(pid) for pid in fleet.begun()) == 2)
    assert fleet.end() == 0


def test_code_of_the_same_second_and_size_is_loaded_too(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    code, moment = fleet.folder / "names.py", int(time.time()) - 1000.0
    code.write_text(REAL.format(name="one"))
    os.utime(code, (moment, moment))
    supervisor = fleet.begin("--reload", code=code)
    assert result_of_names(fleet) == "one"
    code.write_text(REAL.format(name="two"))
    os.utime(code, (moment + 0.3, moment + 0.3))
    supervisor.send_signal(signal.SIGHUP)
    until(lambda: result_of_names(fleet) == "two")
    assert fleet.end() == 0


def result_of_names(fleet: Fleet) -> str:
    request = StartRequest(workflow_id=uuid.uuid4().hex, workflow_type=WorkflowType("names"))
    execution = fleet.client.service.start_workflow_execution(request)
    return str(fleet.client.result(execution.workflow_id, timeout=60))


@pytest.mark.parametrize("kind", scaled(["sqlite"], ["sqlite", "postgres"]))
def test_fan_outs_keep_all_processes_busy_and_none_is_taken_for_dead(
    kind: str, tmp_path: Path
) -> None:
    """Each activity runs once, and all processes run some of what one alone has no threads for."""
    processes, computed, seconds = scaled((2, DEFAULT_THREADS + 8, 0.01), (3, 400, 0.1))
    fleet = Fleet(f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else server().url(), tmp_path)
    with closing(fleet):
        fleet.begin("--processes", str(processes), code=LOAD)
        until(lambda: len(fleet.begun()) == processes)
        for handle in (
            fleet.client.start(computing, computed, str(tmp_path), processes, seconds),
            fleet.client.start(waiting, DEFAULT_THREADS * processes, str(tmp_path), processes),
        ):
            ran = handle.result(timeout=300)
            assert set(ran) == set(fleet.begun())
            events = [one.event_type for one in handle.history()]
            assert events.count("ActivityTaskStarted") == len(ran)
            assert "ActivityTaskRescheduled" not in events
        assert fleet.end() == 0
        for said in ("is gone", "taken for dead", "held the lock", "given back", "Traceback"):
            assert said not in fleet.said()
