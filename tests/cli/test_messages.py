"""What commands say: times, hints, places, schedules; each says what to do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from partita import workflow
from partita.client import Client
from partita.client.execution_client import _late
from partita.client.messages import unanswered
from partita.connect import connect
from tests.cli.conftest import Partita


@workflow
def nightly() -> None: ...


def test_times_in_json_are_iso_8601(everywhere: Partita) -> None:
    everywhere("run", "flow.py:total", "--input", "[[1, 2]]", "--id", "w")
    found = json.loads(everywhere("show", "w", "-o", "json").out)
    [row] = json.loads(everywhere("list", "-o", "json").out)
    events = json.loads(everywhere("history", "w", "-o", "json").out)
    tasks = json.loads(everywhere("tasks", "w", "-o", "json").out)
    moments = [found["started_at"], found["steps"][0]["ended_at"], row["closed_at"]]
    moments += [events[0]["event_timestamp"], tasks[0]["last_event_at"]]
    for text in moments:
        assert text.endswith("+00:00")
        assert abs((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()) < 600
    assert found["input"] == [[1, 2]]


def test_a_misspelt_command_names_the_nearest(partita: Partita) -> None:
    partita("runn", "flow.py").is_error(2, "'runn'; did you mean 'run'?")
    partita("zzz").is_error(2, "--help")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--foo"], "No such option '--foo'."),
        (["run"], "Missing argument 'FILE:WORKFLOW'."),
        (["run", "f.py:w", "--inptu", "[]"], "Did you mean '--input'?"),
        (["schedule", "prevew", "n"], "No such command 'prevew'."),
        (["result", "w", "--timeout", "x"], "'x' is not a valid float"),
    ],
)
def test_wrong_usage_ends_with_one_line_and_a_code(
    partita: Partita, words: list[str], problem: str
) -> None:
    said = partita(*words)
    assert (said.status, said.out) == (2, "")
    *usage, last = said.err.splitlines()
    assert usage[0].startswith("Usage: partita ")
    assert usage[1].endswith(" --help' for help.")
    assert last.startswith("partita: ")
    assert problem in last
    assert last.endswith(" [USAGE]")


def test_control_characters_of_an_error_do_not_reach_the_terminal(
    partita: Partita, folder: Path
) -> None:
    (folder / "red.py").write_text(
        "from partita import workflow\n\n@workflow\ndef red() -> None:\n"
        '    raise ValueError("\\x1b[31mred\\n\\x07")\n'
    )
    said = partita("run", "red.py:red")
    said.is_error(1, "partita: ValueError: \\x1b[31mred \\x07 [WORKFLOW_FAILED]")
    assert "\x1b" not in said.err


def test_one_argument_that_is_no_list_says_what_to_write(partita: Partita) -> None:
    partita("start", "flow.py:sleeper", "--input", "5").is_error(2, "write '[5]'")
    partita("update", "w", "x", "--input", '"a"').is_error(2, "write '[\"a\"]'")


def test_a_relative_import_says_the_modules_name(partita: Partita, folder: Path) -> None:
    package = folder / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "prices.py").write_text("PRICE = 5\n")
    (package / "flow.py").write_text("from .prices import PRICE\n")
    said = partita("run", "shop/flow.py:total")
    said.is_error(2, "flow.py:1)", "such as shop.flow:NAME", "LOAD_FAILED")
    (folder / "lacks.py").write_text("import os\nimport nothing_like_it\n")
    partita("run", "lacks.py:x").is_error(2, "'nothing_like_it'", "lacks.py:2)", "install it")


def test_a_closed_execution_is_not_missing(everywhere: Partita) -> None:
    everywhere("run", "flow.py:total", "--input", "[[]]", "--id", "w")
    everywhere("signal", "w", "go").is_error(
        3, "is closed: it ended as COMPLETED", "EXECUTION_CLOSED"
    )


def test_a_wait_without_a_limit_names_no_seconds() -> None:
    assert str(_late("w", None, "; it goes on")) == "execution 'w' was not done; it goes on"
    assert "None" not in str(unanswered("rename", None))


def test_no_worker_names_the_option_for_the_code(partita: Partita) -> None:
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "s")
    assert "--code FILE" in partita("query", "s", "x").err


def test_schedules_can_be_looked_at_and_changed_before_a_worker_runs(partita: Partita) -> None:
    def schedule(*arguments: str) -> str:
        said = partita("schedule", *arguments)
        assert said.status == 0, said
        return said.out

    create = ["create", "n", "flow.py:stuck", "--cron", "30 3 * * *"]
    schedule(*create)
    assert "T03:30:00" in schedule("list")
    partita("schedule", *create).is_error(5, "schedule 'n' already", "partita schedule update")
    times = schedule("preview", "n", "--count", "2").splitlines()
    assert [time[10:] for time in times] == ["T03:30:00+00:00"] * 2
    assert times[0] < times[1]
    assert len(json.loads(schedule("preview", "n", "-o", "json"))) == 10
    partita("schedule", "update", "n").is_error(2, "nothing of the schedule is to change")
    partita("schedule", "update", "n", "--cron", "x").is_error(2, "not a cron expression")


def test_a_schedule_is_changed_by_its_worker(tmp_path: Path) -> None:
    from partita.worker import Worker

    with Client(connect(f"sqlite:///{tmp_path}/x.db")) as client:
        client.schedules.create("n", "30 3 * * *", nightly)
        with Worker(client.service, workflows=[nightly], activities=[]):
            client.schedules.update("n", cron="45 4 * * *", timezone="Europe/Paris")
            info = client.schedules.get("n")
            while info.spec.cron != ("45 4 * * *",):
                info = client.schedules.get("n")
            coming = client.schedules.preview("n", 1)[0]
            assert (coming.hour, coming.minute) == (4, 45)
            assert datetime.fromisoformat(info.state.next or "") == coming


def test_ctrl_c_while_the_command_is_loaded_leaves_no_traceback(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'partita.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "partita", "list"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 128 + signal.SIGINT)
