"""`prune`, `retention`, and `import` of what `prune` has archived."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Partita


@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz"])
def test_prune_archives_and_import_brings_back(partita: Partita, folder: Path, name: str) -> None:
    for number in range(3):
        partita("run", "flow.py:total", "--input", f"[[{number}]]", "--id", f"w{number}")
    partita("start", "flow.py:stuck", "--id", "open")
    dry = partita("prune", "--older-than", "0s", "--dry-run")
    assert [line.split("\t")[::2] for line in dry.out.splitlines()] == [
        [f"w{number}", "COMPLETED"] for number in range(3)
    ]
    assert dry.err == "partita: would be removed: 3\n"
    said = partita("prune", "--older-than", "0s", "--archive-to", name)
    assert (said.status, said.out) == (0, "")
    assert said.err == (
        f"partita: closed executions removed: 3, after they were written to {name}\n"
    )
    assert partita("list", "-o", "jsonl").out.count("\n") == 1
    assert partita("result", "w1").status == 3
    back = partita("import", name)
    assert [line.split("\t")[0] for line in back.out.splitlines()] == ["w0", "w1", "w2"]
    assert partita("result", "w1").out == "1\n"
    assert partita("import", ".").err.count("is here already") == 3


def test_prune_by_type_and_status(partita: Partita) -> None:
    partita("run", "flow.py:total", "--input", "[[1]]", "--id", "w")
    partita("run", "flow.py:broken", "--input", "[1]", "--id", "b")
    assert "removed: 0" in partita("prune", "--older-than", "1d").err
    assert "removed: 0" in partita("prune", "--older-than", "0s", "--type", "sleeper").err
    assert "removed: 0" in partita("prune", "--older-than", "0s", "--domain", "other").err
    said = partita("prune", "--older-than", "0s", "--status", "failed", "--status", "canceled")
    assert "removed: 1" in said.err
    assert partita("list", "-o", "jsonl").out.count("\n") == 1


def test_what_cannot_be_meant(partita: Partita, folder: Path) -> None:
    partita("prune", "--older-than", "soon").is_error(2, "30d", "INVALID_OPTION")
    assert partita("prune").status == 2
    said = partita("prune", "--older-than", "1d", "--archive-to", "old.zip")
    said.is_error(2, "old.zip", ".jsonl.gz")
    assert not (folder / "old.zip").exists()
    partita("retention", "set", "5s").is_error(2, "60 s")


def test_retention_is_kept_in_the_database(partita: Partita) -> None:
    assert partita("retention", "show", "-o", "json").out == "{}\n"
    assert "kept for 30d" in partita("retention", "set", "30d").err
    partita("retention", "set", "12h", "--domain", "tests")
    shown = partita("retention", "show", "-o", "json").out
    assert json.loads(shown) == {"default": 2592000.0, "tests": 43200.0}
    assert "30d" in partita("retention", "show").out
    partita("retention", "off")
    assert partita("retention", "show", "-o", "json").out == '{"tests":43200.0}\n'
