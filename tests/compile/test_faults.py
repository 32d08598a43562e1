"""Tell faults of the compiler as such."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from partita.compile import compile_workflow
from partita.compile.faults import CompilerFaultError
from tests.compile.corpus import load


def test_a_fault_of_the_compiler_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = load("faulty", "@workflow\ndef main(n: int) -> int:\n    return n + 1\n", tmp_path)

    def faulty(*_: Any) -> Any:
        raise NameError("name 'missing' is not defined", name="missing")

    monkeypatch.setattr("partita.compile.statements._returned", faulty)
    with pytest.raises(CompilerFaultError) as told:
        compile_workflow(workflow, "program.py")
    assert (told.value.code, told.value.exit_status) == ("INTERNAL", 70)
    assert re.fullmatch(
        r"program\.py:6:5: the compiler failed with NameError at partita/compile/statements\.py:"
        r"\d+: name 'missing' is not defined; this is a fault of Partita, please report it with "
        "that line of your program",
        str(told.value),
    )
