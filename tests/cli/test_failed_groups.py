"""A failed group says on the command line what was in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Partita

FLOW = """
import asyncio
from partita import activity, group, task, workflow

class Declined(Exception):
    def __init__(self, code):
        super().__init__(f"declined with code {code}")
        self.code = code

@activity
def charge(code: int) -> None:
    raise Declined(code)

@activity
async def look_up(key: str) -> None:
    raise KeyError(key)

@workflow
async def tasks() -> None:
    async with asyncio.TaskGroup() as running:
        running.create_task(look_up("k"))

@workflow
async def nested() -> None:
    try:
        async with asyncio.TaskGroup() as running:
            running.create_task(look_up("k"))
    except ExceptionGroup as inner:
        raise ExceptionGroup("both", [Declined(51), inner])

@workflow
def shapes() -> None:
    group(task(charge, 1), task(charge, 1)).submit().result()

@workflow
def of_a_child() -> None:
    shapes()

@workflow
def many() -> None:
    raise ExceptionGroup("too\\nmany", [ValueError(f"line {i}\\nmore") for i in range(30)])

@activity
def grouped() -> None:
    raise ExceptionGroup("in an activity", [Declined(3), OSError(2, "gone", "a.csv")])

@workflow
def of_an_activity() -> None:
    grouped()
"""
GROUPS = {
    "tasks": "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception): KeyError: 'k'",
    "shapes": "ExceptionGroup: 2 of 2 parts of a group failed (2 sub-exceptions): "
    "Declined: declined with code 1; Declined: declined with code 1",
    "of_a_child": "ExceptionGroup: 2 of 2 parts of a group failed (2 sub-exceptions): "
    "Declined: declined with code 1; Declined: declined with code 1",
    "of_an_activity": "ExceptionGroup: in an activity (2 sub-exceptions): "
    "Declined: declined with code 3; FileNotFoundError: [Errno 2] gone: 'a.csv'",
    "nested": "ExceptionGroup: both (2 sub-exceptions): "
    "Declined: declined with code 51; "
    "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception): (KeyError: 'k')",
}


@pytest.fixture
def groups(folder: Path, partita: Partita) -> Partita:
    (folder / "groups.py").write_text(FLOW)
    return partita


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_one_line_says_what_was_in_it(groups: Partita, name: str) -> None:
    failed = groups("run", f"groups.py:{name}", "--id", "g")
    failed.is_error(1)
    assert failed.err.splitlines()[-1] == f"partita: {GROUPS[name]} [WORKFLOW_FAILED]"
    assert json.loads(groups("show", "g", "-o", "json").out)["reason"] == GROUPS[name]
    (row,) = [line for line in groups("show", "g").out.splitlines() if "reason" in line]
    assert " ".join(row.split()) == f"reason {GROUPS[name]}"
    groups("result", "g").is_error(1, GROUPS[name])


def test_a_large_group_is_still_one_line(groups: Partita) -> None:
    failed = groups("run", "groups.py:many", "--id", "g")
    failed.is_error(1, "too many (30 sub-exceptions): ValueError: line 0 more; ", "; and 20 more [")


def test_the_event_holds_what_was_in_it(groups: Partita) -> None:
    groups("run", "groups.py:nested", "--id", "g")
    event = json.loads(groups("history", "g", "-o", "json").out)[-1]
    details = json.loads(event["details"])
    assert [one["type"] for one in details["others"]] == ["Declined", "ExceptionGroup", "KeyError"]
    assert details["parts"] == [1, 2]
    assert details["others"][1]["parts"] == [3]
    assert details["others"][0]["attributes"] == {"code": 51}


def test_debug_shows_it_nested(groups: Partita) -> None:
    said = groups("run", "groups.py:nested", "--debug").err
    assert said.count("+-+---------------- 1 ----------------") >= 2
    for text in ("Declined: declined with code 51", "KeyError: 'k'", "in look_up"):
        assert any(line.startswith("  ") and text in line for line in said.splitlines())
    assert said.endswith("[WORKFLOW_FAILED]\n")
