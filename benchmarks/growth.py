"""What a step costs in memory, by how many workflows there are."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.workflows import patient, sequential, step
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker

FEW, MANY = 1_000, 20_000
STEPS = 5


def of_steps(_: Path) -> tuple[float, float]:
    """Return CPU microseconds per step among few and among many workflows."""
    return _of_steps(FEW), _of_steps(MANY)


def of_signalled(_: Path) -> tuple[float, float]:
    """Return the same per wait, signal or step of workflows that wait and are signalled."""
    return _of_signalled(FEW), _of_signalled(MANY)


def _of_steps(count: int) -> float:
    with Client(connect("memory://")) as client, _worker(client):
        begun = time.process_time()
        handles = [client.start(sequential, STEPS) for _ in range(count)]
        for handle in handles:
            handle.result(timeout=600)
        return 1e6 * (time.process_time() - begun) / (count * STEPS)


def _of_signalled(count: int) -> float:
    with Client(connect("memory://")) as client, _worker(client):
        begun = time.process_time()
        handles = [client.start(patient, number) for number in range(count)]
        for handle in handles:
            handle.signal("n", 1)
        for handle in handles:
            handle.result(timeout=600)
        return 1e6 * (time.process_time() - begun) / (count * 3)


def _worker(client: Client) -> Worker:
    return Worker(client.service, workflows=[sequential, patient], activities=[step])
