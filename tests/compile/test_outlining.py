"""Make steps of expressions that JSONata has not: equal in plain Python, compiled, and bundled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from partita.asl.check import check_text
from partita.compile import CompileError, compile_workflow
from partita.compile.outlining.steps import HINT, outlining
from partita.stepfunctions.bundle import bundle_of
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit
from partita.testing import Environment
from tests.cli import in_process
from tests.cli.conftest import environment
from tests.compile.corpus import load
from tests.compile.served import activities_for

HEAD = """import random
import re
from datetime import datetime
from decimal import Decimal


def weight(name: str) -> int:
    return sum(map(ord, name))


def total(prices: list[str]) -> str:
    found = Decimal(0)
    for one in prices:
        found += Decimal(one)
    return str(found)


def drawn(text: str) -> str:
    return random.choice([text, re.sub("a", "b", text)])


def keep(text: str) -> str:
    global KEPT
    KEPT = re.sub("a", "b", text)
    return KEPT


def noted(name: str) -> str:
    return note(name)


"""
PROGRAMS: dict[str, tuple[str, list[Any]]] = {
    "regular_expression": (
        """@workflow
def main(text: str) -> list[str]:
    clean = re.sub(r"\\s+", " ", text)
    if re.match(r"[a-z]+ ", clean):
        note(clean)
    while re.search("aa", clean):
        clean = re.sub("aa", "a", clean)
    return [note(word) for word in clean.split(" ") if not re.search(r"\\d", word)]
""",
        [["ab  c1 aaaa"], ["Ab"], [""]],
    ),
    "sorted_by_a_function": (
        """@workflow
def main(names: list[str]) -> list[str]:
    found: list[str] = sorted(names, key=lambda one: (Decimal(weight(one)) % 7, one), reverse=True)
    return found
""",
        [[["b", "a", "ca", "é"]], [[]]],
    ),
    "decimal": (
        """@workflow
def main(prices: list[str], rate: str) -> str:
    return str(sum((Decimal(one) for one in prices), Decimal(0)) * Decimal(rate))
""",
        [[["1.10", "2.2"], "1.07"], [[], "1"]],
    ),
    "strptime": (
        """@workflow
def main(day: str) -> dict[str, Any]:
    try:
        return {"year": datetime.strptime(day, "%d.%m.%Y").strftime("%Y/%j")}
    except ValueError as error:
        return {"wrong": str(error)}
""",
        [["31.12.2024"], ["31.13.2024"]],
    ),
    "function_of_the_module": (
        """@workflow
def main(prices: list[str]) -> list[str]:
    return [total(prices), note(total(prices[:1]))]
""",
        [[["1.1", "2.2"]], [[]]],
    ),
    "format": (
        """@workflow
def main(price: str, text: str) -> str:
    def cleaned(word: str) -> str:
        return re.sub(word, "_", text)
    return f"{note(text)} {Decimal(price):>8.2f} {cleaned('a')!r}"
""",
        [["1.5", "aba"]],
    ),
    "changed_variables": (
        """@workflow
def main(text: str) -> list[str]:
    xs = [text]
    xs.append(re.sub("a", "b", xs[0]))
    ys = sorted(xs, key=lambda one: (Decimal(len(one)), one))
    ys.append(note(re.sub("b", "c", ys[-1])))
    return ys + xs
""",
        [["aa"]],
    ),
    "dataclass": (
        """@workflow
def main(order: Order) -> str:
    return note(re.sub("a", "b", order.card))
""",
        [[{"card": "aba", "lines": [], "coupon": None}]],
    ),
}


def loaded(name: str, source: str, folder: Path) -> Any:
    return load(name, HEAD + source, folder)


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, list[Any]]:
    source, inputs = PROGRAMS[request.param]
    return loaded(request.param, source, tmp_path), inputs


def arguments(workflow: Any, given: list[Any]) -> list[Any]:
    from partita.codec import Converter

    args, _ = workflow.signature.load(Converter(), json.dumps(given))
    return list(args)


def test_plain_python_and_the_machine_agree(program: tuple[Any, list[Any]]) -> None:
    workflow, inputs = program
    with outlining():
        machine = compiled(workflow)
        assert check_text(json.dumps(emit(compile_workflow(workflow)))) == []
    with Environment(workflows=[machine], activities=activities_for(workflow)) as env:
        for given in inputs:
            args = arguments(workflow, given)
            assert env.run(machine, *args) == workflow(*args), given


def test_without_outlining_the_refusal_tells_of_it(program: tuple[Any, list[Any]]) -> None:
    with pytest.raises(CompileError) as raised:
        compile_workflow(program[0], "f.py")
    assert all(one.hint == HINT for one in raised.value.diagnostics)
    assert "--outline" in str(raised.value)


def test_a_bundle_has_the_steps(tmp_path: Path) -> None:
    workflow = loaded("bundled", PROGRAMS["regular_expression"][0], tmp_path)
    with outlining():
        program = compile_workflow(workflow)
        made = bundle_of(workflow)
    assert set(program.steps) <= set(made.activities)
    assert made.content == bundle_with_steps(workflow)
    name = program.steps[0]
    (tmp_path / "one.zip").write_bytes(made.content)
    ZipFile(tmp_path / "one.zip").extractall(tmp_path / "zip")
    event = {"activity": name, "arguments": {"text": "a \n b"}}
    code = (
        "import sys; sys.path.insert(0, '')\n"
        f"from partita.handler import dispatch; print(dispatch({event!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=tmp_path / "zip",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "a b\n", done.stderr


def bundle_with_steps(workflow: Any) -> bytes:
    with outlining():
        return bundle_of(workflow).content


@pytest.mark.parametrize(
    "source",
    [
        "    return open(text)",
        "    return drawn(text)",
        "    return keep(text)",
        "    return re.sub('a', 'b', note(text))",
        "    return noted(re.sub('a', noted(text), text))",
        "    xs = [text]\n    xs.append('a')\n    return max(xs, key=lambda x: Decimal(x))",
    ],
)
def test_what_is_not_pure_is_no_step(source: str, tmp_path: Path) -> None:
    name = f"impure_{abs(hash(source)):x}"
    workflow = loaded(name, f"@workflow\ndef main(text: str) -> Any:\n{source}\n", tmp_path)
    with outlining(), pytest.raises(CompileError):
        compile_workflow(workflow)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("re.match('a', text)", "makes a Match, which JSON does not hold"),
        ("Decimal(text) + 1", "makes a Decimal"),
        ("re.search('a', text).span()", "makes a tuple"),
        ("[Decimal(1)] + [Decimal(text)]", "makes a Decimal"),
    ],
)
def test_a_value_that_json_has_not_is_an_error(expression: str, told: str, tmp_path: Path) -> None:
    name = f"no_json_{abs(hash(expression)):x}"
    source = f"@workflow\ndef main(text: str) -> Any:\n    x = {expression}\n    return x\n"
    with outlining():
        machine = compiled(loaded(name, source, tmp_path))
    text = "1" if "Decimal" in expression else "a"
    with pytest.raises(TypeError, match=told):
        machine(text)


def test_commands(tmp_path: Path) -> None:
    (tmp_path / "outlined_file.py").write_text(
        "import re\nfrom partita import workflow\n\n\n@workflow\n"
        "def clean(text: str) -> str:\n    return re.sub('x', 'y', text)\n",
        "utf-8",
    )

    def partita(*given: str) -> tuple[str, str, int]:
        return in_process.run(tmp_path, list(given), environment(), "")

    target = "outlined_file.py:clean"
    out, err, status = partita("compile", target, "--outline")
    assert status == 0, err
    assert "clean_line_7" in out
    run = ("--backend", "memory://", "run", target, "--compiled", "--input", '["axb"]')
    assert partita(*run, "--outline") == ('"ayb"\n', "", 0)
    out, err, status = partita(*run)
    assert status == 2
    *_, hint, last = err.splitlines()
    assert hint.strip() == HINT
    assert last == "partita: 1 place in outlined_file.py cannot be compiled [NOT_COMPILED]"
    out, err, status = partita("graph", target, "--outline", "--format", "mermaid")
    assert (status, "clean_line_7" in out) == (0, True), err
    out, err, status = partita("bundle", target, "--outline", "-o", "one.zip")
    assert (status, "clean_line_7" in out) == (0, True), err
