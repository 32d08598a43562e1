"""Keep connections to read by: as many as are needed at once, up to a limit.

A connection is made by the thread that needs it, when it needs it, so that a server that comes
back is used at once, and one that is gone is told of at once. That is why it is not
psycopg_pool's: its threads connect in the background, after pauses that double up to minutes,
and who asks meanwhile waits in vain. Knows nothing of what is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from partita.errors import StoreUnavailableError
from partita.stores.postgres.rows import Row

T = TypeVar("T")

Connection = psycopg.Connection[Row]

CONNECTION_WAIT_SECONDS = 10.0
"""Seconds to wait until one of the connections is free."""


class Pool:
    """Up to `size` connections with autocommit, used from any thread."""

    def __init__(self, connect: Callable[[], Connection], size: int) -> None:
        self._connect = connect
        self._size = size
        self._places = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Call `work` with a connection; again with a new one if the connection is broken.

        So `work` must be safe to repeat.

        Raises:
            psycopg.Error: what `work`, or connecting, raises.
            StoreUnavailableError: all connections were in use for too long.
        """
        with self._place():
            old = self._take()
            if old is not None:
                try:
                    return self._use(old, work)
                except (psycopg.OperationalError, psycopg.InterfaceError):
                    self.drop()  # what broke one has broken the others, such as a restart
            return self._use(self._connect(), work)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=CONNECTION_WAIT_SECONDS):
            raise StoreUnavailableError(
                f"all {self._size} connections to read by were in use for "
                f"{CONNECTION_WAIT_SECONDS:g} s; allow "
                "more with pool_size=N in the URL, then try again"
            )
        try:
            yield
        finally:
            self._places.release()

    def _take(self) -> Connection | None:
        with self._lock:
            if self._closed:
                raise StoreUnavailableError("this store is closed; open another")
            return self._idle.pop() if self._idle else None

    def _use(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            return work(connection)
        finally:
            self._put_back(connection)

    def _put_back(self, connection: Connection) -> None:
        """Keep a connection for others, if it is good for anything."""
        is_idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with self._lock:
            is_kept = is_idle and not self._closed
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()

    def drop(self) -> None:
        """Close what nobody uses at the moment."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close every connection; what is in use, when it comes back."""
        with self._lock:
            self._closed = True
        self.drop()
