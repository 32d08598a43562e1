"""Kill a local OpenWhisk at every kind of moment: what it has acknowledged ends once, and right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita.connect import connect
from partita.engine import Engine
from partita.errors import OpenWhiskError
from partita.openwhisk import composer, conductor
from partita.server.local import openwhisk_endpoint
from tests.conftest import until
from tests.rotation import sample

COMMIT = "partita.engine.scheduler:Scheduler._commit"
ENDPOINT = "partita.openwhisk.endpoint"
MOMENTS = [
    *((COMMIT, when, number) for number in range(1, 15) for when in ("before", "after")),
    *(
        (f"{ENDPOINT}.{name}", when, 1)
        for name in (
            "protocol:OpenWhiskProtocol._invoke",
            "containers:Containers.run",
            "container:Container.__init__",
            "container:Container.start",
            "container:Container.run",
            "container:Container.logs",
            "container:Container.rest",
            "container:Container.kill",
            "worker:Host.run",
        )
        for when in ("before", "after")
    ),
]
EXIT = "import os\ndef main(p):\n    os._exit(1)\n"
STEP = "def main(p):\n    return {'n': p['n'] + 1}\n"


def named(moment: Any) -> str:
    return "-".join(map(str, moment)).rpartition(":")[2]


@pytest.mark.parametrize("moment", sample(MOMENTS, 16), ids=named)
def test_what_is_acknowledged_ends_once(tmp_path: Path, moment: tuple[str, str, int]) -> None:
    database = f"sqlite:///{tmp_path / 'x.db'}"
    with openwhisk_endpoint(database) as url:
        wsk: Any = conductor.openwhisk({"apihost": url, "api_key": "a:b"})
        wsk.actions.create({"name": "step", "action": STEP})
        wsk.actions.create({"name": "fail", "action": EXIT})
        made = composer.sequence("step", composer.do("fail", lambda p: {"n": 5}), "step")
        wsk.compositions.deploy({"name": "steps", **made.compile()})
    id = acknowledged(database, moment)
    service = connect(database)
    assert isinstance(service, Engine)
    with openwhisk_endpoint(service) as url:
        wsk = conductor.openwhisk({"apihost": url, "api_key": "a:b"})
        rows = "namespaces/_/activations?name=steps&docs=true"
        if id is not None:
            until(lambda: wsk.record(id) is not None, 60.0)
            whole = [one for one in wsk.request("GET", rows) if "cause" not in one]
            assert [one["activationId"] for one in whole] == [id]
            assert (whole[0]["response"]["result"], len(whole[0]["logs"])) == ({"n": 6}, 7)
        found = wsk.actions.invoke({"name": "steps", "params": {"n": 1}, "blocking": True})
        assert (found["response"]["result"], len(found["logs"])) == ({"n": 6}, 7)
    assert service.store.check() == []
    service.close()


def acknowledged(database: str, moment: tuple[str, str, int]) -> str | None:
    """Invoke a composition on a server that is killed; return its id if that was acknowledged."""
    given = [str(one) for one in moment]
    program = [sys.executable, str(Path(__file__).with_name("dying_endpoint.py")), *given]
    options = ["--protocol", "openwhisk", "--insecure-local", "--port", "0"]
    server = subprocess.Popen(
        [*program, "serve", "--backend", database, *options], stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    id = None
    try:
        announced = re.search(r"openwhisk on (\S+);", server.stderr.readline())
        if announced is not None:
            wsk: Any = conductor.openwhisk({"apihost": announced[1], "api_key": "a:b"})
            id = wsk.actions.invoke({"name": "steps", "params": {"n": 1}})["activationId"]
    except OpenWhiskError:
        pass
    finally:
        assert server.wait(60) == -9
        server.stderr.close()
    return id
