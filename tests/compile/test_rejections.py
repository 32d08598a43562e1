"""Refuse programs with exactly these diagnostics."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from partita.compile import CompileError, compile_workflow
from partita.compile.pictures import picture
from partita.compile.workflows import drawable
from tests.compile.corpus import PRELUDE_ROWS, load

_FILES = sorted(Path(__file__).parent.glob("rejections*.txt"))
_TEXT = "\n".join(file.read_text("utf-8") for file in _FILES)
_PARTS = re.split(r"^\[case (\w+)\]\n", _TEXT, flags=re.MULTILINE)[1:]
CASES = list(zip(_PARTS[::2], _PARTS[1::2], strict=True))


@pytest.mark.parametrize(("name", "text"), CASES, ids=[name for name, _ in CASES])
def test_refused(name: str, text: str, tmp_path: Path) -> None:
    source, _, wanted = text.partition("[error]\n")
    workflow = load(name, source, tmp_path)
    with pytest.raises(CompileError) as refused:
        compile_workflow(workflow, "f.py")
    assert picture(drawable(workflow)).flow  # what is refused is drawn as it is written
    heads = [str(one).splitlines()[0] for one in refused.value.diagnostics]
    assert [_moved(head) for head in heads] == wanted.strip().splitlines()


def _moved(head: str) -> str:
    """Return a diagnostic with the row within the case."""
    _, row, rest = head.split(":", 2)
    return f"{int(row) - PRELUDE_ROWS}:{rest}"


def test_a_diagnostic_shows_its_line(tmp_path: Path) -> None:
    source = "@workflow\ndef main(x: float) -> str:\n    return 'ä' + x.hex()\n"
    with pytest.raises(CompileError) as refused:
        compile_workflow(load("shown", source, tmp_path), "f.py")
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("f.py:6:18: method hex of float: ")
    assert lines[1:3] == ["        return 'ä' + x.hex()", "                     ^^^^^^^"]
    assert lines[3:] == ["    this can be a step of its own: compile with --outline"]
