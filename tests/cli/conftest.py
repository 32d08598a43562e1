"""Run the command line as a user does: a folder, two streams, an exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from partita.server.local import swf_endpoint
from tests import aws_models  # noqa: F401 - for its effect
from tests.cli import in_process
from tests.postgres import schemas

FLOW = """
import time
from pathlib import Path
from partita import activity, sleep, workflow

@activity
def add(x: int, y: int) -> int:
    with open("added", "a") as log:
        print(x, y, file=log)
    return x + y

@activity
def slow(path: str) -> str:
    Path(path).write_text("begun")
    time.sleep(60)
    return "late"

@activity
def large(size: int) -> str:
    return "x" * size

@workflow
def total(numbers: list[int], start: int = 0) -> int:
    for number in numbers:
        start = add(start, number)
    return start

@workflow
def broken(x: int) -> int:
    add(x, 1)
    raise KeyError("no such thing")

@workflow
def stuck() -> str:
    add(1, 1)
    return slow("begun")

@workflow
def sleeper(seconds: float) -> str:
    sleep(seconds)
    return "awake"

@workflow
def too_large(size: int) -> str:
    return large(size)

@workflow
def too_large_itself(size: int) -> str:
    return "x" * size

@activity
def make(size: int) -> str:
    with open("made", "a") as log:
        print(size, file=log)
    return "x" * size

@workflow
def sizes(wanted: list[int]) -> list[int]:
    return [len(make(size)) for size in wanted]

def plain() -> int:
    return 1
"""


ABOUT_EXECUTIONS = ("partita: execution ", "partita: step ", "partita: look further: ")
"""How the lines begin that tell of a failure before the error's own line."""


@dataclass
class Said:
    """What a command printed, and how it ended."""

    out: str
    err: str
    status: int

    def is_error(self, status: int, *parts: str) -> None:
        """Hold that the last line on stderr says all of `parts`.

        Before it are at most lines about executions that failed.
        """
        assert self.status == status, self
        assert self.out == "", self
        assert self.err.endswith("\n"), self.err
        *before, last = self.err.splitlines()
        assert all(line.startswith(ABOUT_EXECUTIONS) for line in before), self.err
        assert last.startswith("partita: "), self.err
        assert last.endswith("]"), self.err
        for part in parts:
            assert part in last, self.err


Partita = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with a file of workflows."""
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    """Return a plain environment: no colours, no backend but the default."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PARTITA_")}
    return {**kept, "NO_COLOR": "1", **more}


@pytest.fixture
def partita(folder: Path) -> Partita:
    """Run `partita ARGUMENTS` in the folder, in this process."""

    def run(*arguments: str, env: dict[str, str] | None = None, stdin: str = "") -> Said:
        given = environment(**(env or {}))
        return Said(*in_process.run(folder, list(arguments), given, stdin))

    return run


@contextmanager
def backend_url(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a new backend: `sqlite`, `postgres`, or `swf` over an engine on memory."""
    if kind == "postgres":
        yield schemas().url()
        return
    if kind == "sqlite":
        yield "sqlite:///x.db"
        return
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "tests")
    with swf_endpoint() as address:
        yield f"swf://us-east-1/tests?endpoint={address}"


@pytest.fixture(params=["sqlite", "postgres", "swf"])
def everywhere_url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a backend of each kind."""
    with backend_url(request.param, monkeypatch) as url:
        yield url


@pytest.fixture
def everywhere(partita: Partita, everywhere_url: str) -> Partita:
    """Run commands on a backend of each kind, which the environment names."""
    return partial(partita, env={"PARTITA_BACKEND": everywhere_url})


@pytest.fixture
def partita_process(folder: Path) -> Partita:
    """Run `partita ARGUMENTS` in the folder, in a process of its own."""

    def run(*arguments: str, env: dict[str, str] | None = None, stdin: str = "") -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "partita", *arguments],
            cwd=folder,
            env=environment(**(env or {})),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.stdout, done.stderr, done.returncode)

    return run


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `partita ARGUMENTS` in the folder and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "partita", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
