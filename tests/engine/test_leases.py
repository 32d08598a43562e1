"""Who is dead: only a process that is not there, or that began at another time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from partita.engine import leases
from partita.engine.leases import Leases, is_dead, new_worker
from partita.ports.catalogue import WorkerRecord

Unreadable = Callable[[pytest.MonkeyPatch], None]

NOW, LEASE = 1000.0, 1030.0


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which lives until its standard input ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def record(pid: int) -> WorkerRecord:
    stat = leases._stat(pid)
    assert stat is not None
    return replace(new_worker(LEASE), pid=pid, born=stat.born)


def raising(error: Exception) -> Unreadable:
    def make(patch: pytest.MonkeyPatch) -> None:
        def read_text(self: Path, *_: object, **__: object) -> str:
            raise error

        patch.setattr(Path, "read_text", read_text)

    return make


def told(text: str) -> Unreadable:
    return lambda patch: patch.setattr(Path, "read_text", lambda *_, **__: text)


def out_of_descriptors(patch: pytest.MonkeyPatch) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    restored = raising(OSError(24, "Too many open files"))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            os.open("/proc/self/stat", os.O_RDONLY)
        assert leases._stat(os.getpid()) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    restored(patch)


UNREADABLE: dict[str, Unreadable] = {
    "no descriptor is left": out_of_descriptors,
    "hidden processes": raising(FileNotFoundError(2, "No such file or directory")),
    "not allowed": raising(PermissionError(13, "Permission denied")),
    "input/output error": raising(OSError(5, "Input/output error")),
    "not text": raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")),
    "empty": told(""),
    "cut off": told("1 (python) S 1 2"),
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_process_that_cannot_be_looked_at_lives(
    neighbour: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    worker = record(neighbour.pid)
    leases.machine()
    UNREADABLE[how](monkeypatch)
    assert not is_dead(worker, NOW)
    assert Leases(lambda: 0.0).dead([worker], NOW) == []
    assert is_dead(worker, LEASE)  # its lease is what counts
    assert new_worker(LEASE).born == ""


def test_a_process_of_another_user_lives(
    neighbour: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = record(neighbour.pid)

    def kill(pid: int, number: int) -> None:
        assert number == 0
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", kill)
    raising(FileNotFoundError(2, "hidden"))(monkeypatch)
    assert not is_dead(worker, NOW)


def test_a_process_that_is_not_there_is_dead(
    neighbour: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = record(neighbour.pid)
    assert not is_dead(worker, NOW)
    neighbour.kill()
    neighbour.wait()
    assert is_dead(worker, NOW)
    raising(OSError(24, "Too many open files"))(monkeypatch)
    assert is_dead(worker, NOW)


def test_a_process_whose_id_another_has_now_is_dead(neighbour: subprocess.Popen[bytes]) -> None:
    assert is_dead(replace(record(neighbour.pid), born="1"), NOW)


def test_a_process_that_has_ended_and_was_not_waited_for_is_dead(
    neighbour: subprocess.Popen[bytes],
) -> None:
    worker = record(neighbour.pid)
    neighbour.kill()
    os.waitid(os.P_PID, neighbour.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(worker, NOW)


def test_a_process_whose_first_thread_alone_has_ended_lives() -> None:
    source = (
        "import ctypes, sys, threading\n"
        "threading.Thread(target=lambda: (print('x', flush=True), sys.stdin.read())).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        worker = record(process.pid)
        assert process.stdout.read(1)
        while " Z " not in Path(f"/proc/{process.pid}/stat").read_text():
            threading.Event().wait(0.01)
        assert not is_dead(worker, NOW)
        process.kill()


def test_processes_of_another_machine_are_judged_by_their_lease() -> None:
    worker = replace(new_worker(LEASE), machine="elsewhere", pid=2**22 - 1)
    assert not is_dead(worker, NOW)


def test_a_machine_that_cannot_be_named_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    leases.machine.cache_clear()
    try:
        with monkeypatch.context() as patch:
            raising(PermissionError(13, "Permission denied"))(patch)
            first = leases.machine()
            leases.machine.cache_clear()
            assert leases.machine() != first
    finally:
        leases.machine.cache_clear()
