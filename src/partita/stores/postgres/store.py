"""Keep executions in one schema of a PostgreSQL database, which any number of engines share.

Many engines, in any number of processes and on any number of machines, commit at the same
time. Nothing keeps them apart in advance; each commit proves that it rests on the truth.

*What a commit rests on.* An execution's row carries the `revision` of its state, one more at
every change, and all that belongs to the execution (items, events, attributes) changes only
together with it. An engine works on states that it has cached, or has just read, without
asking again. Its commit changes each row only if the revision is still the one that it knew,
and it holds the states that were read and not changed to theirs. If one differs, the commit
fails as a whole (ConflictError): the engine forgets these states and does the same requests
again. So a refusal, too, is given only on the strength of what was true at the commit. After
a conflict, the runs in question are locked before they are read, in the order of their keys:
the second try waits, it does not race. A sequential step thus costs one trip to the server.

*Who starts a workflow id.* A new run names the run that it follows, and a run is followed by
one other at most (a unique index). Two engines that both saw "there is none" or "the last one
is closed" cannot both begin, even if the first one's run is closed again by then; the second
looks again, and finds it. That makes starts idempotent.

*Who takes a task.* What waits in a queue, or has come due, is looked for together with its
execution's row, which is locked (`FOR NO KEY UPDATE SKIP LOCKED`) until the commit: others
pass it by and take what comes next. Whoever passed something by looks again a moment later.
What a transaction reads so is fresh, and says which cached states are not.

*Locks* are on rows of `executions` alone, but for two in `catalogue`: the limit of a task list,
locked before the activities that run are counted, so that a limit holds for all engines
together; and a worker, shared by each transaction that gives it tasks, and deleted by whoever
takes it for dead, so that nothing is given to it after its tasks were put back. Those who must
wait for several rows at the commit do so in the order of `run`. What the order cannot prevent
(a task that was claimed early, out of order) the server resolves as a deadlock; the loser does
it again.

*Leases* are moments of the engines' own clocks, so machines must agree on the time to within a
few seconds. If they do not, a living worker may be taken for dead: its tasks are done again,
and its late results are refused, as after a pause.

*Durability.* `synchronous_commit` is on, whatever the server's default. A connection that
breaks during the commit leaves its outcome open: the engine connects again, waits for what
the old connection still holds, and looks for the history's new batch. Found, it is done; if
not, or if nobody answers, callers are told that it may or may not have been done.

*Poolers.* A transaction relies on nothing that a session keeps: no search path, no SET but
LOCAL ones, no session locks. Behind a pooler in transaction mode add `prepare=no` to the URL,
and `listen_url=` with a direct URL for LISTEN, which a pooler cannot pass on; with `listen=no`
engines look every 0.25 s instead.

Source: https://www.postgresql.org/docs/current/explicit-locking.html,
https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from partita.errors import (
    ConflictError,
    PartitaError,
    StoreError,
    StoreUnavailableError,
)
from partita.ports.capabilities import Obstacle
from partita.ports.store import News
from partita.stores.postgres import rows as sql
from partita.stores.postgres.check import check
from partita.stores.postgres.connection import Connection, configure, has_ended
from partita.stores.postgres.faults import translated
from partita.stores.postgres.notifications import Listener, NoListener
from partita.stores.postgres.pool import Pool
from partita.stores.postgres.rows import Row
from partita.stores.postgres.schema import migrate
from partita.stores.postgres.transaction import PostgresTransaction
from partita.stores.postgres.url import Address
from partita.stores.sql.reads import SqlStore

T = TypeVar("T")


class PostgresStore(SqlStore):
    """One schema. One connection writes, a pool of others reads, one listens."""

    dialect = sql.DIALECT

    def __init__(self, url: str) -> None:
        self.address = Address.of(url)
        self._me = uuid.uuid4().hex[:12]
        self._statement = sql.within(self.address.schema)
        self._channel = f"partita {self.address.schema}"[:63]
        self._lock = threading.Lock()
        self._contended: set[int] = set()
        self._failures = itertools.count(1)
        with self._translated():
            self._writer = self._connect(self.address.conninfo)
            try:
                self._durable = self._is_durable()
                migrate(self._writer, self.address.schema, self.address.where)
                self._news = self._listen()
            except BaseException:
                self._writer.close()
                raise
        self._pool = Pool(lambda: self._connect(self.address.conninfo), self.address.pool_size)

    def _translated(self) -> Any:
        return translated(self.address.where)

    def _connect(self, conninfo: str) -> psycopg.Connection[Row]:
        connection = Connection.connect(
            conninfo, autocommit=True, prepare_threshold=self.address.prepare_threshold
        )
        self._configure(connection)
        return connection

    def _configure(self, connection: Connection) -> None:
        connection.answer_timeout = self.address.answer_timeout
        configure(connection)

    def _is_durable(self) -> bool:
        row = self._writer.execute("SELECT current_setting('synchronous_commit')").fetchone()
        return row is not None and row[0] != "off"

    def _listen(self) -> Listener | NoListener:
        url = self.address.listen_conninfo
        if url is None:
            return NoListener()
        return Listener(lambda: self._connect(url), self._channel, self._me)

    # -- writing

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """Begin a transaction; others may write in the meantime, but not what it rests on."""
        with self._lock, self._translated():
            if has_ended(self._writer):
                self._news.check_connection()
                self._writer = self._connect(self.address.conninfo)
            transaction = self._begun()
            try:
                if self._contended:
                    transaction.lock_runs(self._contended)
                yield transaction
                self._commit(transaction)
            except BaseException as error:
                overtaken = isinstance(error, ConflictError)
                self._contended = transaction.rests_on if overtaken else set()
                self._clear(after_error=isinstance(error, PartitaError))
                raise
            self._contended = set()

    def _begun(self) -> PostgresTransaction:
        return PostgresTransaction(self._writer, self.address.schema, self.address.where)

    def _commit(self, transaction: PostgresTransaction) -> None:
        try:
            transaction.commit(self._channel, self._me, durable=self._durable)
        except (psycopg.OperationalError, StoreUnavailableError) as error:
            if not self._writer.closed:
                raise
            if not self._was_committed(transaction):
                raise StoreUnavailableError(
                    f"the connection to {self.address.where} was lost during a commit: what was "
                    "asked for may or may not have been done; look before you repeat it"
                ) from error

    def _was_committed(self, transaction: PostgresTransaction) -> bool:
        """Look, over a new connection, for what a commit without an answer has written."""
        try:
            self._writer = self._connect(self.address.conninfo)
            with self._writer.transaction():
                return self._begun().holds(transaction)
        except (psycopg.Error, StoreError):
            return False

    def _clear(self, *, after_error: bool) -> None:
        """Leave no transaction open; a connection that cannot be sure of that is closed.

        A pipeline that failed may have skipped what was to be prepared in it. psycopg forgets
        all prepared statements at a ROLLBACK, needed or not, if it has not seen that very text.
        """
        try:
            status = self._writer.info.transaction_status
            if status == psycopg.pq.TransactionStatus.ACTIVE:
                self._writer.close()
            elif after_error or status != psycopg.pq.TransactionStatus.IDLE:
                self._writer.execute(f"ROLLBACK -- {next(self._failures)}".encode())
        except psycopg.Error:
            self._writer.close()

    # -- hearing of others

    @property
    def glance(self) -> float:
        """Seconds that may pass between two calls of `changed`."""
        return self._news.glance

    def changed(self) -> News:
        """Return what was heard since the last call; everything, now and then."""
        return self._news.take()

    def on_change(self, heard: Callable[[], None]) -> None:
        """Call `heard` when another engine has sent a notification."""
        self._news.on_change(heard)

    # -- reading

    def obstacle(self) -> Obstacle | None:
        """Return whether the server lets nobody write, as a standby does."""
        text = "SELECT current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery()"
        [(is_read_only,)] = self._all(tuple, text)
        what = f"{self.address.where} is read-only, or a standby"
        return Obstacle(is_full=False, what=what) if is_read_only else None

    def _all(
        self, read: Callable[[Sequence[Any]], T], text: str, parameters: Sequence[Any] = ()
    ) -> list[T]:
        def rows(connection: psycopg.Connection[Row]) -> list[Row]:
            return connection.execute(self._statement(text), parameters, binary=True).fetchall()

        with self._translated():
            return [read(row) for row in self._pool.run(rows)]

    def check(self) -> list[str]:
        """Return what is wrong with what is there at one moment."""

        def look(connection: psycopg.Connection[Row]) -> list[str]:
            with connection.transaction():
                connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                return check(connection, self._statement)

        with self._translated():
            return self._pool.run(look)

    def close(self) -> None:
        """Close every connection."""
        self._news.close()
        self._pool.close()
        with self._lock:
            self._writer.close()
