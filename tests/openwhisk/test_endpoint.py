"""A local OpenWhisk: its API as clients use it, and what it makes of compositions."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partita.cli import pycompose
from partita.client import Client
from partita.connect import connect
from partita.errors import OpenWhiskError
from partita.openwhisk import composer, conductor
from partita.openwhisk.composition import Composition
from partita.openwhisk.portable_json import compiled
from partita.server.local import openwhisk_endpoint
from tests.conftest import until
from tests.openwhisk import npm
from tests.openwhisk.running import ACTIONS, run
from tests.openwhisk.test_agreement import call_total, composed, inputs, leaves
from tests.openwhisk.test_npm import NOT_RUN, WRITTEN
from tests.soak import scaled

Params = dict[str, Any]

README = """
import composer

def authenticate(args):
    return { 'value': args['password'] == 'abc123' }

def main():
    return composer.when(
        composer.action('authenticate', { 'action': authenticate }),
        composer.action('success', { 'action': lambda args: { 'message': 'success' } }),
        composer.action('failure', { 'action': lambda args: { 'message': 'failure' } }))
"""

PYTHON = {
    "DivideByTwo": "def main(p):\n    return {'n': p['n'] / 2}\n",
    "TripleAndIncrement": "def main(p):\n    return {'n': p['n'] * 3 + 1}\n",
    "isNotOne": "def main(p):\n    return {'value': p['n'] != 1}\n",
    "isEven": "def main(p):\n    return {'value': p['n'] % 2 == 0}\n",
    "echo": "def main(p):\n    return p\n",
    "fail": "def main(p):\n    return {'error': 'failed', 'n': p.get('n')}\n",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    packages = tmp_path_factory.mktemp("packages")
    packages.chmod(0o755)  # actions have users of their own
    (packages / "node_modules").symlink_to(npm.installed())
    with pytest.MonkeyPatch.context() as patch, openwhisk_endpoint(blocking_seconds=30) as made:
        patch.setenv("PARTITA_ACTION_PACKAGES", str(packages))
        patch.setenv("PARTITA_NODE", npm.program("node"))
        yield made


@pytest.fixture(scope="module")
def wsk(url: str) -> Any:
    client = conductor.openwhisk({"apihost": url, "api_key": "key:secret"})
    assert set(PYTHON) == {name.rpartition("/")[2] for name in ACTIONS if name[:3] == "/_/"}
    for name, code in PYTHON.items():
        client.actions.create({"name": name, "action": code})
    return client


def invoke(wsk: Any, name: str, params: Params | None = None) -> Params:
    """Return the record of a blocking invocation, whatever it came to."""
    try:
        found: Params = wsk.actions.invoke({"name": name, "params": params, "blocking": True})
    except OpenWhiskError as error:
        return failed(error)
    return found


def failed(error: OpenWhiskError) -> Params:
    """Return the record that an error has, as those of actions have."""
    assert error.status_code == 502
    assert isinstance(error.error, dict)
    return error.error


def result(wsk: Any, name: str, params: Params | None = None) -> Any:
    return invoke(wsk, name, params)["response"]["result"]


def ended(wsk: Any, id: str) -> Params:
    """Return the record of an activation, once there is one."""
    until(lambda: wsk.record(id) is not None, 30.0)
    found: Params = wsk.record(id)
    return found


def defined(wsk: Any, name: str, code: Any, **options: Any) -> None:
    wsk.actions.update({"name": name, "action": code, **options})


# -- Apache's README


def test_the_first_composition_of_the_readme_of_apaches_composer(
    url: str, wsk: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(main: Callable[[list[str]], int], *arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    (tmp_path / "demo.py").write_text(README)
    made = command(pycompose.compose, str(tmp_path / "demo.py"))
    (tmp_path / "demo.json").write_text(made)
    at = ["--apihost", url, "-u", "key:secret"]
    said = command(pycompose.deploy, "demo", str(tmp_path / "demo.json"), "-w", *at)
    assert said == "ok: created /_/authenticate,/_/success,/_/failure,/_/demo\n"
    record = invoke(wsk, "demo", {"password": "abc123"})
    assert record["response"]["result"] == {"message": "success"}
    assert result(wsk, "demo", {"password": "guess"}) == {"message": "failure"}
    found = activations(wsk, record)
    assert [one["name"] for one in found] == [
        "demo", "demo", "authenticate", "demo", "success", "demo",
    ]  # fmt: skip
    assert found[0]["activationId"] == record["activationId"]
    assert record["logs"] == [one["activationId"] for one in found[1:]]
    assert [one.get("cause") for one in found] == [None, *[record["activationId"]] * 5]
    values = {one["key"]: one["value"] for one in record["annotations"]}
    assert (values["kind"], values["conductor"], values["topmost"]) == ("sequence", True, True)


def activations(wsk: Any, record: Params) -> list[Params]:
    """Return the activations of one invocation, the first one first."""
    listed = wsk.request("GET", f"namespaces/_/activations?limit=200&since={record['start']}")
    mine = {record["activationId"], *record["logs"]}
    found = [one for one in listed if one["activationId"] in mine]
    return list(reversed(found))


# -- npm's Composer


NAMES = [name for name in WRITTEN if name not in NOT_RUN]
SOME = scaled(NAMES[::5], NAMES)


def test_npms_composer_deploys_here_and_both_conductors_agree(url: str, wsk: Any) -> None:
    cases = []
    for name in SOME:
        composition, params = WRITTEN[name]
        action = f"npm {name}".replace(" ", "_")
        cases.append({"name": action, "json": compiled(composition, "js")["composition"]})
        cases[-1]["params"] = params
    done = subprocess.run(
        [npm.program("node"), str(Path(__file__).with_name("npm_endpoint.js"))],
        input=json.dumps({"apihost": url, "cases": cases}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
        env={"NODE_PATH": str(npm.installed()), "PATH": ""},
    )
    told = json.loads(done.stdout)
    assert {case["name"] for case in cases} <= set(told["names"])
    for name, theirs in zip(SOME, told["answers"], strict=True):
        composition, params = WRITTEN[name]
        expected = run(composition, dict(params))
        assert without_texts(theirs) == without_texts(expected), name
        wsk.compositions.deploy({"name": "ours", **composition.compile()}, True)
        assert without_texts(result(wsk, "ours", dict(params))) == without_texts(expected), name


def without_texts(value: Any) -> Any:
    """Replace the text of an absent action's error, which OpenWhisk words differently."""
    text = json.dumps(value)
    is_absent = "no action" in text or "Failed to resolve action" in text
    return "absent" if is_absent else value


@settings(max_examples=scaled(8, 300), deadline=None)
@given(composition=st.recursive(leaves, composed, max_leaves=6), params=inputs)
def test_random_compositions_agree(wsk: Any, composition: Composition, params: Params) -> None:
    defined(wsk, "TripleAndIncrement", "def main(p):\n    return {'n': p.get('n', 0) * 3 + 1}\n")
    wsk.compositions.deploy({"name": "random", **composition.compile()}, True)
    found = without_texts(result(wsk, "random", dict(params)))
    expected = run(composition, dict(params), call_total)
    assert found == without_texts(expected) or "Too many actions" in json.dumps(found)


# -- limits of compositions


def test_branches_run_at_the_same_time_without_redis(wsk: Any) -> None:
    composition = composer.parallel("DivideByTwo", composer.map("echo"), "fail")
    wsk.compositions.deploy({"name": "branches", **composition.compile()}, True)
    found = result(wsk, "branches", {"n": 4, "value": [1, 2]})
    inner = {"value": [{"value": 1}, {"value": 2}]}
    assert found == {"value": [{"n": 2.0}, inner, {"error": "failed"}]}


@pytest.mark.parametrize(("count", "is_too_long"), [(50, False), (51, True)])
def test_a_composition_has_50_components(wsk: Any, count: int, is_too_long: bool) -> None:
    composition = composer.do(composer.repeat(count, "echo"), lambda p: {"caught": p["error"]})
    wsk.compositions.deploy({"name": "long", **composition.compile()}, True)
    found = result(wsk, "long", {"n": 1})
    expected = {"caught": "Too many actions in the composition."} if is_too_long else {"n": 1}
    assert found == expected


def test_counts_are_shared_with_compositions_inside(wsk: Any) -> None:
    inner = composer.repeat(30, "echo")
    wsk.compositions.deploy({"name": "inner", **inner.compile()}, True)
    outer = composer.sequence("inner", composer.do("inner", lambda p: {"caught": p["error"]}))
    wsk.compositions.deploy({"name": "outer", **outer.compile()}, True)
    assert result(wsk, "outer", {}) == {"caught": "Too many actions in the composition."}


def test_a_conductor_yields_before_its_deadline(wsk: Any) -> None:
    code = (
        "import socket, time\n"
        "def main(p):\n"
        "    if 'port' in p: socket.create_connection(('127.0.0.1', p['port'])).recv(1)\n"
        "    time.sleep(0.5)\n"
        "    return {}\n"
    )
    wsk.actions.update({"name": "slow", "action": code})
    made = {"name": "waiting", **composer.parallel("slow").compile()}
    wsk.compositions.deploy(made, True, limits={"timeout": 15_250})
    record = invoke(wsk, "waiting")
    assert record["response"]["result"] == {"value": [{}]}
    names = [wsk.record(one)["name"] for one in record["logs"]]
    assert names == ["waiting", *["echo", "waiting"] * (len(names) // 2)]
    assert len(names) > 2
    wsk.compositions.deploy(made, True, limits={"timeout": 15_000})
    with socket.create_server(("127.0.0.1", 0)) as server:  # for which the branch waits
        record = invoke(wsk, "waiting", {"port": server.getsockname()[1]})
        server.accept()[0].close()
    assert record["response"]["result"] == {"error": "Too many actions in the composition."}


def test_a_conductor_that_never_ends_is_ended(wsk: Any) -> None:
    code = "def main(p):\n    return {'action': '!', 'params': {}, 'state': {'n': 1}}\n"
    defined(wsk, "endless", code, annotations=[{"key": "conductor", "value": True}])
    record = invoke(wsk, "endless")
    assert record["response"] == {
        "result": {"error": "Too many actions in the composition."},
        "size": 49,
        "status": "application error",
        "success": False,
    }
    assert len(record["logs"]) == 101


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("'absent'", "Failed to resolve action with name 'guest/absent' during composition."),
        ("'/a'", 'Failed to parse action name from json value "/a" during composition.'),
        ("7", "Failed to parse action name from json value 7 during composition."),
    ],
)
def test_a_conductor_is_told_of_what_it_cannot_call(wsk: Any, name: str, said: str) -> None:
    code = f"def main(p):\n    return {{'params': p}} if 'error' in p else {{'action': {name}}}\n"
    defined(wsk, "wrong", code, annotations=[{"key": "conductor", "value": True}])
    assert result(wsk, "wrong") == {"error": said}


# -- actions


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


# -- the API


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "namespaces/_/actions/absent", None, 404, "does not exist"),
        ("POST", "namespaces/_/actions/absent", {}, 404, "does not exist"),
        ("DELETE", "namespaces/_/actions/absent", None, 404, "does not exist"),
        ("PUT", "namespaces/_/actions/echo", {"exec": {"kind": "python:3", "code": ""}}, 409,
         "already exists"),
        ("PUT", "namespaces/_/actions/a..b", {}, 400, "allowed form"),
        ("PUT", "namespaces/_/actions/no/x", {"exec": {"kind": "python:3", "code": ""}}, 404,
         "does not exist"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "ruby", "code": ""}}, 400, "ruby"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "blackbox"}}, 400, "blackbox"),
        ("PUT", "namespaces/_/actions/x", {"exec": {"kind": "python:3"}}, 400, "'code'"),
        ("PUT", "namespaces/_/actions/x", {}, 400, "exec undefined"),
        ("PUT", "namespaces/_/actions/x", [], 400, "Object expected"),
        ("PUT", "namespaces/_/actions/echo?overwrite=true", {"limits": {"timeout": 1}}, 400,
         "timeout 1 is not within"),
        ("POST", "namespaces/_/actions/echo?blocking=maybe", {}, 400, "Boolean"),
        ("GET", "namespaces/_/activations?limit=x", None, 400, "limit"),
        ("GET", "namespaces/_/activations/absent", None, 404, "does not exist"),
        ("GET", "namespaces/other/actions", None, 403, "not authorized"),
        ("GET", "namespaces/_/nothing", None, 404, "does not exist"),
    ],
)  # fmt: skip
def test_requests_that_are_refused(
    wsk: Any, method: str, path: str, body: Any, status: int, said: str
) -> None:
    with pytest.raises(OpenWhiskError) as caught:
        wsk.request(method, path, body)
    assert caught.value.status_code == status
    assert said in str(caught.value.error)


def test_an_update_keeps_what_it_does_not_name(wsk: Any) -> None:
    defined(
        wsk,
        "kept",
        {
            "exec": {"kind": "python:3", "code": "def main(p): return p"},
            "parameters": [{"key": "a", "value": 1}],
            "limits": {"timeout": 500},
        },
    )
    made = wsk.actions.update(
        {
            "name": "kept",
            "action": {"exec": {"kind": "python:3", "code": "def main(p): return {'b': p['a']}"}},
        }
    )
    assert (made["version"], made["limits"]["timeout"]) == ("0.0.2", 500)
    assert made["parameters"] == [{"key": "a", "value": 1}]
    assert result(wsk, "kept") == {"b": 1}
    assert wsk.actions.delete("kept")["name"] == "kept"


def test_an_invocation_that_takes_longer_is_answered_with_its_id(wsk: Any) -> None:
    path = "namespaces/_/actions/{}?blocking=true&timeout=1"
    code = "import time\ndef main(p):\n    time.sleep(0.2)\n    return p\n"
    defined(wsk, "slow", code)
    id = wsk.request("POST", path.format("slow"), {"n": 1})["activationId"]
    assert wsk.result_of("slow", {"n": 2}) == {"n": 2}
    wait = ended(wsk, id)
    assert wait["response"]["result"] == {"n": 1}
    assert wsk.request("GET", f"namespaces/_/activations/{id}/logs") == {"logs": []}
    assert wsk.request("GET", f"namespaces/_/activations/{id}/result")["success"] is True


WEB = """
def main(p):
    if p.get('kind') == 'http':
        return {'statusCode': 201, 'headers': {'X-A': 'b', 'Content-Type': 'text/x'}, 'body': 'hi'}
    if p.get('kind') == 'fail':
        return {'error': {'statusCode': 418, 'body': 'tea'}}
    del p['__ow_headers']
    return {'html': '<b>', 'text': 'plain', 'p': p}
"""


def web(url: str, path: str, body: bytes | None = None) -> tuple[int, str, str]:
    """Return status, content type and text of a request to a web action, without a key."""
    request = urllib.request.Request(f"{url}/api/v1/web/guest/default/{path}", body)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read().decode()


def test_web_actions_answer_anybody(url: str, wsk: Any) -> None:
    exported = [{"key": "web-export", "value": True}]
    action = {"exec": {"kind": "python:3", "code": WEB}, "annotations": exported}
    wsk.actions.update({"name": "page", "action": {**action, "parameters": [{"key": "a"}]}})
    assert web(url, "page.html")[:2] == (200, "text/html; charset=utf-8")
    assert web(url, "page.text")[2] == "plain"
    found = json.loads(web(url, "page.json/x/y?n=1", b'{"m": 2}')[2])["p"]
    assert found == {"a": None, "n": "1", "m": 2, "__ow_method": "post", "__ow_path": "/x/y"}
    assert web(url, "page?kind=http") == (201, "text/x; charset=utf-8", "hi")
    assert web(url, "page.http?kind=fail")[::2] == (418, "tea")
    assert web(url, "page.json?a=1")[0] == 400
    assert web(url, "page.json", b"{")[0] == 400
    assert web(url, "page.svg")[0] == 404
    assert web(url, "page.exe")[0] == 406
    assert web(url, "echo.json")[0] == 404


def test_a_trigger_invokes_the_actions_of_its_rules(wsk: Any) -> None:
    at = "namespaces/_/{}"
    made = wsk.request("PUT", at.format("triggers/t"), {"parameters": [{"key": "a", "value": 1}]})
    assert (made["name"], made["namespace"]) == ("t", "guest")
    assert wsk.request("POST", at.format("triggers/t"), {}) is None  # nothing to invoke
    rule = {"trigger": "/_/t", "action": "/_/echo"}
    made = wsk.request("PUT", at.format("rules/r"), rule)
    assert (made["status"], made["action"]) == ("active", {"name": "echo", "path": "guest"})
    id = wsk.request("POST", at.format("triggers/t"), {"b": 2})["activationId"]
    record = ended(wsk, id)
    assert record["response"]["result"] == {"a": 1, "b": 2}
    told = json.loads(record["logs"][0])
    assert (told["rule"], told["action"]) == ("guest/r", "guest/echo")
    called = told["activationId"]
    invoked = ended(wsk, called)
    assert (invoked["cause"], invoked["response"]["result"]) == (id, {"a": 1, "b": 2})
    wsk.request("POST", at.format("rules/r"), {"status": "inactive"})
    assert wsk.request("POST", at.format("triggers/t"), {}) is None
    assert [one["name"] for one in wsk.request("GET", at.format("rules"))] == ["r"]
    for body, said in (
        ({"trigger": "/_/no", "action": "/_/echo"}, "no does not exist"),
        ({**rule, "action": "no"}, "no does not exist"),
        ({**rule, "status": "x"}, "'x' is not a recognized rule state"),
    ):
        with pytest.raises(OpenWhiskError, match=said):
            wsk.request("PUT", at.format("rules/r?overwrite=true"), body)
    assert wsk.request("DELETE", at.format("rules/r"))["name"] == "r"
    assert wsk.request("DELETE", at.format("triggers/t"))["name"] == "t"


def test_an_activation_that_was_terminated_has_a_record() -> None:
    service = connect("memory://")
    with openwhisk_endpoint(service) as url:
        wsk = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        code = "import time\ndef main(p):\n    time.sleep(60)\n"
        defined(wsk, "slow", code, limits={"timeout": 1000})
        id = wsk.actions.invoke({"name": "slow"})["activationId"]
        Client(service).terminate(id, "enough")
        record = ended(wsk, id)
        assert record["response"]["status"] == "whisk internal error"
        assert (record["name"], record["statusCode"]) == ("slow", 3)
    service.close()
