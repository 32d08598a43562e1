"""Every example: its commands as a user runs them, and its workflow on every store."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples import analyse_text, basic, checkout, programs, wordcount
from partita import WorkflowDefinition
from partita.authoring.definition import ActivityDefinition
from partita.codec import Converter
from partita.history import ActivityTaskScheduled
from tests.conftest import Rig
from tests.examples.programs import EXAMPLES, ROOT, commands, given, run

ORDER = checkout.Order("4242", ["pen", "book"])
TOO_HEAVY = checkout.Order("4242", ["pen", "anvil"])


def everywhere(rig: Rig, workflow: WorkflowDefinition[..., Any], *args: Any, id: str = "x") -> Any:
    """Run a workflow on the rig's store and return its result, typed."""
    module = sys.modules[workflow.function.__module__]
    activities = [found for found in vars(module).values() if isinstance(found, ActivityDefinition)]
    with rig.worker(workflow, *activities):
        result = rig.client.start_with(workflow, args, workflow_id=id).result(timeout=30)
    assert rig.failures == []
    return result


def scheduled(rig: Rig, id: str = "x") -> list[str]:
    """Return the activities of an execution, in the order in which they were asked for."""
    events = rig.events(id)
    return [e.activity_type.name for e in events if isinstance(e, ActivityTaskScheduled)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_both_commands_of_the_docstring_give_one_result(path: Path, tmp_path: Path) -> None:
    durable, plain = commands(path)
    file, name = durable[2].split(":")
    assert durable[:2] == ["partita", "run"]
    assert plain == ["python", file] == ["python", str(path.relative_to(ROOT))]
    workflow: WorkflowDefinition[..., Any] = getattr(import_module(f"examples.{path.stem}"), name)
    args, kwargs = workflow.signature.load(Converter(), json.dumps(given(durable)))
    expected = workflow(*args, **kwargs)
    printed = msgspec.to_builtins(expected)
    assert json.loads(run(durable, tmp_path / "x.db")) == json.loads(json.dumps(printed))
    assert run(plain, tmp_path / "none.db").splitlines()[0] == str(expected)
    assert not (tmp_path / "none.db").exists()


def test_basic(rig: Rig) -> None:
    assert everywhere(rig, basic.calculate, 20, 0.01) == basic.calculate(20, 0.01) == 42
    assert "TimerFired" in rig.kinds("x")


def test_analyse_text_retries_and_agrees(rig: Rig) -> None:
    text = (ROOT / "LICENSE").read_text()
    report = everywhere(rig, analyse_text.analyse, text)
    assert report == analyse_text.analyse(text)
    assert (report.size, report.language) == ("an article", "English")
    assert report.words == len(re.findall(r"[^\W\d_]+", text.lower()))
    assert rig.kinds("x").count("ActivityTaskRescheduled") == 1


def test_analyse_text_goes_every_way(rig: Rig) -> None:
    assert everywhere(rig, analyse_text.analyse, "").size == "empty"
    note = everywhere(rig, analyse_text.analyse, "one two two", id="y")
    assert (note.size, note.language, note.frequent[0]) == ("a note", "unknown", "two")
    assert everywhere(rig, analyse_text.analyse, "und " * 10_000, id="z").size == "a book"


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
    report = everywhere(rig, checkout.checkout, ORDER)
    assert report == checkout.checkout(ORDER)
    assert report.parcel == "a parcel with pen, book"
    assert report.undone == []


def test_checkout_compensates_in_reverse_order(rig: Rig) -> None:
    report = everywhere(rig, checkout.checkout, TOO_HEAVY)
    assert report == checkout.checkout(TOO_HEAVY)
    assert report.parcel is None
    assert report.problem.startswith("CarrierDownError")
    names = ["charge", "reserve", "reserve", "ship", "release", "release", "refund"]
    assert scheduled(rig) == names


def test_programs_look_at_this_repository(rig: Rig) -> None:
    folder = str(ROOT / "src")
    report = everywhere(rig, programs.survey, folder)
    assert report == programs.survey(folder)
    files = [path for path in (ROOT / "src").rglob("*.py") if path.stat().st_size]
    assert report.files == len(files)
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert report.imports == sum(line.startswith(("import ", "from ")) for line in lines)
    assert report.todos == sum("TODO" in line for line in lines)
    assert scheduled(rig) == ["grep", "count_tokens", "grep", "grep"]
