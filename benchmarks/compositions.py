"""What compositions cost: to compile, a transition of the conductor, an execution on SQLite."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.measures import files
from benchmarks.report import Report
from partita.client import Client
from partita.connect import connect
from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.conductor import conductor_code
from partita.worker import Worker

DEMO = composition_workflow(
    composer.when(
        composer.action("check", {"action": "lambda args: {'value': args['n'] > 0}"}),
        composer.action("more", {"action": "lambda args: {'n': args['n']}"}),
        composer.action("less", {"action": "lambda args: {'n': 0}"}),
    ),
    "bench_demo",
)


def add_compositions(report: Report, folder: Path) -> None:
    """Measure compositions."""
    thousand, many = compile_time(1_000), compile_time(10_000)
    report.add("compile a composition of 1,000 nodes", thousand * 1e6 / 1_000, "us/node")
    report.add("compile a composition of 10,000 nodes", many, "s", "<= 1")
    report.add("compile: a node of 10,000 / of 1,000", many / thousand / 10, "x", "<= 1.5")
    report.add("compile a composition of 1,000 levels", nested_time(1_000), "s")
    report.add("transitions of the conductor action", transitions(), "transitions/s")
    value = executions(str(files(folder)("compositions")))
    report.add("compositions of 2 actions", value, "compositions/s", rate=True)


def compile_time(nodes: int) -> float:
    """Seconds of CPU to turn a sequence of that many functions into a conductor action."""
    function = composer.function("def step(env, args): args['n'] += 1")
    return min(_time(composer.sequence(*[function] * (nodes - 1))) for _ in range(3))


def nested_time(levels: int) -> float:
    """Seconds to turn conditions that deep into a conductor action."""
    made = composer.literal(1)
    for _ in range(levels):
        made = composer.when("check", made)
    return _time(made)


def _time(composition: Composition) -> float:
    begun = time.process_time()
    conductor_code(composition)
    return time.process_time() - begun


def transitions(count: int = 2_000) -> float:
    """Actions per second that a conductor asks for, one activation each."""
    names: dict[str, Any] = {"__name__": "conductor"}
    exec(conductor_code(composer.repeat(count, "step")), names)
    begun = time.perf_counter()
    answer = names["main"]({"n": 1})
    while "action" in answer:
        answer = names["main"]({**answer["params"], **answer["state"]})
    assert answer == {"params": {"n": 1}}
    return count / (time.perf_counter() - begun)


def executions(url: str, count: int = 500) -> float:
    """Executions per second of a condition, which runs two actions."""
    service = connect(url)
    client = Client(service)
    worker = Worker(service, workflows=[DEMO], activities=[])
    worker.start()
    begun = time.perf_counter()
    handles = [client.start(DEMO, {"n": number}) for number in range(count)]
    assert [handle.result() for handle in handles] == [{"n": number} for number in range(count)]
    taken = time.perf_counter() - begun
    worker.stop()
    client.close()
    return count / taken
