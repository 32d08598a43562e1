"""Return tuples where no hint tells them: tagged, as results of plain Python are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from partita.stepfunctions.compiled import compiled
from tests.compile.corpus import Case, load, outcome

SOURCE = """
@workflow
def main(a: int, s: str):
    return a + 1, {"pair": (a, s)}, [(s,), ("x",)], None if a else (s, s)
"""


@pytest.mark.parametrize("given", ['[0, ""]', '[1, "é"]'])
def test_tuples_without_a_hint_are_tagged(given: str, tmp_path: Path) -> None:
    workflow = load("tagged", SOURCE.lstrip(), tmp_path)
    case = Case("tagged", SOURCE, [given], is_concurrent=False)
    machine = compiled(workflow, "program.py")
    plain, found = (outcome(case, one, workflow, given) for one in (workflow, machine))
    assert found == plain
    assert found.result["$partita"] == "tuple"
