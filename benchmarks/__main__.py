"""Run the measures of the sections that are named, by default all; print each figure as it comes.

    python -m benchmarks [compile] [compositions] [embedded] [language] [listing] [growth]
                         [machines] [memory] [openwhisk] [plain] [shared] [stepfunctions] [swf]
                         [verdicts] [watch]

A run of all sections writes benchmarks/results/latest.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    compiler,
    compositions,
    language,
    listing,
    machines,
    measures,
    openwhisk,
    plain,
    shared,
    stepfunctions,
    swf,
    verdicts,
    watching,
)
from benchmarks.floor import commits_per_second
from benchmarks.report import Report

RESULTS = Path(__file__).parent / "results" / "latest.json"


def in_own_process(function: str, folder: Path, module: str = "measures") -> Any:
    """Run a measure in a process of its own, so that it is that process's memory."""
    code = (
        f"import json, pathlib, sys; from benchmarks import {module}; "
        f"print(json.dumps({module}.{function}(pathlib.Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def add_embedded(report: Report, folder: Path) -> None:
    """Measure a worker and a client in one process, on SQLite."""
    place = measures.files(folder)
    value = measures.steps_in_sequence(place)
    report.add("A: 1,000 steps in sequence", value, "steps/s", ">= 0.6 x", rate=True)
    value = measures.activities_in_parallel(place)
    report.add("B: 1,000 activities at once", value, "activities/s", ">= 1 x", rate=True)
    value = measures.many_workflows(place, starters=16)
    report.add("C: 1,000 workflows of 5 steps", value, "steps/s", ">= 1 x", rate=True)
    value = measures.many_workflows(place, starters=1)
    report.add("C: the same, one caller starts them", value, "steps/s", rate=True)
    few, many = (in_own_process(name, folder) for name in ("few_in_memory", "many_in_memory"))
    report.add("C in memory, 1,000 workflows: CPU of a step", few, "us")
    report.add("C in memory, 20,000 workflows: CPU of a step", many, "us")
    report.add("C in memory: 20,000 / 1,000", many / few, "x", "<= 1.15")
    p50, p99 = measures.latencies(place)
    report.add("D: 1-step workflow, p50", p50, "ms", "<= 3")
    report.add("D: 1-step workflow, p99", p99, "ms")
    early, late = measures.long_history(place)
    report.add("F: 1,000 steps, early in 10,000", early, "s")
    report.add("F: 1,000 steps, late in 10,000", late, "s")
    report.add("F: late / early", late / early, "x", "<= 1.15")
    value = measures.replay_rate(place)
    report.add("replay of a 10,000-step history", value, "events/s", ">= 100,000")


def add_compile(report: Report, folder: Path) -> None:
    """Measure the compiler, beside sfnx's; transitions are those of optimised machines."""
    small, large = (compiler.lines_per_second(folder, lines) for lines in (1_000, 4_000))
    report.add("compile 1,000 lines", small, "lines/s", ">= 5,000")
    report.add("compile 4,000 lines", large, "lines/s", ">= 5,000")
    value = compiler.lines_per_second(folder, 1_000, compiler.merged)
    report.add("compile 1,000 lines, --optimise", value, "lines/s")
    report.add("compile: 1,000 / 4,000", small / large, "x", "<= 1.5")
    for lines in (125, 250):
        value = compiler.sfnx_lines_per_second(lines)
        report.add(f"sfnx compiles {lines} lines", value, "lines/s")
    for name, states, transitions in compiler.machines(folder):
        for what, (ours, theirs) in (("states", states), ("transitions", transitions)):
            report.add(f"{name}: {what}", ours, what, f"sfnx {theirs}")
    for name, states, transitions in compiler.aws_machines(folder):
        for what, (ours, theirs) in (("states", states), ("transitions", transitions)):
            report.add(f"pattern {name}: {what}", ours, what, f"by hand {theirs}")
    for name, states, transitions in compiler.pysfn_machines():
        for what, (ours, theirs) in (("states", states), ("transitions", transitions)):
            report.add(f"{name}: {what}", ours, what, f"< {theirs}")
    report.add("1,500 tasks drawn", compiler.drawn_milliseconds(), "ms", "<= 100")


def add_language(report: Report, folder: Path) -> None:
    """Measure what the language costs, beside 10,000 activities in the same run."""
    place = measures.files(folder)
    baseline = language.activities(place)
    report.add("10,000 activities at once", baseline, "activities/s", rate=True)
    half = f">= {baseline / 2:,.0f}"
    report.add("signals to one workflow", language.signals_to_one(place), "signals/s", half)
    report.add("children of one workflow", language.children(place), "children/s", half)
    value = language.wide_group(place)
    report.add("group of 10,000, 100 at a time", value, "activities/s", half)
    p50, p99 = language.timer_lateness(place)
    report.add("timers are late by, p50", p50, "ms")
    report.add("timers are late by, p99", p99, "ms")
    rate, size, idle, nothing = in_own_process("sleepers", folder, "language")
    report.add("100,000 sleeping workflows: start", rate, "workflows/s")
    report.add("100,000 sleeping workflows: file", size, "MB")
    report.add("100,000 sleeping workflows: idle", idle, "% of a CPU")
    report.add("an empty file: idle", nothing, "% of a CPU")


def add_growth(report: Report, folder: Path) -> None:
    """Measure what a step costs in memory, by how many workflows there are."""
    for name, function in (("C", "of_steps"), ("timers and signals", "of_signalled")):
        few, many = in_own_process(function, folder, "growth")
        report.add(f"{name} in memory, 1,000 workflows", few, "us of CPU/step")
        report.add(f"{name} in memory, 20,000 workflows", many, "us of CPU/step")
        report.add(f"{name} in memory: many / few", many / few, "x", "<= 1.15")


def add_memory(report: Report, folder: Path) -> None:
    """Measure what suspended runs occupy in memory."""
    peak, before = in_own_process("suspended_memory", folder)
    report.add("10,000 suspended runs, peak RSS", peak, "MB", "<= 400")
    report.add("the same process before them", before, "MB")


def add_shared(report: Report, folder: Path) -> None:
    """Measure worker processes on one database, SQLite and PostgreSQL."""
    shared.add_sqlite(report, folder)
    shared.add_postgres(report)


SECTIONS: dict[str, Callable[[Report, Path], None]] = {
    "compositions": compositions.add_compositions,
    "embedded": add_embedded,
    "language": add_language,
    "listing": listing.add_listing,
    "verdicts": verdicts.add_verdicts,
    "growth": add_growth,
    "machines": machines.add_machines,
    "memory": add_memory,
    "openwhisk": openwhisk.add_openwhisk,
    "plain": plain.add_plain,
    "shared": add_shared,
    "stepfunctions": stepfunctions.add_stepfunctions,
    "swf": swf.add_swf,
    "watch": watching.add_watching,
    "compile": add_compile,  # last: its programs define activities, which other workers would serve
}


def main(names: list[str]) -> None:
    """Measure.

    Raises:
        SystemExit: there is no section of such a name.
    """
    unknown = set(names) - set(SECTIONS)
    if unknown:
        raise SystemExit(
            f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}"
        )
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name).resolve()
        report = Report(commits_per_second(folder))
        report.add("floor: single-row commits", report.floor, "commits/s", rate=True)
        for section in names or SECTIONS:
            SECTIONS[section](report, folder)
        report.add("peak RSS of this run", measures.peak(), "MB")
    if not names:
        report.write(RESULTS)


if __name__ == "__main__":
    main(sys.argv[1:])
