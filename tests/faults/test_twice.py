"""Two workers both believe that a task is theirs; its result is recorded once."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from partita.client import Client
from partita.connect import connect
from partita.history import ActivityTaskCompleted, ActivityTaskRescheduled
from tests.conftest import until
from tests.faults.fleet import Process
from tests.faults.flow import waiting
from tests.faults.ledger import Told, lines_of
from tests.faults.load import judged


def stop_at_rest(process: Process, url: str) -> None:
    """Stop a process that is in no transaction: it would hold SQLite's lock until it goes on."""
    while True:
        process.send(signal.SIGSTOP)
        path = url.removeprefix("sqlite:///")
        if path == url or is_free(path):
            return
        process.send(signal.SIGCONT)


def is_free(path: str) -> bool:
    """Whether nobody holds a file's lock."""
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def test_a_worker_that_slept_past_its_lease(url: str, ledger: Path) -> None:
    """It is stopped, another takes its task over, and it wakes up before either has a result."""
    client = Client(connect(url))
    handle = client.start_with(waiting, ("w",), workflow_id="w")
    first = Process(url, ledger, lease=1.0)
    second = None
    try:
        until(lambda: len(lines_of(ledger)) == 1)
        stop_at_rest(first, url)
        second = Process(url, ledger, lease=1.0)
        until(lambda: len(lines_of(ledger)) == 2, seconds=60.0)
        first.send(signal.SIGCONT)
        ledger.with_suffix(".gate").touch()
        result = handle.result(timeout=60)
        first.stop()
        second.stop()
    finally:
        first.kill()
        if second is not None:
            second.kill()
    events = handle.history()
    ends = [event for event in events if isinstance(event, ActivityTaskCompleted)]
    back = [event.cause for event in events if isinstance(event, ActivityTaskRescheduled)]
    late, taken_over = lines_of(ledger)
    assert back == ["WORKER_LOST"]
    assert [event.started_event_id for event in ends] == [taken_over.started_event_id]
    assert (result, len({late.token, taken_over.token})) == (taken_over.result, 2)
    client.close()
    assert judged(url, ledger, Told(starts={"w": handle.run_id})) == []
