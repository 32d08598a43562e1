"""`list` and `count` with filters, beside their options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Partita


@pytest.fixture
def three(partita: Partita, folder: Path) -> None:
    """Two executions that nobody works on, and one that has failed."""
    partita("run", "flow.py:broken", "--input", "[1]", "--id", "bad", "--tag", "eu")
    for id in ("order-1", "order-2"):
        attribute = ("--attribute", f"customer={id[-1]}")
        partita("start", "flow.py:sleeper", "--input", "[9]", "--id", id, *attribute)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], "order-2 order-1 bad"),
        (["status:failed"], "bad"),
        (["status:open", "id:order-*"], "order-2 order-1"),
        (["status:open id:*-1"], "order-1"),
        (["--where", "-tag:eu"], "order-2 order-1"),
        (["id:order-*", "--where", "-attr.customer:2"], "order-1"),
        (["attr.customer=2", "--status", "open"], "order-2"),
        (["id:order-*", "--tag", "eu"], ""),
        (["started:<1h", "--type", "broken"], "bad"),
        (["closed:<1h"], "bad"),
        (["error:KeyError"], "bad"),
        (["waiting:decision"], "order-2 order-1"),
        (["ORDER", "--limit", "1"], "order-2"),
    ],
)
def test_lists(partita: Partita, three: None, words: list[str], ids: str) -> None:
    said = partita("list", *words, "-o", "jsonl")
    assert said.status == 0, said
    found = [json.loads(line)["workflow_id"] for line in said.out.splitlines()]
    assert " ".join(found) == ids
    if "--limit" not in words:
        assert partita("count", *words).out == f"{len(found)}\n"


def test_terms_that_are_filtered_here_are_told(partita: Partita, three: None) -> None:
    said = partita("count", "status:failed", "error:KeyError", "bad")
    assert said.out == "1\n"
    assert said.err == 'partita: the backend does not filter by error:KeyError "bad"; done here\n'
    assert partita("count", "status:failed tag:eu started:<1h waiting:timer").err == ""


@pytest.mark.parametrize("command", ["list", "count"])
def test_what_cannot_be_read_is_pointed_at(partita: Partita, folder: Path, command: str) -> None:
    said = partita(command, "id:a", "stauts:failed")
    assert said.status == 2
    *pointed, last = said.err.splitlines()
    assert pointed == ["  id:a stauts:failed", "       ^^^^^^"]
    assert last == "partita: no field 'stauts'; did you mean status or started? [INVALID_FILTER]"
    assert not (folder / ".partita").exists()
