"""`partita serve`: what it takes, and what it refuses to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from partita.cli import main
from tests.swf.command import served
from tests.swf.conftest import DOMAIN, Story, decision
from tests.swf.test_operations import refused

HANDLER = """
def double(event, context):
    return {"twice": event["n"] * 2, "name": context.function_name}
"""


def refuses(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Run `serve` with options that it refuses; return what it says."""
    assert main(["--backend", "memory://", "serve", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTITA_ACCESS_KEYS", raising=False)


def test_it_does_not_listen_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--insecure-local" in refuses(capsys)
    assert "without authentication" in refuses(capsys, "--host", "0.0.0.0")
    assert "without authentication" in refuses(capsys, "--host", "0.0.0.0", "--insecure-local")


def test_keys_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "ID:SECRET" in refuses(capsys, "--access-key", "justanid")
    said = refuses(capsys, "--access-key", "id:hush", "--access-key", ":hush")
    assert "hush" not in said
    assert "no such file" in refuses(capsys, "--access-key-file", str(tmp_path / "x")).lower()


def test_functions_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "swf_handlers.py"
    file.write_text(HANDLER)
    local = "--insecure-local"
    assert "NAME=FILE:HANDLER" in refuses(capsys, local, "--lambda", "double")
    assert "no function triple" in refuses(capsys, local, "--lambda", f"x={file}:triple")


def test_an_address_that_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with served("memory://") as endpoint:
        said = refuses(capsys, "--insecure-local", "--port", str(endpoint.port))
    assert "choose another --port" in said


def test_keys_of_a_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# those of the team\n\nFILE:other\n")
    with served("memory://", "--access-key-file", str(keys), "--access-key", "GIVEN:x") as made:
        for id, secret in (("AKID", "secret"), ("FILE", "other"), ("GIVEN", "x")):
            made.new_client(id, secret).list_domains(registrationStatus="REGISTERED")
        with refused("UnrecognizedClientException"):
            made.new_client("NOBODY", "x").list_domains(registrationStatus="REGISTERED")
        assert made.stop() == 0


def test_functions_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLER)
    with served("memory://", "--lambda", "double=handlers.py:double", folder=tmp_path) as made:
        story = Story(made)
        run_id = story.start(lambdaRole="role")
        story.decide(decision("ScheduleLambdaFunction", id="f", name="double", input='{"n": 4}'))
        kinds = [event["eventType"] for event in story.poll()["events"]]
        assert "LambdaFunctionCompleted" in kinds
        answer = story.client.get_workflow_execution_history(
            domain=DOMAIN, execution={"workflowId": "w", "runId": run_id}
        )
        completed = answer["events"][kinds.index("LambdaFunctionCompleted")]
        result = completed["lambdaFunctionCompletedEventAttributes"]["result"]
        assert result == '{"twice":8,"name":"double"}'


def test_help_is_there_without_a_server() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "partita", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--access-key-file" in shown
