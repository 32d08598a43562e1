"""Keep the figures of one run, each beside the floor and the goal, and show them."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


class Report:
    """The figures of one run, each beside the floor and the goal."""

    def __init__(self, floor: float) -> None:
        self.floor = floor  # commits/s of what is measured at the moment
        self.rows: list[dict[str, Any]] = []
        self.goals: dict[str, str] = {}

    def add(
        self, name: str, value: float, unit: str, goal: str = "", *, rate: bool = False
    ) -> None:
        """Add a figure; a `rate` is divided by the floor, too."""
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
