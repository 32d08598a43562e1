"""Read what a service keeps of an execution as Step Functions names it: status, times, results."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from partita import history as h
from partita.asl.page_tasks import PageTask
from partita.ports.session import Committed
from partita.ports.state import Status
from partita.ports.store import Record
from partita.stepfunctions.execution.beginning import WORKFLOW_TYPE, Beginning

STATUSES = {
    Status.OPEN: "RUNNING",
    Status.COMPLETED: "SUCCEEDED",
    Status.FAILED: "FAILED",
    Status.CANCELED: "ABORTED",
    Status.TERMINATED: "ABORTED",
    Status.CONTINUED_AS_NEW: "SUCCEEDED",
    Status.TIMED_OUT: "TIMED_OUT",
}

_read_call = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_beginning = msgspec.json.Decoder(Beginning).decode
_read_page = msgspec.json.Decoder(PageTask).decode


class Result(Struct, frozen=True):
    """How an execution ended: with an output, or an error and its cause."""

    output: str | None = None  # JSON text
    error: str | None = None
    cause: str | None = None


def is_served(record: Record) -> bool:
    """Return whether an execution was started through the API."""
    return record.execution.workflow_type == WORKFLOW_TYPE


def beginning_of(events: list[h.AnyEvent]) -> Beginning | None:
    """Return what an execution began with; None if it was not started through the API."""
    first = events[0]
    assert isinstance(first, h.WorkflowExecutionStarted)
    if first.workflow_type != WORKFLOW_TYPE:
        return None
    return _read_beginning(_read_call(first.input or "[]")[0])


def page_of(events: list[h.AnyEvent]) -> PageTask | None:
    """Return the page of a distributed Map state's items that a workflow runs, if it does."""
    first = events[0]
    assert isinstance(first, h.WorkflowExecutionStarted)
    arguments = _read_call(first.input or "[]")
    return _read_page(arguments[1]) if len(arguments) > 1 else None


def result_of(committed: Committed, record: Record) -> Result:
    """Return how a closed execution ended."""
    events = committed.events(record.run, record.progress.last_event_id - 1)
    return result_in(events[-1])


def result_in(event: h.AnyEvent) -> Result:
    """Return the result that the event which closed an execution has."""
    match event:
        case h.WorkflowExecutionCompleted():
            return Result(output=event.result or "null")
        case h.WorkflowExecutionFailed():
            return _failure(event.reason, event.details)
        case h.WorkflowExecutionTerminated():
            return Result(error=event.reason, cause=event.details)
        case _:
            return Result()


def _failure(reason: str | None, details: str | None) -> Result:
    try:
        attributes: Any = json.loads(details or "")["attributes"]
        return Result(error=attributes.get("error"), cause=attributes.get("cause"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Result(error="States.Runtime", cause=reason)


def stop_date(record: Record) -> float | None:
    """Return when an execution ended; one that ran out of time ended at just that moment."""
    limit = record.execution.execution_start_to_close
    if record.progress.status is Status.TIMED_OUT and limit is not None:
        return record.execution.started_at + limit
    return record.progress.closed_at
