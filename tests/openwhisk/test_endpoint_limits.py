"""What actions may take, and that nothing of them is left, however the system keeps them apart.

What is forked here is counted, so that nothing runs away if a limit does not work.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.openwhisk.endpoint import isolation, launching
from partita.openwhisk.endpoint.container import Spec
from partita.openwhisk.endpoint.containers import EXHAUSTED, Containers, Outcome
from partita.openwhisk.endpoint.isolation import Way
from partita.openwhisk.endpoint.supervisor import NICENESS, descendants, processes
from tests.conftest import until
from tests.rotation import sample

WAYS = {
    "user and folders": isolation._ROOT_WAYS[0],
    "user": isolation._ROOT_WAYS[1],
    "tree of root": isolation._ROOT_WAYS[2],
    "tree": isolation._USER_WAYS[0],
    "nothing": Way(),
}


def program(way: Way) -> str | None:
    """Return a Python that a way runs here; None if the system does not allow the way."""
    is_of_root = way in isolation._ROOT_WAYS
    for one in (sys.executable, "/usr/bin/python3") if os.geteuid() == 0 or not is_of_root else ():
        if (
            Path(one).exists()
            and isolation._problem(way, one, tuple(launching._needed(one))) is None
        ):
            return one
    return None


@pytest.fixture(params=sample(list(WAYS), 2))
def containers(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Containers]:
    way = WAYS[request.param]
    found = program(way)
    monkeypatch.setattr(isolation, "_best_way", lambda *_: way if found else Way())
    monkeypatch.setattr(launching, "python", lambda _: found or sys.executable)
    made = Containers()
    yield made
    made.close()


def test_a_kind_that_is_not_there_says_so() -> None:
    containers = Containers()
    spec = Spec(kind="python:3.99", code="", main="", is_binary=False, memory=128)
    found = containers.run(spec, {}, {}, timeout=1000, log_bytes=1000)
    said = "The action's runtime python:3.99 cannot be started here: python3.99 is not on the path"
    assert (found.status, found.result) == (3, {"error": said})
    assert containers._starting == []


def run(containers: Containers, code: str, timeout: int = 60_000) -> Outcome:
    spec = Spec(kind="python:default", code=code, main="", is_binary=False, memory=128)
    return containers.run(spec, {}, {}, timeout=timeout, log_bytes=1000)


def new_mark() -> str:
    """Return seconds that nothing else sleeps for."""
    return str(10**6 + secrets.randbelow(10**8))


def sleeping(mark: str) -> list[int]:
    """Return the processes that sleep for so many seconds."""
    found = []
    for one in processes():
        try:
            text = Path(f"/proc/{one.id}/cmdline").read_bytes()
        except OSError:
            continue
        found += [one.id] if text == f"sleep\0{mark}\0".encode() else []
    return found


FORKS = """
import os, signal
def main(p):
    for n in range(300):
        os.fork() or os.execvp("sleep", ["sleep", "MARK"])
    signal.pause()
"""

EATERS = """
import os, signal
def main(p):
    for n in range(8):
        if not os.fork():
            kept = bytearray(64 << 20)
            signal.pause()
    signal.pause()
"""

ESCAPING = """
import ctypes, os, signal, subprocess
def main(p):
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.setsid()
            os.execvp("sleep", ["sleep", "MARK"])
        os._exit(0)
    subprocess.Popen(["sleep", "MARK"], start_new_session=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    WAIT
"""


def test_an_action_has_so_many_processes_at_most(containers: Containers) -> None:
    mark = new_mark()
    found = run(containers, FORKS.replace("MARK", mark))
    assert found.status in (1, 2)
    said = found.result["error"]
    assert said == EXHAUSTED or "Resource temporarily unavailable" in said
    containers.close()
    assert sleeping(mark) == []


def test_all_its_processes_share_its_memory(containers: Containers) -> None:
    found = run(containers, EATERS)
    assert (found.status, found.result) == (2, {"error": EXHAUSTED})


@pytest.mark.parametrize(
    ("wait", "status"), [("signal.pause()", 2), ("os._exit(1)", 2), ("return {}", 0)]
)
def test_nothing_of_it_is_left(containers: Containers, wait: str, status: int) -> None:
    mark = new_mark()
    code = ESCAPING.replace("MARK", mark).replace("WAIT", wait)
    found = run(containers, code, timeout=500)
    assert found.status == status, found
    containers.close()
    assert sleeping(mark) == []


SERVER = """
import sys
from partita.openwhisk.endpoint import isolation, launching
from tests.openwhisk import test_endpoint_limits as tests
isolation._best_way = lambda *_: tests.WAYS[sys.argv[1]]
launching.python = lambda _: sys.argv[2]
tests.run(tests.Containers(), sys.argv[3], 60_000)
"""


@pytest.mark.parametrize("name", sample(list(WAYS), 2))
def test_it_ends_with_the_server(name: str) -> None:
    found = program(WAYS[name])
    mark = new_mark()
    code = ESCAPING.replace("MARK", mark).replace("WAIT", "signal.pause()")
    command = [sys.executable, "-c", SERVER, name if found else "nothing", found or sys.executable]
    server = subprocess.Popen([*command, code])
    try:
        until(lambda: len(sleeping(mark)) == 2, 30.0)
    finally:
        server.kill()
        server.wait()
    until(lambda: not sleeping(mark), 30.0)


def test_it_rests_between_runs_and_gives_way_to_others(containers: Containers) -> None:
    code = (
        "import os, threading\n"
        "counted = [0]\n"
        "def count():\n"
        "    while True: counted[0] += 1\n"
        "threading.Thread(target=count, daemon=True).start()\n"
        "def main(p):\n"
        "    open('mine', 'w').close()\n"
        "    return {'nice': os.nice(0)}\n"
    )
    mine = os.nice(0)
    assert run(containers, code).result["nice"] == min(19, mine + NICENESS)
    (container,) = containers._idle
    until(partial(is_stopped, container._process.pid))
    assert run(containers, code).status == 0
    assert containers._idle == [container]


def is_stopped(pid: int) -> bool:
    """Return whether a process that a supervisor looks after is stopped."""
    stats = [Path(f"/proc/{one.id}/stat").read_text() for one in descendants(pid)]
    return "T" in [stat.rpartition(")")[2].split()[0] for stat in stats]


def test_what_is_not_kept_apart_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[Way] = []

    def problem(way: Way, *_: object) -> str | None:
        tried.append(way)
        return "not permitted" if len(tried) == 1 else None

    monkeypatch.setattr(isolation, "_problem", problem)
    assert isolation._best_way("program", ("/a",)) == tried[1]
    (told,) = caplog.messages
    assert told == f"actions do not get {tried[0].name} of their own here: not permitted"
    isolation._best_way.cache_clear()


def test_no_more_processes_run_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_best_way", lambda *_: Way())
    containers = Containers(most=3, memory=300)
    most = 0

    def call(number: int) -> None:
        nonlocal most
        spec = Spec("python:default", f"def main(p): return {{'n': {number}}}", "", False, 128)
        done = containers.run(spec, {}, {}, timeout=20_000, log_bytes=1000)
        with containers._changed:
            there = len(containers._idle) + len(containers._busy) + len(containers._starting)
        most = max(most, there)
        assert done.result == {"n": number}

    callers = [threading.Thread(target=call, args=[number]) for number in range(8)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    containers.close()
    assert most == 2


def test_nothing_is_left_of_what_it_has_stored(containers: Containers) -> None:
    code = (
        "import os\n"
        "def main(p):\n"
        "    os.mkdir('closed')\n"
        "    open('closed/file', 'w').close()\n"
        "    os.chmod('closed', 0)\n"
        "    for _ in range(1500):\n"
        "        os.mkdir('deep')\n"
        "        os.chdir('deep')\n"
        "    return {}\n"
    )
    assert run(containers, code).result == {}
    folder = Path(containers._idle[0]._folder)
    assert folder.exists()
    containers.close()
    assert not folder.exists()
