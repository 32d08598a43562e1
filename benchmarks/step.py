"""Measure figure A alone, and show where a step's time goes: `make bench-step`.

    python -m benchmarks.step [--profile]

Prints a table in Markdown. The rate and the CPU time are measured without the profiler, which
slows Python's own calls several times; from the profile comes only how the CPU time is divided.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import sqlite3
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import measures
from benchmarks.floor import commits_per_second
from benchmarks.report import machine
from benchmarks.workflows import sequential

STEPS = 1000
SHOWN = 25
"""Lines of the profile."""

PARTS = {
    "stores/": "store: rows and statements",
    "rules/": "rules",
    "engine/": "engine: turn, transaction, dispatcher",
    "replay/": "replay: journal, futures, turns",
    "worker/": "worker: running the activity",
    "authoring/": "authoring: calls, contexts, signatures",
    "codec/": "codec",
    "ports/": "ports: states and tasks",
}
"""What a file of ours belongs to, by the beginning of its path."""

REST = "Python's own and others' libraries"


def profile_of(run: Callable[[], Any]) -> pstats.Stats:
    """Profile all threads that `run` begins and ends."""
    profiles: list[cProfile.Profile] = []

    def begin(*_: Any) -> None:
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].enable()

    threading.setprofile(begin)
    try:
        run()
    finally:
        threading.setprofile(None)
    stats = pstats.Stats(profiles[0])
    for other in profiles[1:]:
        if other.getstats():
            stats.add(other)
    return stats


def by_part(stats: pstats.Stats) -> dict[str, tuple[float, float]]:
    """Return calls and share of the time by part; built-in functions count with their callers."""
    calls: dict[str, float] = defaultdict(float)
    times: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, count, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        for part, (more, seconds) in _shares(file, name, count, own, callers).items():
            calls[part] += more
            times[part] += seconds
    whole = sum(times.values())
    return {part: (calls[part], times[part] / whole) for part in calls}


def _shares(
    file: str, name: str, count: int, own: float, callers: dict[Any, Any]
) -> dict[str, tuple[float, float]]:
    if file != "~":
        return {_part(file): (count, own)}
    if "sqlite3" in name:
        return {"SQLite itself, but for the disk": (count, own)}
    shares: dict[str, tuple[float, float]] = {}
    for (caller, _, _), (_, more, seconds, _) in callers.items():
        calls, time_so_far = shares.get(_part(caller), (0, 0.0))
        shares[_part(caller)] = (calls + more, time_so_far + seconds)
    return shares


def _part(file: str) -> str:
    path = file.rpartition("/partita/")[2] if "/partita/" in file else ""
    return next((part for start, part in PARTS.items() if path.startswith(start)), REST)


class Costs:
    """What a step costs, apart from what a profile shows."""

    cpu = 0.0  # seconds
    switches = 0.0  # times that a thread waited
    written = 0.0  # bytes
    statements = 0.0


def costs(url: str) -> Costs:
    """Return what a step of one workflow costs."""
    found = Costs()
    with _statements() as seen, measures.rig(url) as (client, _):
        before = _usage()
        begun = len(seen)
        client.start(sequential, STEPS).result()
        after = _usage()
        found.statements = (len(seen) - begun) / STEPS
    found.cpu, found.switches, found.written = (
        (now - then) / STEPS for now, then in zip(after, before, strict=True)
    )
    return found


def _usage() -> tuple[float, int, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    try:
        text = Path("/proc/self/io").read_text()
        written = int(text.partition("wchar: ")[2].split()[0])
    except (OSError, ValueError, IndexError):
        written = 0
    return usage.ru_utime + usage.ru_stime, usage.ru_nvcsw, written


@contextmanager
def _statements() -> Iterator[list[None]]:
    """Count the statements that SQLite is given on connections that are made in the block."""
    seen: list[None] = []
    connect = sqlite3.connect

    def counted(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(lambda _: seen.append(None))
        return connection

    sqlite3.connect = counted  # type: ignore[assignment]
    try:
        yield seen
    finally:
        sqlite3.connect = connect


def table(stats: pstats.Stats, found: Costs, commit: float) -> Iterator[str]:
    """Yield the lines of the table; `commit` are the seconds of a bare commit."""
    yield "| part of a step | calls | µs |"
    yield "|---|---|---|"
    parts = by_part(stats)
    for part, (calls, share) in sorted(parts.items(), key=lambda each: -each[1][1]):
        yield f"| {part} | {calls / STEPS:.0f} | {share * found.cpu * 1e6:.0f} |"
    yield f"| a bare commit on this disk | | {commit * 1e6:.0f} |"
    yield ""
    yield (
        f"{found.statements:.1f} statements, {found.written:,.0f} bytes written, "
        f"{found.switches:.1f} waits of a thread, {found.cpu * 1e6:.0f} µs of CPU"
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Show where a step's time goes.")
    parser.add_argument("--profile", action="store_true", help="print the profile, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name).resolve()
        place = measures.files(folder)
        floor = commits_per_second(folder)
        rate = measures.steps_in_sequence(place, STEPS)
        print(f"{machine()}\n")
        print(f"A: {rate:,.0f} steps/s, {rate / floor:.2f} x the floor of {floor:,.0f} commits/s\n")
        (folder / "a.db").unlink()
        stats = profile_of(lambda: measures.steps_in_sequence(place, STEPS, rounds=1))
        print("\n".join(table(stats, costs(place("costs")), 1 / floor)))
        if options.profile:
            stats.sort_stats("tottime").print_stats(SHOWN)


if __name__ == "__main__":
    main()
