"""Compile a workflow to a composition, run it here, and deploy it, by the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compile.test_commands import SHOP, Command
from tests.openwhisk import stand_in
from tests.openwhisk.stand_in import AUTH, OpenWhisk

SHOP_FILE = "composed_shop.py"

MORE = """

@workflow
def later(names: list[str]) -> list[str]:
    import math
    found = (twice_of(len(n)) for n in names)
    return [str(n) for n in found]
"""


@pytest.fixture
def partita(tmp_path: Path) -> Command:
    (tmp_path / SHOP_FILE).write_text(SHOP + MORE, "utf-8")
    return Command(tmp_path)


@pytest.fixture
def host() -> Iterator[OpenWhisk]:
    with stand_in.openwhisk() as made:
        yield made


def test_portable_json_is_printed(partita: Command) -> None:
    assert partita("compile", f"{SHOP_FILE}:total", "--to", "openwhisk") == 0
    made = json.loads(partita.out)
    assert [action["name"] for action in made["actions"]] == ["/_/twice_of"]
    assert "raise LookupError(f'too large: {n}')" in made["actions"][0]["action"]["exec"]["code"]
    assert partita("compile", f"{SHOP_FILE}:total", "--to", "openwhisk", "--express") == 2
    assert "--express is for state machines" in partita.err


def test_the_composition_runs_here(partita: Command) -> None:
    run = ["--backend", "memory://", "run", f"{SHOP_FILE}:total", "--compiled"]
    run += ["--to", "openwhisk", "--input"]
    assert partita(*run, "[[1, 2]]") == 0
    assert partita.out == "7\n"
    assert partita(*run, "[[10]]") == 1
    assert partita.err.endswith("partita: LookupError: too large: 10 [WORKFLOW_FAILED]\n")


def test_a_refusal_says_where_and_what_to_write(partita: Command) -> None:
    assert partita("compile", f"{SHOP_FILE}:later", "--to", "openwhisk") == 2
    lines = partita.err.splitlines()
    assert lines[0] == (
        f"{SHOP_FILE}:27:5: import: it is not compiled in a workflow; import at the top of the "
        "module"
    )
    assert f"{SHOP_FILE}:28:13: generator" in partita.err
    assert partita("compile", f"{SHOP_FILE}:later", "--to", "openwhisk", "--output", "json") == 2
    rows = json.loads(partita.out)
    assert [(row["row"], row["column"]) for row in rows] == [(27, 5), (28, 13)]


def test_a_workflow_is_deployed_under_its_name(partita: Command, host: OpenWhisk) -> None:
    deploy = ["deploy", f"{SHOP_FILE}:total", "--to", "openwhisk"]
    assert partita(*deploy, "--apihost", host.url, "-u", AUTH) == 0
    assert partita.out == "ok: created /_/twice_of,/_/total\n"
    assert host.run("total", {"xs": [1, 2], "start": 5}) == {"value": 11}
    assert host.run("total", {"xs": [10]})["error"]["type"] == "LookupError"
    assert host.run("total", {"rows": []})["error"]["message"] == (
        "the parameters do not fit, missing: xs; unknown: rows"
    )
