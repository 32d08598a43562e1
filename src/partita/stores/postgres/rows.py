"""Write the statements of a PostgreSQL schema, and the rows that go into its tables.

In a statement, `?` stands for a parameter and `@name` for a table of the schema in use:
nothing here relies on a search path, which a pooler would not keep from one transaction to
the next.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from partita.ports.state import OpenItem, State
from partita.stores.sql import reads
from partita.stores.sql.listing import IN_DOMAIN, Conditions
from partita.stores.sql.reads import Dialect
from partita.stores.sql.records import pack

Row = tuple[Any, ...]


def _literal(text: str) -> str:
    """Return the pattern of LIKE that a text alone fits."""
    return re.sub(r"[%_\\]", r"\\\g<0>", text)


DIALECT = Dialect(
    among="= ANY(?)",
    many=list,
    newest="previous",
    conditions=Conditions(
        glob=lambda column, parts: (f"{column} LIKE ?", "%".join(map(_literal, parts))),
        between="{0} ~>=~ ? AND {0} ~<~ ?",
        tags="unnest(e.tags) AS t (value)",
        tagged=lambda domain, tag: (
            f"{IN_DOMAIN}tags <> '{{}}' AND tags @> ARRAY[?]::text[]",
            (domain, tag),
        ),
    ),
)

FEW = 64
"""Open items up to which they are read together with their execution."""

# An execution and its open items, as they were at one moment.
WHOLE = (
    "SELECT run, execution, progress, ARRAY(SELECT body FROM @items "
    f"WHERE items.run = executions.run LIMIT {FEW + 1}) FROM @executions "
)
FORKED = (
    "SELECT execution FROM @executions WHERE status = 0 "
    "AND position('\\xa66f726967696e'::bytea IN execution) > 0"
)

# Each lock is on a row of `executions`; those who want several wait in the order of `run`.
LOCK = "SELECT run, revision FROM @executions WHERE run = ANY(?) ORDER BY run FOR NO KEY UPDATE"
HOLD = f"{reads.RECORD}WHERE run = ANY(?) ORDER BY run FOR UPDATE SKIP LOCKED"
RUNS_OF = (
    "SELECT w.id, r.run FROM unnest(?::text[]) AS w(id), LATERAL (SELECT run FROM @executions "
    "WHERE domain = ? AND workflow_id = w.id ORDER BY previous LIMIT ?) r"
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
    "WHERE due <= ? ORDER BY due LIMIT ? FOR NO KEY UPDATE OF e SKIP LOCKED"
)

# The transaction fails as a whole, without a question in between, where a row is not as
# expected: at another revision it gets none, which the column refuses.
MOVE = (
    "UPDATE @executions SET progress = %b, status = ?, "
    "revision = CASE WHEN revision = ? THEN ?::bigint END WHERE run = ?"
)
BEGIN_RUN = (
    "INSERT INTO @executions (run, domain, workflow_id, previous, run_id, type_name, status, "
    "revision, started_at, tags, execution, progress) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, %b, %b)"
)
# The same after another run of the workflow id, which stays there until the commit: whoever
# removes that one waits. If it is gone, the column refuses.
FOLLOW_RUN = BEGIN_RUN.replace(
    "?, ?, ?, ?", "?, ?, ?, (SELECT run FROM @executions WHERE run = ? FOR KEY SHARE)", 1
)
NEWEST = "SELECT coalesce(max(run), 0) FROM @executions WHERE domain = ? AND workflow_id = ?"
ADD_BATCH = "INSERT INTO @batches VALUES (?, ?, %b)"
PUT_ITEM = (
    "INSERT INTO @items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, %b) "
    "ON CONFLICT (run, kind, id) DO UPDATE SET name = excluded.name, "
    "queue = excluded.queue, priority = excluded.priority, since = excluded.since, "
    "due = excluded.due, owner = excluded.owner, lane = excluded.lane, body = excluded.body"
)
DROP_ITEM = "DELETE FROM @items WHERE run = ? AND kind = ? AND id = ?"
DROP_ITEMS = "DELETE FROM @items WHERE run = ?"
DROP_ATTRIBUTES = "DELETE FROM @attributes WHERE run = ?"
ADD_ATTRIBUTE = "INSERT INTO @attributes VALUES (?, ?, ?)"

LOCK_ENTRY = f"{reads.ENTRY} FOR UPDATE"
ADD_ENTRY = "INSERT INTO @catalogue VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_PLACE = "WHERE kind = ? AND domain = ? AND key = ?"
CHANGE_ENTRY = f"UPDATE @catalogue SET body = ? {_PLACE} AND body = ?"
DROP_ENTRY = f"DELETE FROM @catalogue {_PLACE} AND body = ?"
# Fails, by a division, if the entry is gone; if not, nobody can remove it before the commit.
REQUIRE_ENTRY = f"SELECT 1 / count(*) FROM (SELECT FROM @catalogue {_PLACE} FOR KEY SHARE) c"
NOTIFY = "SELECT pg_notify(?, ?)"


@functools.lru_cache(maxsize=16)
def within(schema: str) -> Callable[[str], bytes]:
    """Return a function that makes a statement speak of the tables of a schema."""
    quoted = quote(schema)

    @functools.cache
    def statement(sql: str) -> bytes:
        return re.sub(r"@(?=[a-z])", f"{quoted}.", sql.replace("?", "%s")).encode()

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


def claim_sql(*, known_names: bool) -> tuple[str, str]:
    """Return two queries: one that takes items of a queue, and one that counts them all."""
    known = _KNOWN if known_names else ""
    return _CLAIM.format(known=known), _WAITING.format(known=known)


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
