"""pyawssfn's README, command by command, with a file of our own in its language."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

from partita.asl.check import check_text
from partita.stepfunctions.pysfn import Fail
from tests.cli import in_process
from tests.cli.conftest import environment
from tests.stepfunctions.pysfn import moto_machine
from tests.stepfunctions.pysfn.corpus import ARN, load
from tests.stepfunctions.pysfn.old_machine import machine_of_pyawssfn, states_in

ROOT = Path(__file__).parents[3]
FILE = ROOT / "examples" / "pysfn" / "analyse_text.py"
INPUT = '{"locals": {"text": "a short example"}}'
SENTENCE = "text starts with a, has 15 chars, 5 vowels, and 2 spaces"
STATES_OF_PYAWSSFN = 20


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return load(FILE)


class TestFunctions:
    """The ten unit tests that a user has of the file, as of any other Python."""

    def test_start(self, module: ModuleType) -> None:
        assert module.describe_start("hello world") == {"letter": "h"}

    def test_start_of_nothing(self, module: ModuleType) -> None:
        with pytest.raises(module.EmptyTextError):
            module.describe_start("")

    def test_length(self, module: ModuleType) -> None:
        start = {"letter": "h"}
        assert module.add_length("hello", start) == {"letter": "h", "length": 5}
        assert start == {"letter": "h"}

    def test_vowels(self, module: ModuleType) -> None:
        assert [module.count_vowels(text) for text in ("hello world", "rhythms", "")] == [3, 0, 0]

    def test_spaces(self, module: ModuleType) -> None:
        assert [module.count_spaces(text) for text in ("hello world", "goodbye")] == [1, 0]

    def test_sentence(self, module: ModuleType) -> None:
        told = module.sentence({"letter": "h", "length": 10}, [42, 99])
        assert told == "text starts with h, has 10 chars, 42 vowels, and 99 spaces"

    def test_whole(self, module: ModuleType) -> None:
        assert module.analyse("a short example") == SENTENCE

    def test_c(self, module: ModuleType) -> None:
        assert module.analyse("choose") == "text starts with c"

    def test_empty(self, module: ModuleType) -> None:
        with pytest.raises(Fail, match="UnusableText: there is no text"):
            module.analyse("")

    def test_other_letter(self, module: ModuleType) -> None:
        with pytest.raises(Fail, match="another letter"):
            module.analyse("do not use it")


class Command:
    """`partita ARGUMENTS` in a folder; keeps what the last one printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        given = in_process.run(self.folder, list(arguments), environment(), "")
        self.out, self.err, status = given
        return status


@pytest.fixture
def partita(tmp_path: Path) -> Command:
    return Command(tmp_path)


def unzipped(partita: Command) -> Path:
    """Build the zip by the command, and unpack it."""
    assert partita("pysfn", "gen-lambda", str(FILE), "lambda-function.zip") == 0, partita.err
    ZipFile(partita.folder / "lambda-function.zip").extractall(partita.folder / "lambda")
    return partita.folder / "lambda"


def test_the_zip(partita: Command) -> None:
    assert partita("pysfn", "gen-lambda", str(FILE), "one.zip") == 0
    with ZipFile(partita.folder / "one.zip") as archive:
        listed = [(one.filename, one.date_time) for one in archive.infolist()]
        assert archive.read("inner/analyse_text.py") == FILE.read_bytes()
    date = (1980, 1, 1, 0, 0, 0)
    names = ["handler.py", "inner/analyse_text.py", "pysfn.py"]
    assert listed == [(name, date) for name in names]
    assert partita("pysfn", "gen-lambda", str(FILE), "one.zip") == 2
    assert partita.err == (
        "partita: one.zip exists already; remove it, or give another name [INVALID_OPTION]\n"
    )
    assert partita("pysfn", "gen-lambda", str(FILE), "two.zip") == 0
    assert (partita.folder / "one.zip").read_bytes() == (partita.folder / "two.zip").read_bytes()


def test_the_machine_runs_with_the_handler_of_the_zip(partita: Command) -> None:
    unzipped(partita)
    assert partita("pysfn", "compile", str(FILE), ARN) == 0
    machine = json.loads(partita.out)
    assert check_text(partita.out) == []
    assert len(list(states_in(machine))) == 13 < STATES_OF_PYAWSSFN
    (partita.folder / "stepfun.asl.json").write_text(partita.out, "utf-8")
    run = ["--backend", "memory://", "run", "stepfun.asl.json", "--input"]
    function = ["--lambda", "dispatch=lambda/handler.py:dispatch"]
    assert partita(*run, INPUT, *function) == 0, partita.err
    assert json.loads(partita.out) == SENTENCE
    assert partita(*run, '{"locals": {"text": ""}}', *function) == 1
    assert "UnusableText: there is no text" in partita.err
    assert partita(*run, '{"text": "a"}', *function) == 1
    assert "Partita.InvalidInput" in partita.err


def test_the_machine_runs_on_moto(partita: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unzipped(partita)
    assert partita("pysfn", "compile", str(FILE), ARN) == 0
    machine = json.loads(partita.out)
    spec = importlib.util.spec_from_file_location("pysfn_handler", folder / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    handler = importlib.util.module_from_spec(spec)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    try:
        spec.loader.exec_module(handler)
    finally:
        for name in set(sys.modules) - before:
            if name.startswith(("inner", "pysfn")):
                del sys.modules[name]
    with moto_machine.interpreter(handler.dispatch):
        assert moto_machine.run(machine, json.loads(INPUT)) == SENTENCE
        failed = moto_machine.run(machine, {"locals": {"text": ""}})
    assert failed == ("UnusableText", "there is no text")


def test_machines_that_pyawssfn_compiled_keep_working_with_the_new_zip(partita: Command) -> None:
    unzipped(partita)
    old = machine_of_pyawssfn()
    assert len(list(states_in(old))) == STATES_OF_PYAWSSFN
    (partita.folder / "old.asl.json").write_text(json.dumps(old), "utf-8")
    run = ["--backend", "memory://", "run", "old.asl.json", "--input"]
    function = ["--lambda", "dispatch=lambda/handler.py:dispatch"]
    assert partita(*run, INPUT, *function) == 0, partita.err
    assert json.loads(partita.out) == SENTENCE
    assert partita(*run, '{"locals": {"text": ""}}', *function) == 1
    assert "UnusableText: there is no text" in partita.err


def test_the_handler_runs_in_a_bare_interpreter(partita: Command) -> None:
    folder = unzipped(partita)
    event = {
        "call_descr": {"function": "add_length", "arg_names": ["text", "start"]},
        "locals": {"text": "abc", "start": {"letter": "a"}, "other": 1},
    }
    code = f"import handler; print(handler.dispatch({event!r}, None))"
    bare = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, ''); {code}"]
    done = subprocess.run(bare, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout == "{'letter': 'a', 'length': 3}\n", done.stderr


def test_the_file_is_a_target_of_other_commands(partita: Command) -> None:
    run = ["--backend", "memory://", "run"]
    for target in (str(FILE), f"{FILE}:analyse"):
        assert partita(*run, target, "--input", INPUT) == 0, partita.err
        assert json.loads(partita.out) == SENTENCE
    assert partita(*run, f"{FILE}:describe_start", "--input", INPUT) == 2
    assert partita("compile", f"{FILE}:analyse") == 0
    assert len(list(states_in(json.loads(partita.out)))) == 13
    assert partita("check", str(FILE)) == 0, partita.out
    assert partita("graph", str(FILE), "--format", "mermaid") == 0
    assert "count_vowels" in partita.out


def test_pyawssfns_own_module_beside_the_file_is_not_used(partita: Command) -> None:
    (partita.folder / "moved.py").write_bytes(FILE.read_bytes())
    (partita.folder / "pysfn.py").write_text("def main(f): return f\n", "utf-8")
    assert partita("--backend", "memory://", "run", "moved.py", "--input", INPUT) == 0, partita.err
    assert json.loads(partita.out) == SENTENCE


def test_refusals_are_told_by_every_command(partita: Command) -> None:
    text = FILE.read_text("utf-8").replace("return result", 'return result["x"]')
    (partita.folder / "refused.py").write_text(text, "utf-8")
    told = "refused.py:71:5: return result['x']: a variable is what is returned; write return name"
    assert partita("pysfn", "compile", "refused.py", ARN) == 2
    assert partita.err.splitlines()[0] == told
    assert partita("--backend", "memory://", "run", "refused.py", "--input", INPUT) == 2
    assert partita.err.splitlines()[0] == told
    assert partita("check", "refused.py") == 1
    assert told in partita.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compile", "none.py", ARN], "no file none.py"),
        (["gen-lambda", "none.py", "z.zip"], "no file none.py"),
        (["gen-lambda", "a-b.py", "z.zip"], "a-b.py is no module"),
        (["gen-lambda", "wrong.py", "z.zip"], "wrong.py:1: "),
        (["compile", "wrong.py", ARN], "wrong.py:1: "),
        (["compile", "raises.py", ARN], "raises.py cannot be imported: ValueError: no"),
        (["gen-lambda", "raises.py", "none/z.zip"], "cannot write none/z.zip"),
        (["compile", "raises.py"], "Missing argument"),
    ],
)
def test_bad_input_is_told_in_one_line(partita: Command, arguments: list[str], told: str) -> None:
    (partita.folder / "wrong.py").write_text("def f(:", "utf-8")
    (partita.folder / "raises.py").write_text("raise ValueError('no')", "utf-8")
    assert partita("pysfn", *arguments) in (2, 3)
    assert told in partita.err
    assert "Traceback" not in partita.err


def test_the_names_of_the_packages(tmp_path: Path) -> None:
    """`python -m pysfn.tools.…` and plain `python FILE`, with the folders of compat installed."""
    folders = [str(ROOT / "compat" / name) for name in ("pysfn", "composer")]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([*folders, str(ROOT / "src")])}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    machine = json.loads(python("-m", "pysfn.tools.compile", str(FILE), "LAMBDA-FUN-ARN"))
    assert machine["States"]["describe_start (line 51)"]["Resource"] == "LAMBDA-FUN-ARN"
    python("-m", "pysfn.tools.gen_lambda", str(FILE), "lambda-function.zip")
    assert (tmp_path / "lambda-function.zip").is_file()
    assert json.loads(python("-m", "pysfn", "compile", str(FILE), "LAMBDA-FUN-ARN")) == machine
    code = (
        "import sys, composer, conductor, pysfn; from pysfn import definition as PSF\n"
        f"sys.path.insert(0, {str(FILE.parent)!r})\n"
        "import analyse_text; print(analyse_text.analyse('choose'), pysfn.Fail is PSF.Fail)\n"
        "print(composer.sequence.__module__, conductor.__name__)"
    )
    assert python("-c", code).splitlines() == [
        "text starts with c True",
        "partita.openwhisk.composer partita.openwhisk.conductor",
    ]


@pytest.mark.parametrize("result", ["{1, 2}", 'float("nan")', "datetime.date.today()", "object()"])
def test_a_result_that_is_no_json_fails_here_as_on_lambda(partita: Command, result: str) -> None:
    text = (
        "import datetime\nimport pysfn as PSF\n\n\ndef find(x):\n"
        f"    return {result}\n\n\n@PSF.main\ndef main(x):\n    y = find(x)\n    return y\n"
    )
    (partita.folder / "no_json.py").write_text(text, "utf-8")
    run = ["--backend", "memory://", "run", "no_json.py", "--input", '{"locals": {"x": 1}}']
    assert partita(*run) == 1
    assert "Runtime.MarshalError" in partita.err
    assert "Unable to marshal response" in partita.err


def test_results_are_written_as_lambda_writes_them(partita: Command) -> None:
    text = (
        "from decimal import Decimal\nimport pysfn as PSF\n\n\ndef find(x):\n"
        '    return {1: (True, None), "d": Decimal("0.5")}\n\n\n'
        "@PSF.main\ndef main(x):\n    y = find(x)\n    return y\n"
    )
    (partita.folder / "written.py").write_text(text, "utf-8")
    run = ["--backend", "memory://", "run", "written.py", "--input", '{"locals": {"x": 1}}']
    assert partita(*run) == 0, partita.err
    assert json.loads(partita.out) == {"1": [True, None], "d": 0.5}


def test_what_is_no_arn_is_told(partita: Command) -> None:
    assert partita("pysfn", "compile", str(FILE), "LAMBDA-FUN-ARN") == 0
    assert partita.err.startswith("partita: LAMBDA-FUN-ARN is no ARN")
    assert partita("pysfn", "compile", str(FILE), "${Function}") == 0
    assert partita.err == ""
