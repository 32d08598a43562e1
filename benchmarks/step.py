"""Measure figure A alone, and show where the CPU time of a step goes.

    python -m benchmarks.step     # or: make bench-step

The rate is measured without the profiler, which slows Python's own calls several times.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import measures
from benchmarks.floor import commits_per_second

STEPS = 1000
SHOWN = 25
"""Lines of the profile."""


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


def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        place = measures.files(Path(name).resolve())
        floor = commits_per_second(Path(name).resolve())
        rate = measures.steps_in_sequence(place, STEPS)
        print(f"A: {rate:,.0f} steps/s, {rate / floor:.2f} x the floor of {floor:,.0f} commits/s")
        (Path(name) / "a.db").unlink()
        stats = profile_of(lambda: measures.steps_in_sequence(place, STEPS, rounds=1))
        stats.sort_stats("tottime").print_stats(SHOWN)


if __name__ == "__main__":
    main()
