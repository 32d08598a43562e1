"""Commands on all executions that pass a filter: preview, question, and each one once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.client import Client
from tests.cli.conftest import Partita, Said

COMMANDS = {
    "cancel": ["cancel"],
    "terminate": ["terminate", "--reason", "enough"],
    "signal": ["signal", "go", "--input", '{"a": [1]}'],
    "pause": ["pause", "--reason", "later"],
}
RECORDED = {
    "cancel": "WorkflowExecutionCancelRequested",
    "terminate": "WorkflowExecutionTerminated",
    "signal": "WorkflowExecutionSignaled",
}


@pytest.fixture
def five(partita: Partita, folder: Path) -> list[str]:
    """Five open executions on which nobody works."""
    ids = [f"nap-{number}" for number in range(5)]
    for id in ids:
        partita("start", "flow.py:sleeper", "--input", "[9]", "--id", id, "--tag", id[-1])
    return ids


def recorded(partita: Partita, id: str, kind: str) -> int:
    return partita("history", id, "-o", "jsonl").out.count(f'"{kind}"')


def outcomes(said: Said) -> dict[str, str]:
    rows = [json.loads(line) for line in said.out.splitlines()]
    return {row["workflow_id"]: row["outcome"] for row in rows}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_done_without_a_yes(partita: Partita, five: list[str], name: str) -> None:
    said = partita(*COMMANDS[name], "--where", "id:nap-* status:open")
    assert said.status == 2
    assert f"{name}" in said.err.splitlines()[0]
    assert "5 executions" in said.err.splitlines()[0]
    assert all(f"  {id}  sleeper  OPEN" in said.err for id in five)
    assert said.err.splitlines()[-1].startswith("partita: nothing was done; say --yes")
    assert json.loads(partita("count", "status:open").out) == 5
    for id in five:
        assert recorded(partita, id, RECORDED.get(name, "Paused")) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_done_to_each_once_however_often(
    partita: Partita, five: list[str], name: str
) -> None:
    chosen = ["--where", "id:nap-* -tag:3", "--yes", "-o", "jsonl"]
    said = partita(*COMMANDS[name], *chosen)
    assert said.status == 0, said
    assert outcomes(said) == {id: "done" for id in five if id != "nap-3"}
    assert "4 of 4 executions" in said.err
    again = partita(*COMMANDS[name], *chosen)
    assert again.status == 0
    assert "done" not in outcomes(again).values()
    if name in RECORDED:
        counts = [recorded(partita, id, RECORDED[name]) for id in five]
        assert counts == [1, 1, 1, 0, 1]


def test_a_signal_with_another_value_or_again_is_sent(partita: Partita, five: list[str]) -> None:
    where = ["--where", "id:nap-1", "--yes"]
    for more in ([], ["--input", "1"], ["--input", "1"], ["--input", "1", "--again"]):
        assert partita("signal", "go", *more, *where).status == 0
    assert recorded(partita, "nap-1", "WorkflowExecutionSignaled") == 3


def test_paused_ones_are_resumed(partita: Partita, five: list[str]) -> None:
    partita("pause", "nap-2")
    said = partita("resume", "--where", "id:nap-*", "--yes", "-o", "jsonl")
    assert outcomes(said) == {"nap-2": "done"}
    assert "passed over, since that was done already: 4 of 5" in said.err


def test_failed_ones_are_run_again_once(partita: Partita, folder: Path) -> None:
    for id in ("a", "b"):
        partita("run", "flow.py:broken", "--input", "[1]", "--id", id)
    where = ["--where", "status:failed error:KeyError", "--yes", "-o", "jsonl"]
    assert outcomes(partita("rerun", *where)) == {"a": "done", "b": "done"}
    again = partita("rerun", *where)
    assert (again.status, again.out) == (0, "")
    assert json.loads(partita("count", "status:open").out) == 2
    assert json.loads(partita("count").out) == 4


def test_what_was_broken_off_goes_on(
    partita: Partita, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel: Callable[..., Any] = Client.cancel
    calls: list[str] = []

    def interrupted(client: Client, id: str, **more: str) -> None:
        cancel(client, id, **more)
        calls.append(id)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Client, "cancel", interrupted)
    monkeypatch.setattr("partita.client.bulk.AT_ONCE", 2)
    monkeypatch.setattr("partita.client.bulk.CHUNK", 3)
    said = partita("cancel", "--where", "type:sleeper", "--yes")
    assert said.status == 130
    assert re.search(r"broken off after [0-2] of 5; repeat the command to go on", said.err)
    assert len(calls) == 3
    said = partita("cancel", "--where", "type:sleeper", "--yes")
    assert "2 of 2 executions asked to cancel themselves" in said.err
    assert sorted(calls) == five
    kind = RECORDED["cancel"]
    assert [recorded(partita, id, kind) for id in five] == [1] * 5


def test_one_that_cannot_be_done_does_not_end_the_others(
    partita: Partita, five: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminate: Callable[..., Any] = Client.terminate

    def refusing(client: Client, id: str, *rest: Any, **more: str) -> None:
        if id == "nap-1":
            from partita.errors import OperationRefusedError

            raise OperationRefusedError("not this one")
        if id == "nap-2":  # it ends meanwhile
            terminate(client, id, **more)
        terminate(client, id, *rest, **more)

    monkeypatch.setattr(Client, "terminate", refusing)
    said = partita("terminate", "--where", "type:sleeper", "--yes", "-o", "jsonl")
    assert said.status == 1
    found = outcomes(said)
    assert (found.pop("nap-1"), found.pop("nap-2")) == ("failed", "passed over")
    assert set(found.values()) == {"done"}
    assert "partita: nap-1: not this one\n" in said.err
    assert "3 of 5 executions terminated" in said.err


@pytest.mark.parametrize("command", ["cancel", "terminate", "rerun", "signal", "pause", "resume"])
@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--where", ""], ["empty filter", "write id:*", "INVALID_FILTER"]),
        (["--where", "  "], ["empty filter", "INVALID_FILTER"]),
        (["--where", "stauts:open"], ["did you mean status", "INVALID_FILTER"]),
    ],
)
def test_filters_that_are_refused(
    partita: Partita, five: list[str], command: str, arguments: list[str], parts: list[str]
) -> None:
    name = ["go"] if command == "signal" else []
    said = partita(command, *name, *arguments, "--yes")
    assert said.status == 2
    assert all(part in said.err.splitlines()[-1] for part in parts), said
    assert json.loads(partita("count", "status:open").out) == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["cancel"],
        ["cancel", "nap-1", "--where", "id:nap-2"],
        ["terminate", "--where", "id:nap-2", "--run", "x"],
        ["signal", "nap-1"],
        ["signal", "nap-1", "go", "--where", "id:nap-2"],
        ["signal", "--where", "id:nap-2"],
        ["signal", "$x", "--where", "id:nap-2", "--yes"],
        ["pause", "--type", "sleeper", "--where", "id:nap-2"],
        ["resume"],
    ],
)
def test_wrong_usage(partita: Partita, five: list[str], arguments: list[str]) -> None:
    partita(*arguments).is_error(2, "INVALID_OPTION")


def test_an_empty_preview_is_said(partita: Partita, five: list[str]) -> None:
    said = partita("cancel", "--where", "type:other", "--yes")
    assert (said.status, said.err) == (0, "partita: no execution to cancel passes the filter\n")
