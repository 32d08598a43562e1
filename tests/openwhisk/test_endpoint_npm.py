"""npm's packages at work against a local OpenWhisk."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.portable_json import compiled
from partita.server.local import openwhisk_endpoint
from tests.openwhisk import npm
from tests.openwhisk.endpoint import Params, archive, result, without_texts
from tests.openwhisk.running import run
from tests.openwhisk.test_npm import NOT_RUN, WRITTEN
from tests.rotation import sample

SOME = sample([name for name in WRITTEN if name not in NOT_RUN], 8)


def told_by(script: str, given: Any, *arguments: str) -> Any:
    """Return what a script for node writes; it finds npm's packages."""
    done = subprocess.run(
        [npm.program("node"), str(Path(__file__).with_name(script)), *arguments],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
        env={"NODE_PATH": str(npm.installed()), "PATH": ""},
    )
    return json.loads(done.stdout)


def deployed(url: str, cases: Sequence[tuple[str, Composition, Params]]) -> Any:
    """Have npm's Composer deploy compositions, and npm's client invoke them."""
    given = [
        {"name": name, "json": compiled(made, "js")["composition"], "params": params}
        for name, made, params in cases
    ]
    return told_by("npm_endpoint.js", {"apihost": url, "cases": given})


def test_npms_composer_deploys_here_and_both_conductors_agree(url: str, wsk: Any) -> None:
    names = [f"npm {name}".replace(" ", "_") for name in SOME]
    cases = [(name, *WRITTEN[one]) for name, one in zip(names, SOME, strict=True)]
    told = deployed(url, cases)
    assert set(names) <= set(told["names"])
    for name, theirs in zip(SOME, told["answers"], strict=True):
        composition, params = WRITTEN[name]
        expected = run(composition, dict(params))
        assert without_texts(theirs) == without_texts(expected), name
        wsk.compositions.deploy({"name": "ours", **composition.compile()}, True)
        assert without_texts(result(wsk, "ours", dict(params))) == without_texts(expected), name


def test_npms_conductor_meets_the_limits_of_compositions(url: str, wsk: Any) -> None:
    """A composition has 50 components and 101 runs of conductors, with those inside."""
    too_many = {"error": "Too many actions in the composition."}
    empty, echo = composer.empty(), composer.action("echo")
    cases: list[tuple[str, Composition, Any, int | None]] = [
        ("fifty", composer.repeat(50, echo), {"n": 1}, 101),
        ("more", composer.repeat(51, echo), too_many, 102),
        ("thirty", composer.repeat(30, echo), {"n": 1}, 61),
        ("shared", composer.sequence("thirty", "thirty"), too_many, None),
        ("nothing", empty, {"n": 1}, 1),
        ("entered", composer.repeat(50, composer.action("nothing")), {"n": 1}, 101),
        ("again", composer.repeat(51, composer.action("nothing")), too_many, None),
    ]
    told = deployed(url, [(name, made, {"n": 1}) for name, made, _, _ in cases])
    for (name, _, answer, count), theirs, logs in zip(
        cases, told["answers"], told["logs"], strict=True
    ):
        assert theirs == answer, name
        assert count in (None, len(logs)), (name, len(logs))


@pytest.fixture
def empty_url() -> Iterator[str]:
    with openwhisk_endpoint() as made:
        yield made


def test_npms_client_creates_invokes_and_lists(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTITA_NODE", npm.program("node"))
    code = archive({"index.js": "exports.main = () => ({ from: 'zip' })"})
    told = told_by("npm_client.js", {"apihost": empty_url}, code)
    limits = {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 5000}
    absent = "The requested resource does not exist."
    assert told["actions"].pop("absent")["error"]["error"] == absent
    assert told["actions"] == {
        "made": {
            "name": "greet",
            "namespace": "guest",
            "version": "0.0.1",
            "limits": limits,
            "parameters": [{"key": "n", "value": 7}],
        },
        "zipped": ["nodejs:default", {"from": "zip"}],
        "again": 409,
        "updated": "0.0.2",
        "code": True,
        "record": {
            "name": "greet",
            "namespace": "guest",
            "response": {
                "result": {"hello": "Ada", "n": 7},
                "size": 24,
                "status": "success",
                "success": True,
            },
            "statusCode": 0,
        },
        "logs": ["stdout: called"],
        "result": {"hello": "Eve", "n": 7},
        "sequence": {"n": 7},
        "later": {"hello": "Bob", "n": 7},
        "names": ["archived", "greet", "twice"],
        "count": {"actions": 3},
        "page": 1,
        "deleted": "twice",
    }
    assert told["activations"] == {"names": ["greet", "greet"], "same": True, "result": True}
    assert told["others"] == {
        "namespaces": ["guest"],
        "shown": {"from": "kit"},
        "fired": {"from": "kit", "a": 1, "b": 2},
        "statuses": ["inactive", "active"],
        "kit": ["show"],
        "lists": [["kit"], ["event"], ["rule"]],
        "removed": ["rule", "event", "show", "kit"],
    }


DEMO = """
const composer = require('openwhisk-composer')
module.exports = composer.if(
  composer.action('check', { action: 'const main = p => ({ value: p.password === "abc123" })' }),
  composer.action('good', { action: 'const main = () => ({ message: "success" })' }),
  composer.action('bad', { action: 'const main = () => ({ message: "failure" })' }))
"""


def test_npms_commands_compose_and_deploy(url: str, wsk: Any, tmp_path: Path) -> None:
    (tmp_path / "demo.js").write_text(DEMO)

    def command(name: str, *arguments: str) -> str:
        done = subprocess.run(
            [npm.program("node"), str(npm.installed() / ".bin" / name), *arguments],
            cwd=tmp_path,
            env={"NODE_PATH": str(npm.installed()), "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=100,
        )
        return done.stdout

    (tmp_path / "demo.json").write_text(command("compose", "demo.js"))
    said = command("deploy", "demo", "demo.json", "-w", "--apihost", url, "-u", "key:secret")
    assert said == "ok: created actions /_/check,/_/good,/_/bad,/_/demo\n"
    assert result(wsk, "demo", {"password": "abc123"}) == {"message": "success"}
    assert result(wsk, "demo", {"password": "guess"}) == {"message": "failure"}
