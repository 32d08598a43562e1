"""Kill a local OpenWhisk in the middle of a composition: what was acknowledged ends anyway."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.errors import OpenWhiskError
from partita.openwhisk import composer, conductor
from tests.conftest import until
from tests.openwhisk.npm import program
from tests.soak import scaled

STEP = """
import socket
def main(p):
    with socket.create_connection(("127.0.0.1", p["port"])) as test:
        test.sendall(b"%d\\n" % p["n"])
        test.recv(1)
    return {**p, "n": p["n"] + 1}
"""


class Steps(socketserver.ThreadingTCPServer):
    """Is told of each run of the action STEP, and lets none of some end at first."""

    daemon_threads = True

    def __init__(self, held: set[int]) -> None:
        self.log: list[int] = []
        self.held = {number: threading.Event() for number in held}  # set: has begun
        super().__init__(("127.0.0.1", 0), Step)


class Step(socketserver.StreamRequestHandler):
    """One run, which ends when this does."""

    def handle(self) -> None:
        steps = self.server
        assert isinstance(steps, Steps)
        number = int(self.rfile.readline())
        steps.log.append(number)
        begun = steps.held.get(number)
        if begun is not None and not begun.is_set():
            begun.set()
            self.rfile.read()  # until the action is killed


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve until the block ends, or the server is killed; yield its URL."""
    command = [sys.executable, "-m", "partita", "serve", "--protocol", "openwhisk", "--port", "0"]
    env = {**os.environ, "PARTITA_BACKEND": f"sqlite:///{folder}/whisk.db"}
    server = subprocess.Popen(
        [*command, "--insecure-local"], env=env, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    try:
        found = re.search(r"openwhisk on (\S+);", server.stderr.readline())
        assert found is not None
        yield found[1], server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
        server.stderr.close()


def client(url: str) -> Any:
    return conductor.openwhisk({"apihost": url, "api_key": "any:key"})


def test_an_acknowledged_composition_ends_after_kills(tmp_path: Path) -> None:
    composition = composer.repeat(4, composer.sequence("step", lambda p: p))
    with Steps({1, 3}) as steps:
        threading.Thread(target=steps.serve_forever, daemon=True).start()
        params = {"port": steps.server_address[1], "n": 0}
        with served(tmp_path) as (url, server):
            wsk = client(url)
            wsk.actions.create({"name": "step", "action": STEP})
            wsk.compositions.deploy({"name": "steps", **composition.compile()})
            id = wsk.actions.invoke({"name": "steps", "params": params})["activationId"]
            assert steps.held[1].wait(30)
            server.kill()
        with served(tmp_path) as (_, server):
            assert steps.held[3].wait(30)
            server.kill()
        with served(tmp_path) as (url, _):
            wsk = client(url)
            until(partial(wsk.record, id), 30.0)
            record = wsk.record(id)
        steps.shutdown()
    assert record["response"]["result"] == {**params, "n": 4}
    assert steps.log == [0, 1, 1, 2, 3, 3]
    assert len(record["logs"]) == 9


INVOCATIONS = scaled(60, 1_000)
KILLS = scaled(3, 60)

Inputs = dict[str, tuple[str, int]]
"""What was invoked by the ids of activations: an action's name and a number."""


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Endpoint:
    """A server in a process of its own, on one database and one port."""

    def __init__(self, folder: Path, url: str) -> None:
        self._command = [
            *(sys.executable, "-m", "partita", "--backend", f"sqlite:///{folder / 'x.db'}"),
            *("serve", "--protocol", "openwhisk", "--insecure-local"),
            *("--port", url.rpartition(":")[2]),
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert "openwhisk on" in self._process.stderr.readline()

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self._process is not None
        assert self._process.stderr is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()


def deployed(wsk: Any) -> None:
    """Create a plain action in each language, a sequence, and two compositions.

    Actions of a server of root have users of their own.
    """
    is_own = "assert os.getuid() >= 10**9" if os.geteuid() == 0 else ""
    code = f"import os\ndef main(p):\n    {is_own}\n    return {{'n': p['n'] + 1}}\n"
    wsk.actions.create({"name": "one", "action": code})
    code = "const main = p => ({ n: p.n + 1 })"
    wsk.actions.create({"name": "js", "action": code, "kind": "nodejs:default"})
    names = ["/_/one", "/_/js"]
    wsk.actions.create(
        {"name": "pair", "action": {"exec": {"kind": "sequence", "components": names}}}
    )
    made = composer.sequence("one", composer.when(lambda p: p["n"] % 2 == 0, "js", "pair"))
    wsk.compositions.deploy({"name": "composed", **made.compile()})
    branches = composer.parallel("one", composer.seq("js", "one"))
    wsk.compositions.deploy({"name": "branches", **branches.compile()})


EXPECTED: dict[str, Callable[[int], Any]] = {
    "one": lambda n: {"n": n + 1},
    "js": lambda n: {"n": n + 1},
    "pair": lambda n: {"n": n + 2},
    "composed": lambda n: {"n": n + 2 if n % 2 else n + 3},
    "branches": lambda n: {"value": [{"n": n + 1}, {"n": n + 2}]},
}


def invoked(wsk: Any, chance: random.Random, acknowledged: Inputs, wanted: int) -> None:
    """Invoke actions until so many invocations are acknowledged."""
    while len(acknowledged) < wanted:
        name, number = chance.choice(list(EXPECTED)), chance.randrange(100)
        try:
            found = wsk.actions.invoke({"name": name, "params": {"n": number}})
        except OpenWhiskError:
            continue  # it was down
        acknowledged[found["activationId"]] = (name, number)


@pytest.mark.timeout(scaled(300, 3000))
def test_no_acknowledged_invocation_is_lost(
    tmp_path: Path, monkeypatch: Any, record_property: Any
) -> None:
    seed = int(os.environ.get("PARTITA_SEED", "0")) or random.randrange(1 << 30)
    record_property("seed", seed)
    chance = random.Random(seed)
    monkeypatch.setenv("PARTITA_NODE", program("node"))
    url = f"http://127.0.0.1:{free_port()}"
    endpoint, acknowledged = Endpoint(tmp_path, url), Inputs()
    wsk: Any = conductor.openwhisk({"apihost": url, "api_key": "a:b"})
    endpoint.start()
    try:
        deployed(wsk)
        for turn in range(1, KILLS + 1):
            wanted = INVOCATIONS * turn // KILLS
            client = threading.Thread(
                target=invoked, args=(wsk, chance, acknowledged, wanted), daemon=True
            )
            client.start()
            begun = len(acknowledged)
            moment = begun + chance.randrange(1, max(2, wanted - begun))
            until(partial(_has, acknowledged, moment))
            endpoint.kill()
            endpoint.start()
            client.join()
        check(wsk, acknowledged)
    finally:
        endpoint.kill()


def _has(acknowledged: Inputs, count: int) -> bool:
    return len(acknowledged) >= count


def check(wsk: Any, acknowledged: Inputs) -> None:
    """Check that each invocation that was acknowledged has one record, and that it is right."""
    path = "namespaces/_/activations"
    for id, (name, number) in acknowledged.items():
        until(partial(wsk.record, id), scaled(120, 600))
        record = wsk.record(id)
        assert record["name"] == name
        assert record["response"]["result"] == EXPECTED[name](number), (name, number)
    count = wsk.request("GET", path, query={"count": "true"})["activations"]
    found: list[str] = []
    while len(found) < count:
        rows = wsk.request("GET", path, query={"limit": "200", "skip": str(len(found))})
        found += [row["activationId"] for row in rows]
    assert len(set(found)) == count
    assert set(acknowledged) <= set(found)


def test_two_servers_on_one_database_serve_and_one_may_be_killed(tmp_path: Path) -> None:
    composition = composer.repeat(3, composer.sequence("step", lambda p: p))
    with Steps({1}) as steps, served(tmp_path) as (first, _), served(tmp_path) as (second, killed):
        threading.Thread(target=steps.serve_forever, daemon=True).start()
        one, two = client(first), client(second)
        one.actions.create({"name": "step", "action": STEP})
        two.compositions.deploy({"name": "steps", **composition.compile()})
        params = {"port": steps.server_address[1]}
        for wsk in (one, two):
            given = {"name": "step", "params": {**params, "n": 7}, "blocking": True}
            assert wsk.actions.invoke({**given, "result": True})["n"] == 8
        id = two.actions.invoke({"name": "steps", "params": {**params, "n": 0}})["activationId"]
        assert steps.held[1].wait(30)
        assert one.record(id) is None
        killed.kill()
        until(partial(one.record, id), 60.0)
        record = one.record(id)
        assert record["response"]["result"] == {**params, "n": 3}
        assert [one.record(inner)["cause"] for inner in record["logs"]] == [id] * 7
        steps.shutdown()
    assert steps.log == [7, 7, 0, 1, 1, 2]


def test_branches_of_a_killed_conductor_go_on_and_are_not_begun_again(tmp_path: Path) -> None:
    held = [composer.seq(composer.retain(composer.literal({"n": n})), join, "step") for n in (1, 2)]
    with Steps({1, 2}) as steps:
        threading.Thread(target=steps.serve_forever, daemon=True).start()
        params = {"port": steps.server_address[1]}
        with served(tmp_path) as (url, server):
            wsk = client(url)
            wsk.actions.create({"name": "step", "action": STEP})
            wsk.compositions.deploy({"name": "steps", **composer.parallel(*held).compile()})
            id = wsk.actions.invoke({"name": "steps", "params": params})["activationId"]
            assert steps.held[1].wait(30)
            assert steps.held[2].wait(30)
            server.kill()
        with served(tmp_path) as (url, _):
            wsk = client(url)
            until(partial(wsk.record, id), 60.0)
            found = wsk.record(id)["response"]["result"]
            count = wsk.request("GET", "namespaces/_/activations?name=step&count=true")
        steps.shutdown()
    assert found == {"value": [{**params, "n": 2}, {**params, "n": 3}]}
    assert sorted(steps.log) == [1, 1, 2, 2]
    assert count == {"activations": 2}


def join(p: Any) -> Any:
    return {**p["params"], **p["result"]}
