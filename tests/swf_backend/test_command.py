"""`partita swf`: what people register, deprecate and list."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita import workflow
from partita.cli import main
from partita.client import Client
from partita.errors import InvalidOptionError
from partita.swf.backend.service import SwfService
from tests.swf_backend.endpoint import Endpoint


@workflow
def shop() -> None: ...


@pytest.fixture
def partita(endpoint: Endpoint, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; return its status, and what it printed as JSON lines."""

    def run(*words: str) -> tuple[int, list[Any]]:
        status = main(["--backend", endpoint.url(), "swf", *words])
        said = capsys.readouterr()
        return status, [json.loads(line) for line in said.out.splitlines()] or [said.err]

    return run


def test_types_are_registered_listed_and_deprecated(partita: Any) -> None:
    assert partita("register", "--domain")[1][0]["name"] == "tests"
    assert partita("register", "workflow", "w", "2")[1][0]["status"] == "REGISTERED"
    given = partita("register", "activity", "a", "--default", "defaultTaskStartToCloseTimeout=30")
    assert given[1][0]["defaults"] == {"defaultTaskStartToCloseTimeout": "30"}
    names = [row["name"] for row in partita("types", "-o", "jsonl")[1]]
    assert names == ["w", "a"]
    assert partita("deprecate", "workflow", "w", "2")[0] == 0
    [row] = partita("types", "--status", "deprecated", "-o", "jsonl")[1]
    assert (row["kind"], row["version"]) == ("workflow", "2")
    assert partita("deprecate", "--undo", "workflow", "w", "2")[0] == 0
    assert partita("types", "--kind", "workflow", "--name", "w", "-o", "jsonl")[1][0]["name"] == "w"
    assert [row["name"] for row in partita("domains", "-o", "jsonl")[1]] == ["tests"]


def test_a_type_that_has_other_defaults_is_not_passed_off_as_registered(partita: Any) -> None:
    register = ("register", "workflow", "w", "1", "--default")
    assert partita(*register, "defaultTaskStartToCloseTimeout=60")[0] == 0
    assert partita(*register, "defaultTaskStartToCloseTimeout=60")[0] == 0
    status, [said] = partita(*register, "defaultTaskStartToCloseTimeout=30")
    assert status == 5
    assert "w@1 is registered with other defaults" in said
    assert "defaultTaskStartToCloseTimeout is 60, not 30; " in said


def test_executions_are_listed(partita: Any, client: Client, service: SwfService) -> None:
    client.start_with(shop, workflow_id="a", tags=["x"])
    client.start_with(shop, workflow_id="b")
    client.terminate("b")
    for options, ids in (
        ([], {"a", "b"}),
        (["--status", "terminated"], {"b"}),
        (["--tag", "x", "--started-after", "1h"], {"a"}),
        (["--started-before", "1h"], set()),
    ):
        rows = partita("executions", *options, "-o", "jsonl")[1]
        assert {row["workflow_id"] for row in rows if isinstance(row, dict)} == ids


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["register"], "say what to register"),
        (["register", "workflow"], "say which workflow type to register"),
        (["register", "domain", ""], "is empty text"),
        (["register", "domain", "--default", "defaultTaskStartToCloseTimeout=30"], "is for types"),
        (["register", "domains"], "is not one of"),
        (["register", "activity", "a", "--default", "x"], "write one of SWF's members"),
        (
            ["executions", "--started-after", "yesterday"],
            "'yesterday' is no moment",
        ),
        (["deprecate", "activity", "none"], "partita swf register"),
    ],
)
def test_what_is_wrong_is_said(partita: Any, words: list[str], said: str) -> None:
    partita("register", "--domain")
    status, lines = partita(*words)
    assert status == 2
    assert said in lines[0]


def test_a_type_that_is_deprecated_already_says_what_that_means(partita: Any) -> None:
    partita("register", "workflow", "w", "2")
    assert partita("deprecate", "workflow", "w", "2")[0] == 0
    status, [said] = partita("deprecate", "workflow", "w", "2")
    assert status == 5
    assert "WorkflowType=[name=w, version=2] (TypeDeprecatedFault): the type is deprecated" in said
    assert "deprecate --undo" in said


def test_a_worker_that_is_refused_does_not_say_before_that_it_serves(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "refused_flow.py"
    file.write_text("from partita import workflow\n\n@workflow\ndef flow_of_old() -> None: ...\n")
    url = endpoint.url()
    with Client(SwfService(url)) as client:
        client.service.workflow_types.get_or_create("flow_of_old")  # type: ignore[attr-defined]
        client.service.workflow_types.deprecate("flow_of_old")  # type: ignore[attr-defined]
    ended = subprocess.run(  # apart, because a worker takes all that its process defines
        [sys.executable, "-m", "partita", "--backend", url, "worker", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (5, 1)
    assert "is deprecated; give it a new version" in ended.stderr


@pytest.mark.parametrize("words", [["prune", "--older-than", "1d"], ["retention", "show"]])
def test_pruning_is_refused_by_the_backends_name(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["--backend", endpoint.url(), *words]) == 2
    assert "partita: Amazon SWF removes closed executions by its own" in capsys.readouterr().err


def test_an_execution_that_is_not_there_is_said_with_what_helps(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--backend", endpoint.url(), "swf", "register", "--domain"]) == 0
    assert main(["--backend", endpoint.url(), "signal", "none", "s"]) == 3
    said = capsys.readouterr().err
    assert said.count("`partita list` shows") == 1


@pytest.mark.parametrize("command", [["list"], ["swf", "domains"]])
def test_without_the_sdk_it_says_what_to_install(command: list[str]) -> None:
    code = """if True:
        import sys
        for name in ("boto3", "botocore", "botocore.awsrequest", "botocore.exceptions"):
            sys.modules[name] = None
        from partita.cli import main
        sys.exit(main(sys.argv[1:]))
    """
    given = [sys.executable, "-c", code, *command, "--backend", "swf://us-east-1/shop"]
    done = subprocess.run(given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == InvalidOptionError.exit_status, done.stderr
    assert "pip install 'partita[aws]' [INVALID_OPTION]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
