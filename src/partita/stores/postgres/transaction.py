"""One transaction on a PostgreSQL schema: read freely, then write everything in one trip.

Why it is sound is said in `postgres.store`; here is how. Reads go out as they are asked for.
What is to be written waits until the end of the block, and then goes out in one pipeline, which
the server takes as one transaction. Only what locks something opens a transaction before that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

from partita.errors import ConflictError
from partita.ports.state import AnyItem, State
from partita.ports.store import News, Proposal, Record, Taken
from partita.stores.postgres import rows as sql
from partita.stores.postgres.faults import check_integers, check_text, translated
from partita.stores.postgres.rows import Row
from partita.stores.sql import reads
from partita.stores.sql.reads import SqlReads
from partita.stores.sql.records import (
    encode,
    origin_runs,
    pack,
    record_of,
    taken_of,
    to_json,
    unpack_item,
)

T = TypeVar("T")

IDLE_TIMEOUT = b"SET LOCAL idle_in_transaction_session_timeout = '30s'"
"""So that a process which is stopped in the middle does not hold its locks for ever."""

DURABLY = b"SELECT set_config('synchronous_commit', 'on', true)"

KEYS = 32
"""New runs' keys that are fetched together, at most; what is left over is never used."""


class PostgresTransaction(SqlReads):
    """One transaction. Belongs to one thread, and to one connection with autocommit."""

    dialect = sql.DIALECT
    foreign = False

    def __init__(self, connection: psycopg.Connection[Row], schema: str, where: str) -> None:
        self.seen: dict[int, int] = {}
        self.skipped = False
        self.rests_on: set[int] = set()  # runs whose rows decide whether the commit succeeds
        self.news = News.NOTHING
        self.proof: Row | None = None  # a batch of events that is there once it is committed
        self._connection = connection
        self._where = where  # for error messages
        self._statement = sql.within(schema)
        self._writes: list[tuple[str, list[Row]]] = []
        self._selects: list[tuple[str, Row]] = []  # go out with the writes, for what they do
        self._relied: dict[int, int] = {}
        self._wrote = False
        self._keys: list[int] = []
        self._fetched = 1
        self._newest: dict[tuple[str, str], int] = {}
        self._whole: dict[int, list[bytes]] = {}

    # -- trips to the server

    @contextmanager
    def _trip(self) -> Iterator[None]:
        """Send what the block executes in one go; raise the first error, not what it led to."""
        first: psycopg.Error | None = None
        with translated(self._where):
            try:
                with self._connection.pipeline():
                    try:
                        yield
                    except psycopg.Error as error:
                        first = error
            except psycopg.Error as error:
                raise first or error from None
            if first is not None:
                raise first

    def _rows(self, text: str, parameters: Any = ()) -> list[Row]:
        """Read, at once; what is to be written goes before."""
        if self._writes or self._selects:
            return self._locked((text, parameters))[0]
        with translated(self._where):
            cursor = self._connection.execute(self._statement(text), parameters, binary=True)
            return cursor.fetchall()

    def _all(
        self, read: Callable[[Sequence[Any]], T], text: str, parameters: Sequence[Any] = ()
    ) -> list[T]:
        return [read(row) for row in self._rows(text, parameters)]

    def _locked(self, *queries: tuple[str, Any]) -> list[list[Row]]:
        """Read in one trip; what the queries lock stays locked until the end."""
        with self._trip():
            self._begin()
            self._send()
            cursors = [
                self._connection.execute(self._statement(text), parameters, binary=True)
                for text, parameters in queries
            ]
        return [cursor.fetchall() for cursor in cursors]

    def _do(self, text: str, parameters: Any) -> int:
        """Write at once, for what may be read again; return the number of rows."""
        self._wrote = True
        with self._trip():
            self._begin()
            cursor = self._connection.execute(self._statement(text), parameters)
        return cursor.rowcount

    def _begin(self) -> None:
        if not self.is_open:
            self._connection.execute(b"BEGIN")
            self._connection.execute(IDLE_TIMEOUT)

    def _send(self) -> None:
        """Put what is to be written into the pipeline."""
        for text, parameters in self._selects:
            self._connection.execute(self._statement(text), parameters)
        for text, rows in self._writes:
            if len(rows) == 1:
                self._connection.execute(self._statement(text), rows[0])
            else:
                with self._connection.cursor() as cursor:
                    cursor.executemany(self._statement(text), rows)
        self._writes, self._selects = [], []

    @property
    def is_open(self) -> bool:
        """Whether a transaction has begun on the server."""
        return self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def commit(self, channel: str, me: str, *, durable: bool) -> None:
        """Write everything, and tell others, in one trip.

        Raises:
            ConflictError: something that it rests on is not as it was.
        """
        if self._relied:
            self._check_relied()
        if not self._wrote:
            if self.is_open:
                self._connection.execute(b"ROLLBACK")
            return
        if self.news:
            self._selects.append((sql.NOTIFY, (channel, f"{me} {self.news.value}")))
        if durable and not self.is_open and self._is_small():
            self._execute_as_one()
            return
        ending = b"COMMIT" if self.is_open else None
        with self._trip():
            if not durable:
                self._connection.execute(DURABLY)
            self._send()
            if ending:
                self._connection.execute(ending)

    def _is_small(self) -> bool:
        """Whether one statement can do it all, in whatever order the server does its parts."""
        texts = {text for text, rows in self._writes if len(rows) == 1}
        one_by_one = {sql.MOVE, sql.BEGIN_RUN, sql.FOLLOW_RUN}
        return len(texts) == len(self._writes) > 0 and len(texts & one_by_one) <= 1

    def _execute_as_one(self) -> None:
        """Write with one statement: half of what a pipeline of them costs, for a single step."""
        writes = tuple(text for text, _ in self._writes)
        selects = tuple(text for text, _ in self._selects)
        parameters = [value for _, rows in self._writes for value in rows[0]]
        parameters += [value for _, row in self._selects for value in row]
        text = sql.composed(writes, selects)
        with translated(self._where):
            self._connection.execute(self._statement(text), parameters)

    def _check_relied(self) -> None:
        runs = sorted(self.rests_on)
        found = dict(self._locked((sql.LOCK, (runs,)))[0]) if self._wrote else self._revisions()
        for run, revision in self._relied.items():
            if found.get(run) != revision:
                raise ConflictError(f"run {run} is at revision {found.get(run)}, not {revision}")

    def _revisions(self) -> dict[int, int]:
        text = "SELECT run, revision FROM @executions WHERE run = ANY(?)"
        return dict(self._rows(text, (list(self._relied),)))

    def holds(self, other: PostgresTransaction) -> bool:
        """Whether what another transaction was to write is there; waits for who still writes."""
        if other.proof is None:
            return False
        self.lock_runs(other.rests_on)
        run, first_event_id, events = other.proof
        text = "SELECT events FROM @batches WHERE run = ? AND first_event_id = ?"
        return self._rows(text, (run, first_event_id)) == [(events,)]

    def lock_runs(self, runs: Collection[int]) -> None:
        """Keep others from these runs, waiting for those who have them."""
        self.seen.update(self._locked((sql.LOCK, (sorted(runs),)))[0])

    # -- reading

    def new_run(self) -> int:
        """Return a key for a new execution."""
        if not self._keys:
            text = "SELECT nextval(?::regclass) FROM generate_series(1, ?)"
            name = self._statement("@runs").decode()
            self._keys = [key for (key,) in self._rows(text, (name, self._fetched))]
            self._fetched = min(self._fetched * 2, KEYS)
        return self._keys.pop(0)

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        return self._record(f"{sql.WHOLE}WHERE run = ?", (run,))

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        record = self._record(*self._find_sql(sql.WHOLE, domain, workflow_id, run_id))
        if not run_id:
            self._newest[domain, workflow_id] = 0 if record is None else record.run
        return record

    def _record(self, text: str, parameters: Sequence[Any]) -> Record | None:
        """Read an execution, and keep its items, as of the same moment, for `items`."""
        rows = self._rows(text, parameters)
        if not rows:
            return None
        record = record_of(rows[0])
        self.seen[record.run] = record.progress.revision
        if len(rows[0][3]) <= sql.FEW:
            self._whole[record.run] = rows[0][3]
        return record

    def items(self, run: int, kind: str | None = None, id: str | None = None) -> list[AnyItem]:
        """Return the open items of a run: all, those of a kind, or the one of a kind and id."""
        bodies = self._whole.pop(run, None) if kind is None else None
        return super().items(run, kind, id) if bodies is None else list(map(unpack_item, bodies))

    def queued(
        self,
        kind: str,
        domain: str,
        task_lists: Collection[str],
        names: Collection[str] | None,
        limit: int,
    ) -> list[Taken]:
        """Take items that wait in a queue, from executions that nobody else holds."""
        claim, count = sql.claim_sql(known_names=names is not None)
        queries: list[tuple[str, Any]] = []
        for task_list in task_lists:
            given = {"kind": kind, "domain": domain, "queue": task_list, "limit": limit}
            if names is not None:
                given["names"] = list(names)
            queries += [(claim, given), (count, given)]
        if not queries or limit <= 0:
            return []
        answers = self._locked(*queries)
        taken = [row for rows in answers[::2] for row in rows]
        waiting = sum(rows[0][0] for rows in answers[1::2])
        self.skipped = self.skipped or len(taken) < waiting
        taken.sort(key=lambda row: (-row[0], row[1]))
        return self._taken(row[2:] for row in taken[:limit])

    def due(self, now: float, limit: int) -> list[Taken]:
        """Take items whose `due` has come, from executions that nobody else holds."""
        return self._taken(self._locked((sql.DUE, (now, limit)))[0])

    def _taken(self, rows: Iterable[Sequence[Any]]) -> list[Taken]:
        found = []
        for run, revision, body in rows:
            self.seen[run] = revision
            found.append((run, unpack_item(body)))
        return found

    def next_due(self) -> float | None:
        """Return the soonest `due` of all."""
        due: float | None = self._rows(reads.NEXT_DUE)[0][0]
        return due

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return self._all(taken_of, reads.HELD, (owner,))

    def count_running(self, domain: str, task_list: str) -> int:
        """Count the open items whose `lane` is that task list."""
        return int(self._rows(reads.COUNT_RUNNING, (domain, task_list))[0][0])

    # -- writing

    def validate(self, proposal: Proposal) -> None:
        """Refuse what cannot be encoded, or does not fit into a column."""
        encode(proposal)
        names = [*proposal.ids, *proposal.progress.search_attributes]
        for item in proposal.items:
            names += (item.id, item.name, item.queue or "")
        for execution in proposal.begun:
            names += (execution.workflow_id, execution.workflow_type.name, execution.task_list)
            names += execution.tag_list
        check_text(names)
        check_integers([item.priority for item in proposal.items])
        check_integers([execution.task_priority for execution in proposal.begun])

    def write(self, states: Iterable[State]) -> None:
        """Note what each state has changed, table by table."""
        moved: list[Row] = []
        born: list[Row] = []
        followed: list[Row] = []
        batches: list[Row] = []
        gone: list[Row] = []
        put: list[Row] = []
        closed: list[Row] = []
        for state in sorted(states, key=lambda state: state.run):
            run, progress = state.run, state.progress
            previous = self._follow(state)
            if state.is_new:
                (followed if previous else born).append(sql.execution_row(state, previous))
            else:
                self.rests_on.add(run)
                revisions = (state.stored, progress.revision)
                moved.append((pack(progress), progress.status.value, *revisions, run))
            if state.new_events:
                batches.append((run, state.new_events[0].event_id, pack(state.new_events)))
            if state.is_closed:
                closed.append((run,))
                continue
            for key in state.changed:
                item = state.items.get(key)
                if item is None:
                    gone.append((run, *key))
                else:
                    put.append(sql.item_row(run, state.execution.domain, item))
                    if item.queue is not None:
                        self.news |= News.WORK
        if closed:
            self.news |= News.CLOSED
        self.proof = batches[0] if batches else None
        self._later(sql.MOVE, moved)
        self._later(sql.BEGIN_RUN, born)  # after what ended: a workflow id has one open run
        self._later(sql.FOLLOW_RUN, followed)
        self._later(sql.ADD_BATCH, batches)
        self._later(sql.DROP_ITEM, gone)
        self._later(sql.PUT_ITEM, put)
        self._later(sql.DROP_ITEMS, [(run,) for (run,) in closed])
        self._index([state for state in states if state.reindex])

    def _follow(self, state: State) -> int:
        """Return which run of its workflow id a new run follows; 0: it is the first."""
        if not state.is_new:
            return 0
        id = (state.execution.domain, state.execution.workflow_id)
        previous = self._newest.get(id)  # as it was found, even if others have begun one since
        if previous is None:
            previous = int(self._rows(sql.NEWEST, id)[0][0])
        self._newest[id] = state.run
        return previous

    def _later(self, text: str, rows: list[Row]) -> None:
        if rows:
            self._wrote = True
            self._writes.append((text, rows))

    def _index(self, states: list[State]) -> None:
        self._later(sql.DROP_ATTRIBUTES, [(state.run,) for state in states])
        rows = [
            (state.run, name, to_json(value))
            for state in states
            for name, value in state.progress.search_attributes.items()
        ]
        self._later(sql.ADD_ATTRIBUTE, rows)

    def rely_on(self, states: Iterable[State]) -> None:
        """Commit only if these are still as they were read."""
        self._relied |= {state.run: state.stored for state in states}
        self.rests_on |= self._relied.keys()

    def tell(self, news: News) -> None:
        """Announce something to other processes, once it is committed."""
        self.news |= news

    # -- the catalogue

    def lock(self, kind: str, domain: str, key: str) -> str | None:
        """Lock an entry's row, and return its body."""
        rows = self._locked((sql.LOCK_ENTRY, (kind, domain, key)))[0]
        return rows[0][0] if rows else None

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove a catalogue's entry; waits for who is changing it."""
        place = (kind, domain, key)
        if was is None and body is None:
            return
        if was is None:
            count = self._do(sql.ADD_ENTRY, (*place, body))
        elif body is None:
            count = self._do(sql.DROP_ENTRY, (*place, was))
        else:
            count = self._do(sql.CHANGE_ENTRY, (body, *place, was))
        if not count:
            raise ConflictError(f"{kind} {key!r} was changed by somebody else")

    def require(self, kind: str, domain: str, key: str) -> None:
        """Commit only if this entry is there, and stays there until then."""
        self._selects.append((sql.REQUIRE_ENTRY, (kind, domain, key)))

    # -- removal
    #
    # Whoever removes a run holds its row alone (`FOR UPDATE`) before it looks whether others
    # need the run. Others who are about to need it lock the row, too: a fork that of its origin,
    # and a new run of a workflow id that of the run which it follows. So one of the two waits,
    # and then sees what the other has done.

    def runs_of(
        self, domain: str, workflow_ids: Collection[str], limit: int
    ) -> dict[str, list[int]]:
        """Return up to `limit` runs of each of these workflow ids, oldest first."""
        found: dict[str, list[int]] = {id: [] for id in workflow_ids}
        for id, run in self._rows(sql.RUNS_OF, (list(found), domain, limit)):
            found[id].append(run)
        return found

    def origins(self) -> set[int]:
        """Return the runs whose recorded steps open ones reuse."""
        return origin_runs(self._rows(sql.FORKED))

    def hold(self, runs: Collection[int]) -> list[Record]:
        """Lock the rows that nobody else holds, and return them."""
        return [record_of(row) for row in self._locked((sql.HOLD, (sorted(runs),)))[0]]

    def remove(self, runs: Collection[int]) -> None:
        """Remove executions and all that belongs to them."""
        if runs:
            for table in reads.TABLES_OF_RUNS:
                self._later(f"DELETE FROM @{table} WHERE run = ANY(?)", [(sorted(runs),)])
