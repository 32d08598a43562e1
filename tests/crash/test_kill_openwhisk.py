"""Kill a local OpenWhisk in the middle of a composition: what was acknowledged ends anyway."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.openwhisk import composer, conductor
from tests.conftest import until
from tests.soak import scaled

SLOW = """
import os, time
def main(p):
    with open(p["folder"] + "/log", "a") as log:
        print(p["n"], file=log)
    if p["n"] in p["waits"] and not os.path.exists(p["folder"] + "/begun%d" % p["n"]):
        open(p["folder"] + "/begun%d" % p["n"], "w").close()
        time.sleep(600)
    return {**p, "n": p["n"] + 1}
"""


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
    params = {"folder": str(tmp_path), "n": 0, "waits": [1, 3]}
    with served(tmp_path) as (url, server):
        wsk = client(url)
        wsk.actions.create({"name": "step", "action": SLOW})
        wsk.compositions.deploy({"name": "steps", **composition.compile()})
        id = wsk.actions.invoke({"name": "steps", "params": params})["activationId"]
        until((tmp_path / "begun1").exists, 30.0)
        server.kill()
    with served(tmp_path) as (_, server):
        until((tmp_path / "begun3").exists, 30.0)
        server.kill()
    with served(tmp_path) as (url, _):
        wsk = client(url)
        until(lambda: wsk.record(id) is not None, 30.0)
        record = wsk.record(id)
    assert record["response"]["result"] == {**params, "n": 4}
    assert (tmp_path / "log").read_text().split() == ["0", "1", "1", "2", "3", "3"]
    assert len(record["logs"]) == 9


KILLS = scaled(3, 30)
INVOCATIONS = 40
"""Invocations between two kills."""


@pytest.mark.timeout(300)
def test_no_acknowledged_invocation_is_lost(tmp_path: Path) -> None:
    chance = random.Random(7)
    acknowledged: dict[str, int] = {}
    for kill in range(KILLS):
        with served(tmp_path) as (url, server):
            wsk = client(url)
            wsk.actions.update({"name": "same", "action": "def main(p):\n    return p\n"})
            pair = {"exec": {"kind": "sequence", "components": ["/_/same", "/_/same"]}}
            wsk.actions.update({"name": "pair", "action": pair})
            last = chance.randrange(INVOCATIONS)
            for number in range(last + 1):
                params = {"n": kill * INVOCATIONS + number}
                name = chance.choice(["same", "pair"])
                id = wsk.actions.invoke({"name": name, "params": params})["activationId"]
                acknowledged[id] = params["n"]
            server.kill()
    with served(tmp_path) as (url, _):
        wsk = client(url)
        for id, number in acknowledged.items():
            until(partial(is_there, wsk, id), 60.0)
            assert wsk.record(id)["response"]["result"] == {"n": number}


def is_there(wsk: Any, id: str) -> bool:
    """Return whether an activation has ended."""
    return wsk.record(id) is not None
