"""Activities whose workers die are begun anew, though Amazon SWF knows of no leases."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from partita import activity, activity_info, heartbeat, wait, wait_signal, workflow
from partita import history as h
from partita.client import Client, Handle
from partita.errors import InvalidInputError, WorkflowFailedError
from partita.swf.backend.service import SwfService
from tests.conftest import until
from tests.swf_backend.conftest import Connect, worker
from tests.swf_backend.endpoint import Endpoint

ROOT = Path(__file__).parents[2]
GATE = threading.Event()


@activity
def attempt() -> list[Any]:
    return [activity_info().attempt, activity_info().last_heartbeat]


@activity
def patient() -> int:
    GATE.wait(20)
    return activity_info().attempt


@activity(heartbeat=30)
def beating() -> None:
    heartbeat()


@activity(auto_complete=False)
def outside() -> None: ...


@workflow
def one() -> list[Any]:
    return attempt()


@workflow
def waits() -> int:
    return patient()


@workflow
def others() -> list[Any]:
    call = attempt.options(heartbeat=30)
    found = [beating.submit(), outside.submit(), call.submit(), attempt.submit()]
    wait(found)
    return []


@workflow
def gives_up() -> bool:
    found = attempt.submit()
    wait_signal("stop")
    found.cancel()
    wait([found])
    return found.cancelled()


@activity
def once(note: str) -> list[int]:
    path = Path(note)
    if not path.exists():
        path.touch()
        threading.Event().wait(60)
    return [activity_info().attempt, os.getpid()]


@workflow
def survives(note: str) -> list[int]:
    return once(note)


@pytest.fixture
def service(connect: Connect) -> SwfService:
    return connect(lease=1)


@pytest.fixture(autouse=True)
def gate() -> None:
    GATE.clear()


def decide(service: SwfService, handle: Handle[Any], *definitions: Any) -> None:
    """Have a worker without activities decide, until the first activity waits."""
    with worker(service, *definitions, acts=False):
        until(lambda: Client(service).describe(handle.workflow_id).activities)


def taken_and_lost(connect: Connect, details: str | None = None) -> None:
    """Take an activity as a process does that is killed with it."""
    doomed = connect(lease=1)
    task = doomed.poll_activity_task("default", "default", wait=10)
    assert task is not None
    if details is not None:
        doomed.heartbeat_activity(task.token, details)
    doomed.activity_tasks.close()


def in_swf(endpoint: Endpoint, handle: Any, kind: type[Any]) -> list[Any]:
    """Return the events that SWF itself has."""
    execution = h.WorkflowExecution(handle.workflow_id, handle.run_id)
    return [one for one in endpoint.engine.history("tests", execution) if isinstance(one, kind)]


def test_another_worker_goes_on_from_the_last_heartbeat(
    connect: Connect, service: SwfService, client: Client, endpoint: Endpoint
) -> None:
    handle = client.start(one)
    decide(service, handle, one, attempt)
    taken_and_lost(connect, '"half"')
    with worker(service, one, attempt):
        assert handle.result(timeout=20) == [2, "half"]
    events = handle.history()
    again = [event for event in events if isinstance(event, h.ActivityTaskRescheduled)]
    assert [event.cause for event in again] == ["WORKER_LOST"]
    (asked,) = [event for event in events if isinstance(event, h.ActivityTaskScheduled)]
    assert asked.heartbeat is None
    ids = [event.activity_id for event in in_swf(endpoint, handle, h.ActivityTaskScheduled)]
    assert ids == [f"{asked.activity_id}#1~1", f"{asked.activity_id}#2~1"]


def test_who_works_for_long_keeps_its_activity(connect: Connect, client: Client) -> None:
    service = connect(lease=2)
    with worker(service, waits, patient):
        handle = client.start(waits)
        until(lambda: any(isinstance(one, h.ActivityTaskStarted) for one in handle.history()))
        threading.Event().wait(4)
        GATE.set()
        assert handle.result(timeout=20) == 1
    assert not service.activity_tasks._lent


def test_what_cannot_be_read_is_not_kept(
    service: SwfService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = client.start(one)
    decide(service, handle, one, attempt)
    with monkeypatch.context() as patch:
        patch.setattr(service.payloads, "unpack", Mock(side_effect=InvalidInputError("gone")))
        with pytest.raises(InvalidInputError):
            service.poll_activity_task("default", "default", wait=10)
    assert not service.activity_tasks._lent
    with worker(service, one, attempt):
        assert handle.result(timeout=20) == [2, None]


def test_nobody_beats_for_an_activity_that_watches_over_itself(
    service: SwfService, client: Client, endpoint: Endpoint
) -> None:
    handle = client.start(others)
    decide(service, handle, others, beating, outside, attempt)
    asked = in_swf(endpoint, handle, h.ActivityTaskScheduled)
    assert [event.heartbeat for event in asked] == [30.0, None, 30.0, 1.0]
    assert ["~" in event.activity_id for event in asked] == [False, False, False, True]


def test_a_lost_activity_that_was_cancelled_is_not_begun_again(
    connect: Connect, service: SwfService, client: Client
) -> None:
    handle = client.start(gives_up)
    with worker(service, gives_up, attempt, acts=False):
        taken_and_lost(connect)
        handle.signal("stop")
        assert handle.result(timeout=20) is True
    (end,) = [one for one in handle.history() if isinstance(one, h.ActivityTaskCanceled)]
    assert end.latest_cancel_requested_event_id


def test_what_loses_its_workers_again_and_again_fails(
    connect: Connect, service: SwfService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partita.rules.activities.MAX_LOSSES", 2)
    handle = client.start(one)
    with worker(service, one, attempt, acts=False):
        taken_and_lost(connect)
        taken_and_lost(connect)
        with pytest.raises(WorkflowFailedError, match="lost its worker 2 times"):
            handle.result(timeout=20)


def test_a_worker_process_that_is_killed(
    tmp_path: Path, endpoint: Endpoint, service: SwfService, client: Client
) -> None:
    command = [sys.executable, "-m", "partita", "worker", "tests.swf_backend.test_leases"]
    command += ["--backend", endpoint.url(lease=1)]
    note = tmp_path / "note"
    handle = client.start(survives, str(note))
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as doomed:
        until(note.exists)
        doomed.kill()
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as another:
        assert handle.result(timeout=20) == [2, another.pid]
        another.terminate()
