"""The user's files that the tests of reasons run, and what runs them."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli import in_process
from tests.cli.conftest import environment
from tests.conftest import until

FLOWS = """
import os
import time
from pathlib import Path
from partita import Retry, Signal, activity, continue_as_new, heartbeat, sleep, wait_signal
from partita import workflow

approve = Signal("approve", str)

class CarrierDown(Exception):
    pass

@activity(retry=Retry(max_attempts=50, initial_interval=600, max_interval=600))
def flaky() -> int:
    raise CarrierDown("no answer")

@activity
def beats() -> None:
    while not Path("stop").exists():
        heartbeat({"done": 5})
        time.sleep(0.05)

@activity(task_list="far")
def far() -> int:
    return 1

@activity(task_list="narrow")
def narrow() -> None:
    while not Path("stop").exists():
        time.sleep(0.05)

@activity
def lookup() -> str:
    try:
        return {}["carrier"]
    except KeyError as error:
        raise CarrierDown("no carrier") from error

@workflow
def retries() -> int:
    return flaky()

@workflow
def runs() -> None:
    beats()

@workflow
def goes_far() -> int:
    return far()

@workflow
def limited() -> None:
    narrow()

@workflow
def approval() -> str:
    return wait_signal(approve, timeout=3600)

@workflow
def sleeps() -> None:
    sleep(3600)

@workflow
def parent() -> str:
    return approval()

@workflow
def breaks() -> str:
    try:
        return lookup()
    except CarrierDown as error:
        raise RuntimeError("the order failed") from error

@workflow
def breaks_below() -> str:
    return breaks()

@workflow
def blocks() -> None:
    while not Path("stop").exists():
        time.sleep(0.05)

@workflow
def again(times: int) -> int:
    if times:
        continue_as_new(times - 1)
    sleep(7200)

@workflow
def adds(x: int) -> int:
    return x + 1

@workflow
def gate() -> str:
    return wait_signal(approve)

@workflow
def obeys() -> None:
    approval()
"""

LINES = {
    name: number
    for number, line in enumerate(FLOWS.splitlines(), 1)
    for name in [line.strip()]
    if name
}
"""The numbers of the lines, by their texts."""


class Place:
    """A folder with the program, and commands over one backend."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._env = environment(
            PARTITA_BACKEND=url, AWS_ACCESS_KEY_ID="tests", AWS_SECRET_ACCESS_KEY="tests"
        )

    @property
    def kind(self) -> str:
        """The scheme of the backend's URL."""
        return self.url.partition(":")[0]

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """Run `partita ARGUMENTS` in this process; return what it prints."""
        out, err, ended = self.said(*arguments)
        assert ended == status, out + err
        return out

    def said(self, *arguments: str) -> tuple[str, str, int]:
        """Return what a command prints on stdout and stderr, and its exit status."""
        return in_process.run(self.folder, list(arguments), self._env, "")

    def start(self, name: str, *args: Any, id: str | None = None, file: str = "flows.py") -> str:
        """Start a workflow of the program; return its id."""
        id = id or name
        self("start", f"{file}:{name}", "--input", json.dumps(args), "--id", id)
        return id

    def why(self, id: str, *more: str) -> dict[str, Any]:
        """Return the verdict on an execution."""
        found: dict[str, Any] = json.loads(self("why", id, *more, "-o", "json"))
        return found

    def until_why(self, id: str, code: str, *more: str) -> dict[str, Any]:
        """Return the verdict on an execution once its code is this one."""
        until(lambda: self.why(id, *more)["code"] == code, seconds=60)
        return self.why(id, *more)

    def worker(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a worker in a process of its own."""
        import sys

        return subprocess.Popen(
            [sys.executable, "-m", "partita", "worker", *arguments],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @contextmanager
    def working(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Keep a worker alive during the block."""
        process = self.worker(*(arguments or ("flows.py",)))
        try:
            yield process
        finally:
            (self.folder / "stop").touch()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
