"""Write what an open execution waits for, and since when, in lines for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from partita import history as h
from partita.cli.output import clock_time, duration
from partita.client import Client
from partita.client.declared import waits_of_code
from partita.client.open_executions import why_unserved
from partita.client.why import explain
from partita.errors import PartitaError
from partita.ports.capabilities import SupportsPauses, supports
from partita.ports.service import ExecutionDetail
from partita.ports.state import OpenActivity, Status
from partita.views.failures import escaped
from partita.views.records import TaskRecord
from partita.views.verdicts import PAUSES

SHOWN = 10
"""Lines that are shown of each kind, at most."""


def waits_of(
    client: Client,
    detail: ExecutionDetail,
    events: Sequence[h.AnyEvent],
    children: Sequence[TaskRecord],
) -> list[str]:
    """Return what an open execution waits for, a line for each thing; empty for a closed one."""
    info = detail.info
    if info.status is not Status.OPEN:
        return []
    now = time.time()
    found = [_activity(one, now) for one in detail.activities[:SHOWN]]
    found += [f"timer {one.id}, fires {clock_time(one.due)}" for one in detail.timers[:SHOWN]]
    open_children = [child for child in children if child.is_open]
    found += [f"child {one.id} ({one.name})" for one in open_children[:SHOWN]]
    execution = h.WorkflowExecution(info.workflow_id, info.run_id)
    if detail.decision is None:
        since = duration(max(0.0, now - _decided_at(events)))
        told = waits_of_code(client.service, client.domain, execution)
        signals = [one for one in told or () if one.startswith("signal ")]
        found += [f"{one} since {since}" for one in dict.fromkeys(signals)]
        if not found:
            found = [f"{one} since {since}" for one in told or ()] or [
                f"a signal or an update since {since} (a worker with its code, or --stack --code "
                "FILE, tells which)"
            ]
    nobody = why_unserved(client.service, client.domain, execution)
    return [escaped(line) for line in (found if nobody is None else [nobody, *found])]


def _activity(activity: OpenActivity, now: float) -> str:
    name = f"activity {activity.activity_type.name} (id {activity.id})"
    if activity.started_event_id:
        return f"{name}, has run for {duration(max(0.0, now - activity.started_at))}"
    if activity.queue is not None:
        since = duration(max(0.0, now - activity.since))
        return f"{name}, in task list {activity.queue} since {since}"
    at = f", next try at {clock_time(activity.due)}" if activity.due else ""
    return f"{name}, attempt {activity.attempt - 1} failed{at}"


def _decided_at(events: Sequence[h.AnyEvent]) -> float:
    """Return when the code last decided, and began to wait for what it waits for."""
    for event in reversed(events):
        if isinstance(event, h.DecisionTaskCompleted):
            return event.event_timestamp
    return events[0].event_timestamp


def payload_text(client: Client, payload: str | None) -> str | None:
    """Return a payload as one line of JSON for people; None without one."""
    if payload is None:
        return None
    try:
        value = client.converter.load(payload, str, "the payload")
    except PartitaError as error:
        return f"(cannot be read here: {error})"
    return " ".join(value.split())


def note_unserved(client: Client, workflow_id: str, run_id: str) -> None:
    """Write to stderr, at once, if an execution is paused, or no worker takes what it waits for."""
    execution = h.WorkflowExecution(workflow_id, run_id)
    try:
        nobody = why_unserved(client.service, client.domain, execution)
        paused = _pause_of(client, execution)
    except PartitaError:  # what follows says it
        return
    for reason in filter(None, (paused, nobody)):
        print(f"partita: execution {escaped(workflow_id)} waits: {reason}", file=sys.stderr)


def note_paused(client: Client, workflow_id: str, run_id: str) -> None:
    """Write to stderr if an execution, its type or its task list is paused."""
    paused = None
    with suppress(PartitaError):  # what follows says it
        paused = _pause_of(client, h.WorkflowExecution(workflow_id, run_id))
    if paused is not None:
        print(f"partita: execution {escaped(workflow_id)} waits: {paused}", file=sys.stderr)


def _pause_of(client: Client, execution: h.WorkflowExecution) -> str | None:
    service = client.service
    if not supports(service, SupportsPauses):
        return None
    found = explain(client.service, client.domain, execution, asks=False)
    return f"{escaped(found.reason)}; next: {found.next}" if found.code in PAUSES else None
