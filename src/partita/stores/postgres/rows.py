"""The rows of a PostgreSQL schema: the statements that read and write them.

In a statement, `@name` stands for a table of the schema in use: nothing here relies on a
search path, which a pooler would not keep from one transaction to the next.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from partita.ports.state import ExecutionFilter, OpenItem, State
from partita.stores.sql.records import (
    LIMIT_COLUMNS,
    QUESTION_COLUMNS,
    RETENTION_COLUMNS,
    WORKER_COLUMNS,
    pack,
    to_json,
)

Row = tuple[Any, ...]

FEW = 64
"""Open items up to which they are read together with their execution."""

RECORD = "SELECT run, execution, progress FROM @executions "

# An execution and its open items, as they were at one moment.
WHOLE = (
    "SELECT run, execution, progress, ARRAY(SELECT body FROM @items "
    f"WHERE items.run = executions.run LIMIT {FEW + 1}) FROM @executions "
)
EVENTS = (
    "SELECT events FROM @batches WHERE run = %(run)s AND first_event_id >= coalesce((SELECT "
    "max(first_event_id) FROM @batches WHERE run = %(run)s AND first_event_id <= %(after)s + 1), 0)"
    " ORDER BY first_event_id"
)
ITEM = "SELECT body FROM @items WHERE run = %s AND kind = %s AND id = %s"
ITEMS = "SELECT body FROM @items WHERE run = %s"
CHILDREN = "SELECT body FROM @items WHERE run = %s AND kind = 'child'"
HELD = "SELECT run, body FROM @items WHERE owner = %s"
NEXT_DUE = "SELECT min(due) FROM @items WHERE due IS NOT NULL"
BACKLOGS = (
    "SELECT kind, queue, count(*), min(since) FROM @items "
    "WHERE kind IN ('activity', 'decision') AND domain = %s AND queue IS NOT NULL "
    "GROUP BY kind, queue ORDER BY kind, queue"
)
WORKERS = f"SELECT {WORKER_COLUMNS} FROM @workers"
LIMITS = f"SELECT {LIMIT_COLUMNS} FROM @limits"
QUESTIONS = f"SELECT {QUESTION_COLUMNS} FROM @questions"

RETENTIONS = f"SELECT {RETENTION_COLUMNS} FROM @retentions"
FORKED = (
    "SELECT execution FROM @executions WHERE status = 0 "
    "AND position('\\xa66f726967696e'::bytea IN execution) > 0"
)
TABLES_OF_RUNS = ("attributes", "questions", "items", "batches", "executions")

# Each lock is on a row of `executions`; those who want several wait in the order of `run`.
LOCK = "SELECT run, revision FROM @executions WHERE run = ANY(%s) ORDER BY run FOR NO KEY UPDATE"
HOLD = f"{RECORD}WHERE run = ANY(%s) ORDER BY run FOR UPDATE SKIP LOCKED"
RUNS_OF = (
    "SELECT w.id, r.run FROM unnest(%s::text[]) AS w(id), LATERAL (SELECT run FROM @executions "
    "WHERE domain = %s AND workflow_id = w.id ORDER BY previous LIMIT %s) r"
)
_QUEUE = "kind = %(kind)s AND i.domain = %(domain)s AND queue = %(queue)s"
_CLAIM = (
    "SELECT priority, since, i.run, e.revision, body FROM @items i JOIN @executions e USING (run) "
    f"WHERE {_QUEUE} {{known}} ORDER BY priority DESC, since LIMIT %(limit)s "
    "FOR NO KEY UPDATE OF e SKIP LOCKED"
)
_WAITING = f"SELECT count(*) FROM (SELECT FROM @items i WHERE {_QUEUE} {{known}} LIMIT %(limit)s) q"
_KNOWN = "AND i.name = ANY(%(names)s)"
DUE = (
    "SELECT i.run, e.revision, body FROM @items i JOIN @executions e USING (run) "
    "WHERE due <= %s ORDER BY due LIMIT %s FOR NO KEY UPDATE OF e SKIP LOCKED"
)
LANE = f"{LIMITS} WHERE domain = %s AND task_list = %s FOR UPDATE"
IN_LANE = "SELECT count(*) FROM @items WHERE domain = %s AND lane = %s"

# A row at another revision than expected gets none, which the column refuses: so the whole
# transaction fails, without a question in between.
MOVE = (
    "UPDATE @executions SET progress = %b, status = %s, "
    "revision = CASE WHEN revision = %s THEN %s::bigint END WHERE run = %s"
)
BEGIN_RUN = (
    "INSERT INTO @executions (run, domain, workflow_id, previous, run_id, type_name, status, "
    "revision, started_at, tags, execution, progress) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %b)"
)
# The same after another run of the workflow id, which stays there until the commit: whoever
# removes that one waits. If it is gone, the column refuses.
FOLLOW_RUN = BEGIN_RUN.replace(
    "%s, %s, %s, %s", "%s, %s, %s, (SELECT run FROM @executions WHERE run = %s FOR KEY SHARE)", 1
)
NEWEST = "SELECT coalesce(max(run), 0) FROM @executions WHERE domain = %s AND workflow_id = %s"
ADD_BATCH = "INSERT INTO @batches VALUES (%s, %s, %b)"
ADD_ITEM = "INSERT INTO @items VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b)"
PUT_ITEM = (
    f"{ADD_ITEM} ON CONFLICT (run, kind, id) DO UPDATE SET name = excluded.name, "
    "queue = excluded.queue, priority = excluded.priority, since = excluded.since, "
    "due = excluded.due, owner = excluded.owner, lane = excluded.lane, body = excluded.body"
)
PUT_WORKER = (
    "INSERT INTO @workers VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET "
    "machine = excluded.machine, pid = excluded.pid, born = excluded.born, "
    "lease_until = excluded.lease_until"
)
DROP_ITEM = "DELETE FROM @items WHERE run = %s AND kind = %s AND id = %s"
DROP_ITEMS = "DELETE FROM @items WHERE run = %s"
DROP_ATTRIBUTES = "DELETE FROM @attributes WHERE run = %s"
ADD_ATTRIBUTE = "INSERT INTO @attributes VALUES (%s, %s, %s)"
# Fails, by a division, if the worker is gone; if not, it cannot be taken down before the commit.
ON_RECORD = "SELECT 1 / count(*) FROM (SELECT FROM @workers WHERE id = %s FOR KEY SHARE) w"
_PLACE = "WHERE kind = %s AND domain = %s AND key = %s"
ENTRY = f"SELECT body FROM @catalogue {_PLACE}"
ENTRIES = "SELECT key, body FROM @catalogue WHERE kind = %s AND domain = %s"
ADD_ENTRY = "INSERT INTO @catalogue VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
CHANGE_ENTRY = f"UPDATE @catalogue SET body = %s {_PLACE} AND body = %s"
DROP_ENTRY = f"DELETE FROM @catalogue {_PLACE} AND body = %s"
COUNT_QUEUED = "SELECT count(*) FROM @items WHERE kind = %s AND domain = %s AND queue = %s"
NOTIFY = "SELECT pg_notify(%s, %s)"


@functools.lru_cache(maxsize=16)
def within(schema: str) -> Callable[[str], bytes]:
    """Return a function that makes a statement speak of the tables of a schema."""
    quoted = quote(schema)

    @functools.cache
    def statement(sql: str) -> bytes:
        return re.sub(r"@(?=[a-z])", f"{quoted}.", sql).encode()

    return statement


def quote(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@functools.cache
def composed(writes: tuple[str, ...], selects: tuple[str, ...]) -> str:
    """Return one statement that does what all of these do, each for one row, in that order."""
    ctes = [f"w{number} AS ({text})" for number, text in enumerate(writes)]
    scalars = [f"({text})" for text in selects] or ["1"]
    return f"WITH {', '.join(ctes)} SELECT {', '.join(scalars)}"


def find_sql(domain: str, workflow_id: str, run_id: str | None) -> tuple[str, Row]:
    """Return the clause, and its parameters, for a run or the newest run of a workflow id."""
    where = "WHERE domain = %s AND workflow_id = %s"
    if run_id:
        return f"{where} AND run_id = %s", (domain, workflow_id, run_id)
    return f"{where} ORDER BY previous DESC LIMIT 1", (domain, workflow_id)


def claim_sql(*, known_names: bool) -> tuple[str, str]:
    """Return two queries: one that takes items of a queue, and one that counts them all."""
    known = _KNOWN if known_names else ""
    return _CLAIM.format(known=known), _WAITING.format(known=known)


def where_sql(filter: ExecutionFilter) -> tuple[str, list[Any]]:
    """Return the clause, and its parameters, that a filter stands for."""
    clauses, parameters = ["domain = %s"], [filter.domain]
    tests: list[tuple[str, Any]] = [
        ("workflow_id = %s", filter.workflow_id),
        ("type_name = %s", filter.type_name),
        ("started_at >= %s", filter.started_after),
        ("started_at < %s", filter.started_before),
        ("run < %s", filter.before_run),
        ("%s = ANY(tags)", filter.tag),
        ("status = ANY(%s)", [int(status) for status in filter.statuses] or None),
    ]
    for clause, value in tests:
        if value is not None:
            clauses.append(clause)
            parameters.append(value)
    for name, value in filter.attributes:
        clauses.append("run IN (SELECT run FROM @attributes WHERE name = %s AND value = %s)")
        parameters += [name, to_json(value)]
    return "WHERE " + " AND ".join(clauses), parameters


def execution_row(state: State, previous: int) -> Row:
    """Return an execution as a row."""
    execution, progress = state.execution, state.progress
    return (
        state.run,
        execution.domain,
        execution.workflow_id,
        previous,
        execution.run_id,
        execution.workflow_type.name,
        progress.status.value,
        progress.revision,
        execution.started_at,
        list(execution.tag_list),
        pack(execution),
        pack(progress),
    )


def item_row(run: int, domain: str, item: OpenItem) -> Row:
    """Return an open item as a row."""
    return (
        *(run, item.kind, item.id, domain, item.name),
        *(item.queue, item.priority, item.since, item.due, item.owner, item.lane),
        pack(item),
    )
