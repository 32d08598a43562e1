"""Clients that start and signal without rest, and repeat what was not acknowledged.

They do as the documentation says: a start is safe to repeat, whatever happened to it; a signal
is repeated if nothing was done, and looked for if it may have been done.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from partita.client import Client
from partita.connect import connect
from partita.engine import Engine, catalogue
from partita.errors import StoreError, WaitTimeoutError
from partita.history import WorkflowExecutionSignaled
from tests.conftest import until
from tests.faults.flow import order
from tests.faults.ledger import Told, faults

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds after which what did not succeed never will."""


class Load:
    """Some clients of a store, each with an engine of its own, and what they were told."""

    def __init__(self, url: str, *, signals: int = 2, clients: int = 2) -> None:
        self.told = Told()
        self._lock = threading.Lock()
        self._orders = 0  # that some client has begun
        self._ends = False
        self._signals = signals
        self._deadline = math.inf
        self._clients = [Client(connect(url)) for _ in range(clients)]
        self._pool = ThreadPoolExecutor(clients)
        self._works: list[Future[None]] = []

    def begin(self) -> None:
        """Start and signal one order after the other, each from all clients at once."""
        self._works = [
            self._pool.submit(self._drive, client, number)
            for number, client in enumerate(self._clients)
        ]

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers are on record; one that finds no store ends at once."""
        engine = self._clients[0].service
        assert isinstance(engine, Engine)
        until(lambda: len(catalogue.workers(engine.store)) >= count, seconds=60.0)

    def _drive(self, client: Client, number: int) -> None:
        orders = 0
        while self._goes_on(orders):
            workflow_id = f"order-{orders}"
            self._start(client, workflow_id)
            for one in range(self._signals):
                self._signal(client, workflow_id, f"{number}-{one}")
                self.told.signals.append((workflow_id, f"{number}-{one}"))
            orders += 1
            self._rest()

    def _goes_on(self, orders: int) -> bool:
        """Whether a client that has seen to so many orders sees to another."""
        with self._lock:
            if self._ends and orders >= self._orders:
                return False
            self._orders = max(self._orders, orders + 1)
            return True

    def _start(self, client: Client, workflow_id: str) -> None:
        given = (workflow_id, self._signals * len(self._clients))
        begin = partial(client.start_with, order, given, workflow_id=workflow_id)
        run_id = self._patiently(begin).run_id
        known = self.told.starts.setdefault(workflow_id, run_id)
        assert known == run_id, f"{workflow_id} was started twice"

    def _signal(self, client: Client, workflow_id: str, value: str) -> None:
        while True:
            try:
                return client.signal(workflow_id, "go", value)
            except StoreError as error:
                self._rest()
                if "may or may not" in str(error) and self._arrived(client, workflow_id, value):
                    return None

    def _arrived(self, client: Client, workflow_id: str, value: str) -> bool:
        """Look for a signal that may still be on its way."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            for event in self._patiently(lambda: client.history(workflow_id)):
                if isinstance(event, WorkflowExecutionSignaled) and event.input == f'"{value}"':
                    return True
            self._rest()
        return False

    def _patiently(self, work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except (StoreError, WaitTimeoutError):
                self._rest()

    def _rest(self) -> None:
        assert time.monotonic() < self._deadline, "the store did not come back"
        threading.Event().wait(0.05)

    def finish(self) -> None:
        """Begin nothing more; wait until all is acknowledged, and all that is has its result."""
        self._ends = True
        self._deadline = time.monotonic() + PATIENCE
        for work in self._works:
            work.result(timeout=PATIENCE)
        client = self._clients[0]
        for workflow_id in self.told.starts:
            heard = self._patiently(partial(client.result, workflow_id, timeout=5))
            expected = [value for id, value in self.told.signals if id == workflow_id]
            assert sorted(heard) == sorted(expected), workflow_id

    def __enter__(self) -> Load:
        """Begin."""
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the store."""
        self._deadline = 0.0  # whoever still tries gives up
        self._pool.shutdown(cancel_futures=True)
        for client in self._clients:
            client.close()


def judged(url: str, ledger: Path, told: Told, *, one_clock: bool = True) -> list[str]:
    """Return what is wrong with a store, seen by an engine that was not there before."""
    engine = connect(url)
    assert isinstance(engine, Engine)
    try:
        return faults(engine, ledger, told, one_clock=one_clock)
    finally:
        engine.close()
