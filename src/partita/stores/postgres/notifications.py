"""Receive notifications of what other engines have changed, by LISTEN on its own connection.

After a lost connection notifications may be missing, so it first reports that everything may
have changed.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable

import psycopg

from partita.ports.store import News
from partita.stores.postgres.rows import Row, quote

SAFETY = 20.0
"""Seconds after which everything is taken for changed although nothing was heard."""

POLL = 0.25
"""The same, where nothing can be heard."""

RECONNECT = 1.0
"""Seconds between two tries to listen again."""

log = logging.getLogger("partita.stores")


class NoListener:
    """Stands for a listener where nothing can be heard: all may have changed each POLL seconds."""

    glance = POLL

    def __init__(self) -> None:
        self._next = 0.0

    def take(self) -> News:
        """Return what was heard since the last call."""
        now = time.monotonic()
        if now < self._next:
            return News.NOTHING
        self._next = now + POLL
        return News.ALL

    def on_change(self, heard: Callable[[], None]) -> None:
        """Do nothing."""

    def check_connection(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Listener:
    """A thread that listens, and begins anew when the connection breaks."""

    glance = SAFETY

    def __init__(self, connect: Callable[[], psycopg.Connection[Row]], channel: str, me: str):
        self._connect = connect
        self._channel = channel
        self._me = me  # the engine whose own notifications are no news
        self._lock = threading.Lock()
        self._news = News.NOTHING
        self._deadline = 0.0
        self._heard: Callable[[], None] = lambda: None
        self._closed = False
        self._bell, self._rope = socket.socketpair()
        self._connection = self._listening()
        self._thread = threading.Thread(target=self._run, name="partita-listen", daemon=True)
        self._thread.start()

    def take(self) -> News:
        """Return what was heard since the last call; everything, now and then."""
        with self._lock:
            news, self._news = self._news, News.NOTHING
            now = time.monotonic()
            if now >= self._deadline:
                news = News.ALL
            if news is News.ALL:
                self._deadline = now + SAFETY
        return news

    def on_change(self, heard: Callable[[], None]) -> None:
        """Call `heard` when there is something to take."""
        self._heard = heard

    def check_connection(self) -> None:
        """Check whether the listening connection still works: another one has broken."""
        if not self._closed:
            self._rope.send(b"?")

    def close(self) -> None:
        """End the thread and its connection; once."""
        if self._closed:
            return
        self._closed = True
        self._rope.send(b"x")
        self._thread.join()
        self._bell.close()
        self._rope.close()

    def _listening(self) -> psycopg.Connection[Row]:
        connection = self._connect()
        try:
            connection.execute(f"LISTEN {quote(self._channel)}".encode())
        except BaseException:
            connection.close()
            raise
        return connection

    def _run(self) -> None:
        while not self._closed:
            try:
                with self._connection:
                    self._follow()
            except (psycopg.Error, OSError) as error:
                log.info("cannot hear what others do: %s", " ".join(str(error).split()))
                self._begin_anew()
        self._connection.close()  # it may be new: who closes us does not wait for that

    def _begin_anew(self) -> None:
        while not self._closed:
            try:
                self._connection = self._listening()
            except (psycopg.Error, OSError):
                self._wait(RECONNECT)
            else:
                self._note(News.ALL)
                return

    def _follow(self) -> None:
        while not self._closed:
            for notify in self._connection.notifies(timeout=0):
                sender, _, number = notify.payload.partition(" ")
                if sender != self._me:
                    self._note(
                        News(int(number) & News.ALL.value) if number.isdecimal() else News.ALL
                    )
            if not self._wait(SAFETY, self._connection) and not self._closed:
                self._connection.execute(b"SELECT 1")  # raises if it is gone: nothing else tells

    def _wait(self, seconds: float, connection: psycopg.Connection[Row] | None = None) -> bool:
        """Wait for the connection, the bell or the time; return whether it was the connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            if connection is not None:
                selector.register(connection.fileno(), selectors.EVENT_READ)
            ready = {key.fileobj for key, _ in selector.select(seconds)}
        if self._bell in ready and not self._closed:
            self._bell.recv(64)
        return bool(ready - {self._bell})

    def _note(self, news: News) -> None:
        with self._lock:
            self._news |= news
        self._heard()
