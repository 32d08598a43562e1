"""Measure DBOS on the same three loads; runs in an environment of its own, prints JSON.

    python dbos_peer.py URL     # sqlite:///FILE or postgresql://...

It is used as its documentation says, with what is fastest for each load: steps one after the
other in one workflow; asynchronous steps, gathered; workflows started from a pool of threads.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS  # type: ignore[import-not-found]

ROUNDS = 3


@DBOS.step()  # type: ignore[untyped-decorator]
def step(number: int) -> int:
    return number + 1


@DBOS.workflow()  # type: ignore[untyped-decorator]
def sequential(count: int) -> int:
    total = 0
    for _ in range(count):
        total = step(total)
    return total


@DBOS.step()  # type: ignore[untyped-decorator]
async def async_step(number: int) -> int:
    return number + 1


@DBOS.workflow()  # type: ignore[untyped-decorator]
async def fan_out(count: int) -> int:
    return sum(await asyncio.gather(*(async_step(number) for number in range(count))))


def median_rate(work: int, run: Callable[[], Any]) -> float:
    """Return the median of some rounds, in pieces of work per second."""
    rates = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run()
        rates.append(work / (time.perf_counter() - begun))
    return statistics.median(rates)


def many(count: int, steps: int, starters: int) -> None:
    with ThreadPoolExecutor(starters) as pool:
        begin = [pool.submit(DBOS.start_workflow, sequential, steps) for _ in range(count)]
        for one in begin:
            one.result().get_result()


def main(url: str) -> None:
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA journal_mode=WAL")  # stays; synchronous=FULL is the default
        connection.close()
    DBOS(config={"name": "peer", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    sequential(20)
    figures = {
        "A": median_rate(1000, lambda: sequential(1000)),
        "B": median_rate(1000, lambda: asyncio.run(fan_out(1000))),
        "C": median_rate(200 * 5, lambda: many(200, 5, 16)),
    }
    DBOS.destroy()
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
