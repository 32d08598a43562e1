"""`standalone`, `decider` and `worker`, on databases and on a real `partita serve`."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.cli.conftest import Partita, Said, begin
from tests.postgres import server
from tests.swf.command import served

FLOW = """
import os
import signal
from pathlib import Path
from partita import Retry, activity, signals, workflow

def note(text: str) -> None:
    with open("done", "a") as log:
        print(text, file=log)

@activity
def add(x: int, y: int) -> int:
    note(f"{x}+{y}")
    return x + y

@activity
def fragile(x: int) -> int:
    if not Path("mended").exists():
        raise ValueError("not yet")
    return x

@activity(start_to_close=1, retry=Retry(max_attempts=3, initial_interval=0))
def deadly(x: int) -> int:
    if not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x

@activity(task_list="apart")
def aside(x: int) -> int:
    return x

@workflow
def total(numbers: list[int]) -> int:
    sum = 0
    for number in numbers:
        sum = add(sum, number)
    return sum

@workflow(task_list="busy")
def delicate(x: int) -> int:
    return fragile(aside(add(x, 1)))

@workflow
def survivor(x: int) -> int:
    return add(deadly(add(x, 1)), 1)

@workflow
def waiting() -> str:
    note("waits")
    return next(iter(signals("go", str)))
"""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an endpoint in another process, which all tests share."""
    with served("sqlite:///there.db", folder=tmp_path_factory.mktemp("served")) as made:
        yield made.url


@pytest.fixture(params=["sqlite", "postgres", "swf"])
def backend(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a backend, SWF's one being a domain of an endpoint in another process."""
    (folder / "flow.py").write_text(FLOW)
    if request.param != "swf":
        return "sqlite:///here.db" if request.param == "sqlite" else server().url()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = urlencode({"endpoint": request.getfixturevalue("endpoint"), "sticky": 1})
    return f"swf://us-east-1/{uuid.uuid4().hex}?{options}"


ON_SWF = pytest.mark.parametrize("backend", ["swf"], indirect=True)


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker for as long as the block lasts; it has said that it works."""
    with begin(folder, *arguments) as process:
        try:
            assert process.stderr is not None
            assert any("stop it with Ctrl-C" in line for line in process.stderr)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("command", ["worker", "decider"])
@pytest.mark.parametrize("text", ["", "from partita import workflow\n", "def flow(): ...\n"])
def test_a_worker_without_anything_to_do_is_refused(folder: Path, command: str, text: str) -> None:
    (folder / "empty.py").write_text(text)
    with begin(folder, command, "empty.py") as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said == (
        "partita: empty.py: no workflow or activity is defined there; name the files or modules "
        "that define them, with @workflow or @activity above a function [LOAD_FAILED]\n"
    )


def done(folder: Path) -> list[str]:
    return (folder / "done").read_text().split()


def test_standalone_does_all_on_a_task_list_of_its_own(
    partita: Partita, folder: Path, backend: str
) -> None:
    target = ("standalone", "flow.py:total", "--backend", backend, "--id", "sum")
    said = partita(*target, "--input", "[[1, 2]]")
    assert (said.out, said.err, said.status) == ("3\n", "", 0)
    assert partita(*target).out == "3\n"
    assert done(folder) == ["0+1", "1+2"]
    said = partita("show", "sum", "--backend", backend, "-o", "json")
    assert json.loads(said.out)["task_list"].startswith("standalone-")


def test_a_repair_reuses_what_is_finished(partita: Partita, folder: Path, backend: str) -> None:
    target = ("flow.py:delicate", "--backend", backend)
    failed = partita("run", *target, "--id", "d", "--input", "[1]")  # on the task list "busy"
    failed.is_error(1, "ValueError: not yet", "WORKFLOW_FAILED")
    (folder / "mended").touch()
    repair = ("standalone", *target, "--repair", "d")
    assert partita(*repair) == Said("2\n", "", 0)
    again = partita(*repair)  # a repair that is done is not done again
    assert (again.out, again.status) == ("2\n", 0)
    assert again.err == (
        "partita: execution 'd' has completed, so nothing was repaired; this is its result\n"
    )
    assert done(folder) == ["1+1"]
    said = partita("show", "d", "--backend", backend, "-o", "json")
    assert json.loads(said.out)["task_list"].startswith("standalone-")


@ON_SWF
def test_what_cannot_be_repaired_is_told(partita: Partita, backend: str) -> None:
    target = ("standalone", "flow.py:total", "--backend", backend)
    partita(*target, "--repair", "nobody").is_error(3, "nobody", "EXECUTION_NOT_FOUND")
    for more in (["--id", "d"], ["--input", "[1]"], ["--tag", "urgent"]):
        partita(*target, "--repair", "d", *more).is_error(2, "leave out", "INVALID_OPTION")
    partita("start", "flow.py:waiting", "--id", "w", "--backend", backend)
    partita(*target, "--repair", "w").is_error(2, "waiting@1", "total@1", "INVALID_OPTION")


def test_a_standalone_that_is_killed_goes_on(
    partita: Partita, partita_process: Partita, folder: Path, backend: str
) -> None:
    target = ("standalone", "flow.py:survivor", "--backend", backend, "--id", "s")
    assert partita_process(*target, "--input", "[1]").status == -signal.SIGKILL
    assert partita(*target).out == "3\n"
    assert done(folder) == ["1+1", "2+1"]


@ON_SWF
def test_sigterm_says_how_to_go_on(partita: Partita, folder: Path, backend: str) -> None:
    target = ("standalone", "flow.py:waiting", "--backend", backend, "--id", "w")
    with begin(folder, *target) as process:
        while not (folder / "done").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "go on with: partita standalone flow.py:waiting --id w --backend" in err
    partita("signal", "w", "go", "--input", '"yes"', "--backend", backend)
    assert partita(*target).out == '"yes"\n'


def test_a_decider_and_a_worker_share_the_work(
    partita: Partita, folder: Path, backend: str
) -> None:
    at = ("--backend", backend)
    with serving(folder, "decider", "flow.py", *at) as decider:
        partita("start", "flow.py:total", "--id", "t", "--input", "[[1]]", *at)
        partita("start", "flow.py:waiting", "--id", "w", *at)
        partita("signal", "w", "go", "--input", '"yes"', *at)
        assert partita("result", "w", *at).out == '"yes"\n'
        assert done(folder) == ["waits"]
        with serving(folder, "worker", "--activities-only", "flow.py", *at) as worker:
            assert partita("result", "t", *at).out == "1\n"
            for process in (decider, worker):
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0


@ON_SWF
def test_commands_speak_to_executions_elsewhere(
    partita: Partita, folder: Path, backend: str
) -> None:
    at = ("--backend", backend)
    with serving(folder, "worker", "flow.py", *at) as worker:
        for id in ("canceled", "terminated"):
            partita("start", "flow.py:waiting", "--id", id, *at)
        assert partita("cancel", "canceled", *at).status == 0
        assert partita("terminate", "terminated", "--reason", "enough", *at).status == 0
        partita("result", "canceled", *at).is_error(1, "WORKFLOW_CANCELED")
        partita("result", "terminated", *at).is_error(1, "enough", "WORKFLOW_TERMINATED")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    rows = json.loads(partita("list", "-o", "json", *at).out)
    assert {row["workflow_id"]: row["status"] for row in rows} == {
        "canceled": "CANCELED",
        "terminated": "TERMINATED",
    }
    events = partita("history", "terminated", "-o", "jsonl", *at).out.splitlines()
    assert json.loads(events[-1])["event_type"] == "WorkflowExecutionTerminated"
    partita("history", "nobody", *at).is_error(3, "nobody", "EXECUTION_NOT_FOUND")


def test_standalone_has_a_task_list_of_its_own_and_repairs(partita: Partita, folder: Path) -> None:
    said = partita("standalone", "flow.py:total", "--input", "[[1, 2]]", "--id", "s")
    assert (said.out, said.status) == ("3\n", 0)
    info = json.loads(partita("show", "s", "-o", "json").out)
    assert info["task_list"].startswith("standalone-")
    failed = partita("standalone", "flow.py:broken", "--input", "[1]", "--id", "b")
    assert (failed.out, failed.status) == ("", 1)
    again = partita("standalone", "flow.py:broken", "--repair", "b")
    assert again.status == 1
    assert (folder / "added").read_text().count("1 1") == 1
    assert partita("standalone", "flow.py:total", "--repair", "b", "--input", "[]").status == 2
    assert partita("standalone", "flow.py:total", "--repair", "none").status == 3


def test_decider_is_a_worker_without_activities(partita: Partita, folder: Path) -> None:
    assert "Decide for the workflows" in partita("decider", "--help").out
    assert partita("decider", "--activities-only", "flow.py").status == 2


def test_swf_needs_swf(partita: Partita, folder: Path) -> None:
    said = partita("swf", "types")
    assert said.status == 2
    assert "swf://REGION/DOMAIN" in said.err
