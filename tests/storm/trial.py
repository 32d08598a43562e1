"""One seed, in a process of its own: `python -m tests.storm.trial SEED SECONDS PLACE`.

Knows the order of a storm: its beginning, its end, and what is judged then. Exits with 1 if
there is a finding. The place is a new SQLite file's path, or a PostgreSQL schema's URL.
"""

from __future__ import annotations

import faulthandler
import os
import sys

from tests.storm.actors import LONG, Actors
from tests.storm.findings import Findings, hear
from tests.storm.nodes import Node
from tests.storm.promises import Promises
from tests.storm.threads import ENDING, find_left, find_spinning
from tests.storm.verdict import PATIENCE, Verdict, judge_late, judge_listener
from tests.storm.weather import SKY

LIMIT = LONG + PATIENCE + ENDING + 60.0
"""Seconds after the storm in which a trial has said all, whatever it finds."""


def try_seed(seed: int, seconds: float, place: str, findings: Findings) -> None:
    """Have a storm, and judge what is left of it."""
    SKY.begin(seed)
    promises = Promises()
    nodes = [Node(number, place, findings) for number in range(SKY.engines)]
    Actors(nodes, promises, findings).act(seconds)
    last, *others = nodes  # one engine alone sees to all that is left
    for node in others:
        node.close()
    last.stop()
    last.start()
    Verdict(last, promises, findings).give()
    find_spinning(findings)
    thread = last.engine._scheduler.inbox._thread
    if thread is None or not thread.is_alive():
        findings.add("the engine's thread has died")
    last.close()
    for life in [life for node in nodes for life in node.lives]:
        judge_listener(life, findings)
    judge_late(findings)
    find_left(findings)


def main(seed: str, seconds: str, place: str) -> None:
    """Try a seed, say what was exercised, and end the process, with whatever still runs."""
    faulthandler.dump_traceback_later(float(seconds) + LIMIT, exit=True)
    findings = Findings()
    hearing = hear(findings)
    try:
        try_seed(int(seed), float(seconds), place, findings)
    except BaseException as error:
        findings.add_error("the trial", error)
    exercised = [f"{what} {number}" for what, number in sorted(SKY.counts.items()) if number]
    print("WEATHER", SKY)
    print("LOGS", dict(hearing.kinds))
    print("EXERCISED", "; ".join(exercised), flush=True)
    os._exit(1 if findings.count else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
