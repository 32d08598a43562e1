"""Activations are kept as long as the retention says, and no longer."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from partita.connect import connect
from partita.engine import Engine
from partita.engine.timing import Timing
from partita.openwhisk import composer, conductor
from partita.ports.state import DEFAULT_DOMAIN
from partita.server.local import openwhisk_endpoint
from partita.stores.memory import MemoryStore
from tests.conftest import until
from tests.openwhisk.endpoint import defined, invoke, result
from tests.openwhisk.test_serve import SERVE, announced

HOUR = 3600.0


class Clock:
    """The time of day, and what a test adds to it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def test_activations_are_kept_as_long_as_the_retention_says() -> None:
    clock = Clock()
    engine = Engine(MemoryStore(), clock=clock, timing=Timing(retention_interval=0.01))
    engine.set_retention(DEFAULT_DOMAIN, 24 * HOUR)
    with openwhisk_endpoint(engine) as url:
        wsk: Any = conductor.openwhisk({"apihost": url, "api_key": "a:b"})
        defined(wsk, "echo", "def main(p):\n    return p\n")
        wsk.compositions.deploy({"name": "two", **composer.repeat(2, "echo").compile()})
        record = invoke(wsk, "two", {"n": 1})
        count = "namespaces/_/activations?count=true"
        assert wsk.request("GET", count) == {"activations": 1 + len(record["logs"])}
        clock.ahead = 23 * HOUR
        engine.apply_retentions()
        assert wsk.record(record["activationId"]) == record
        assert all(wsk.record(one) for one in record["logs"])
        clock.ahead = 25 * HOUR
        until(lambda: wsk.request("GET", count) == {"activations": 0}, 30.0)
        assert wsk.record(record["activationId"]) is None
        assert wsk.request("GET", "namespaces/_/activations") == []
        assert result(wsk, "two", {"n": 2}) == {"n": 2}
    engine.close()


def test_serve_is_told_the_retention(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    command = [*SERVE[:-1], database, "--protocol", "openwhisk", "--insecure-local"]
    server = subprocess.Popen([*command, "--retention", "30d"], stderr=subprocess.PIPE, text=True)
    try:
        wsk: Any = conductor.openwhisk({"apihost": announced(server), "api_key": "a:b"})
        assert wsk.actions.list() == []
    finally:
        server.terminate()
        server.wait()
        assert server.stderr is not None
        server.stderr.close()
    service: Any = connect(database)
    assert service.retentions() == {DEFAULT_DOMAIN: 30 * 24 * HOUR}
    service.close()


@pytest.mark.parametrize(("span", "said"), [("soon", "soon"), ("1s", "give 60 s or more")])
def test_a_retention_that_cannot_be_meant_is_refused(span: str, said: str) -> None:
    command = [*SERVE, "--protocol", "openwhisk", "--insecure-local", "--retention", span]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
