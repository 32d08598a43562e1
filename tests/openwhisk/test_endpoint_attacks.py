"""Actions and requests that would harm a local OpenWhisk: it answers, and goes on."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.openwhisk import conductor
from partita.openwhisk.endpoint.launching import PREFIX, remove_leftovers
from partita.server.local import openwhisk_endpoint
from tests.openwhisk.endpoint import archive, invoke, result


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with openwhisk_endpoint() as made:
        yield made


@pytest.fixture(scope="module")
def wsk(url: str) -> Any:
    client = conductor.openwhisk({"apihost": url, "api_key": "key:secret"})
    client.actions.create({"name": "good", "action": "def main(p):\n    return p\n"})
    return client


def run(wsk: Any, code: str, **action: Any) -> Any:
    """Return the result of some code; another action runs as before."""
    given = {"exec": {"kind": "python:default", "code": code, **action}}
    limits = {"timeout": 2000, "memory": 128, "logs": 1}
    wsk.actions.update({"name": "bad", "action": {**given, "limits": limits}})
    found = result(wsk, "bad")
    assert result(wsk, "good", {"n": 1}) == {"n": 1}
    return found


PYTHON_MAIN = {"__main__.py": "def main(p): return p"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\ndef main(p):\n    os.kill(os.getppid(), 9)\n", None),
        ("def main(p):\n    return {'n': len('x' * (2 << 30))}\n", ""),
        ("import os, signal\ndef main(p):\n    for n in range(20):\n        "
         "os.fork() or signal.pause()\n", None),
        ("def main(p):\n    open('large', 'wb').truncate(1 << 30)\n", "File too large"),
        ("import os, signal\ndef main(p):\n    for n in range(500): os.fork() or signal.pause()\n",
         "Resource temporarily unavailable" if os.geteuid() == 0 else None),
        ("def main(p):\n    for n in range(9):\n        open(str(n), 'wb').write(b'x' * 2**26)\n",
         "No space left" if os.geteuid() == 0 else None),
        ("import sys\ndef main(p):\n    sys.stdout.write('x' * (100 << 20))\n", None),
        ("import os\ndef main(p):\n    os.close(1); os.close(2); os.close(3)\n", None),
        ("def main(p):\n    import threading, time\n    threading.Thread(target=time.sleep, "
         "args=[60]).start()\n    return {'n': 1}\n", None),
    ],
)  # fmt: skip
def test_code_harms_itself_alone(wsk: Any, code: str, said: str | None) -> None:
    found = run(wsk, code)
    if said is not None:
        assert said in found["error"]


def test_code_sees_no_other_process(wsk: Any) -> None:
    code = (
        "import os\n"
        "def main(p):\n"
        "    ids = [one for one in os.listdir('/proc') if one.isdecimal()]\n"
        "    paths = [f'/proc/{one}/environ' for one in ids]\n"
        "    texts = [open(one).read() for one in paths if os.access(one, os.R_OK)]\n"
        "    return {'ids': len(ids), 'seen': 'PYTEST_CURRENT_TEST' in ''.join(texts)}\n"
    )
    found = run(wsk, code)
    if os.geteuid() == 0:  # others may lack what keeps processes apart
        assert found["ids"] < 5
        assert found["seen"] is False


def test_code_of_a_server_of_root_has_a_user_of_its_own(wsk: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    code = (
        "import os\n"
        "def main(p):\n"
        "    seen = [os.access(one, os.R_OK) for one in p['paths']]\n"
        "    open('/tmp/mine', 'w').close()\n"
        "    return {'user': os.getuid(), 'groups': os.getgroups(), 'seen': seen}\n"
    )
    if os.geteuid() != 0:
        return
    wsk.actions.update({"name": "bad", "action": code})
    found = result(wsk, "bad", {"paths": ["/etc/shadow", str(secret), f"{tempfile.gettempdir()}"]})
    assert found["user"] >= 1_000_000_000
    assert found["groups"] == []
    assert found["seen"] == [False, False, True]
    assert not Path("/tmp/mine").exists()


@pytest.mark.parametrize(
    "code",
    [
        archive({**PYTHON_MAIN, "../../out": "x"}),
        archive({**PYTHON_MAIN, "/tmp/out": "x"}),
        archive(PYTHON_MAIN, zeros=300),
        archive({"other.py": "x = 1"}),
        "UEsDB" + "A" * 40,
    ],
    ids=["up", "absolute", "bomb", "no main", "broken"],
)
def test_archives_that_are_none_are_refused(wsk: Any, code: str) -> None:
    found = run(wsk, code, binary=True)
    said = "The action failed to generate or locate a binary. See logs for details."
    assert found["error"] == said
    assert not Path("/tmp/out").exists()


def test_an_archive_brings_its_modules(wsk: Any) -> None:
    code = archive(
        {
            "__main__.py": "from lib import twice\ndef main(p):\n    return {'n': twice(2)}\n",
            "lib.py": "def twice(n):\n    return 2 * n\n",
        }
    )
    assert run(wsk, code, binary=True) == {"n": 4}


NODE = {"kind": "nodejs:default", "binary": True}
NODE_MAIN = {"index.js": "exports.main = p => ({ n: require('./lib')(p.n) })"}
BROKEN = "There was an error uncompressing the action archive."


def test_an_archive_for_node_brings_its_modules(wsk: Any) -> None:
    files = {**NODE_MAIN, "lib/index.js": "module.exports = n => [n, __filename.length > 20]"}
    assert run(wsk, archive(files), **NODE) == {"n": [None, True]}
    files = {"package.json": '{"main": "a/app.js"}', "a/app.js": "exports.go = () => ({ n: 1 })"}
    assert run(wsk, archive(files), main="go", **NODE) == {"n": 1}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (archive({**NODE_MAIN, "../../out": "x"}), BROKEN),
        (archive({**NODE_MAIN, "/tmp/out": "x"}), BROKEN),
        (archive(NODE_MAIN, zeros=300), BROKEN),
        (archive({"other.js": ""}), "either package.json or index.js at the root."),
        ("UEsDB" + "A" * 40, BROKEN),
    ],
    ids=["up", "absolute", "bomb", "no main", "broken"],
)
def test_archives_for_node_that_are_none_are_refused(wsk: Any, code: str, said: str) -> None:
    found = run(wsk, code, **NODE)
    assert found["error"].startswith("Initialization has failed due to: ")
    assert found["error"].endswith(said)
    assert not Path("/tmp/out").exists()


LARGE = "The action produced a response that exceeded the allowed length: {} > 1048576 bytes. "


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("def main(p):\n    return {'a': 'x' * (1 << 20)}\n", "python", LARGE.format(1048585)),
        ("const main = () => ({ a: 'x'.repeat(1 << 20) })", "nodejs", LARGE.format(1048584)),
        ("import os\ndef main(p):\n    while True: os.write(int(__import__('sys').argv[1]), b'x' * "
         "65536)\n", "python", "exited unexpectedly."),
        ("import os, sys\ndef main(p):\n    os.write(int(sys.argv[1]), b'[1]\\n')\n", "python",
         "exited unexpectedly."),
        ("def main(p):\n    return {'a': '\\ud800'}\n", "python", "did not return a dictionary."),
        ("def main(p):\n    r = 1\n    for _ in range(450): r = {'a': r}\n    return r\n", "python",
         "nested more than 400 levels deep."),
        ("def main(p):\n    return {'a': float('nan')}\n", "python",
         "did not return a dictionary."),
    ],
)  # fmt: skip
def test_results_that_are_none_are_refused(wsk: Any, code: str, kind: str, said: str) -> None:
    wsk.actions.update({"name": "bad", "action": code, "kind": f"{kind}:default"})
    record = invoke(wsk, "bad")
    assert record["response"]["status"] == "action developer error"
    assert said in record["response"]["result"]["error"]
    assert len(record["response"]["result"]["error"]) < 2000


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "actions/good", b'{"a": "\\ud800"}', 400, "malformed"),
        ("POST", "actions/good", b'{"a": 1e400}', 400, "too large"),
        ("POST", "actions/good", b'{"a":' * 401 + b"1" + b"}" * 401, 400, "400 levels deep"),
        ("POST", "actions/good", b'{"a": "%s"}' % (b"x" * (1 << 20)), 413, "> 1048576 bytes."),
        ("POST", "actions", b"{}", 405, "supported methods: GET"),
        ("DELETE", "packages", None, 405, "supported methods: GET"),
        ("PATCH", "actions/good", b"{}", 405, "supported methods: DELETE, GET, POST, PUT"),
        ("DELETE", "activations/x", None, 405, "supported methods: GET"),
        ("PUT", f"actions/{'x' * 257}", b"{}", 400, "Name longer than allowed: 257 > 256."),
    ],
)
def test_requests_are_refused(
    wsk: Any, method: str, path: str, body: bytes | None, status: int, said: str
) -> None:
    url = f"{wsk.settings.url}/namespaces/_/{path}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, body, method=method))
    assert refused.value.code == status
    assert said in json.load(refused.value)["error"]


def test_folders_of_killed_servers_are_removed() -> None:
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{2**22 + 1}-x"
    folder.mkdir(exist_ok=True)
    remove_leftovers()
    assert not folder.exists()


def test_a_bound_package_cannot_be_bound_again(wsk: Any) -> None:
    def put(name: str, body: Any) -> int:
        request = urllib.request.Request(
            f"{wsk.settings.url}/namespaces/_/packages/{name}?overwrite=true",
            json.dumps(body).encode(),
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert put("one", {}) == 200
    assert put("two", {"binding": {"namespace": "_", "name": "one"}}) == 200
    assert put("one", {"binding": {"namespace": "_", "name": "two"}}) == 400
    assert put("one", {"binding": {"namespace": "_", "name": "one"}}) == 400
    assert put("one", {"binding": "x"}) == 400
    assert put("one", {"binding": {"name": "absent"}}) == 400
