"""`worker` and `decider` with `--max-time`, and a decider on the task lists of its own classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Partita

OWN_LISTS = """
from partita import Workflow, activity, workflow
from partita.deciders import *

class Tank(Decider[int]):
    task_list = "tanks"

    def decide(self, process):
        return CompleteProcess(process.input)

class Flow(Workflow):
    task_list = "flows"

    def run(self, x: int) -> int:
        return x + 1

@workflow
def plain(x: int) -> int:
    return x + 2
"""


@pytest.fixture
def own(folder: Path) -> Path:
    (folder / "own.py").write_text(OWN_LISTS)
    return folder


def test_a_worker_ends_after_its_time(partita: Partita, folder: Path) -> None:
    assert partita("start", "flow.py:total", "--input", "[[1, 2]]", "--id", "w").status == 0
    said = partita("worker", "flow.py", "--max-time", "1.5")
    assert (said.status, said.out) == (0, ""), said
    assert partita("result", "w", "--timeout", "0").out == "3\n"


def test_a_supervisor_ends_after_its_time(partita_process: Partita, folder: Path) -> None:
    said = partita_process("worker", "flow.py", "--processes", "2", "--max-time", "3")
    assert said.status == 0, said
    assert "keeps 2 workers" in said.err


def test_a_decider_serves_the_lists_of_its_classes(partita: Partita, own: Path) -> None:
    for name in ("Tank", "Flow", "plain"):
        assert partita("start", f"own.py:{name}", "--input", "[40]", "--id", name).status == 0
    said = partita("decider", "own.py", "--max-time", "1.5")
    assert said.status == 0, said
    assert "on task list flows, default, tanks of" in _sorted_lists(said.err), said.err
    found = [partita("result", name, "--timeout", "0").out for name in ("Tank", "Flow", "plain")]
    assert found == ["40\n", "41\n", "42\n"]


def _sorted_lists(text: str) -> str:
    """Return what was said with the lists in one order: that of the registry is not promised."""
    before, _, rest = text.partition("on task list ")
    lists, _, after = rest.partition(" of ")
    names = sorted(lists.split(", "), key=["flows", "default", "tanks"].index)
    return f"{before}on task list {', '.join(names)} of {after}"


def test_a_list_that_is_given_is_served_alone(partita: Partita, own: Path) -> None:
    said = partita("decider", "own.py", "--task-list", "flows", "--max-time", "0.1")
    assert "on task list flows of" in said.err, said
    said = partita("worker", "own.py", "--max-time", "0.1")
    assert "on task list default of" in said.err, said


def test_a_time_that_is_none_is_refused(partita: Partita, folder: Path) -> None:
    for command, given, *more in (
        ("worker", "0"),
        ("worker", "-1", "--processes", "2"),
        ("worker", "nan"),
        ("decider", "inf"),
        ("decider", "1e99", "--processes", "2"),
        ("decider", "soon"),
    ):
        said = partita(command, "flow.py", "--max-time", given, *more)
        assert (said.status, said.out) == (2, ""), said
        assert "--max-time" in said.err.splitlines()[-1], said
