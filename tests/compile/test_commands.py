"""Run `compile`, and `run --compiled`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from partita.asl.check import check_text
from tests.cli import in_process

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
    return x.hex()
"""


SHOP_FILE = "compiled_shop.py"


class Command:
    """`partita ARGUMENTS` in the folder of the shop; keeps what the last one printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        environment = {**os.environ, "NO_COLOR": "1"}
        self.out, self.err, status = in_process.run(self.folder, list(arguments), environment, "")
        return status


@pytest.fixture
def partita(tmp_path: Path) -> Command:
    (tmp_path / SHOP_FILE).write_text(SHOP, "utf-8")
    return Command(tmp_path)


def test_the_machine_is_printed(partita: Command) -> None:
    assert partita("compile", f"{SHOP_FILE}:total", "--to", "stepfunctions") == 0
    assert check_text(partita.out) == []
    states = json.loads(partita.out)["States"]
    assert states["twice_of (line 15)"]["Comment"] == "start += twice_of(x)"


def test_the_machine_runs(partita: Command) -> None:
    run = ["--backend", "memory://", "run", f"{SHOP_FILE}:total", "--compiled", "--input"]
    assert partita(*run, "[[1, 2]]") == 0
    assert partita.out == "7\n"
    assert partita(*run, "[[10]]") == 1
    assert partita.err.splitlines()[-1] == "partita: LookupError: too large: 10 [WORKFLOW_FAILED]"


CLASSES = """
from partita import Workflow, activity, group, task, workflow


@activity
def more(n: int) -> int:
    return n + 1


class Flow(Workflow):
    name = "flow"
    step = 5
    work = more

    def run(self, a: int, xs: list[int]) -> list[int]:
        p = self.submit(more, a)
        q = self.submit(self.work, p)
        r = self.submit(group(task(more, 1), task(more, 2)))
        return [p.result(), q.result(), self.work(self.step), *self.map(more, xs).result()] + (
            r.result()
        )


@workflow
def parent(a: int) -> int:
    return Flow.call(a, [7])[0] + Flow.begin(a, []).result()[1]
"""


def test_workflows_in_class_form(partita: Command) -> None:
    (partita.folder / "compiled_classes.py").write_text(CLASSES, "utf-8")
    for options in ([], ["--compiled"]):
        run = ["--backend", "memory://", "run", "compiled_classes.py:Flow", *options]
        assert partita(*run, "--input", "[1, [3, 4]]") == 0
        assert json.loads(partita.out) == [2, 3, 6, 4, 5, 2, 3]
        run = ["--backend", "memory://", "run", "compiled_classes.py:parent", *options]
        assert partita(*run, "--input", "[1]") == 0
        assert partita.out == "5\n"


def test_a_refusal_begins_with_its_place(partita: Command) -> None:
    assert partita("compile", f"{SHOP_FILE}:refused") == 2
    lines = partita.err.splitlines()
    assert [line[:22] for line in lines if line.startswith("compiled_shop")] == [
        "compiled_shop.py:21:5:",
        "compiled_shop.py:22:12",
    ]
    assert partita("run", f"{SHOP_FILE}:refused", "--compiled", "--input", "[1.5]") == 2
    assert partita.err.splitlines() == lines
    assert partita("compile", f"{SHOP_FILE}:refused", "--output", "json") == 2
    rows = json.loads(partita.out)
    assert [(row["row"], row["column"]) for row in rows] == [(21, 5), (22, 12)]


GUARDED = """
from partita import activity, workflow


@activity
def twice_of(n: int) -> int:
    return n * 2


@workflow
def nested(a: int, xs: list[int], d: dict[str, int], key: str) -> int:
    try:
        if a * a > 5:
            a = twice_of((a - 1) * a)
        squares = [x * x for x in xs]
        return d[key] + sum(squares)
    except Exception:
        return -1
"""
LARGE = 94906267  # its square is beyond 2**53
GUARDED_INPUTS = {
    "12:12": [LARGE, [], {}, "k"],
    "14:20": [1, [LARGE], {}, "k"],
    "15:25": [1, [LARGE - 2] * 2, {"k": 1}, "k"],
    "15:16": [1, [], {}, "\u0000"],
    "12:9": [2**53, [], {}, "k"],
}


@pytest.mark.parametrize("place", list(GUARDED_INPUTS))
def test_guards_raise_one_error_that_nothing_catches(partita: Command, place: str) -> None:
    (partita.folder / "guarded.py").write_text(GUARDED.lstrip("\n"), "utf-8")
    given = json.dumps(GUARDED_INPUTS[place])
    run = ["--backend", "memory://", "run", "guarded.py:nested", "--compiled", "--input", given]
    assert partita(*run) == 1
    said = partita.err.splitlines()[-1]
    assert said.startswith(f"partita: MachineFailedError: Partita.Guard: guarded.py:{place}")


def test_a_compiled_program_prints_no_place(partita: Command) -> None:
    (partita.folder / "guarded.py").write_text(GUARDED.lstrip("\n"), "utf-8")
    assert partita("compile", "guarded.py:nested") == 0
    assert "Partita.Guard" in partita.out
    assert re.search(r"\.py:\d+:\d+", partita.out + partita.err) is None


def test_a_workflow_is_drawn(partita: Command) -> None:
    assert partita("graph", f"{SHOP_FILE}:total") == 0
    assert '<g data-line="15">' in partita.out
    assert partita("graph", f"{SHOP_FILE}:total", "--format", "mermaid") == 0
    assert '"twice_of<br/>line 15"' in partita.out
    assert partita("graph", f"{SHOP_FILE}:refused") == 2
    assert partita.err.startswith(f"{SHOP_FILE}:21:5: print")


CHILD = """
from partita import workflow


@workflow
def squared(n: int) -> int:
    return n * n


@workflow
def parent_of(n: int) -> int:
    try:
        return squared(n)
    except Exception:
        return -1
"""


def test_no_handler_catches_the_guard_of_a_child(partita: Command) -> None:
    (partita.folder / "family.py").write_text(CHILD.lstrip("\n"), "utf-8")
    run = ["--backend", "memory://", "run", "family.py:parent_of", "--compiled", "--input"]
    assert partita(*run, "[3]") == 0
    assert partita.out == "9\n"
    assert partita(*run, f"[{2**40}]") == 1
    assert "Partita.Guard: family.py:6:12: an integer beyond 2**53" in partita.err


def test_hints_that_only_type_checkers_know_are_told(partita: Command) -> None:
    text = SHOP.replace("def twice_of(n: int)", "def twice_of(n: 'Decimal')")
    text += (
        "\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from decimal import Decimal\n"
    )
    (partita.folder / "hinted_shop.py").write_text(text, "utf-8")
    assert partita("compile", "hinted_shop.py:total") == 2
    assert "the name Decimal, which is not defined when the code runs; import it" in partita.err
