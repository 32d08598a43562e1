"""Measure a peer and ourselves in one run; write benchmarks/results/peers.json.

    python -m benchmarks.peers PYTHON     # the interpreter of the peers' own environment

Both run on SQLite in WAL mode with `synchronous=FULL`, and on one PostgreSQL server with its
defaults; each load is the median of three rounds, in steps (or activities) per second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.postgres import Server

from benchmarks import machines, measures
from benchmarks.floor import commits_per_second
from benchmarks.measures import Place
from benchmarks.report import Report
from benchmarks.shared import server_commits

RESULTS = Path(__file__).parents[1] / "results" / "peers.json"
PEER = Path(__file__).with_name("dbos_peer.py")
MACHINES_PEER = Path(__file__).with_name("moto_peer.py")
GOAL = 8
LOADS = {
    "A": "steps in sequence",
    "B": "activities at once",
    "C": "workflows of 5 steps",
}


def ours(place: Place) -> dict[str, float]:
    """Measure Partita."""
    return {
        "A": measures.steps_in_sequence(place),
        "B": measures.activities_in_parallel(place),
        "C": measures.many_workflows(place, starters=16),
    }


def theirs(python: str, url: str) -> dict[str, float]:
    """Measure DBOS."""
    return figures_of([python, str(PEER), url])


def compare_machines(report: Report, python: str) -> None:
    """Measure a loop of a state machine in memory, here and in moto."""
    mine = machines.pure_transitions()
    peer = figures_of([python, str(MACHINES_PEER)])["transitions"]
    report.add("loop of Choice and Pass", mine, "transitions/s")
    report.add("loop of Choice and Pass, moto", peer, "transitions/s")
    report.add("loop of Choice and Pass, x moto", mine / peer, "x")


def figures_of(command: list[str]) -> dict[str, float]:
    """Return the figures that a peer's process prints as its last line."""
    keys = {"AWS_ACCESS_KEY_ID": "peer", "AWS_SECRET_ACCESS_KEY": "peer"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **keys}
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def compare(report: Report, where: str, mine: dict[str, float], peer: dict[str, float]) -> None:
    """Add both figures, and their ratio."""
    for load, what in LOADS.items():
        report.add(f"{where} {load}, {what}", mine[load], "/s", rate=True)
        report.add(f"{where} {load}, dbos", peer[load], "/s", rate=True)
        report.add(f"{where} {load}, x dbos", mine[load] / peer[load], "x", f">= {GOAL}")


def main(python: str) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name).resolve()
        report = Report(commits_per_second(folder))
        report.add("SQLite floor", report.floor, "commits/s", rate=True)
        peer = theirs(python, f"sqlite:///{folder / 'peer.db'}")
        compare(report, "SQLite", ours(measures.files(folder)), peer)
    compare_machines(report, python)
    server = Server()
    try:
        report.floor = server_commits(server, 1)
        report.add("PostgreSQL floor, 1 connection", report.floor, "commits/s", rate=True)
        with server.connect() as connection:
            connection.execute("CREATE DATABASE peer")
        peer = theirs(python, f"postgresql+psycopg://partita@/peer?host={server.folder}")
        compare(report, "PostgreSQL", ours(server.url), peer)
    finally:
        server.stop()
    report.write(RESULTS)


if __name__ == "__main__":
    main(sys.argv[1])
