"""Connect to PostgreSQL, and give a connection up when nobody answers any more.

A peer that vanished without a word (a cable, a firewall that forgot, a proxy that swallows)
looks like one that is slow. TCP's own probes find the first; only a limit on how long an
answer may take finds the others, whose machine still acknowledges every packet.

Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.types.numeric import Int8Dumper

from partita.stores.postgres.rows import Row

T = TypeVar("T")

PROBES = {
    "connect_timeout": "10",  # seconds
    "keepalives_idle": "10",  # seconds of silence, then probes
    "keepalives_interval": "5",  # seconds
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",  # milliseconds that what was sent may stay unacknowledged
}
"""What libpq is told unless the URL, or the environment, says otherwise."""


def probes() -> dict[str, str]:
    """Return the defaults for what the environment does not set."""
    from_outside = {"connect_timeout"} if "PGCONNECT_TIMEOUT" in os.environ else set()
    return {name: value for name, value in PROBES.items() if name not in from_outside}


class Connection(psycopg.Connection[Row]):
    """A connection that is broken once the server has kept silent for `answer_timeout`."""

    answer_timeout = 60.0  # seconds; others may hold what we lock for 30 s

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for the server, but not for ever.

        Raises:
            psycopg.OperationalError: it does not answer; the connection is closed.
        """
        return super().wait(self._limited(gen), *args, **options)

    def _limited(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        try:
            wish = next(gen)
            until = time.monotonic() + self.answer_timeout
            while True:
                ready = yield wish
                if ready:
                    until = time.monotonic() + self.answer_timeout
                elif time.monotonic() >= until:
                    self.close()
                    raise psycopg.OperationalError(
                        f"the server has not answered for {self.answer_timeout:g} s"
                    )
                wish = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


def has_ended(connection: psycopg.Connection[Any]) -> bool:
    """Whether nobody is at the other end of an idle connection, as far as is known without asking.

    Takes in what has arrived, and does not wait: about a microsecond.
    """
    try:
        for _ in range(2):  # the server's last words, and after them the end
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        connection.close()
    return connection.closed


def configure(connection: psycopg.Connection[Any]) -> None:
    """Send every integer in one width, so that a statement is prepared once."""
    connection.adapters.register_dumper(int, Int8Dumper)
