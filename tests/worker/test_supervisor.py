"""The supervisor alone, with stand-ins for workers: who is started, replaced and ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import until

MEMBER = Path(__file__).parent / "member.py"
CODE = """
import logging, sys
from partita.worker import supervisor, timing
logging.basicConfig(level=logging.INFO, format="%(message)s")
timing = timing.SupervisorTiming(first_delay=0.01, stop_margin=0.2, start_timeout=20.0)
command = [sys.executable, "-S", "-E", sys.argv[1], sys.argv[2]]
sys.exit(supervisor.Supervisor(command, int(sys.argv[3]), float(sys.argv[4]), timing).run())
"""


class Crew:
    """A supervisor and its stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mode("sound")
        (folder / "log").touch()
        self._said = (folder / "said").open("w")
        self.process: subprocess.Popen[bytes] | None = None

    def mode(self, mode: str) -> None:
        """Say how members that are started from now on behave."""
        (self.folder / "mode").write_text(mode)

    def begin(self, count: int, grace: float = 20.0) -> None:
        arguments = [str(MEMBER), str(self.folder), str(count), str(grace)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments], stderr=self._said, start_new_session=True
        )
        if (self.folder / "mode").read_text() in ("sound", "deaf"):
            until(lambda: len(self.noted("ready")) == count)

    def noted(self, what: str) -> list[int]:
        """Return the members that noted this, in order."""
        return [int(pid) for word, pid in self.log() if word == what]

    def log(self) -> list[tuple[str, str]]:
        return [(*line.split(),) for line in (self.folder / "log").read_text().splitlines()]  # type: ignore[misc]

    def working(self) -> set[int]:
        """Return the members that are alive and ready."""
        return {pid for pid in self.noted("ready") if is_alive(pid)}

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait until the supervisor has ended; return its exit status."""
        assert self.process is not None
        status = self.process.wait(timeout=30)
        assert not self.working(), "a worker has outlived its supervisor"
        return status

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for pid in self.noted("begun"):
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._said.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    made = Crew(tmp_path)
    yield made
    made.close()


def test_who_falls_is_replaced(crew: Crew) -> None:
    crew.begin(3)
    fallen = min(crew.working())
    os.kill(fallen, signal.SIGKILL)
    until(lambda: len(crew.working() - {fallen}) == 3)
    assert f"(process {fallen}) was ended by SIGKILL; another starts in" in crew.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_and_all_may_finish(crew: Crew, number: int) -> None:
    crew.begin(2)
    pids = crew.working()
    crew.signal(number)
    assert crew.end() == 0
    assert set(crew.noted("ended")) == pids


def test_a_second_signal_kills(crew: Crew) -> None:
    crew.mode("deaf")
    crew.begin(2)
    crew.signal(signal.SIGINT)
    until(lambda: "ending" in crew.said())
    crew.signal(signal.SIGTERM)
    assert crew.end() == 128 + signal.SIGTERM


def test_who_does_not_end_in_time_is_killed(crew: Crew) -> None:
    crew.mode("deaf")
    crew.begin(2, grace=0.0)
    crew.signal(signal.SIGTERM)
    assert crew.end() == 1
    assert crew.said().count("does not end or begin; killing it") == 2


def test_sighup_replaces_one_after_the_other_by_one_that_is_ready(crew: Crew) -> None:
    crew.begin(3)
    old = crew.working()
    crew.signal(signal.SIGHUP)
    until(lambda: len(crew.noted("ended")) == 3)
    assert set(crew.noted("ended")) == old
    until(lambda: len(crew.working()) == 3)
    at_work = [0]
    for word, _ in crew.log():
        change = {"ready": 1, "ended": -1}.get(word, 0)
        at_work.append(at_work[-1] + change)
    assert set(at_work[at_work.index(3) :]) == {3, 4}


def test_who_asks_for_it_is_replaced(crew: Crew) -> None:
    crew.begin(2)
    old, other = sorted(crew.working())
    os.kill(old, signal.SIGUSR1)
    until(lambda: old in crew.noted("ended"))
    assert len(crew.working() - {old}) == 2
    assert other in crew.working()
    assert re.search(r"replacing worker \d: it is old", crew.said())


def test_the_old_go_on_if_the_new_cannot_begin(crew: Crew) -> None:
    crew.begin(2)
    old = crew.working()
    crew.mode("broken")
    crew.signal(signal.SIGHUP)
    until(lambda: "is not replaced: the new one ended with status 2" in crew.said())
    assert crew.working() == old
    crew.mode("sound")
    crew.signal(signal.SIGHUP)
    until(lambda: set(crew.noted("ended")) == old)


def test_nobody_else_begins_if_the_first_cannot(crew: Crew) -> None:
    crew.mode("broken")
    crew.begin(3)
    assert crew.end() == 2
    assert len(crew.noted("begun")) == 1


def test_who_keeps_falling_is_replaced_later_and_later(crew: Crew) -> None:
    crew.mode("falling")
    crew.begin(1)
    until(lambda: crew.said().count("another starts") >= 7)
    crew.signal(signal.SIGTERM)
    crew.end()
    shown = [float(it) for it in re.findall(r"another starts in ([\d.]+) s", crew.said())]
    for fall, delay in enumerate(shown):
        middle = 0.01 * 2**fall
        assert 0.5 * middle - 0.05 <= delay <= 1.5 * middle + 0.05


def test_one_that_says_nothing_any_more_is_still_watched(crew: Crew) -> None:
    crew.mode("silent")
    crew.begin(1)
    until(lambda: len(crew.noted("ready")) == 1)
    (first,) = crew.noted("ready")
    os.kill(first, signal.SIGKILL)
    until(lambda: len(crew.noted("ready")) == 2)
    crew.signal(signal.SIGTERM)
    assert crew.end() == 0


def test_a_place_that_falls_while_it_is_being_replaced_goes_to_the_heir(crew: Crew) -> None:
    crew.begin(1)
    (old,) = crew.working()
    os.kill(old, signal.SIGSTOP)  # so that it does not obey, and the replacement takes its time
    crew.signal(signal.SIGHUP)
    until(lambda: len(crew.noted("ready")) == 2)
    os.kill(old, signal.SIGKILL)
    until(lambda: len(crew.working()) == 1)
    crew.signal(signal.SIGTERM)
    assert crew.end() == 0
