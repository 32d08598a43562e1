"""Compile programs to exactly these trees and machines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from partita.compile import compile_workflow
from partita.stepfunctions.emitter import emit
from tests.compile.corpus import load
from tests.compile.outline import outline_of_machine, outline_of_tree

_FILES = sorted(Path(__file__).parent.glob("golden*.txt"))
_TEXT = "\n".join(file.read_text("utf-8").rstrip() + "\n" for file in _FILES)
_PARTS = re.split(r"^\[case (\w+)\]\n", _TEXT, flags=re.MULTILINE)[1:]
CASES = list(zip(_PARTS[::2], _PARTS[1::2], strict=True))


@pytest.mark.parametrize(("name", "text"), CASES, ids=[name for name, _ in CASES])
def test_golden(name: str, text: str, tmp_path: Path) -> None:
    source, wanted_tree, wanted_machine = re.split(r"^\[(?:tree|asl)\]\n", text, flags=re.MULTILINE)
    program = compile_workflow(load(name, source, tmp_path), "f.py")
    assert outline_of_tree(program.body).splitlines() == wanted_tree.rstrip().splitlines()
    machine = outline_of_machine(emit(program))
    assert machine.splitlines() == wanted_machine.rstrip().splitlines()
