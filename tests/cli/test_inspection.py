"""`tasks`, `profile`, `history --grouped`, `list` and `count`: over a database and over SWF."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.cli import main
from partita.server.local import swf_endpoint
from tests.cli.conftest import Partita, Said

Asked = Callable[..., Said]
TAGGED = '@workflow(tags=["red"])\ndef total'


@pytest.fixture(params=["sqlite", "swf"])
def asked(
    request: pytest.FixtureRequest,
    partita: Partita,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Asked]:
    """Run commands over a database, or over SWF's protocol; `w` is done and `s` is open."""
    code = folder / "flow.py"
    code.write_text(code.read_text().replace("@workflow\ndef total", TAGGED))
    if request.param == "sqlite":
        yield _filled(partita, f"sqlite:///{folder}/here.db", capsys)
        return
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "tests")
    with swf_endpoint() as address:
        yield _filled(partita, f"swf://us-east-1/tests?endpoint={address}", capsys)


def _filled(partita: Partita, url: str, capsys: pytest.CaptureFixture[str]) -> Asked:
    env = {"PARTITA_BACKEND": url}
    done = partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "w", env=env)
    assert (done.out, done.status) == ("3\n", 0), done
    other = partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "s", env=env)
    assert other.status == 0, other
    return lambda *arguments: _here(["--backend", url, *arguments], capsys)


def _here(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command that only looks in this process: there are many of them."""
    capsys.readouterr()
    status = main(arguments)
    said = capsys.readouterr()
    return Said(said.out, said.err, status)


def test_tasks_of_a_closed_run_without_its_run_id(asked: Asked) -> None:
    found = json.loads(asked("tasks", "w", "-o", "json").out)
    assert [(task["kind"], task["name"], task["state"]) for task in found] == [
        ("activity", "add", "completed")
    ] * 2
    for task in found:
        assert task["scheduled_at"] <= task["started_at"] <= task["closed_at"]
        assert (task["attempts"], task["last_event"]) == (1, "ActivityTaskCompleted")
    lines = asked("tasks", "w", "--all", "-o", "jsonl").out.splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"activity", "decision"}
    table = asked("tasks", "w").out
    assert "completed" in table
    assert "ActivityTaskCompleted" in table


def test_tasks_and_profiles_are_limited(asked: Asked) -> None:
    every = json.loads(asked("tasks", "w", "-o", "json").out)
    for number in (1, 2, 99):
        given = ("w", "--limit", str(number), "-o", "json")
        assert json.loads(asked("tasks", *given).out) == every[-number:]
        found = json.loads(asked("profile", *given).out)
        assert len(found["tasks"]) == min(number, 2)
        assert found["types"][0]["count"] == 2  # sums are of all
    assert "(the newest 1 of 2; --limit 2 shows all)" in asked("tasks", "w", "--limit", "1").out
    assert "(the longest 1 of 2; --limit" in asked("profile", "w", "--limit", "1").out
    assert "shows all" not in asked("tasks", "w", "--limit", "2").out
    for command in ("tasks", "profile"):
        for refused in ("0", "-1", "many", "1.5"):
            said = asked(command, "w", "--limit", refused)
            assert (said.status, said.out) == (2, ""), said
            assert "--limit" in said.err


def test_profile(asked: Asked) -> None:
    found = json.loads(asked("profile", "w", "-o", "json").out)
    assert [task["name"] for task in found["tasks"]] == ["add", "add"]
    [of_type] = found["types"]
    assert (of_type["kind"], of_type["name"], of_type["count"]) == ("activity", "add", 2)
    assert of_type["running"] == pytest.approx(sum(task["running"] for task in found["tasks"]))
    assert 0 <= of_type["running"] + of_type["waiting"] <= found["total"]
    table = asked("profile", "w").out
    assert "It took " in table
    assert "LONGEST" in table


def test_grouped_history_holds_every_event(asked: Asked) -> None:
    raw = json.loads(asked("history", "w", "-o", "json").out)
    groups = json.loads(asked("history", "w", "--grouped", "-o", "json").out)
    every = [event for group in groups for event in group["events"]]
    assert sorted(every, key=_event_id) == raw
    lines = asked("history", "w", "--grouped", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["events"] for line in lines] == [group["events"] for group in groups]
    table = asked("history", "w", "--grouped").out
    assert "the execution itself" in table
    assert "activity add 1: completed" in table


def _event_id(event: dict[str, Any]) -> int:
    return int(event["event_id"])


FILTERS: dict[str, tuple[list[str], list[str]]] = {
    "all": ([], ["s", "w"]),
    "a status": (["--status", "completed"], ["w"]),
    "either status": (["--status", "open", "--status", "completed"], ["s", "w"]),
    "a type": (["--type", "sleeper"], ["s"]),
    "a tag": (["--tag", "red"], ["w"]),
    "an id": (["--id", "s"], ["s"]),
    "a tag and another's id": (["--tag", "red", "--id", "s"], []),
    "begun since": (["--started-after", "1h"], ["s", "w"]),
    "begun since a date": (["--started-after", "2020-01-01"], ["s", "w"]),
    "begun before": (["--started-before", "1h"], []),
    "begun before a far date": (["--started-before", "2999-01-01T00:00+00:00"], ["s", "w"]),
    "ended since": (["--closed-after", "1h"], ["w"]),
    "ended before": (["--closed-before", "1d"], []),
    "ended between": (["--closed-after", "1w", "--closed-before", "2999-01-01"], ["w"]),
    "ended and open": (["--closed-after", "1h", "--status", "open"], []),
}


def test_list_and_count_agree_on_every_filter(asked: Asked) -> None:
    for name, (options, expected) in FILTERS.items():
        listed = asked("list", *options, "-o", "jsonl")
        found = [json.loads(line)["workflow_id"] for line in listed.out.splitlines()]
        assert found == expected, (name, listed)
        assert asked("count", *options).out == f"{len(expected)}\n", name


def test_a_limit_counts_what_fits(partita: Partita) -> None:
    for number in range(3):
        partita("run", "flow.py:total", "--input", "[[]]", "--id", f"w{number}")
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "open")
    listed = partita("list", "--closed-after", "1h", "--limit", "2", "-o", "jsonl").out
    assert [json.loads(line)["workflow_id"] for line in listed.splitlines()] == ["w2", "w1"]
    assert partita("count", "--closed-after", "1h").out == "3\n"


@pytest.mark.parametrize("text", ["tomorrow", "", "2h ago", "-2h", "1e9d", "2026-13-01", "nand"])
def test_what_is_no_moment_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = _here(["list", f"--closed-before={text}"], capsys)
    said.is_error(2, "--closed-before", repr(text), "2h", "INVALID_OPTION")
    assert os.listdir(tmp_path) == []


def test_nobody_has_no_tasks(partita: Partita) -> None:
    for command in ("tasks", "profile"):
        partita(command, "nobody").is_error(3, "'nobody'", "partita list")
