"""Client commands on Step Functions' API: `--backend stepfunctions://REGION?endpoint=URL`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from partita.cli import main
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import made

MACHINE = {
    "StartAt": "Double",
    "States": {
        "Double": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": {"twice": "{% $states.input.n * 2 %}"},
            "End": True,
        }
    },
}


def told(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> str:
    """Run a command; return what it prints."""
    assert main(list(command)) == status, capsys.readouterr().err
    found = capsys.readouterr()
    return found.out if status == 0 else found.err


def test_client_commands(sfn: Endpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "doubled.asl.json"
    file.write_text(json.dumps(MACHINE))
    made(sfn, "doubled", MACHINE)
    backend = ("--backend", f"stepfunctions://us-east-1?endpoint={sfn.url}")
    started = told(
        capsys,
        *backend,
        "start",
        str(file),
        "--id",
        "one",
        "--input",
        '{"n": 21}',
        "--output",
        "json",
    )
    assert json.loads(started)["workflow_id"] == "doubled:one"
    assert json.loads(told(capsys, *backend, "result", "doubled:one")) == {"twice": 42}
    assert "PassStateEntered" in told(capsys, *backend, "history", "doubled:one")
    assert "doubled" in told(capsys, *backend, "show", "doubled:one")
    listed = told(capsys, *backend, "list", "--type", "doubled")
    assert "doubled:one" in listed
    assert "doubled:one" in told(capsys, *backend, "list", "id:*:o* type:doubled status:completed")
    unfinished = "type:doubled -status:completed"
    assert told(capsys, *backend, "count", "--where", unfinished) == "0\n"
    for command in (["list"], ["terminate", "--yes", "--where"]):
        for term in ("tag:eu", "attr.customer:42"):
            refused = told(capsys, *backend, *command, f"{term} id:*", status=2)
            assert "cannot find executions by tags or search attributes" in refused
    failed = told(capsys, *backend, "signal", "doubled:one", "x", status=5)
    assert "doubled:one waits for no signal x now (it waits for: none)" in failed
    assert "no execution" in told(capsys, *backend, "show", "none", status=3).lower()


def test_executions_are_drawn_and_compared(
    sfn: Endpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(sfn, "drawn", MACHINE)
    backend = ("--backend", f"stepfunctions://us-east-1?endpoint={sfn.url}")
    for id in ("one", "two"):
        given = ("--id", id, "--input", json.dumps({"n": len(id) * 7}))
        (tmp_path / "drawn.asl.json").write_text(json.dumps(MACHINE))
        told(capsys, *backend, "start", str(tmp_path / "drawn.asl.json"), *given)
        told(capsys, *backend, "result", f"drawn:{id}")
    drawn = told(capsys, *backend, "graph", "drawn:one", "--format", "mermaid")
    assert 'n1["Double"]' in drawn
    assert "class n1,n2 succeeded" in drawn
    assert "Double  " in told(capsys, *backend, "show", "drawn:one", "--timeline")
    compared = told(capsys, *backend, "diff", "drawn:one", "drawn:two")
    assert compared.splitlines()[-2:] == ["=  1 equal step", "They mean the same."]
    page = tmp_path / "one.html"
    told(capsys, *backend, "export", "drawn:one", "--html", str(page))
    assert "PassStateEntered" in page.read_text("utf-8")


def test_nothing_there_is_for_a_worker(
    sfn: Endpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "doubled.asl.json"
    file.write_text(json.dumps(MACHINE))
    made(sfn, "doubled", MACHINE)
    backend = ("--backend", f"stepfunctions://us-east-1?endpoint={sfn.url}")
    command = [sys.executable, "-m", "partita", *backend, "worker", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("partita: AWS Step Functions runs its machines itself")
    assert done.stderr.count("\n") == 1
    assert main([*backend, "run", str(file), "--input", '{"n": 21}']) == 0
    found = capsys.readouterr()
    assert json.loads(found.out) == {"twice": 42}
    assert found.err == ""
