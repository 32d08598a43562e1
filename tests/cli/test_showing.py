"""`show` says what an execution waits for, and why it ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.cli.conftest import Partita, begin
from tests.conftest import until

BLOCKING = """
import time
from pathlib import Path
from partita import workflow

@workflow
def blocks() -> str:
    while not Path("opened").exists():
        time.sleep(0.01)
    return "opened"
"""


def test_code_that_does_not_come_back(partita: Partita, folder: Path) -> None:
    (folder / "blocking.py").write_text(BLOCKING)
    partita("start", "blocking.py:blocks", "--id", "b")
    assert "deciding" not in partita("show", "b").out
    assert json.loads(partita("show", "b", "-o", "json").out)["deciding"] is None
    worker = begin(folder, "worker", "blocking.py")
    until(lambda: "Its code has been deciding for " in partita("show", "b").out, seconds=60)
    assert f" s on worker {worker.pid}@" in partita("show", "b").out
    found = json.loads(partita("show", "b", "-o", "json").out)["deciding"]
    assert found["worker"].startswith(f"{worker.pid}@")
    [taken] = [event for event in _history(partita, "b") if event["event_type"] == STARTED]
    assert found["since"] == taken["event_timestamp"]
    (folder / "opened").touch()
    assert partita("result", "b", "--timeout", "30").out == '"opened"\n'
    assert "deciding" not in partita("show", "b").out
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)


def test_why_it_failed(partita: Partita) -> None:
    failed = partita("run", "flow.py:broken", "--input", "[1]", "--id", "b")
    why = "KeyError: 'no such thing'"
    assert why in failed.err
    assert _row(partita("show", "b").out, "reason") == why
    assert json.loads(partita("show", "b", "-o", "json").out)["reason"] == why


def test_why_it_was_ended(partita: Partita) -> None:
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", "s")
    assert json.loads(partita("show", "s", "-o", "json").out)["reason"] is None
    assert "reason" not in partita("show", "s").out
    partita("terminate", "s", "--reason", "enough\nof it")
    assert _row(partita("show", "s").out, "reason") == "OPERATOR_INITIATED: enough of it"
    assert (
        json.loads(partita("show", "s", "-o", "jsonl").out)["reason"]
        == "OPERATOR_INITIATED: enough of it"
    )


def _row(shown: str, name: str) -> str:
    [line] = [line for line in shown.splitlines() if line.startswith(name)]
    return line.removeprefix(name).strip()


STARTED = "DecisionTaskStarted"


def _history(partita: Partita, id: str) -> list[dict[str, object]]:
    lines = partita("history", id, "-o", "jsonl").out.splitlines()
    return [json.loads(line) for line in lines]
