"""The machine's floor: how many single-row transactions a second the bare disk takes."""

from __future__ import annotations

import sqlite3
import statistics
import time
from pathlib import Path


def commits_per_second(folder: Path, *, rounds: int = 3, commits: int = 2000) -> float:
    """Return the median of some rounds of one-row inserts: sqlite3, WAL, `synchronous=FULL`."""
    path = folder / "floor.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, body BLOB)")
    rates = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(commits):
            connection.execute("INSERT INTO floor (body) VALUES (?)", (b"x" * 100,))
        rates.append(commits / (time.perf_counter() - begun))
    connection.close()
    path.unlink()
    return statistics.median(rates)
