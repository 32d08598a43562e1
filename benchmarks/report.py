"""Print the figures of one run as they come, each beside the floor and the goal, and keep them."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any


class Report:
    """The figures of one run, each beside the floor and the goal."""

    def __init__(self, floor: float) -> None:
        self.floor = floor  # commits/s of what is measured at the moment
        self.rows: list[dict[str, Any]] = []

    def add(
        self, name: str, value: float, unit: str, goal: str = "", *, rate: bool = False
    ) -> None:
        """Print and keep a figure; a `rate` is divided by the floor, too."""
        ratio = round(value / self.floor, 3) if rate else None
        shown = "" if ratio is None else f"{ratio:.2f} x floor"
        print(f"{name:<50} {value:>12,.2f} {unit:<15} {shown:<14} {goal}", flush=True)
        self.rows.append(
            {
                "name": name,
                "value": round(value, 3),
                "unit": unit,
                "floor": round(self.floor, 1),
                "ratio": ratio,
                "machine": machine(),
                "commit": commit(),
            }
        )

    def write(self, path: Path) -> None:
        """Write the figures to a JSON file."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self.rows, indent=2) + "\n")


@functools.cache
def machine() -> str:
    """Return what the figures were measured on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


@functools.cache
def commit() -> str:
    """Return the commit that was measured."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip()
