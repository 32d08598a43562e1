"""Every example gives one result: as plain Python, by `partita run`, and on every store."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples import analyse_text, basic, checkout, wordcount
from partita import Workflow
from partita.authoring.definition import Definition
from tests.conftest import Rig

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def commands(path: Path) -> list[list[str]]:
    """Return the two commands in an example's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    lines = re.findall(r"^ *((?:partita|python) .*)$", docstring, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def run(command: list[str], tmp_path: Path) -> str:
    program = ["-m", "partita"] if command[0] == "partita" else []
    done = subprocess.run(
        [sys.executable, *program, *command[1:]],
        cwd=ROOT,
        env={
            "PARTITA_BACKEND": f"sqlite:///{tmp_path}/partita.db",
            "PYTHONPATH": str(ROOT / "src"),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_commands_of_the_docstring_work(path: Path, tmp_path: Path) -> None:
    durable, plain = commands(path)
    assert durable[:2] == ["partita", "run"]
    assert json.loads(run(durable, tmp_path))
    assert run(plain, tmp_path).strip()


def everywhere(rig: Rig, workflow: Workflow[..., Any], *args: Any, id: str = "x") -> Any:
    """Run a workflow on the rig's store and return its result, typed."""
    module = sys.modules[workflow.function.__module__]
    activities = [found for found in vars(module).values() if isinstance(found, Definition)]
    with rig.worker(workflow, *activities):
        return rig.client.start_with(workflow, args, workflow_id=id).result(timeout=30)


def test_basic(rig: Rig) -> None:
    assert everywhere(rig, basic.calculate, 20, 0.01) == basic.calculate(20, 0.01) == 42
    assert "TimerFired" in rig.kinds("x")


def test_analyse_text_retries_and_agrees(rig: Rig) -> None:
    path = str(ROOT / "LICENSE")
    report = everywhere(rig, analyse_text.analyse, path)
    assert report == analyse_text.analyse(path)
    assert report.size == "long"
    assert report.words == len(re.findall(r"[a-z']+", Path(path).read_text().lower()))
    assert rig.kinds("x").count("ActivityTaskRescheduled") == 1


def test_analyse_text_goes_every_way(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "short.txt").write_text("one two two")
    assert everywhere(rig, analyse_text.analyse, str(tmp_path / "empty.txt")).size == "empty"
    assert everywhere(rig, analyse_text.analyse, str(tmp_path / "none"), id="y").size == "missing"
    short = everywhere(rig, analyse_text.analyse, str(tmp_path / "short.txt"), id="z")
    assert (short.size, short.frequent[0]) == ("short", "two")


def test_wordcount_counts_this_repository(rig: Rig) -> None:
    folder = ROOT / "src"
    counted: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix in (".py", ".sql"):
            counted.update(re.findall(r"[^\W\d_]+", path.read_text().lower()))
    most = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    assert everywhere(rig, wordcount.top_words, str(folder), 10) == most
    assert rig.kinds("x").count("ActivityTaskScheduled") > 50


def test_checkout_succeeds(rig: Rig) -> None:
    order = checkout.Order("4242", ["pen", "book"])
    receipt = everywhere(rig, checkout.checkout, order)
    assert receipt == checkout.checkout(order)
    assert receipt.parcel == "parcel with pen, book"
    assert receipt.undone == []


def test_checkout_compensates_in_reverse_order(rig: Rig) -> None:
    order = checkout.Order("4242", ["pen", "anvil"])
    receipt = everywhere(rig, checkout.checkout, order)
    assert receipt == checkout.checkout(order)
    assert receipt.parcel is None
    scheduled = [
        msgspec.to_builtins(event)["activity_type"]["name"]
        for event in rig.events("x")
        if event.event_type == "ActivityTaskScheduled"
    ]
    assert scheduled == ["charge", "reserve", "reserve", "ship", "release", "release", "refund"]
