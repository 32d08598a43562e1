"""Deciders by hand on the command line, each command as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Partita

DECIDERS = """
from partita import activity
from partita.deciders import *

@activity
def pour(litres: int) -> int:
    return litres

class Tank(Decider[int]):
    def decide(self, process):
        if process.unfinished_activities():
            return None
        if len(process.activities) >= process.input:
            return CompleteProcess(len(process.activities))
        return ScheduleActivity(pour, 1)

class Patient(RuleSet[None]):
    @process_started
    def begin(self, process):
        return StartTimer(3600, "late")
"""


@pytest.fixture
def tank(partita: Partita, folder: Path) -> Path:
    """The history of a decider that has run."""
    (folder / "tank.py").write_text(DECIDERS)
    said = partita("run", "tank.py:Tank", "--input", "[2]", "--id", "tank")
    assert (said.status, said.out) == (0, "2\n")
    partita("export", "tank", "--output", "tank.json")
    return folder / "tank.json"


def test_replay_tells_whether_a_decider_decides_as_before(
    partita: Partita, folder: Path, tank: Path
) -> None:
    said = partita("replay", "tank.py:Tank", "tank.json")
    assert (said.status, said.out.splitlines()[0]) == (0, "tank.json: fits")
    changed = DECIDERS.replace("CompleteProcess(len", "CompleteProcess(1 + len")
    (folder / "tank.py").write_text(changed)
    said = partita("replay", "tank.py:Tank", "tank.json", "--output", "json")
    assert said.status == 1
    [row] = json.loads(said.out)["histories"]
    assert (row["fits"], row["code"]) == (False, "NON_DETERMINISM")
    assert row["found"].endswith("with the result 3")
    assert row["expected"].endswith("with the result 2")
    assert f"{folder}/tank.py:" in row["location"]


def test_a_decider_is_imported_and_has_no_stack(partita: Partita, folder: Path, tank: Path) -> None:
    there = {"PARTITA_BACKEND": "sqlite:///there.db"}
    assert partita("import", "tank.json", env=there).status == 0
    assert partita("result", "tank", env=there).out == "2\n"
    partita("start", "tank.py:Patient", "--id", "p", "--input", "[null]")
    for command in (("show", "p", "--stack"), ("query", "p", "sum")):
        said = partita(*command, "--code", "tank.py")
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "partita: Patient is a decider" in said.err
        assert "[UNKNOWN_TYPE]" in said.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is not JSON"),
        ('{"format": "partita-history"', "it may be cut off"),
        ("[]", 'it has no "format"'),
        ("\udcff", "it is not UTF-8"),
    ],
)
def test_what_is_no_history_is_told_in_one_line(
    partita: Partita, folder: Path, text: str, says: str
) -> None:
    (folder / "tank.py").write_text(DECIDERS)
    (folder / "bad.json").write_text(text, "utf-8", "surrogateescape")
    for command in (("import", "bad.json"), ("replay", "tank.py:Tank", "bad.json")):
        said = partita(*command)
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "partita: bad.json is not an exported history" in said.err
        assert says in said.err
