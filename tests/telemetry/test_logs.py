"""Log records say where they were made, are JSON if wanted, and are not repeated by replays."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita import activity, get_logger, query, sleep, workflow
from partita.history import WorkflowExecution
from partita.telemetry import logs
from partita.telemetry.logs import JsonFormatter, TextFormatter, Whereabouts
from tests.cli.conftest import environment
from tests.conftest import Rig, until
from tests.replay.conftest import ForgetfulWorker, worker
from tests.telemetry.conftest import Traced, id_of, trace_of

log = get_logger("tests.flow")
plain = logging.getLogger("tests.plain")


class Kept(logging.Handler):
    """A handler that keeps what it would write."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.addFilter(Whereabouts())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def one(self, message: str) -> dict[str, Any]:
        (found,) = [line for line in self.lines if line["message"] == message]
        return found


@pytest.fixture
def kept() -> Iterator[Kept]:
    """A handler of the root logger."""
    made, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    yield made
    root.removeHandler(made)
    root.setLevel(before)


@activity
def threaded(text: str) -> str:
    plain.info("on a thread")
    return text


@activity
async def looped(text: str) -> str:
    plain.info("on a loop", extra={"size": len(text)})
    return text


@workflow
def chatty(text: str) -> str:
    log.info("begins")
    plain.info("begins plainly")
    threaded(text)
    looped.submit(text).result()
    sleep(0.01)
    log.info("ends")
    return text


def test_records_of_activities_and_workflows_say_which_they_are_of(
    memory_rig: Rig, kept: Kept
) -> None:
    with memory_rig.worker(chatty, threaded, looped):
        handle = memory_rig.client.start_with(chatty, ["tea"], workflow_id="w")
        handle.result(timeout=20)
    execution = {"domain": "default", "workflow_id": "w", "run_id": handle.run_id}
    begins = kept.one("begins")
    assert {**execution, "workflow_type": "chatty"}.items() <= begins.items()
    assert "activity_id" not in begins
    for id, message in (("1", "on a thread"), ("2", "on a loop")):
        where = {**execution, "activity_id": id, "attempt": 1}
        assert where.items() <= kept.one(message).items()
    assert kept.one("on a loop")["size"] == 3


def test_what_is_replayed_is_logged_once(memory_rig: Rig, kept: Kept) -> None:
    with worker(memory_rig, chatty, threaded, looped, kind=ForgetfulWorker):
        memory_rig.client.start(chatty, "tea").result(timeout=20)
    messages = [line["message"] for line in kept.lines if line["logger"].startswith("tests.")]
    wanted = ["begins", "begins plainly", "on a thread", "on a loop", "ends"]
    assert messages == wanted


@workflow
def asked_later() -> None:
    log.info("begins")

    @query
    def color() -> str:
        log.info("is asked")
        return "red"


def test_a_query_is_no_replay_though_it_is_answered_after_one(memory_rig: Rig, kept: Kept) -> None:
    with memory_rig.worker(asked_later):
        handle = memory_rig.client.start(asked_later)
        handle.result(timeout=20)
        assert handle.query("color") == "red"
    assert kept.one("begins")
    assert kept.one("is asked")["workflow_id"] == handle.workflow_id


def test_a_history_that_is_tried_out_logs_nothing(memory_rig: Rig, kept: Kept) -> None:
    with memory_rig.worker(chatty, threaded, looped):
        handle = memory_rig.client.start(chatty, "tea")
        handle.result(timeout=20)
    kept.lines.clear()
    from partita.replay.replayer import Replayer

    execution = WorkflowExecution(handle.workflow_id, handle.run_id)
    Replayer([chatty]).try_out(execution, chatty.workflow_type, handle.history())
    assert [line for line in kept.lines if line["logger"].startswith("tests.")] == []


def test_in_plain_python_everything_is_logged(kept: Kept) -> None:
    log.info("outside")
    assert chatty("tea") == "tea"
    assert kept.one("ends")["workflow_type"] == "chatty"
    assert "workflow_id" not in kept.one("outside")


def test_records_name_the_span_that_they_were_made_in(
    memory_rig: Rig, kept: Kept, traced: Traced
) -> None:
    with memory_rig.worker(chatty, threaded, looped):
        memory_rig.client.start(chatty, "tea").result(timeout=20)
    span, line = traced.one("activity threaded"), kept.one("on a thread")
    assert line["trace_id"] == f"{trace_of(span):032x}"
    assert line["span_id"] == f"{id_of(span):016x}"
    assert "trace_id" not in kept.one("begins")


def test_partita_logs_no_payload(memory_rig: Rig, kept: Kept) -> None:
    @activity(name="leaky")
    def leaky(secret: str) -> str:
        return secret

    @workflow(name="leaking_twice")
    def leaking_twice(secret: str) -> str:
        raise ValueError(leaky(secret))

    with memory_rig.worker(leaking_twice, leaky):
        handle = memory_rig.client.start(leaking_twice, "s3cret")
        until(lambda: handle.describe().info.closed_at)
    assert [line for line in kept.lines if "s3cret" in str(line)] == []


def record(message: str = "m", **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"msg": message, "name": "n", "levelname": "INFO", "created": 1.5, "msecs": 500.0, **more}
    )


def test_any_extra_is_written_as_json() -> None:
    odd = record(size=3, thing=object, text="half \ud800", many={"a": [1]})
    line = json.loads(JsonFormatter().format(odd))
    assert line["time"] == "1970-01-01T00:00:01.500Z"
    assert (line["level"], line["logger"], line["message"]) == ("info", "n", "m")
    assert (line["size"], line["thing"]) == (3, "<class 'object'>")
    assert line["text"] == "half ?"
    assert line["many"] == "{'a': [1]}"
    assert json.loads(JsonFormatter().format(record(many={"a": [1]})))["many"] == {"a": [1]}


def test_an_exception_is_one_line_of_json_and_several_of_text() -> None:
    try:
        raise KeyError("gone")
    except KeyError:
        broken = record(exc_info=sys.exc_info(), workflow_id="w", attempt=2)
    said = JsonFormatter().format(broken)
    assert "\n" not in said
    assert json.loads(said)["exception"].endswith("KeyError: 'gone'")
    text = TextFormatter().format(broken)
    assert text.startswith("1970-01-01T00:00:01.500Z INFO n [workflow_id=w attempt=2]: m\nTrace")


def test_importing_configures_nothing() -> None:
    code = (
        "import logging, partita, partita.telemetry.logs, partita.worker, partita.client\n"
        "assert logging.getLogger().handlers == [] and logging.getLogger('partita').handlers == []"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_setting_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure", lambda *_: pytest.fail("configured"))
    for text in ("", "json", "xml:info", "json:loud"):
        monkeypatch.setenv(logs.VARIABLE, text)
        logs.inherit()


FLOW = """
import logging
from partita import activity, get_logger, workflow

@activity(process=True)
def far() -> str:
    logging.getLogger("far").warning("in a process")
    return "done"

@workflow
def trip() -> str:
    get_logger("trip").info("begins")
    return far()
"""


def test_a_worker_writes_json_alone_its_child_processes_too(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    command = [sys.executable, "-m", "partita"]
    options = ["worker", "flow.py", "--log-format", "json", "--log-level", "info"]
    started = subprocess.run(
        [*command, "start", "flow.py:trip", "--id", "t"],
        cwd=tmp_path,
        env=environment(),
        check=True,
        timeout=60,
    )
    assert started.returncode == 0
    running = subprocess.Popen(
        [*command, *options], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    )
    result = [*command, "result", "t", "--timeout", "30"]
    try:
        subprocess.run(result, cwd=tmp_path, env=environment(), check=True, timeout=60)
    finally:
        running.terminate()
        _, said = running.communicate(timeout=30)
    lines = [json.loads(line) for line in said.splitlines()]
    assert any("on task list default" in line["message"] for line in lines)
    found = {line["message"]: line for line in lines}
    assert found["begins"]["workflow_id"] == found["in a process"]["workflow_id"] == "t"
    assert found["in a process"]["activity_type"] == "far"


def test_a_supervisor_and_what_ends_its_workers_are_json_too(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text("from partita import (\n")
    options = ["--processes", "2", "--log-format", "json", "--log-level", "info"]
    ended = subprocess.run(
        [sys.executable, "-m", "partita", "worker", "flow.py", *options],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 2
    assert "keeps 2 workers" in lines[0]["message"]
    [refused] = [line for line in lines if line.get("code") == "LOAD_FAILED"]
    assert "flow.py:1:" in refused["message"]
