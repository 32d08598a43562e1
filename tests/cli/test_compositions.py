"""Compositions of OpenWhisk actions by the command line."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Partita, begin

DEMO = """
import composer

def check(args):
    return {'value': args['password'] == 'abc123'}

def main():
    return composer.when(
        composer.action('authenticate', { 'action': check }),
        composer.action('success', { 'action': lambda args: { 'message': 'success' } }),
        composer.action('failure', { 'action': lambda args: { 'message': 'failure' } }))

def other():
    return composer.literal(1)

def broken():
    return composer.repeat('x')

def nothing():
    return 42
"""


@pytest.fixture(autouse=True)
def demo(folder: Path) -> Path:
    path = folder / "demo.py"
    path.write_text(DEMO)
    return path


@pytest.mark.parametrize(("password", "message"), [("abc123", "success"), ("x", "failure")])
def test_a_file_with_main_runs_durably(partita: Partita, password: str, message: str) -> None:
    given = json.dumps({"password": password})
    done = partita("run", "demo.py", "--input", given, "--id", "one")
    assert json.loads(done.out) == {"message": message}
    assert json.loads(partita("run", "demo.py", "--id", "one").out) == {"message": message}
    shown = partita("show", "one").out
    assert "demo@1" in shown
    assert "openwhisk:authenticate" in shown
    assert f"openwhisk:{message}" in shown


def test_a_composition_and_its_run_are_drawn(partita: Partita) -> None:
    assert 'n1{{"authenticate"}}' in partita("graph", "demo.py", "--format", "mermaid").out
    partita("run", "demo.py", "--input", '{"password": "abc123"}', "--id", "one")
    drawn = partita("graph", "one", "--format", "mermaid").out
    assert 'n1{{"authenticate: succeeded"}}' in drawn
    assert '["success: succeeded"]' in drawn
    assert '["failure"]' in drawn
    assert "openwhisk:authenticate (at test)" in partita("history", "one", "--output", "table").out
    assert "openwhisk:success (at consequent)" in partita("tasks", "one").out
    partita("graph", "absent").is_error(3, "EXECUTION_NOT_FOUND")


def test_a_name_chooses_a_function(partita: Partita) -> None:
    assert json.loads(partita("run", "demo.py:other").out) == {"value": 1}


def test_a_composition_that_fails_fails_the_command(partita: Partita) -> None:
    partita("run", "demo.py").is_error(1, "CompositionFailedError: 'password'")


def test_input_is_an_object(partita: Partita) -> None:
    partita("run", "demo.py", "--input", "[1]").is_error(1, "takes a JSON object")


def test_portable_json_is_printed_and_runs(partita: Partita, folder: Path) -> None:
    for dialect in ("python", "js"):
        made = json.loads(partita("compose", "demo.py", "--dialect", dialect).out)
        assert [one["name"] for one in made["actions"]] == [
            "/_/authenticate",
            "/_/success",
            "/_/failure",
        ]
        assert made["ast"]["type"] == ("if" if dialect == "js" else "when")
        (folder / "made.json").write_text(json.dumps(made))
        again = json.loads(partita("compose", "made.json", "--dialect", dialect).out)
        assert again == made
        done = partita("run", "made.json", "--input", '{"password": "abc123"}')
        assert json.loads(done.out) == {"message": "success"}


def test_ast_and_conductor_are_written_into_files(partita: Partita, folder: Path) -> None:
    partita("compose", "demo.py:main", "--ast", "--into", "ast.json")
    assert json.loads((folder / "ast.json").read_text())["type"] == "when"
    partita("compose", "demo.py", "--conductor", "--into", "demo_conductor.py")
    assert "def main(args)" in (folder / "demo_conductor.py").read_text()


def test_bad_targets_are_errors(partita: Partita) -> None:
    partita("compose", "demo.py:broken").is_error(2, 'Invalid argument "count" in "repeat"')
    partita("compose", "demo.py:nothing").is_error(2, "gave no composition")
    partita("compose", "demo.py:absent").is_error(2, "has no absent")
    partita("compose", "absent.py").is_error(2, "no file")
    partita("compose", "absent.json").is_error(2, "cannot be read")
    partita("compose", "demo.py", "--ast", "--conductor").is_error(2, "give one")


def test_a_module_composer_beside_the_file_is_left_alone(partita: Partita, folder: Path) -> None:
    (folder / "composer.py").write_text("def when(*tasks): return {'mine': len(tasks)}")
    (folder / "flow.py").write_text(
        "import composer\nfrom partita import workflow\n"
        "@workflow\ndef flow():\n    return composer.when(1, 2)\n"
    )
    assert json.loads(partita("run", "flow.py").out) == {"mine": 2}


EXAMPLES = Path(__file__).parents[2] / "examples" / "openwhisk"


def test_the_example_and_its_json_are_the_same(partita: Partita) -> None:
    made = partita("compose", str(EXAMPLES / "demo.py")).out
    assert json.loads(made) == json.loads((EXAMPLES / "demo.json").read_text())
    done = partita("run", str(EXAMPLES / "demo.py"), "--input", '{"password": "abc123"}')
    assert json.loads(done.out) == {"message": "success"}


def test_a_worker_serves_compositions(partita: Partita, folder: Path) -> None:
    partita("start", "demo.py", "--id", "one", "--input", '{"password": "abc123"}')
    worker = begin(folder, "worker", "demo.py")
    done = partita("result", "one", "--timeout", "30")
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
    assert json.loads(done.out) == {"message": "success"}


def test_json_that_is_nested_deeply_runs(partita: Partita, folder: Path) -> None:
    (folder / "deep.py").write_text(
        "import composer\ndef main():\n    made = composer.literal(1)\n"
        "    for _ in range(300): made = composer.when(made, None)\n    return made\n"
    )
    partita("compose", "deep.py", "--into", "deep.json", "--dialect", "js")
    assert json.loads(partita("run", "deep.json", "--input", '{"n": 1}').out) == {"n": 1}
