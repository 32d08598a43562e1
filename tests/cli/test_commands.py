"""Every command does what its help says, prints data on stdout, and ends with the right status."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, begin, environment
from tests.conftest import until


def test_run_prints_the_result_and_nothing_else(partita_process: Partita, folder: Path) -> None:
    said = partita_process("run", "flow.py:total", "--input", "[[1, 2, 3]]")
    assert (said.out, said.err, said.status) == ("6\n", "", 0)
    assert (folder / ".partita" / "partita.db").exists()


@pytest.mark.parametrize(
    ("given", "stdin"),
    [
        ('{"args": [[1, 2]], "kwargs": {"start": 10}}', ""),
        ('{"kwargs": {"numbers": [1, 2], "start": 10}}', ""),
        ("[[1, 2], 10]", ""),
        ("@input.json", ""),
        ("-", "[[1, 2], 10]"),
    ],
)
def test_input_in_every_form(partita: Partita, folder: Path, given: str, stdin: str) -> None:
    (folder / "input.json").write_text("[[1, 2], 10]")
    said = partita("run", "flow.py:total", "--input", given, stdin=stdin)
    assert (said.out, said.status) == ("13\n", 0)


def test_backend_by_option_before_and_after_and_by_environment(
    partita: Partita, folder: Path
) -> None:
    url = "sqlite:///other.db"
    partita("--backend", url, "start", "flow.py:total", "--input", "[[1]]", "--id", "a")
    partita("start", "flow.py:total", "--backend", url, "--input", "[[1]]", "--id", "b")
    partita("start", "flow.py:total", "--input", "[[1]]", "--id", "c", env={"PARTITA_BACKEND": url})
    rows = json.loads(partita("list", "--backend", url, "-o", "json").out)
    assert [row["workflow_id"] for row in rows] == ["c", "b", "a"]
    assert not (folder / ".partita").exists()


def test_start_worker_result(partita: Partita, folder: Path) -> None:
    said = partita("start", "flow.py:total", "--input", "[[4, 5]]", "--id", "w")
    assert said.out.split("\t")[0] == "w"
    assert partita("start", "flow.py:total", "--input", "[[4, 5]]", "--id", "w").out == said.out
    late = partita("result", "w", "--timeout", "0.05")
    late.is_error(4, "'w'", "WAIT_TIMED_OUT")
    worker = begin(folder, "worker", "flow.py")
    assert partita("result", "w", "--timeout", "30").out == "9\n"
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=30)
    assert (worker.returncode, out) == (0, "")
    assert "total" in err


@pytest.mark.parametrize("command", ["start", "run", "standalone"])
def test_what_is_said_of_a_start(partita: Partita, command: str) -> None:
    said = ["--tag", "urgent", "--tag", "eu", "--attribute", "customer=Ada", "--attribute", "n=2"]
    limits = ["--task-priority", "-3", "--execution-start-to-close", "90m"]
    done = partita(command, "flow.py:total", "--input", "[[1]]", "--id", "t", *said, *limits)
    assert done.status == 0
    begun = json.loads(partita("history", "t", "-o", "jsonl").out.splitlines()[0])
    assert begun["tag_list"] == ["urgent", "eu"]
    assert begun["task_priority"] == -3
    assert begun["execution_start_to_close"] == 90 * 60
    found = partita("list", "--tag", "eu", "--attribute", "customer=Ada", "--attribute", "n=2")
    assert "total" in found.out


def test_start_on_a_task_list(partita: Partita) -> None:
    partita("start", "flow.py:total", "--input", "[[1]]", "--id", "t", "--task-list", "slow")
    begun = json.loads(partita("history", "t", "-o", "jsonl").out.splitlines()[0])
    assert begun["task_list"] == "slow"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("--tag", ""), "--tag is empty"),
        (("--attribute", "Ada"), "NAME=VALUE"),
        (("--execution-start-to-close", "soon"), "no span of time"),
        (("--execution-start-to-close", "0s"), "execution_start_to_close"),
        (("--task-priority", "9999999999"), "task_priority"),
    ],
)
def test_what_cannot_be_said_of_a_start(
    partita: Partita, wrong: tuple[str, str], words: str
) -> None:
    said = partita("start", "flow.py:total", "--input", "[[1]]", "--id", "t", *wrong)
    said.is_error(2, words)
    assert partita("list", "-o", "jsonl").out == ""


def test_start_prints_json_on_request(partita: Partita) -> None:
    ids = json.loads(partita("start", "flow.py:total", "--input", "[[1]]", "-o", "json").out)
    assert set(ids) == {"workflow_id", "run_id"}


def test_list_show_and_history_in_every_format(partita: Partita) -> None:
    partita("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "t")
    partita("start", "flow.py:sleeper", "--input", "[5]", "--id", "s")
    table = partita("list").out
    assert table.index("s ") < table.index("t ")
    assert "COMPLETED" in table
    assert "\x1b[" not in table
    lines = partita("list", "-o", "jsonl", "--status", "open").out.splitlines()
    assert [json.loads(line)["workflow_id"] for line in lines] == ["s"]
    assert (
        json.loads(partita("list", "--type", "total", "-o", "json").out)[0]["status"] == "COMPLETED"
    )
    shown = partita("show", "t").out
    assert "add" in shown
    assert "completed" in shown
    assert [
        step["name"] for step in json.loads(partita("show", "t", "-o", "json").out)["steps"]
    ] == [
        "add",
        "add",
    ]
    assert json.loads(partita("show", "t", "-o", "jsonl").out)["workflow_id"] == "t"
    events = [json.loads(line) for line in partita("history", "t", "-o", "jsonl").out.splitlines()]
    assert events[0]["event_type"] == "WorkflowExecutionStarted"
    assert [event["event_id"] for event in events] == list(range(1, len(events) + 1))
    assert json.loads(partita("history", "t", "-o", "json").out) == events
    assert "WorkflowExecutionCompleted" in partita("history", "t").out


def test_signal_cancel_and_terminate(partita: Partita) -> None:
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "s")
    said = partita("signal", "s", "hello", "--input", '{"a": 1}')
    assert (said.out, said.status) == ("", 0)
    assert partita("cancel", "s").status == 0
    assert partita("terminate", "s", "--reason", "enough").status == 0
    events = [json.loads(line) for line in partita("history", "s", "-o", "jsonl").out.splitlines()]
    assert [event["event_type"] for event in events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
        "WorkflowExecutionTerminated",
    ]
    assert json.loads(events[2]["input"]) == {"a": 1}
    partita("result", "s").is_error(1, "terminated", "enough")
    partita("signal", "s", "again").is_error(3, "closed")


def test_a_failed_workflow_ends_with_status_1(partita: Partita) -> None:
    said = partita("run", "flow.py:broken", "--input", "[1]", "--id", "b")
    said.is_error(1, "KeyError", "no such thing", "WORKFLOW_FAILED")
    partita("result", "b").is_error(1, "KeyError")
    debug = partita("run", "flow.py:broken", "--input", "[1]", "--id", "b", "--debug")
    assert "Traceback" in debug.err


def test_what_is_not_there_ends_with_status_3(partita: Partita) -> None:
    for command in ("result", "show", "history", "cancel", "terminate"):
        partita(command, "nobody").is_error(3, "'nobody'", "partita list")
    partita("signal", "nobody", "x").is_error(3, "'nobody'")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "flow.py:broken", "--input", "[1]", "--id", "b"],
        ["run", "nonsense"],
        ["result", "nobody"],
        ["list", "-o", "json"],
        ["list", "--backend", "sqlite:///flow.py"],
        ["--version"],
    ],
)
def test_a_process_ends_as_the_command_does_in_ours(
    partita: Partita, partita_process: Partita, arguments: list[str]
) -> None:
    theirs, ours = partita_process(*arguments), partita(*arguments)
    for said in (theirs, ours):  # the first one also tells of the failure
        said.err = "".join(said.err.splitlines(keepends=True)[-1:])
    assert theirs == ours


def test_wrong_usage_ends_with_status_2(partita: Partita) -> None:
    assert partita("run").status == 2
    assert partita("nonsense").status == 2
    assert partita("list", "--no-such-option").status == 2
    assert partita("result", "x", "--timeout", "soon").status == 2


def test_run_again_after_sigkill_repeats_no_finished_step(partita: Partita, folder: Path) -> None:
    first = begin(folder, "run", "flow.py:stuck", "--id", "k")
    until((folder / "begun").exists)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    mended = (folder / "flow.py").read_text().replace("time.sleep(60)", "pass")
    (folder / "flow.py").write_text(mended)
    said = partita("run", "flow.py:stuck", "--id", "k")
    assert (said.out, said.status) == ('"late"\n', 0)
    assert (folder / "added").read_text() == "1 1\n"


def test_run_with_an_id_and_no_input_goes_on_with_what_is_there(partita: Partita) -> None:
    partita("start", "flow.py:total", "--input", "[[4, 5]]", "--id", "w")
    assert partita("run", "flow.py:total", "--id", "w").out == "9\n"
    partita("run", "flow.py:total", "--id", "new").is_error(2, "'numbers'")
    partita("run", "flow.py:sleeper", "--id", "w").is_error(2, "'seconds'")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_how_to_go_on(folder: Path, number: signal.Signals) -> None:
    process = begin(folder, "run", "flow.py:sleeper", "--input", "[60]", "--id", "i")
    until((folder / ".partita" / "partita.db").exists)
    listing = [sys.executable, "-m", "partita", "history", "i"]
    until(
        lambda: (
            b"TimerStarted"
            in subprocess.run(
                listing, cwd=folder, env=environment(), capture_output=True, check=False
            ).stdout
        )
    )
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("", 128 + number)
    assert "partita run flow.py:sleeper --id i" in err


def test_progress_is_live_on_a_terminal_only(folder: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "partita", "run", "flow.py:total", "--input", "[[1, 2]]"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=terminal
    )
    os.close(terminal)
    seen = b""
    try:
        while chunk := os.read(controller, 1 << 16):
            seen += chunk
    except OSError:  # the terminal's other end is closed
        pass
    out, _ = process.communicate(timeout=30)
    os.close(controller)
    assert out == b"3\n"
    assert b"2 of 2 steps done" in seen


def test_demo_kills_its_worker_and_repeats_no_finished_step(partita: Partita) -> None:
    said = partita("demo")
    assert said.status == 0, said
    assert "kill -9" in said.out
    assert "4 steps ran once" in said.out
    assert "Try next" in said.out
    assert said.err == ""


def test_help_and_version(partita: Partita) -> None:
    help = partita("--help").out
    for command in ("run", "worker", "start", "result", "list", "show", "history", "demo"):
        assert f"  {command}" in help
        assert partita(command, "--help").out.startswith("Usage: partita " + command)
    assert partita("--version").out.startswith("partita, version ")


def test_the_command_line_loads_lazily() -> None:
    code = (
        "import partita.cli, sys; "
        "print([m for m in ('rich', 'starlette', 'asyncio', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
