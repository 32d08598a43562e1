"""Activities in processes of their own: killed when late, reported when they die."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from partita import ActivityFailedError, CancelledError, activity, workflow
from partita.errors import WorkflowFailedError
from partita.history import (
    ActivityTaskRescheduled,
    ActivityType,
    RescheduleCause,
    WorkflowExecution,
)
from partita.ports.service import ActivityTask
from partita.worker.process_pool import Job, encode
from tests.conftest import Rig, until
from tests.worker import jobs


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@workflow
def pids() -> list[int]:
    return [jobs.pid(), jobs.pid(), jobs.async_pid.submit().result()]


@workflow
def talks() -> str:
    return jobs.talk()


@workflow
def odd() -> None:
    jobs.odd(3)


@workflow
def wraps() -> str:
    try:
        jobs.wrapped(3)
    except jobs.OddError as error:
        return repr(error)
    return "none"


@workflow
def late(path: str) -> str:
    try:
        jobs.stuck(path)
    except TimeoutError as error:
        return str(error)
    return "in time"


@workflow
def leaves(how: str) -> int:
    return jobs.leave(how)


@workflow
def dies() -> str:
    try:
        jobs.die()
    except ActivityFailedError as error:
        return str(error)
    return "lived"


@workflow
def resumes() -> Any:
    return jobs.resume()


def test_another_process_which_is_kept(memory_rig: Rig) -> None:
    with memory_rig.worker(pids, jobs.pid, jobs.async_pid):
        found = memory_rig.client.start(pids).result(timeout=30)
        assert len(set(found)) == 1
        assert found[0] != os.getpid()
        assert is_alive(found[0])
    until(lambda: not is_alive(found[0]))


def test_what_it_prints_is_not_taken_for_an_answer(
    memory_rig: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    with memory_rig.worker(talks, jobs.talk):
        assert memory_rig.client.start(talks).result(timeout=30) == "said"
    out, err = capfd.readouterr()
    assert out == ""
    assert "printed by an activity" in err


def test_exception_has_its_name_and_traceback(memory_rig: Rig) -> None:
    with memory_rig.worker(odd, jobs.odd), pytest.raises(WorkflowFailedError) as caught:
        memory_rig.client.start(odd).result(timeout=30)
    assert "OddError" in str(caught.value)
    assert "('odd', 3)" in str(caught.value)
    assert jobs.__file__ in "".join(traceback.format_exception(caught.value))


def test_killed_when_it_is_late(memory_rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with memory_rig.worker(late, jobs.stuck) as worker:
        said = memory_rig.client.start(late, str(path)).result(timeout=30)
        assert "START_TO_CLOSE" in said
        until(lambda: worker.free_slots() == 20)
        until(lambda: not path.exists() or not is_alive(int(path.read_text())))


@pytest.mark.parametrize(
    ("how", "status"), [("exit", "exit status 3"), ("kill", "killed by signal 9")]
)
def test_death_is_a_failure_and_tried_again(memory_rig: Rig, how: str, status: str) -> None:
    with memory_rig.worker(leaves, jobs.leave):
        handle = memory_rig.client.start(leaves, how)
        assert handle.result(timeout=30) == 2
    again = [event for event in handle.history() if isinstance(event, ActivityTaskRescheduled)]
    assert [event.cause for event in again] == [RescheduleCause.FAILED]
    assert "WorkerLostError" in (again[0].reason or "")
    assert status in (again[0].details or "")


def test_function_that_a_decorator_wraps_is_found_with_its_exceptions(memory_rig: Rig) -> None:
    with memory_rig.worker(wraps, jobs.wrapped):
        assert memory_rig.client.start(wraps).result(timeout=30) == "OddError('wrapped', 3)"


def test_death_that_is_not_tried_again_reaches_the_workflow(memory_rig: Rig) -> None:
    with memory_rig.worker(dies, jobs.die):
        said = memory_rig.client.start(dies).result(timeout=30)
    assert said.startswith("the process of activity die died: exit status 4; see the worker's log")


def test_heartbeat_details_cross_the_processes(memory_rig: Rig) -> None:
    with memory_rig.worker(resumes, jobs.resume):
        assert memory_rig.client.start(resumes).result(timeout=30) == {"page": 7}


@activity
def appears(path: str) -> None:
    until(Path(path).exists)


@workflow
def stops_it(path: str) -> str:
    future = jobs.beat.submit(path)
    appears(path)
    future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return "done"


def test_cancel_kills_it(memory_rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with memory_rig.worker(stops_it, jobs.beat, appears):
        handle = memory_rig.client.start(stops_it, str(path))
        assert handle.result(timeout=30) == "cancelled"
        until(lambda: not is_alive(int(path.read_text())))


def test_ends_without_a_word_if_nobody_is_left_to_tell() -> None:
    task = ActivityTask(
        token="t",
        workflow_execution=WorkflowExecution("w", "r"),
        activity_id="1",
        activity_type=ActivityType("pid", "1"),
        started_event_id=1,
    )
    job = Job(jobs.__name__, jobs.__file__, "pid@1", task, 1000)
    child = subprocess.Popen(
        [sys.executable, "-m", "partita.worker.child_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with child, child.stdin, child.stderr:
        child.stdout.close()
        child.stdin.write(encode(job) + b"\n")
        child.stdin.flush()
        assert child.stderr.read() == b""
        assert child.wait(20) == 0
