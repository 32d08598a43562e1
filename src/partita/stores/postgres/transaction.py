"""One transaction on a PostgreSQL schema: read freely, then write everything in one trip.

Why it is sound is said in `postgres`; here is how. Reads go out as they are asked for. What is
to be written waits until the end of the block, and then goes out in one pipeline, which the
server takes as one transaction. Only what locks something opens a transaction before that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg

from partita.errors import ConflictError
from partita.history import AnyEvent
from partita.ports.state import AnyItem, OpenChild, State
from partita.ports.store import (
    Answer,
    LimitRecord,
    News,
    Proposal,
    Question,
    Record,
    Taken,
    WorkerRecord,
)
from partita.stores.postgres import rows as sql
from partita.stores.postgres.faults import check_integers, check_text, translated
from partita.stores.postgres.removal import PostgresPruning
from partita.stores.postgres.rows import Row
from partita.stores.sql.records import (
    joined,
    limit_of,
    pack,
    question_of,
    record_of,
    to_json,
    unpack_item,
    worker_of,
)

PATIENCE = b"SET LOCAL idle_in_transaction_session_timeout = '30s'"
"""So that a process which is stopped in the middle does not hold its locks for ever."""

DURABLY = b"SELECT set_config('synchronous_commit', 'on', true)"

KEYS = 32
"""New runs' keys that are fetched together, at most; what is left over is never used."""


class PostgresTransaction:
    """One transaction. Belongs to one thread, and to one connection with autocommit."""

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

    @property
    def pruning(self) -> PostgresPruning:
        """What removes executions."""
        return PostgresPruning(read=self._rows, lock=self._locked, later=self._later, do=self._do)

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
            self._connection.execute(PATIENCE)

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
        text = "SELECT run, revision FROM @executions WHERE run = ANY(%s)"
        return dict(self._rows(text, (list(self._relied),)))

    def holds(self, other: PostgresTransaction) -> bool:
        """Whether what another transaction was to write is there; waits for who still writes."""
        if other.proof is None:
            return False
        self.lock(other.rests_on)
        run, first_event_id, events = other.proof
        text = "SELECT events FROM @batches WHERE run = %s AND first_event_id = %s"
        return self._rows(text, (run, first_event_id)) == [(events,)]

    def lock(self, runs: Collection[int]) -> None:
        """Keep others from these runs, waiting for those who have them."""
        self.seen.update(self._locked((sql.LOCK, (sorted(runs),)))[0])

    # -- reading

    def new_run(self) -> int:
        """Return a key for a new execution."""
        if not self._keys:
            text = "SELECT nextval(%s::regclass) FROM generate_series(1, %s)"
            name = self._statement("@runs").decode()
            self._keys = [key for (key,) in self._rows(text, (name, self._fetched))]
            self._fetched = min(self._fetched * 2, KEYS)
        return self._keys.pop(0)

    def record(self, run: int) -> Record | None:
        """Return the execution with that key."""
        return self._record("WHERE run = %s", (run,))

    def find(self, domain: str, workflow_id: str, run_id: str | None) -> Record | None:
        """Return the run, or the newest run of the workflow id."""
        record = self._record(*sql.find_sql(domain, workflow_id, run_id))
        if not run_id:
            self._newest[domain, workflow_id] = 0 if record is None else record.run
        return record

    def _record(self, where: str, parameters: Row) -> Record | None:
        """Read an execution, and keep its items, as of the same moment, for `items`."""
        rows = self._rows(sql.WHOLE + where, parameters)
        if not rows:
            return None
        record = record_of(rows[0])
        self.seen[record.run] = record.progress.revision
        if len(rows[0][3]) <= sql.FEW:
            self._whole[record.run] = rows[0][3]
        return record

    def item(self, run: int, kind: str, id: str) -> AnyItem | None:
        """Return one open item."""
        rows = self._rows(sql.ITEM, (run, kind, id))
        return unpack_item(rows[0][0]) if rows else None

    def items(self, run: int) -> list[AnyItem]:
        """Return all the open items of a run."""
        bodies = self._whole.pop(run, None)
        if bodies is None:
            bodies = [body for (body,) in self._rows(sql.ITEMS, (run,))]
        return [unpack_item(body) for body in bodies]

    def children(self, run: int) -> list[OpenChild]:
        """Return the open children of a run."""
        rows = self._rows(sql.CHILDREN, (run,))
        return [item for (body,) in rows if isinstance(item := unpack_item(body), OpenChild)]

    def events(self, run: int, after: int) -> list[AnyEvent]:
        """Return the events after number `after`."""
        return joined(self._rows(sql.EVENTS, {"run": run, "after": after}), after)

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
        due = self._rows(sql.NEXT_DUE)[0][0]
        return None if due is None else float(due)

    def held(self, owner: str) -> list[Taken]:
        """Return what a worker holds."""
        return [(run, unpack_item(body)) for run, body in self._rows(sql.HELD, (owner,))]

    def workers(self) -> list[WorkerRecord]:
        """Return every worker on record."""
        return [worker_of(row) for row in self._rows(sql.WORKERS)]

    def has_type(self, domain: str, key: str) -> bool:
        """Return whether a workflow type was ever added."""
        return bool(
            self._rows("SELECT 1 FROM @types WHERE domain = %s AND key = %s", (domain, key))
        )

    def entry(self, kind: str, domain: str, key: str) -> str | None:
        """Return what the catalogue holds under a key."""
        rows = self._rows(sql.ENTRY, (kind, domain, key))
        return rows[0][0] if rows else None

    def entries(self, kind: str, domain: str) -> dict[str, str]:
        """Return what the catalogue holds of a kind in a domain, by key."""
        return dict(self._rows(sql.ENTRIES, (kind, domain)))

    def limits(self) -> list[LimitRecord]:
        """Return the limits of every task list that has one."""
        return [limit_of(row) for row in self._rows(sql.LIMITS)]

    def lane(self, domain: str, task_list: str) -> tuple[LimitRecord | None, int]:
        """Lock a task list's limits; count what takes a place there."""
        key = (domain, task_list)
        limits, counts = self._locked((sql.LANE, key), (sql.IN_LANE, key))
        return limit_of(limits[0]) if limits else None, int(counts[0][0])

    def questions(self, domain: str, keys: Collection[str]) -> list[Question]:
        """Return the questions about these types that nobody has answered."""
        where = " WHERE answer IS NULL AND domain = %s AND type_key = ANY(%s)"
        rows = self._rows(sql.QUESTIONS + where, (domain, list(keys)))
        return [question_of(row) for row in rows]

    # -- writing

    def validate(self, proposal: Proposal) -> None:
        """Refuse what cannot be encoded, or does not fit into a column."""
        pack(proposal)
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

    def act_for(self, worker: str) -> None:
        """Commit only if this worker is on record."""
        self._selects.append((sql.ON_RECORD, (worker,)))

    def tell(self, news: News) -> None:
        """Let other processes hear of something, once it is committed."""
        self.news |= news

    def add_types(self, domain: str, keys: Collection[str]) -> None:
        """Remember workflow types."""
        text = "INSERT INTO @types SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"
        self._do(text, (domain, sorted(keys)))

    def enter(self, kind: str, domain: str, key: str, body: str | None, was: str | None) -> None:
        """Insert, replace or remove what the catalogue holds; waits for who is changing it."""
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

    def put_limit(self, limit: LimitRecord) -> None:
        """Insert, replace or remove a task list's limits."""
        self.news |= News.LIMITS | News.WORK
        if limit.concurrency is None and limit.per_second is None:
            text = "DELETE FROM @limits WHERE domain = %s AND task_list = %s"
            self._do(text, (limit.domain, limit.task_list))
            return
        text = (
            "INSERT INTO @limits VALUES (%s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (domain, task_list) DO UPDATE SET concurrency = excluded.concurrency, "
            "per_second = excluded.per_second, burst = excluded.burst, "
            "tokens = excluded.tokens, filled_at = excluded.filled_at"
        )
        self._do(text, msgspec.structs.astuple(limit))

    def ask(self, question: Question) -> None:
        """Put a question to whoever can answer it."""
        self.news |= News.QUESTIONS
        text = "INSERT INTO @questions VALUES (%s, %s, %s, %s, %s, %s, %s, NULL)"
        self._do(text, msgspec.structs.astuple(question))

    def answer(self, id: str, answer: Answer) -> None:
        """Answer a question."""
        self.news |= News.QUESTIONS
        text = "UPDATE @questions SET answer = %s WHERE id = %s AND answer IS NULL"
        self._do(text, (to_json(answer), id))

    def take_answer(self, id: str) -> Answer | None:
        """Return a question's answer and remove both."""
        rows = self._rows("SELECT answer FROM @questions WHERE id = %s", (id,))
        if not rows or rows[0][0] is None:
            return None
        self.drop_question(id)
        return msgspec.json.decode(rows[0][0], type=Answer)

    def drop_question(self, id: str) -> None:
        """Remove a question that nobody waits for any more."""
        self._do("DELETE FROM @questions WHERE id = %s", (id,))

    def drop_questions_before(self, moment: float) -> None:
        """Remove the questions that were asked before a moment."""
        self._do("DELETE FROM @questions WHERE asked_at < %s", (moment,))

    def put_worker(self, worker: WorkerRecord) -> None:
        """Insert or replace a worker."""
        self._later(sql.PUT_WORKER, [msgspec.structs.astuple(worker)])

    def drop_worker(self, worker: WorkerRecord) -> bool:
        """Remove a worker if its record is still this one; waits for what it is committing.

        The others must look, too, at what comes due: it may be that only this worker knew.
        """
        self.news |= News.WORK
        text = "DELETE FROM @workers WHERE id = %s AND lease_until = %s"
        return self._do(text, (worker.id, worker.lease_until)) > 0
