"""The README of Apache's Composer for Python, step by step, on a local OpenWhisk."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partita.cli import pycompose
from tests.cli import in_process
from tests.openwhisk.endpoint import activations, ended

DEMO = """
import composer

def main():
    return composer.when(
        composer.action(
            'authenticate', {'action': lambda args: {'value': args['password'] == 'abc123'}}),
        composer.action('success', {'action': lambda args: {'message': 'success'}}),
        composer.action('failure', {'action': lambda args: {'message': 'failure'}}))
"""

INVOKED = re.compile(r"ok: invoked /_/demo with id ([0-9a-f]{32})\n")


def test_the_first_composition_of_the_readme_of_apaches_composer(
    url: str, wsk: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--apihost", url, "-u", "key:secret"]

    def command(main: Callable[[list[str]], int], *arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    def partita(*arguments: str) -> str:
        given = ["openwhisk", *arguments, *at]
        out, err, status = in_process.run(tmp_path, given, dict(os.environ), "")
        assert (status, err) == (0, "")
        return out

    def invoked(password: str) -> str:
        found = INVOKED.fullmatch(partita("invoke", "demo", "-p", "password", password))
        assert found is not None
        ended(wsk, found[1])
        return found[1]

    (tmp_path / "demo.py").write_text(DEMO)
    (tmp_path / "demo.json").write_text(command(pycompose.compose, str(tmp_path / "demo.py")))
    said = command(pycompose.deploy, "demo", str(tmp_path / "demo.json"), "-w", *at)
    assert said == "ok: created /_/authenticate,/_/success,/_/failure,/_/demo\n"
    assert partita("result", invoked("passw0rd")) == '{\n    "message": "failure"\n}\n'
    id = invoked("abc123")
    assert partita("result", id) == '{\n    "message": "success"\n}\n'
    said, _, record = partita("activations", id).partition("\n")
    assert said == f"ok: got activation {id}"
    check_story(wsk, id, json.loads(record))
    newest = [line.split()[-2:] for line in partita("activations").splitlines()[:6]]
    names = ["demo", "success", "demo", "authenticate", "demo", "demo"]
    assert [name for _, name in newest] == names
    assert newest[-1][0] == id


def check_story(wsk: Any, id: str, record: Any) -> None:
    """Check the activations of an invocation.

    The entry with the earliest start sums up the composition; there is one for each action, and the
    rest are for the begin, the end and the transitions.
    """
    found = activations(wsk, record)
    assert [one["name"] for one in found] == [
        "demo", "demo", "authenticate", "demo", "success", "demo",
    ]  # fmt: skip
    assert found[0]["activationId"] == id
    assert record["logs"] == [one["activationId"] for one in found[1:]]
    assert [one.get("cause") for one in found] == [None, *[id] * 5]
    assert sorted(one["start"] for one in found) == [one["start"] for one in found]
    values = {one["key"]: one["value"] for one in record["annotations"]}
    assert (values["kind"], values["conductor"], values["topmost"]) == ("sequence", True, True)
    assert values["path"] == "guest/demo"
    assert record["duration"] == sum(one["duration"] for one in found[1:])


def test_the_commands_of_our_page_print_what_it_shows(url: str, tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(DEMO)
    page = (Path(__file__).parents[2] / "docs" / "openwhisk-endpoint.md").read_text("utf-8")
    section = page.partition("## From Apache's README")[2]
    lines = section.partition("```sh\n")[2].partition("```")[0].splitlines()
    commands = [line for line in lines if not line.startswith("#")]
    script = "\n".join(commands).replace("http://127.0.0.1:3233", url)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [line[2:] for line in lines if line.startswith("#")]
