"""Read the records of activations: the results of their executions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from partita import history as h
from partita.openwhisk.endpoint.activations import STATUSES, TYPE
from partita.openwhisk.endpoint.catalogue import DOMAIN, NOT_THERE
from partita.openwhisk.endpoint.entities import NAMESPACE, Json, RequestError, shown_name
from partita.ports.session import Committed
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record

_SUMMARY = (
    "activationId", "annotations", "cause", "duration", "end", "name", "namespace", "publish",
    "start", "statusCode", "version",
)  # fmt: skip

PAGE = 200
"""Executions that are read at a time."""


def record_of(committed: Committed, id: str) -> Json:
    """Return the record of an activation.

    Raises:
        RequestError: there is none, or it has not ended.
    """
    found = committed.find(DOMAIN, id, None)
    record = None if found is None else _recorded(committed, found)
    if record is None:
        raise RequestError(404, NOT_THERE)
    return record


def _recorded(committed: Committed, found: Record) -> Json | None:
    if found.execution.workflow_type.name != TYPE or found.progress.status is Status.OPEN:
        return None
    last = committed.events(found.run, found.progress.last_event_id - 1)[-1]
    if isinstance(last, h.WorkflowExecutionCompleted):
        record: Json = json.loads(last.result or "null")["record"]
        return None if record.pop("missing", False) else record
    return _failed(committed, found)


def _failed(committed: Committed, found: Record) -> Json:
    """Return the record of an activation that could not be run, such as one that was terminated."""
    first = committed.events(found.run, 0)[0]
    request = json.loads(getattr(first, "input", None) or "[{}]")[0]
    result = {"error": "An internal error ended the activation."}
    made: Json = {
        "activationId": found.execution.workflow_id,
        "annotations": [{"key": "path", "value": shown_name(request.get("path", ""))}],
        "duration": 0,
        "end": round((found.progress.closed_at or 0) * 1000),
        "logs": [],
        "name": request.get("path", "").rpartition("/")[2],
        "namespace": NAMESPACE,
        "publish": False,
        "response": {"result": result, "status": STATUSES[3], "success": False},
        "start": request.get("start", 0),
        "statusCode": 3,
        "subject": NAMESPACE,
        "version": "0.0.1",
    }
    return {**made, "cause": request["cause"]} if request.get("cause") else made


def listed(
    committed: Committed,
    *,
    name: str | None,
    skip: int,
    limit: int | None,
    since: int | None,
    upto: int | None,
    with_docs: bool,
) -> list[Json]:
    """Return records, newest first; all of them without a limit."""
    found: list[Json] = []
    for record in _newest(committed, since, upto):
        if name is not None and name not in (record["name"], _path(record)):
            continue
        if skip > 0:
            skip -= 1
            continue
        found.append(record if with_docs else _summary(record))
        if len(found) == limit:
            break
    return found


def _summary(record: Json) -> Json:
    return {name: record[name] for name in _SUMMARY if name in record}


def _path(record: Json) -> str:
    path: Any = next(one["value"] for one in record["annotations"] if one["key"] == "path")
    return str(path).partition("/")[2]


def _newest(committed: Committed, since: int | None, upto: int | None) -> Iterator[Json]:
    before: int | None = None
    while True:
        rows = committed.executions(
            ExecutionFilter(
                type_name=TYPE,
                started_after=None if since is None else since / 1000,
                started_before=None if upto is None else (upto + 1) / 1000,
                before_run=before,
                limit=PAGE,
            )
        )
        for row in rows:
            record = _recorded(committed, row)
            if record is not None:
                yield record
        if len(rows) < PAGE:
            return
        before = rows[-1].run
