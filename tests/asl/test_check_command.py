"""`partita check` of state machines, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from partita.cli import main

Capture = pytest.CaptureFixture[str]

BROKEN = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Ghost"}, "B": {"Type": "Fail"}}}
DOUBTFUL = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Parameters": {"a": "$.b"}, "End": True}},
}
TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
WAITING = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": TOKEN, "End": True}}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, definition in (("broken", BROKEN), ("doubtful", DOUBTFUL), ("waiting", WAITING)):
        Path(f"{name}.asl.json").write_text(json.dumps(definition))
    Path("clean.py").write_text("x = 1\n")


def test_errors_are_lines_with_location_and_code(capsys: Capture) -> None:
    assert main(["check", "broken.asl.json", "clean.py"]) == 1
    assert capsys.readouterr() == (
        "broken.asl.json: /States/A/Next: MISSING_TRANSITION_TARGET "
        "Missing 'Next' target: Ghost\n"
        "broken.asl.json: /States/B: MISSING_TRANSITION_TARGET "
        'State "B" is not reachable.\n',
        "partita: 2 findings in 2 files\n",
    )


def test_json_has_the_members_of_aws(capsys: Capture) -> None:
    assert main(["check", "broken.asl.json", "--output", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0] == {
        "filename": "broken.asl.json",
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: Ghost",
        "location": "/States/A/Next",
    }


def test_warnings_alone_are_status_0(capsys: Capture) -> None:
    assert main(["check", "doubtful.asl.json"]) == 0
    assert "/States/A/Parameters: NO_DOLLAR" in capsys.readouterr().out


def test_an_express_machine_has_its_own_rules(capsys: Capture) -> None:
    assert main(["check", "waiting.asl.json"]) == 0
    assert capsys.readouterr() == ("", "partita: nothing found in 1 file\n")
    assert main(["check", "waiting.asl.json", "--type", "EXPRESS"]) == 1
    assert "/States/A/Resource: SCHEMA_VALIDATION_FAILED Express" in capsys.readouterr().out


def test_a_text_that_is_no_json_is_one_line(capsys: Capture) -> None:
    Path("bad.asl.json").write_text("{\n")
    assert main(["check", "bad.asl.json"]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert "INVALID_JSON_DESCRIPTION Unexpected end-of-input" in line


@pytest.mark.parametrize("name", ["missing.asl.json", "folder.json"])
def test_a_file_that_cannot_be_read_is_one_clear_line(name: str, capsys: Capture) -> None:
    Path("folder.json").mkdir()
    assert main(["check", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert name in line
