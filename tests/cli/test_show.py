"""`show` says what an execution waits for, and why it ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Partita, backend_url, begin
from tests.conftest import until

DECIDING = "Its code has been deciding for "

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

FAMILY = """
from partita import wait_signal, workflow

@workflow
def child() -> None:
    wait_signal("go")

@workflow
def parent() -> None:
    for one in [child.submit(), child.submit()]:
        one.result()
"""


@pytest.mark.parametrize("kind", ["sqlite", "swf"])
def test_code_that_does_not_come_back(
    kind: str, partita: Partita, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "blocking.py").write_text(BLOCKING)
    with backend_url(kind, monkeypatch) as url:
        env = {"PARTITA_BACKEND": url}
        partita("start", "blocking.py:blocks", "--id", "b", env=env)
        assert "deciding" not in partita("show", "b", env=env).out
        assert json.loads(partita("show", "b", "-o", "json", env=env).out)["deciding"] is None
        worker = begin(folder, "worker", "--backend", url, "blocking.py")
        until(lambda: DECIDING in partita("show", "b", env=env).out, seconds=60)
        assert f" s on worker {worker.pid}@" in partita("show", "b", env=env).out
        found = json.loads(partita("show", "b", "-o", "json", env=env).out)["deciding"]
        assert found["worker"].startswith(f"{worker.pid}@")
        events = json.loads(partita("history", "b", "-o", "json", env=env).out)
        assert found["since"] == events[-1]["event_timestamp"]
        (folder / "opened").touch()
        assert partita("result", "b", "--timeout", "30", env=env).out == '"opened"\n'
        assert "deciding" not in partita("show", "b", env=env).out
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


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


@pytest.mark.parametrize("kind", ["sqlite", "swf"])
def test_open_children(
    kind: str, partita: Partita, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "family.py").write_text(FAMILY)
    with backend_url(kind, monkeypatch) as url:
        env = {"PARTITA_BACKEND": url}
        partita("start", "family.py:parent", "--id", "p", env=env)
        worker = begin(folder, "worker", "--backend", url, "family.py")
        until(lambda: len(_children(partita, "p", env)) == 2, seconds=60)
        until(lambda: {c["state"] for c in _children(partita, "p", env)} == {"running"}, seconds=60)
        children = _children(partita, "p", env)
        assert {child["workflow_type"] for child in children} == {"child"}
        lines = partita("show", "p", env=env).out.splitlines()
        begins = next(at for at, line in enumerate(lines) if line.startswith("CHILD "))
        for child, line in zip(children, lines[begins + 1 :], strict=False):
            assert line.split()[:3] == [child["workflow_id"], "child", "running"]
        partita("signal", children[0]["workflow_id"], "go", env=env)
        until(lambda: _children(partita, "p", env) == children[1:], seconds=60)
        partita("terminate", "p", env=env)
        assert _children(partita, "p", env) == []
        assert "CHILD" not in partita("show", "p", env=env).out
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)


def _children(partita: Partita, id: str, env: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(partita("show", id, "-o", "json", env=env).out)[
        "children"
    ]
    return found


def _row(shown: str, name: str) -> str:
    [line] = [line for line in shown.splitlines() if line.startswith(name)]
    return line.removeprefix(name).strip()
