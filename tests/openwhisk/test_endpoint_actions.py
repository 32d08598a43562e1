"""Actions on a local OpenWhisk: what they are given, and what is recorded of them."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pytest

from partita.errors import OpenWhiskError
from tests.openwhisk.endpoint import Params, defined, invoke, result


def test_a_sequence_stops_at_an_error(wsk: Any) -> None:
    defined(wsk, "pair", {"exec": {"kind": "sequence", "components": ["/_/fail", "/_/echo"]}})
    record = invoke(wsk, "pair", {"n": 1})
    assert record["response"]["result"] == {"error": "failed"}
    assert len(record["logs"]) == 1


def test_a_sequence_has_actions_that_are_there_and_not_itself(wsk: Any) -> None:
    def define(name: str, *components: str) -> None:
        exec_ = {"kind": "sequence", "components": [f"/_/{one}" for one in components]}
        wsk.actions.update({"name": name, "action": {"exec": exec_}})

    define("inner", *["echo"] * 26)
    define("outer", "inner", "echo")
    for components, said in [
        (["absent"], "Sequence component does not exist."),
        (["echo", "outer"], "Sequence may not refer to itself."),
        (["inner"], "Sequence may not refer to itself."),
    ]:
        with pytest.raises(OpenWhiskError, match=said):
            define("inner", *components)
    with pytest.raises(OpenWhiskError, match="Too many actions in the sequence"):
        define("twice", "inner", "inner")
    assert result(wsk, "outer", {"n": 1}) == {"n": 1}


def test_parameters_of_packages_and_bindings_come_first(wsk: Any) -> None:
    put = "namespaces/_/packages/{}?overwrite=true"
    pairs = [{"key": "a", "value": 1}, {"key": "b", "value": 1}]
    wsk.request("PUT", put.format("lib"), {"parameters": pairs})
    defined(
        wsk,
        "lib/show",
        {
            "exec": {"kind": "python:3", "code": "def main(p): return p"},
            "parameters": [{"key": "b", "value": 2}],
        },
    )
    assert result(wsk, "lib/show", {"c": 3}) == {"a": 1, "b": 2, "c": 3}
    bound = {"binding": {"namespace": "_", "name": "lib"}}
    wsk.request("PUT", put.format("bound"), {**bound, "parameters": [{"key": "a", "value": 9}]})
    assert result(wsk, "bound/show") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("code", "options", "status", "said"),
    [
        ("def main(p):\n    raise ValueError('oops')\n", {}, "application error", "oops"),
        ("def main(p):\n    return 1\n", {}, "action developer error", "did not return a dict"),
        ("def main(p:\n", {}, "action developer error", "failed to generate"),
        ("def main(p):\n    __import__('os')._exit(1)\n", {}, "action developer error",
         "unexpectedly"),
        (
            "def main(p):\n    while True: pass\n",
            {"limits": {"timeout": 100}},
            "action developer error",
            "exceeded its time limits of 100 milliseconds",
        ),
        ("def main(p):\n    return {'n': b'x'}\n", {}, "action developer error", "dictionary"),
        ("const main = () => { throw new Error('x') }", {"kind": "nodejs:default"},
         "action developer error", "An error has occurred: Error: x"),
        ("const main = async () => { throw 'x' }", {"kind": "nodejs:default"},
         "application error", "x"),
        ("const main = 1", {"kind": "nodejs:default"}, "action developer error",
         "Initialization has failed due to: Action entrypoint 'main' is not a function."),
        ("const main = () => 1", {"kind": "nodejs:default"}, "action developer error",
         "The action did not return a dictionary."),
    ],
)  # fmt: skip
def test_actions_that_go_wrong(
    wsk: Any, code: str, options: Params, status: str, said: str
) -> None:
    name = f"faulty{zlib.crc32(code.encode())}"
    defined(wsk, name, code, **options)
    record = invoke(wsk, name)
    assert record["response"]["status"] == status
    assert said in record["response"]["result"]["error"]
    assert result(wsk, "echo", {"n": 1}) == {"n": 1}


def test_logs_have_both_streams_and_are_cut(wsk: Any) -> None:
    code = (
        "import os, sys\n"
        "def main(p):\n"
        "    print('out')\n"
        "    print('err', file=sys.stderr)\n"
        "    if p.get('much'):\n"
        "        for _ in range(3000):\n"
        "            print('x' * 1000)\n"
        "    return {}\n"
    )
    defined(wsk, "talkative", {"exec": {"kind": "python:3", "code": code}, "limits": {"logs": 1}})
    found = sorted(line.partition(" ")[2] for line in invoke(wsk, "talkative")["logs"])
    assert found == ["stderr: err", "stdout: out"]
    cut = invoke(wsk, "talkative", {"much": True})["logs"]
    assert "Logs were truncated because the total bytes size exceeds the limit" in cut[-1]
    assert sum(map(len, cut)) < 2_000_000


def test_code_sees_neither_the_server_nor_other_actions(
    wsk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    code = "import os\ndef main(p):\n    return {'env': dict(os.environ), 'cwd': os.getcwd()}\n"
    defined(wsk, "curious", code)
    found = result(wsk, "curious")
    assert "SECRET_OF_THE_SERVER" not in found["env"]
    assert found["env"]["__OW_API_KEY"] == ""
    assert found["env"]["__OW_ACTION_NAME"] == "/guest/curious"
    assert found["env"]["HOME"] == found["cwd"]
    defined(wsk, "trusted", code, annotations=[{"key": "provide-api-key", "value": True}])
    assert result(wsk, "trusted")["env"]["__OW_API_KEY"] == "local:local"


def test_no_request_says_where_actions_send_their_key(url: str, wsk: Any) -> None:
    code = "import os\ndef main(p):\n    return {'host': os.environ['__OW_API_HOST']}\n"
    defined(wsk, "where", code)
    asked = f"{url}/api/v1/namespaces/_/actions/where?blocking=true&result=true"
    request = urllib.request.Request(asked, b"{}", {"Host": "localhost:9"})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"host": url}


def test_actions_find_the_packages_of_their_runtime(wsk: Any) -> None:
    defined(wsk, "uses", "import sample_package as s\ndef main(p):\n    return {'n': s.VALUE}\n")
    assert result(wsk, "uses") == {"n": 7}
    code = "const main = () => ({ type: typeof require('openwhisk') })"
    defined(wsk, "requires", code, kind="nodejs:default")
    assert result(wsk, "requires") == {"type": "function"}


def test_a_kind_is_the_python_of_that_version_on_the_path(
    wsk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"python3.{sys.version_info.minor - 1}"
    (tmp_path / other).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    code = "import sys\ndef main(p):\n    return {'path': sys.executable}\n"
    defined(wsk, "other", code, kind=other.replace("python", "python:"))
    assert Path(result(wsk, "other")["path"]).name == other


RECORD = {
    "activationId", "annotations", "duration", "end", "logs", "name", "namespace", "publish",
    "response", "start", "statusCode", "subject", "version",
}  # fmt: skip


def annotated(record: Params) -> Params:
    return {one["key"]: one["value"] for one in record["annotations"]}


def test_records_have_the_members_of_openwhisks(wsk: Any) -> None:
    defined(wsk, "shaped", "def main(p):\n    return p  # alone\n")
    cold, warm = invoke(wsk, "shaped"), invoke(wsk, "shaped")
    assert set(cold) == set(warm) == RECORD
    assert set(cold["response"]) == {"result", "size", "status", "success"}
    assert annotated(cold)["path"] == "guest/shaped"
    assert set(annotated(cold)) == {"path", "kind", "initTime", "waitTime", "limits"}
    assert "initTime" not in annotated(warm)  # its process was there
    defined(wsk, "both", {"exec": {"kind": "sequence", "components": ["/_/shaped", "/_/shaped"]}})
    whole = invoke(wsk, "both")
    inner = [wsk.record(id) for id in whole["logs"]]
    assert annotated(whole)["topmost"] is True
    assert [set(one) for one in inner] == [RECORD | {"cause"}] * 2
    assert [one["cause"] for one in inner] == [whole["activationId"]] * 2
    assert [annotated(one)["causedBy"] for one in inner] == ["sequence"] * 2
    assert whole["duration"] == sum(one["duration"] for one in inner)
    (row,) = wsk.request("GET", "namespaces/_/activations?name=both")
    assert set(row) == RECORD - {"logs", "response", "subject"}
