"""What a call costs in plain Python, with values passed through their stored form and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.report import Report
from partita import activity, carry_values, workflow

CALLS, ROUNDS = 2_000, 7


@dataclass
class Line:
    """A line of an order."""

    name: str
    count: int


@activity
def add_one(number: int) -> int:
    return number + 1


@activity
def same_dict(value: dict[str, int]) -> dict[str, int]:
    return value


@activity
def same_line(line: Line) -> Line:
    return line


ARGUMENTS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "int": (add_one, 1),
    "dict": (same_dict, {"a": 1, "b": 2, "c": 3}),
    "dataclass": (same_line, Line("tea", 2)),
}


@workflow
def calls(name: str) -> float:
    """Return the seconds that the calls take."""
    function, argument = ARGUMENTS[name]
    begun = time.perf_counter()
    for _ in range(CALLS):
        function(argument)
    return time.perf_counter() - begun


def cost(name: str) -> tuple[float, float]:
    """Microseconds of one call of an activity, with values carried and without."""
    found = []
    for enabled in (True, False):
        carry_values(enabled)
        found.append(median(calls(name) for _ in range(ROUNDS)) / CALLS * 1e6)
    carry_values(True)
    return found[0], found[1]


def add_plain(report: Report, _: object) -> None:
    """Measure calls of activities in plain Python."""
    for name in ARGUMENTS:
        carried, shared = cost(name)
        report.add(f"plain Python, {name}: a call", carried, "us")
        report.add(f"plain Python, {name}: carrying alone", carried - shared, "us", "< 20")
