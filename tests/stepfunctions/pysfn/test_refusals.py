"""What is not of pyawssfn's language is refused: with file, line, column, and a way out."""

from __future__ import annotations

import re
import sys

import pytest

from partita.compile import CompileError
from partita.errors import LoadError
from partita.stepfunctions.pysfn.lowering import compile_source
from partita.stepfunctions.pysfn.machine import machine
from tests.stepfunctions.pysfn.corpus import HERE

PRELUDE = "import json\nimport pysfn as PSF\ndef f(a): return a\n"
_HEADING = re.compile(r"^\[case (\w+)\]\n", re.MULTILINE)
_PARTS = _HEADING.split((HERE / "refusals.txt").read_text("utf-8"))[1:]
CASES = dict(zip(_PARTS[::2], _PARTS[1::2], strict=True))


def messages(source: str) -> str:
    with pytest.raises(CompileError) as caught:
        compile_source(PRELUDE + source, "file.py")
    return "".join(f"{str(one).splitlines()[0]}\n" for one in caught.value.diagnostics)


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused(name: str) -> None:
    source, _, wanted = CASES[name].partition("[refused]\n")
    assert messages(source) == wanted.rstrip("\n") + "\n"


def test_a_refusal_shows_the_code() -> None:
    with pytest.raises(CompileError) as caught:
        compile_source(PRELUDE + "@PSF.main\ndef main(x):\n    return 42\n", "file.py")
    assert str(caught.value).splitlines()[1:] == ["        return 42", "        ^^^^^^^^^"]


@pytest.mark.parametrize("source", ["def f(:\n", "\0", "(" * 500])
def test_what_is_not_python_is_refused(source: str) -> None:
    with pytest.raises(LoadError, match=r"^file\.py:1: "):
        compile_source(source, "file.py")


def test_many_elif_are_no_nesting() -> None:
    tests = "".join(f"    elif PSF.NumericEquals(x, {n}):\n        x = f(x)\n" for n in range(400))
    begin = "@PSF.main\ndef main(x):\n    if PSF.IsNull(x, True):\n        return x\n"
    program = compile_source(f"{PRELUDE}{begin}{tests}    return x\n", "file.py")
    assert len(machine(program, "ARN")["States"]["if (line 6)"]["Choices"]) == 401


def test_what_is_nested_too_deeply_is_told() -> None:
    test = "not " * 2500 + "PSF.IsNull(x, True)"
    source = f"@PSF.main\ndef main(x):\n    if {test}:\n        return x\n"
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(1000)  # whatever a library has set in this process
        with pytest.raises(LoadError, match=r"^file\.py"):
            compile_source(PRELUDE + source, "file.py")
    finally:
        sys.setrecursionlimit(limit)
    lookup = "x" + '["k"]' * 51
    source = f"@PSF.main\ndef main(x):\n    if PSF.IsNull({lookup}, True):\n        return x\n"
    assert "lookup x['k']" in messages(source)


@pytest.mark.parametrize("source", ["", "# nothing\n"])
def test_a_file_without_a_statement_has_no_entry_point(source: str) -> None:
    with pytest.raises(CompileError, match=r"^file\.py:1:1: no function with @PSF.main"):
        compile_source(source, "file.py")
