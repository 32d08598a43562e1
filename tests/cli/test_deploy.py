"""Deployment of compositions by the command line: ours, and Composer for Python's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.cli import pycompose
from tests.cli.conftest import Partita
from tests.cli.test_compositions import DEMO
from tests.openwhisk import stand_in
from tests.openwhisk.stand_in import AUTH, OpenWhisk

CREATED = "ok: created /_/authenticate,/_/success,/_/failure,/_/demo\n"
Command = Callable[..., tuple[str, str, int]]


@pytest.fixture
def host() -> Iterator[OpenWhisk]:
    with stand_in.openwhisk() as made:
        yield made


@pytest.fixture(autouse=True)
def demo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "demo.py").write_text(DEMO)
    monkeypatch.chdir(folder)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(main: Callable[[list[str]], int], *arguments: str) -> tuple[str, str, int]:
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return said.out, said.err, status

    return run


def at(host: OpenWhisk, *more: str) -> list[str]:
    return ["--apihost", host.url, "-u", AUTH, *more]


def deploy(host: OpenWhisk, *more: str) -> list[str]:
    return ["deploy", "demo.py", "--to", "openwhisk", "--name", "demo", *at(host, *more)]


def test_a_deployment_says_what_it_created(partita: Partita, host: OpenWhisk) -> None:
    assert partita(*deploy(host)).out == CREATED
    assert host.run("demo", {"password": "abc123"}) == {"message": "success"}
    assert host.run("demo", {"password": "guess"}) == {"message": "failure"}
    partita(*deploy(host)).is_error(5, "409", "created before that: none", "--overwrite")
    assert partita(*deploy(host, "-w")).out == CREATED


def test_settings_come_from_the_environment(partita: Partita, host: OpenWhisk) -> None:
    env = {"__OW_API_HOST": host.url, "__OW_API_KEY": AUTH}
    arguments = ["deploy", "demo.py", "--to", "openwhisk", "--name", "demo"]
    assert partita(*arguments, env=env).out == CREATED
    wrong = [*arguments, "-w", "-u", "no:one"]
    partita(*wrong, env=env).is_error(5, "401", "check --auth")


def test_annotations_and_limits(partita: Partita, host: OpenWhisk, folder: Path) -> None:
    (folder / "note.json").write_text('{"a": 1}')
    (folder / "limits.json").write_text('{"demo": {"logs": 1}}')
    own = '{"success": {"timeout": 1000}}'
    more = ["-a", "k=v=w", "-A", "note=note.json", "-l", own, "-L", "limits.json", "--kind", "p:3"]
    assert partita(*deploy(host, *more)).out == CREATED
    made = host.actions["demo"]
    assert made["annotations"][:2] == [
        {"key": "k", "value": "v=w"},
        {"key": "note", "value": {"a": 1}},
    ]
    assert made["limits"] == {"logs": 1}
    assert made["exec"]["kind"] == "p:3"
    assert host.actions["success"]["limits"] == {"timeout": 1000}
    partita(*deploy(host, "-w", "-t", "5", "-m", "128"))
    assert host.actions["demo"]["limits"] == {"timeout": 5, "memory": 128}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-a", "key"], "KEY=VALUE"),
        (["-A", "key=absent"], "cannot be read"),
        (["-l", "{"], "not JSON"),
        (["-l", "[]"], "not an object"),
        (["-l", '{"absent": {}}'], "defines no action absent"),
        (["--name", "/"], "Name is not valid"),
    ],
)
def test_bad_options_deploy_nothing(
    partita: Partita, host: OpenWhisk, more: list[str], said: str
) -> None:
    partita(*deploy(host, *more)).is_error(2, said)
    assert host.requests == []


def test_a_named_composition_is_deployed_under_its_name(
    partita: Partita, host: OpenWhisk, folder: Path
) -> None:
    text = DEMO + "\ndef named():\n    return composer.composition('shop', composer.literal(1))\n"
    (folder / "demo.py").write_text(text)
    arguments = ["deploy", "demo.py:named", "--to", "openwhisk", *at(host)]
    assert partita(*arguments).out == "ok: created /_/shop\n"
    assert host.run("shop", {}) == {"value": 1}
    assert partita(*arguments, "--name", "other").out == "ok: created /_/other\n"
    unnamed = ["deploy", "demo.py", "--to", "openwhisk", *at(host)]
    partita(*unnamed).is_error(2, "the composition of demo.py has no name; give --name")


def test_pycompose_and_pydeploy(command: Command, host: OpenWhisk, folder: Path) -> None:
    out, _, status = command(pycompose.compose, "demo.py")
    assert status == 0
    (folder / "demo.json").write_text(out)
    arguments = ["demo", "demo.json", *at(host, "-i", "-a", "k=v", "-l", '{"timeout": 7}')]
    assert command(pycompose.deploy, *arguments) == (CREATED, "", 0)
    assert host.actions["demo"]["limits"] == {"timeout": 7}
    out, err, status = command(pycompose.deploy, *arguments)
    assert (out, status) == ("", 5)
    assert "409" in err
    assert command(pycompose.deploy, *arguments, "-w")[0] == CREATED
    assert json.loads(command(pycompose.compose, "demo.py", "--ast")[0])["type"] == "when"


def test_actions_of_json_without_an_ast_are_deployed(
    command: Command, host: OpenWhisk, folder: Path
) -> None:
    made = json.loads(command(pycompose.compose, "demo.py")[0])
    (folder / "bare.json").write_text(json.dumps({**made, "ast": None}))
    assert command(pycompose.deploy, "demo", "bare.json", *at(host))[0] == CREATED


@pytest.mark.parametrize(
    ("main", "usage"),
    [
        (pycompose.compose, "usage: pycompose composition.py command [flags]"),
        (pycompose.deploy, "usage: pydeploy composition composition.json [flags]"),
    ],
)
def test_usage_lines_are_the_originals(command: Command, main: Any, usage: str) -> None:
    assert command(main, "-h")[0].startswith(usage)
    assert command(main)[1].startswith(usage)
    assert command(main, "-v")[0].startswith(usage.split()[1])


def test_errors_of_pycompose_are_lines_on_stderr(command: Command, folder: Path) -> None:
    (folder / "bad.py").write_text("import composer\ndef main(): return composer.repeat('x')")
    out, err, status = command(pycompose.compose, "bad.py")
    assert (out, status) == ("", 2)
    assert err.startswith('error: Invalid argument "count"')
    assert err.count("\n") == 1
    assert command(pycompose.deploy, "demo", "demo.py")[2] == 2


def test_named_actions_run_on_the_host_of_the_environment(
    partita: Partita, host: OpenWhisk, folder: Path
) -> None:
    partita(*deploy(host))
    (folder / "flow.py").write_text(
        "import composer\ndef main():\n"
        "    return composer.seq('demo', composer.do('absent', lambda p: {'caught': 'error' in p}))"
    )
    env = {"__OW_API_HOST": host.url, "__OW_API_KEY": AUTH}
    done = partita("run", "flow.py", "--input", '{"password": "abc123"}', env=env)
    assert json.loads(done.out) == {"caught": True}
    assert ("POST", "/api/v1/namespaces/_/actions/demo") in host.requests


def test_an_activity_is_an_action_by_its_name(partita: Partita, folder: Path) -> None:
    (folder / "flow.py").write_text(
        "import composer\nfrom partita import activity\n"
        "@activity\ndef double(params: dict) -> dict: return {'n': params['n'] * 2}\n"
        "def main(): return composer.repeat(3, 'double')"
    )
    assert json.loads(partita("run", "flow.py", "--input", '{"n": 1}').out) == {"n": 8}


def test_an_unknown_action_says_what_to_do(partita: Partita, folder: Path) -> None:
    (folder / "flow.py").write_text("import composer\ndef main(): return composer.task('absent')")
    partita("run", "flow.py").is_error(1, "action absent; give composer.action a definition")


def test_actions_are_invoked_and_their_records_read(partita: Partita, host: OpenWhisk) -> None:
    partita(*deploy(host))
    where = at(host)
    given = ["openwhisk", "invoke", "demo", "-p", "password", "abc123", *where]
    assert partita(*given).out == "ok: invoked /_/demo with id id0\n"
    assert json.loads(partita(*given, "-r").out) == {"message": "success"}
    first, _, record = partita(*given, "-b").out.partition("\n")
    assert first == "ok: invoked /_/demo with id id2"
    assert json.loads(record)["response"]["result"] == {"message": "success"}
    assert json.loads(partita("openwhisk", "result", "id0", *where).out) == {"message": "success"}
    listed = partita("openwhisk", "activations", *where).out.splitlines()
    assert listed[-1] == "1970-01-01 00:00:00 id0 demo"
    assert partita("openwhisk", "activations", "id0", *where).out.startswith("ok: got activation")
    names = partita("openwhisk", "actions", *where).out
    assert names == "actions\n/_/authenticate\n/_/success\n/_/failure\n/_/demo\n"


def test_an_invocation_that_fails_fails_the_command(partita: Partita, host: OpenWhisk) -> None:
    partita(*deploy(host))
    done = partita("openwhisk", "invoke", "demo", "-r", *at(host))
    assert done.status == 1
    assert "error" in json.loads(done.out)
    partita("openwhisk", "invoke", "absent", *at(host)).is_error(5, "404", "does not exist")
    partita("openwhisk", "result", "absent", *at(host)).is_error(2, "no activation absent")
