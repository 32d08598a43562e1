"""What each of several processes does at once on one schema: start, signal, work, wait."""

from __future__ import annotations

from partita import activity, signals, workflow
from partita.client import Client
from partita.connect import connect
from partita.worker import Worker

EXECUTIONS = 15


@activity
def add(total: int, number: int) -> int:
    return total + number


@workflow
def steps(number: int) -> int:
    total = 0
    for _ in range(3):
        signals("go", str).get()
        total = add(total, number)
    return total


def race(url: str, me: str) -> None:
    """Start what others start too, send each a signal, and work until all are done."""
    service = connect(url)
    client = Client(service)
    with Worker(service, workflows=[steps], activities=[add], slots=4):
        ids = [f"w{number}" for number in range(EXECUTIONS)]
        for number, workflow_id in enumerate(ids):
            client.start_with(steps, (number,), workflow_id=workflow_id)
            client.signal(workflow_id, "go", me)
        for number, workflow_id in enumerate(ids):
            assert client.result(workflow_id, workflow=steps, timeout=60) == 3 * number
    client.close()
