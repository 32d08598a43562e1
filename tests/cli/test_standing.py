"""`show` tells input, result, waits and counts; nobody waits in vain without being told at once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, begin
from tests.conftest import until

FLOW = """
from pathlib import Path
from typing import TypedDict
from partita import Signal, activity, query, update, wait_signal, workflow

class Decision(TypedDict):
    ok: bool
    by: str

approve = Signal("approve", Decision)

@activity
def one(x: int) -> int:
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x

@workflow
def waits(x: int) -> str:
    one(x)
    @query
    def stage(width: int = 3) -> str:
        return "waiting"[:width]
    @update
    def rename(name: str) -> str:
        return name
    return wait_signal(approve)["by"]

@workflow
def many(n: int) -> list[int]:
    return one.map(range(n)).result()

@workflow
def child(x: int) -> int:
    return one(x)

@workflow
def family(x: int) -> int:
    return child(x) + child(x + 1)

@workflow
def fails() -> int:
    slow = one.submit(1)
    return one(-1) + slow.result()
"""


@pytest.fixture
def flow(folder: Path) -> Path:
    (folder / "standing.py").write_text(FLOW)
    return folder


ON_DATABASES = pytest.mark.parametrize("everywhere_url", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def waiting(everywhere: Partita, everywhere_url: str, flow: Path) -> Iterator[None]:
    """A worker in another process, and the execution `w` that waits for a signal."""
    worker = begin(flow, "worker", "standing.py", "--backend", everywhere_url)
    try:
        everywhere("start", "standing.py:waits", "--input", "[7]", "--id", "w")
        until(lambda: "signal approve since" in everywhere("show", "w").out, seconds=60)
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


@ON_DATABASES
@pytest.mark.usefixtures("waiting")
def test_show_tells_the_signal_that_the_code_waits_for(everywhere: Partita) -> None:
    said = everywhere("show", "w").out
    assert "It waits for: signal approve since " in said
    assert "1 of 1 steps" in said
    found = json.loads(everywhere("show", "w", "-o", "json").out)
    assert found["input"] == [7]
    assert found["waits_for"][0].startswith("signal approve since")


@ON_DATABASES
@pytest.mark.usefixtures("waiting")
def test_messages_are_checked_by_the_running_code(everywhere: Partita) -> None:
    everywhere("signal", "w", "aprove").is_error(2, "did you mean 'approve'", "UNKNOWN_TYPE")
    misfit = '{"ok": "yes", "by": "ann"}'
    everywhere("signal", "w", "approve", "--input", misfit).is_error(2, "ok", "INVALID_INPUT")
    everywhere("update", "w", "renam").is_error(2, "did you mean 'rename'", "UNKNOWN_TYPE")
    everywhere("update", "w", "rename", "--input", "[5]").is_error(2, "'name'", "INVALID_INPUT")
    everywhere("query", "w", "stag").is_error(2, "did you mean 'stage'", "UNKNOWN_TYPE")
    everywhere("query", "w", "stage", "--input", '["x"]').is_error(1, "'width'", "QUERY_FAILED")
    assert "WorkflowExecutionSignaled" not in everywhere("history", "w").out
    assert everywhere("update", "w", "rename", "--input", '["b"]').out == '"b"\n'
    everywhere("signal", "w", "approve", "--input", '{"ok": true, "by": "ann"}')
    assert everywhere("result", "w", "--timeout", "30").out == '"ann"\n'


@pytest.mark.usefixtures("flow")
def test_a_message_without_a_worker_is_sent_unchecked(everywhere: Partita) -> None:
    everywhere("start", "standing.py:waits", "--input", "[7]", "--id", "w")
    assert everywhere("signal", "w", "anything", "--input", "5").status == 0


@ON_DATABASES
@pytest.mark.usefixtures("flow")
def test_everybody_says_at_once_that_nobody_serves(everywhere: Partita) -> None:
    nobody = "no worker is alive to run workflow waits; start one: partita worker FILE"
    started = everywhere("start", "standing.py:waits", "--input", "[7]", "--id", "w")
    assert started.err == f"partita: execution w waits: {nobody}\n"
    assert nobody in everywhere("show", "w").out
    late = everywhere("result", "w", "--timeout", "0")
    assert late.err.splitlines()[0] == started.err.strip()
    late.is_error(4, nobody)
    checked = everywhere("doctor")
    assert (checked.status, "unserved: no worker is alive" in checked.out) == (1, True)


def test_run_says_that_nobody_serves_a_task_list(folder: Path) -> None:
    (folder / "far.py").write_text(
        "from partita import activity, workflow\n\n"
        "@activity(task_list=lambda: 'gpu')\ndef far() -> int:\n    return 1\n\n"
        "@workflow\ndef asks() -> int:\n    return far()\n"
    )
    with begin(folder, "run", "far.py:asks", "--id", "f") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "partita: execution f waits: workers that have activity far are alive, but none serves "
            "task list gpu; start one: partita worker FILE --task-list gpu\n"
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.usefixtures("flow")
def test_a_wait_that_no_worker_will_end_is_told(partita: Partita, folder: Path) -> None:
    worker = begin(folder, "worker", "standing.py")
    partita("start", "standing.py:waits", "--input", "[7]", "--id", "w")
    until(lambda: "signal approve since" in partita("show", "w").out, seconds=60)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)
    nobody = "no worker of Partita is alive; start one: partita worker FILE"
    assert f"It waits for: {nobody}" in partita("show", "w").out
    late = partita("result", "w", "--timeout", "0")
    assert late.err.splitlines()[0] == f"partita: execution w waits: {nobody}"


def test_a_worker_without_the_code_is_named(partita: Partita, flow: Path) -> None:
    worker = begin(flow, "worker", "flow.py")
    assert worker.stderr is not None
    begun = worker.stderr.readline()
    assert " on task list default of sqlite:///.partita/partita.db; workflows: " in begun
    assert "; activities: add, large, make, slow; " in begun
    try:
        started = partita("start", "standing.py:waits", "--input", "[7]", "--id", "w")
        wanted = "no living worker has the code of workflow waits (alive: process"
        assert f"{wanted} {worker.pid})" in started.err
        elsewhere = partita("start", "flow.py:total", "--input", "[[]]", "--task-list", "far")
        assert "none serves task list far; start one: partita worker FILE --task-list far" in (
            elsewhere.err
        )
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


@pytest.mark.usefixtures("flow")
def test_show_counts_and_limits(partita: Partita) -> None:
    partita("run", "standing.py:many", "--input", "[1200]", "--id", "m")
    said = partita("show", "m", "--limit", "3").out
    assert "1,200 of 1,200 steps" in said
    assert "(the newest 3 of 1,200; --limit 1200 shows all)" in said
    assert said.count(" completed ") == 3
    found = json.loads(partita("show", "m", "-o", "json").out)
    assert (found["steps_done"], found["steps_scheduled"], len(found["steps"])) == (1200,) * 3


@pytest.mark.usefixtures("flow")
def test_show_tells_finished_children_results_and_errors(everywhere: Partita) -> None:
    everywhere("run", "standing.py:family", "--input", "[1]", "--id", "f")
    said = everywhere("show", "f").out
    assert "2 of 2 children" in said
    assert said.count("child") >= 2
    assert "result       3" in said
    everywhere("run", "standing.py:fails", "--id", "x")
    found = json.loads(everywhere("show", "x", "-o", "json").out)
    assert found["failed_at"] == "standing.py:15 in one"
    assert (found["steps_done"], found["steps_failed"]) in ((1, 1), (0, 1))
    assert {step["state"] for step in found["steps"]} <= {"failed", "completed", "left open"}
    assert [one["note"] for one in found["steps"] if one["state"] == "failed"] == [
        "ValueError: -1 is negative"
    ]


def test_looking_at_a_path_without_a_database_makes_none(partita: Partita, folder: Path) -> None:
    at = ["--backend", "sqlite:///absent/x.db"]
    looks = (["list"], ["count"], ["schedule", "list"], ["retention", "show"], ["limit"])
    for command in (*looks, ["prune", "--older-than", "1d"]):
        said = partita(*command, *at)
        assert said.status == 0
        assert said.err.startswith("partita: there is no database absent/x.db (")
        assert said.err.count("there is no database") == 1
    for command in (["show", "w"], ["history", "w"], ["signal", "w", "x"], ["cancel", "w"]):
        partita(*command, *at).is_error(3, "no execution 'w'", "there is no database absent/x.db")
    for command in (["schedule", "show", "n"], ["schedule", "preview", "n"]):
        partita(*command, *at).is_error(3, "no schedule 'n'", "there is no database absent/x.db")
    assert not (folder / "absent").exists()
