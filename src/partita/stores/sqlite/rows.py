"""The rows of a SQLite file: the statements that read them, and what they hold as bytes."""

from __future__ import annotations

import json
from typing import Any

from partita.ports.state import ExecutionFilter, OpenItem, State
from partita.stores.sql.records import (
    LIMIT_COLUMNS,
    QUESTION_COLUMNS,
    WORKER_COLUMNS,
    pack,
    to_json,
)

RECORD = "SELECT run, execution, progress FROM executions "
EVENTS = (
    "SELECT events FROM batches WHERE run = ? AND first_event_id >= coalesce((SELECT "
    "max(first_event_id) FROM batches WHERE run = ? AND first_event_id <= ? + 1), 0) "
    "ORDER BY first_event_id"
)
LAST_RUN = (
    "SELECT max((SELECT coalesce(max(run), 0) FROM executions), "
    "(SELECT coalesce(max(run), 0) FROM removed))"
)
ITEM = "SELECT body FROM items WHERE run = ? AND kind = ? AND id = ?"
ITEMS = "SELECT body FROM items WHERE run = ?"
BACKLOGS = (
    "SELECT kind, queue, count(*), min(since) FROM items "
    "WHERE kind IN ('activity', 'decision') AND domain = ? AND queue IS NOT NULL "
    "GROUP BY kind, queue ORDER BY kind, queue"
)
ENTRY = "SELECT body FROM catalogue WHERE kind = ? AND domain = ? AND key = ?"
ENTRIES = "SELECT key, body FROM catalogue WHERE kind = ? AND domain = ?"
COUNT_QUEUED = "SELECT count(*) FROM items WHERE kind = ? AND domain = ? AND queue = ?"
WORKERS = f"SELECT {WORKER_COLUMNS} FROM workers"
LIMITS = f"SELECT {LIMIT_COLUMNS} FROM limits"
QUESTIONS = f"SELECT {QUESTION_COLUMNS} FROM questions"


def find_sql(domain: str, workflow_id: str, run_id: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the query, and its parameters, for a run or the newest run of a workflow id."""
    where = "WHERE domain = ? AND workflow_id = ?"
    if run_id:
        return f"{RECORD}{where} AND run_id = ?", (domain, workflow_id, run_id)
    return f"{RECORD}{where} ORDER BY run DESC LIMIT 1", (domain, workflow_id)


def where_sql(filter: ExecutionFilter) -> tuple[str, list[Any]]:
    """Return the clause, and its parameters, that a filter stands for."""
    clauses, parameters = ["domain = ?"], [filter.domain]
    tests: list[tuple[str, Any]] = [
        ("workflow_id = ?", filter.workflow_id),
        ("type_name = ?", filter.type_name),
        ("started_at >= ?", filter.started_after),
        ("started_at < ?", filter.started_before),
        ("run < ?", filter.before_run),
        ("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", filter.tag),
        (
            "status IN (SELECT value FROM json_each(?))",
            json.dumps([int(status) for status in filter.statuses]) if filter.statuses else None,
        ),
    ]
    for clause, value in tests:
        if value is not None:
            clauses.append(clause)
            parameters.append(value)
    for name, value in filter.attributes:
        clauses.append("run IN (SELECT run FROM attributes WHERE name = ? AND value = ?)")
        parameters += [name, to_json(value)]
    return "WHERE " + " AND ".join(clauses), parameters


def execution_row(state: State) -> tuple[Any, ...]:
    """Return an execution as a row."""
    execution = state.execution
    return (
        state.run,
        execution.domain,
        execution.workflow_id,
        execution.run_id,
        execution.workflow_type.name,
        state.progress.status.value,
        execution.started_at,
        json.dumps(execution.tag_list),
        pack(execution),
        pack(state.progress),
    )


def item_row(run: int, domain: str, item: OpenItem) -> tuple[Any, ...]:
    """Return an open item as a row."""
    return (
        run,
        item.kind,
        item.id,
        domain,
        item.name,
        item.queue,
        item.priority,
        item.since,
        item.due,
        item.owner,
        pack(item),
        item.lane,
    )
