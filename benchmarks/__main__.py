"""Run every measure, print a table, and write benchmarks/results/latest.json."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import language, measures
from benchmarks.floor import commits_per_second

RESULTS = Path(__file__).parent / "results" / "latest.json"


class Report:
    """The figures of one run, each beside the floor and the goal."""

    def __init__(self, floor: float) -> None:
        self.floor = floor
        self.rows: list[dict[str, Any]] = []
        self.goals: dict[str, str] = {}

    def add(
        self, name: str, value: float, unit: str, goal: str = "", *, rate: bool = False
    ) -> None:
        """Take in a figure; a `rate` is set in relation to the floor."""
        self.goals[name] = goal
        self.rows.append(
            {
                "name": name,
                "value": round(value, 3),
                "unit": unit,
                "floor": round(self.floor, 1),
                "ratio": round(value / self.floor, 3) if rate else None,
                "machine": machine(),
                "commit": commit(),
            }
        )

    def show(self) -> None:
        """Print the figures as a table."""
        table = Table("figure", "value", "unit", "x floor", "goal", box=None, pad_edge=False)
        for row in self.rows:
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
            value = f"{row['value']:,.2f}"
            table.add_row(row["name"], value, row["unit"], ratio, self.goals[row["name"]])
        Console(width=110).print(table)


def machine() -> str:
    """Return what the figures were measured on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit() -> str:
    """Return the commit that was measured."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def apart(function: str, folder: Path, module: str = "measures") -> Any:
    """Run a measure in a process of its own, for the sake of its memory."""
    code = (
        f"import json, pathlib, sys; from benchmarks import {module}; "
        f"print(json.dumps({module}.{function}(pathlib.Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def add_language(report: Report, folder: Path) -> None:
    """Measure what the language costs, beside 10,000 activities in the same run."""
    yard = language.activities(folder)
    report.add("10,000 activities at once", yard, "activities/s", rate=True)
    half = f">= {yard / 2:,.0f}"
    report.add("signals to one workflow", language.signals_to_one(folder), "signals/s", half)
    report.add("children of one workflow", language.children(folder), "children/s", half)
    value = language.wide_group(folder)
    report.add("group of 10,000, 100 at a time", value, "activities/s", half)
    p50, p99 = language.timer_lateness(folder)
    report.add("timers are late by, p50", p50, "ms")
    report.add("timers are late by, p99", p99, "ms")
    rate, size, idle, nothing = apart("sleepers", folder, "language")
    report.add("100,000 sleeping workflows: start", rate, "workflows/s")
    report.add("100,000 sleeping workflows: file", size, "MB")
    report.add("100,000 sleeping workflows: idle", idle, "% of a CPU")
    report.add("an empty file: idle", nothing, "% of a CPU")


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name).resolve()
        report = Report(commits_per_second(folder))
        report.add("floor: single-row commits", report.floor, "commits/s", rate=True)
        value = measures.steps_in_sequence(folder)
        report.add("A: 1,000 steps in sequence", value, "steps/s", ">= 0.6 x", rate=True)
        value = measures.activities_in_parallel(folder)
        report.add("B: 1,000 activities at once", value, "activities/s", ">= 1 x", rate=True)
        value = measures.many_workflows(folder, starters=16)
        report.add("C: 1,000 workflows of 5 steps", value, "steps/s", ">= 1 x", rate=True)
        value = measures.many_workflows(folder, starters=1)
        report.add("C: the same, one caller starts them", value, "steps/s", rate=True)
        p50, p99 = measures.latencies(folder)
        report.add("D: 1-step workflow, p50", p50, "ms", "<= 3")
        report.add("D: 1-step workflow, p99", p99, "ms")
        early, late = measures.long_history(folder)
        report.add("F: 1,000 steps, early in 10,000", early, "s")
        report.add("F: 1,000 steps, late in 10,000", late, "s")
        report.add("F: late / early", late / early, "x", "<= 1.15")
        value = measures.replay_rate(folder)
        report.add("replay of a 10,000-step history", value, "events/s", ">= 100,000")
        add_language(report, folder)
        peak, before = apart("suspended_memory", folder)
        report.add("10,000 suspended runs, peak RSS", peak, "MB", "<= 400")
        report.add("the same process before them", before, "MB")
        report.add("peak RSS of this run", measures.peak(), "MB")
    report.show()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
