"""What the local OpenWhisk costs: warm invocations, compositions, many callers at a time."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.measures import files
from benchmarks.report import Report
from partita.openwhisk import composer, conductor
from partita.server.local import openwhisk_endpoint

CALLS = 500
CALLERS = 100


def add_openwhisk(report: Report, folder: Path) -> None:
    """Measure invocations by the REST API, on SQLite."""
    with openwhisk_endpoint(str(files(folder)("openwhisk"))) as url:
        client = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        client.actions.create({"name": "python", "action": "def main(p):\n    return p\n"})
        _add_calls(report, "python", client)
        if shutil.which("node"):
            code = {"kind": "nodejs:default", "code": "const main = p => p"}
            client.actions.create({"name": "node", "action": {"exec": code}})
            _add_calls(report, "node", client)
        pair = composer.sequence("python", "python")
        client.compositions.deploy({"name": "pair", **pair.compile()})
        taken = _times(client, "pair", 100)
        report.add(
            "openwhisk: compositions of 2 actions", 1 / statistics.mean(taken), "compositions/s"
        )
        value = at_a_time(lambda: _call(client, "python"))
        report.add(f"openwhisk: {CALLERS} blocking callers", value, "invocations/s", rate=True)


def _add_calls(report: Report, name: str, client: Any) -> None:
    """Add the rate and the median time of warm blocking invocations, one after the other."""
    taken = _times(client, name, CALLS)
    report.add(f"openwhisk: warm {name}, p50", statistics.median(taken) * 1e3, "ms")
    report.add(f"openwhisk: warm {name}", 1 / statistics.mean(taken), "invocations/s")


def _times(client: Any, name: str, count: int) -> list[float]:
    _call(client, name)
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        _call(client, name)
        found.append(time.perf_counter() - begun)
    return found


def _call(client: Any, name: str) -> None:
    given = {"name": name, "params": {"n": 1}, "blocking": True, "result": True}
    assert client.actions.invoke(given) == {"n": 1}


def at_a_time(call: Callable[[], None]) -> float:
    """Return calls per second by many callers at a time."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        for one in [pool.submit(call) for _ in range(CALLERS * 5)]:
            one.result()
    return CALLERS * 5 / (time.perf_counter() - begun)
