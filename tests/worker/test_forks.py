"""Activities that fork: their children live and end as anywhere, and the worker goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita.client import Client
from partita.connect import connect
from tests.worker import forks

ROOT = Path(__file__).parents[2]
EXPECTED = list(forks.EXPECTED.values())


def partita(*arguments: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "partita", *arguments],
        cwd=ROOT,
        env={**os.environ, "PARTITA_BACKEND": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("apart", [False, True], ids=["on threads", "in processes"])
def test_children_of_activities_under_run(apart: bool, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    command = ("run", "tests/worker/forks.py:each", "--input", json.dumps([apart]))
    with partita(*command, url=url) as process:
        out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert json.loads(out) == EXPECTED


@pytest.mark.parametrize("options", [(), ("--processes", "1")], ids=["worker", "supervised"])
def test_a_worker_outlives_the_children_of_its_activities(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with partita("worker", "tests/worker/forks.py", *options, url=url) as process:
        with Client(connect(url)) as client:
            results: list[Any] = [client.start(forks.each, apart) for apart in (False, True)]
            assert [one.result(timeout=120) for one in results] == [EXPECTED, EXPECTED]
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
