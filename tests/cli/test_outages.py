"""What a command says and does while its database is away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from partita.cli.foreground import ForegroundRun
from partita.client import Handle
from partita.errors import StoreFullError, StoreUnavailableError
from tests.cli.conftest import environment
from tests.conftest import until
from tests.postgres import Server

FLOW = """
import time
from pathlib import Path
from partita import activity, workflow

@activity
def gated() -> str:
    with open("begun", "a") as log:
        print("begun", file=log)
    while not Path("gate").exists():
        time.sleep(0.02)
    return "done"

@workflow
def waits() -> str:
    return gated()
"""


@pytest.fixture
def alone() -> Iterator[Server]:
    """A server of the test's own, to be stopped and started."""
    made = Server()
    yield made
    made.stop()


def test_a_run_outlasts_an_outage(alone: Server, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    begun, said = tmp_path / "begun", tmp_path / "said"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "partita", "run", "flow.py:waits", "--backend", alone.url("s")],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    until(begun.exists)
    alone.halt("immediate")
    (tmp_path / "gate").touch()  # so that its result finds nobody to take it
    until(lambda: "cannot be used, trying again" in said.read_text())
    alone.start()
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, '"done"\n')
    assert begun.read_text() == "begun\n"
    first, last = said.read_text().splitlines()
    assert first.startswith("partita: the database cannot be used, trying again: ")
    assert last.startswith("partita: the database can be used again")


def test_a_database_that_is_away_as_the_waiting_begins() -> None:
    handle = Mock(spec=Handle)
    handle.result_data.side_effect = [StoreUnavailableError("it is away; wait"), "done"]
    foreground = ForegroundRun(handle, "partita run flow.py:waits --id w")
    foreground._wait()
    assert (foreground.over.is_set(), foreground._result, foreground._error) == (True, "done", None)


def test_who_gives_up_says_how_to_go_on() -> None:
    foreground = ForegroundRun(Mock(spec=Handle), "partita run flow.py:waits --id w")
    foreground.store_failed(StoreFullError("no room is left; make room"))
    with pytest.raises(StoreFullError, match=r"make room; .* go on with: partita run .* --id w"):
        foreground._report()
