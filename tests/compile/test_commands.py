"""Run `compile`, and `run --compiled`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from partita.asl.check import check_text
from partita.cli import main

SHOP = """
from partita import activity, workflow


@activity
def twice_of(n: int) -> int:
    if n > 9:
        raise LookupError(f"too large: {n}")
    return n * 2


@workflow
def total(xs: list[int], start: int = 1) -> int:
    for x in xs:
        start += twice_of(x)
    return start


@workflow
def refused(x: float) -> str:
    print(x)
    return str(x)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("compiled_shop.py").write_text(SHOP, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "compiled_shop", raising=False)
    return "compiled_shop.py"


def test_the_machine_is_printed(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", f"{shop}:total", "--to", "stepfunctions"]) == 0
    text = capsys.readouterr().out
    assert check_text(text) == []
    states = json.loads(text)["States"]
    assert states["twice_of (line 15)"]["Comment"] == "start += twice_of(x)"


def test_the_machine_runs(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["--backend", "memory://", "run", f"{shop}:total", "--compiled", "--input"]
    assert main([*run, "[[1, 2]]"]) == 0
    assert capsys.readouterr().out == "7\n"
    assert main([*run, "[[10]]"]) == 1
    assert capsys.readouterr().err == "partita: LookupError: too large: 10 [WORKFLOW_FAILED]\n"


def test_a_refusal_begins_with_its_place(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", f"{shop}:refused"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line[:22] for line in lines[::3]] == [
        "compiled_shop.py:21:5:",
        "compiled_shop.py:22:12",
    ]
    assert main(["run", f"{shop}:refused", "--compiled", "--input", "[1.5]"]) == 2
    assert capsys.readouterr().err.splitlines() == lines
    assert main(["compile", f"{shop}:refused", "--output", "json"]) == 2
    rows = json.loads(capsys.readouterr().out)
    assert [(row["row"], row["column"]) for row in rows] == [(21, 5), (22, 12)]
