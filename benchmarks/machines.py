"""What state machines cost: transitions in memory, tasks on SQLite, items of a Map state."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measures import files, steps_in_sequence
from benchmarks.report import Report
from partita.asl import machine, register_lambda
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker

Machine = WorkflowDefinition[[Any], Any]

_COUNT = {"n.$": "States.MathAdd($.n, 1)"}
_STEP = "arn:aws:lambda:us-east-1:123456789012:function:step"


def _loop(name: str, body: dict[str, Any]) -> Machine:
    """Return a machine that does a state 1,000 times, each time after a Choice."""
    below = {"Variable": "$.n", "NumericLessThan": 1000, "Next": "Body"}
    states = {
        "Check": {"Type": "Choice", "Choices": [below], "Default": "Done"},
        "Body": {**body, "Next": "Check"},
        "Done": {"Type": "Succeed"},
    }
    return machine({"StartAt": "Check", "States": states}, name)


def _expressed() -> Machine:
    """Return the same loop with JSONata."""
    below = {"Condition": "{% $states.input.n < 1000 %}", "Next": "Body"}
    states = {
        "Check": {"Type": "Choice", "Choices": [below], "Default": "Done"},
        "Body": {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}, "Next": "Check"},
        "Done": {"Type": "Succeed"},
    }
    return machine({"QueryLanguage": "JSONata", "StartAt": "Check", "States": states}, "expressed")


PURE = _loop("pure", {"Type": "Pass", "Parameters": _COUNT})
EXPRESSED = _expressed()
TASKS = _loop("tasks", {"Type": "Task", "Resource": _STEP})
ITEMS = machine(
    {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemProcessor": {
                    "StartAt": "Add",
                    "States": {"Add": {"Type": "Pass", "End": True}},
                },
                "End": True,
            }
        },
    },
    "items",
)


def _step(event: dict[str, int]) -> dict[str, int]:
    return {"n": event["n"] + 1}


@contextmanager
def _rig(url: str) -> Iterator[Client]:
    register_lambda("step", _step)
    service = connect(url)
    client = Client(service)
    worker = Worker(service, workflows=[PURE, EXPRESSED, TASKS, ITEMS])
    worker.start()
    yield client
    worker.stop()
    client.close()


def _seconds(client: Client, made: Machine, input: Any, rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        client.start(made, input).result()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def pure_transitions() -> float:
    """Return the transitions per second of a loop of 1,000 iterations, Choice and Pass."""
    with _rig("memory://") as client:
        return 2000 / _seconds(client, PURE, {"n": 0})


def add_machines(report: Report, folder: Path) -> None:
    """Measure loops in memory, tasks on SQLite beside figure A, and an inline Map state."""
    report.add("Choice and Pass in memory", pure_transitions(), "transitions/s", ">= 10,000")
    with _rig("memory://") as client:
        seconds = _seconds(client, EXPRESSED, {"n": 0})
        report.add("the same in JSONata", 2000 / seconds, "transitions/s")
        seconds = _seconds(client, ITEMS, list(range(4_000)))  # of at most 25,000 events
        report.add("inline Map of 4,000 items", 4_000 / seconds, "items/s")
    place = files(folder)
    baseline = steps_in_sequence(place)
    report.add("A in the same run", baseline, "steps/s", rate=True)
    with _rig(place("tasks")) as client:
        seconds = _seconds(client, TASKS, {"n": 0}, rounds=3)
        report.add("1,000 tasks on SQLite", 1000 / seconds, "tasks/s", rate=True)
        report.add("1,000 tasks on SQLite / A", 1000 / seconds / baseline, "x", ">= 0.7")
