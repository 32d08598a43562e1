"""`tasks`, `profile`, `history --by-task`, `standalone` and `decider`, on the embedded engine."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Partita


def test_tasks_and_profile_tell_what_took_how_long(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2, 3]]", "--id", "t")
    rows = json.loads(partita("tasks", "t", "-o", "json").out)
    assert [(row["name"], row["state"], row["attempts"]) for row in rows] == [
        ("add", "completed", 1)
    ] * 3
    assert all(row["scheduled_at"] <= row["started_at"] <= row["ended_at"] for row in rows)
    shown = partita("tasks", "t")
    assert shown.out.count("completed") == 3
    profiles = [json.loads(line) for line in partita("profile", "t", "-o", "jsonl").out.split()]
    assert sum(row["percentage"] for row in profiles) <= 100
    assert all(row["running"] >= 0 and row["scheduled"] >= 0 for row in profiles)
    assert "3 tasks in" in partita("profile", "t").out


def test_a_history_by_task_leaves_no_event_out(partita: Partita, folder: Path) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    every = json.loads(partita("history", "t", "-o", "json").out)
    groups = json.loads(partita("history", "t", "--by-task", "-o", "json").out)
    assert [group["name"] for group in groups] == ["add", "add", None]
    together = [event for group in groups for event in group["events"]]
    assert sorted(together, key=lambda event: event["event_id"]) == every
    assert "activity add, 1: completed" in partita("history", "t", "--by-task").out


def test_standalone_has_a_task_list_of_its_own_and_repairs(partita: Partita, folder: Path) -> None:
    said = partita("standalone", "flow.py:total", "--input", "[[1, 2]]", "--id", "s")
    assert (said.out, said.status) == ("3\n", 0)
    info = json.loads(partita("show", "s", "-o", "json").out)
    assert info["task_list"].startswith("standalone ")
    failed = partita("standalone", "flow.py:broken", "--input", "[1]", "--id", "b")
    assert (failed.out, failed.status) == ("", 1)
    again = partita("standalone", "flow.py:broken", "--repair", "b")
    assert again.status == 1
    assert (folder / "added").read_text().count("1 1") == 1
    assert partita("standalone", "flow.py:total", "--repair", "b", "--input", "[]").status == 2
    assert partita("standalone", "flow.py:total", "--repair", "none").status == 3


def test_list_by_time(partita: Partita, folder: Path) -> None:
    partita("start", "flow.py:total", "--input", "[[1]]", "--id", "a")
    for option, count in (
        (["--since", "1h"], 1),
        (["--until", "1h ago"], 0),
        (["--since", "2026-01-01T00:00"], 1),
        (["--until", "2026-01-01"], 0),
    ):
        assert len(json.loads(partita("list", *option, "-o", "json").out)) == count
    wrong = partita("list", "--since", "yesterday")
    assert wrong.status == 2
    assert "2026-11-21T09:00" in wrong.err


def test_decider_is_a_worker_without_activities(partita: Partita, folder: Path) -> None:
    said = partita("decider", "--help")
    assert "partita decider" in said.out
    assert partita("decider", "--activities-only", "flow.py").status == 2


def test_swf_needs_swf(partita: Partita, folder: Path) -> None:
    said = partita("swf", "types")
    assert said.status == 2
    assert "swf://REGION/DOMAIN" in said.err
