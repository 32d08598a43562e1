"""The commands for what the language has beyond activities, each as a process of its own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, begin
from tests.conftest import until

TALK = """
from pathlib import Path
from partita import (
    Workflow, activity, query, update, upsert_search_attributes, wait_signal, workflow
)

@activity
def step(name: str) -> str:
    with open("steps", "a") as log:
        print(name, file=log)
    if Path("broken").exists() and name == "last":
        raise ValueError("it is broken")
    return name.upper()

@workflow
def talk(size: int) -> int:
    total = 0
    upsert_search_attributes(size=size, colour="blue")

    @query
    def current(factor: int = 1) -> int:
        return total * factor

    @update
    def add(x: int) -> int:
        nonlocal total
        step(f"add {x}")
        total += x
        return total

    wait_signal("stop")
    return total

@workflow
def steps() -> list[str]:
    return [step("first"), step("second"), step("last")]

@activity(task_list="far")
def far(x: int) -> int:
    return x

@workflow(task_list="near")
def routed() -> list[int]:
    return [far(1), far.options(task_list="asked for")(2)]

class Polite(Workflow):
    name = "polite"

    def run(self, who: str) -> str:
        return f"hello {who}"
"""


def shows(partita: Partita, id: str, word: str) -> bool:
    """Whether `show` says that."""
    return word in partita("show", id).out


@pytest.fixture
def talking(folder: Path) -> Path:
    """A folder with the file."""
    (folder / "talk.py").write_text(TALK)
    return folder


@pytest.fixture
def worker(talking: Path) -> Iterator[None]:
    """A worker process that has the file's workflows."""
    process = begin(talking, "worker", "talk.py")
    yield
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)
    assert process.returncode == 0, said


def test_queries_and_updates_reach_another_process(
    partita: Partita, talking: Path, worker: None
) -> None:
    partita("start", "talk.py:talk", "--input", "[3]", "--id", "t")
    assert partita("update", "t", "add", "--input", "[4]", "--timeout", "20").out == "4\n"
    assert partita("query", "t", "current").out == "4\n"
    asked = partita("query", "t", "current", "--input", '{"kwargs": {"factor": 10}}')
    assert (asked.out, asked.err, asked.status) == ("40\n", "", 0)
    partita("query", "t", "nonsense").is_error(2, "it answers: current", "UNKNOWN_TYPE")
    partita("query", "t", "current", "--input", '["x"]').is_error(1, "factor", "QUERY_FAILED")
    partita("update", "t", "add", "--input", '["x"]').is_error(2, "argument 'x'", "INVALID_INPUT")
    partita("update", "t", "add", "--input", "4").is_error(2, "write a list", "INVALID_INPUT")
    partita("signal", "t", "stop")
    assert partita("result", "t", "--timeout", "20").out == "4\n"
    assert partita("query", "t", "current").out == "4\n"
    assert (talking / "steps").read_text() == "add 4\n"


def test_a_query_without_a_worker_replays_the_code(partita: Partita, talking: Path) -> None:
    partita("start", "talk.py:talk", "--input", "[3]", "--id", "t")
    partita("query", "t", "current").is_error(69, "start one", "NO_WORKER")
    said = partita("query", "t", "current", "--code", "talk.py")
    said.is_error(1, "has not begun", "QUERY_FAILED")
    process = begin(talking, "worker", "talk.py")
    assert partita("update", "t", "add", "--input", "[2]", "--timeout", "20").out == "2\n"
    process.kill()
    process.communicate()
    said = partita("query", "t", "current", "--code", "talk.py", "--timeout", "0.2")
    assert said.out == "2\n"


def test_lists_by_search_attribute(partita: Partita, talking: Path, worker: None) -> None:
    for size in (1, 2):
        partita("start", "talk.py:talk", "--input", f"[{size}]", "--id", f"t{size}")
        until(partial(shows, partita, f"t{size}", "blue"))

    def listed(*attributes: str) -> list[str]:
        options = [word for text in attributes for word in ("--attribute", text)]
        rows = json.loads(partita("list", *options, "-o", "json").out)
        return sorted(row["workflow_id"] for row in rows)

    assert listed("colour=blue") == ["t1", "t2"]
    assert listed("colour=blue", "size=2") == ["t2"]
    assert listed('size="2"') == []
    partita("list", "--attribute", "size").is_error(2, "write NAME=VALUE")


def test_rerun_and_fork(partita: Partita, talking: Path, worker: None) -> None:
    steps = talking / "steps"
    (talking / "broken").touch()
    partita("start", "talk.py:steps", "--id", "s")
    partita("result", "s", "--timeout", "20").is_error(1, "it is broken", "WORKFLOW_FAILED")
    assert steps.read_text().split() == ["first", "second", "last"]
    (talking / "broken").unlink()
    assert partita("rerun", "s").out.startswith("s\t")
    assert partita("result", "s", "--timeout", "20").out == '["FIRST","SECOND","LAST"]\n'
    assert steps.read_text().split() == ["first", "second", "last", "last"]
    said = partita("rerun", "s")
    said.is_error(2, "is completed", "partita fork s --event N", "INVALID_OPTION")
    assert "COMPLETED" in partita("show", "s").out
    partita("fork", "s", "--as", "f", "--result", '2="CHANGED"')
    assert partita("result", "f", "--timeout", "20").out == '["FIRST","CHANGED","LAST"]\n'
    partita("fork", "s", "--event", "999").is_error(2, "has events 1 to", "UNKNOWN_FORK_POINT")
    partita("fork", "s", "--result", "2").is_error(2, "write ACTIVITY_ID=JSON")
    partita("rerun", "nobody").is_error(3, "nobody", "EXECUTION_NOT_FOUND")


def test_a_class_is_run_by_its_name(partita: Partita, talking: Path) -> None:
    assert partita("run", "talk.py:Polite", "--input", '["you"]').out == '"hello you"\n'
    assert partita("run", "talk.py:polite", "--input", '["you"]').out == '"hello you"\n'


def test_run_serves_the_files_task_lists(partita: Partita, talking: Path) -> None:
    assert partita("run", "talk.py:routed", "--task-list", "asked for").out == "[1,2]\n"


def test_limits(partita: Partita, talking: Path) -> None:
    said = partita("limit", "gpu", "--concurrency", "2", "--per-second", "5")
    assert (said.out, said.status) == ("", 0)
    expected = {"gpu": {"concurrency": 2, "per_second": 5.0, "burst": 5.0}}
    assert json.loads(partita("limit").out) == json.loads(partita("limit", "gpu").out) == expected
    assert json.loads(partita("limit", "other").out) == {}
    partita("limit", "gpu", "--none")
    assert json.loads(partita("limit").out) == {}
    partita("limit", "--concurrency", "2").is_error(2, "which task list", "INVALID_OPTION")
    partita("limit", "gpu", "--per-second", "-1").is_error(2, "above 0", "INVALID_OPTION")
    assert partita("limit", "gpu", "--concurrency", "0").status == 2


def test_schedules(partita: Partita, talking: Path, worker: None) -> None:
    schedule = scheduling(partita)
    assert schedule("create", "s", "talk.py:steps", "--cron", "0 0 1 1 *").status == 0
    taken = schedule("create", "s", "talk.py:steps", "--cron", "0 0 1 1 *")
    taken.is_error(5, "schedule:s", "EXECUTION_ALREADY_STARTED")
    until(lambda: json.loads(schedule("show", "s").out)["state"].get("next"))
    schedule("trigger", "s")
    until(lambda: "LAST" in partita("list", "--type", "steps").out or _done(partita))
    schedule("pause", "s", "--note", "later")
    until(lambda: "paused" in schedule("list").out)
    assert json.loads(schedule("show", "s").out)["state"]["note"] == "later"
    schedule("resume", "s")
    schedule("backfill", "s", "--since", "2020-01-01", "--until", "2021-06-01")
    until(lambda: json.loads(schedule("show", "s").out)["state"].get("started") == 3)
    wrong = schedule("backfill", "s", "--since", "then", "--until", "now")
    wrong.is_error(2, "is not a time", "INVALID_INPUT")
    schedule("delete", "s")
    until(lambda: json.loads(schedule("list", "-o", "json").out) == [])
    schedule("show", "s").is_error(3, "no schedule 's'", "EXECUTION_NOT_FOUND")
    never = schedule("create", "n", "talk.py:steps", "--cron", "0 0 31 2 *")
    never.is_error(2, "31 2", "INVALID_OPTION")


def scheduling(partita: Partita) -> Partita:
    return lambda *words: partita("schedule", *words)


def _done(partita: Partita) -> bool:
    rows = json.loads(partita("list", "--type", "steps", "-o", "json").out)
    return bool(rows) and all(row["status"] == "COMPLETED" for row in rows)
