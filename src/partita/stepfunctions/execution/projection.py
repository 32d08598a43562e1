"""Project the durable history of an execution to the history that AWS would have of it.

The interpreter runs again over what was recorded, with a trail that keeps its events; nothing is
stored, so the same history gives the same events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.asl.machines import shown_machine
from partita.authoring.workflow import WorkflowDefinition
from partita.ports.session import Committed
from partita.ports.state import Status
from partita.ports.store import Record
from partita.replay.replayer import Replayer
from partita.stepfunctions.execution.beginning import ACTIVITY_LIST, WORKFLOW_TYPE
from partita.stepfunctions.execution.recorder import RecordedEvent, Recorder
from partita.stepfunctions.execution.records import (
    beginning_of,
    page_of,
    result_in,
    stop_date,
)
from partita.stepfunctions.execution.workflow import execution_workflow

_ENDS = {
    h.WorkflowExecutionTerminated: "ExecutionAborted",
    h.WorkflowExecutionCanceled: "ExecutionAborted",
    h.WorkflowExecutionTimedOut: "ExecutionTimedOut",
}


def project(committed: Committed, record: Record, seal: Any) -> Recorder:
    """Return the events of an execution, and of its child executions."""
    history = committed.events(record.run, 0)
    execution = record.execution
    recorder = _begun(committed, record, history, seal)
    kept = h.WorkflowExecution(execution.workflow_id, execution.run_id)
    workflow = _workflow(execution.workflow_type, recorder, seal)
    Replayer([workflow]).repeat(kept, execution.workflow_type, history)
    _add_workers(recorder, history)
    _add_end(recorder, record, history[-1])
    return recorder


def _begun(committed: Committed, record: Record, history: list[h.AnyEvent], seal: Any) -> Recorder:
    """Return the recorder with the events of the runs before this one, if it was redriven."""
    execution, beginning, page = record.execution, beginning_of(history[:1]), page_of(history[:1])
    before, events = None, 0
    if page is not None:
        found = (committed.find(execution.domain, one, None) for one in page.redriven)
        before = next(filter(None, found), None)
    elif beginning is not None and beginning.redrive is not None:
        redrive = beginning.redrive
        before = committed.find(execution.domain, execution.workflow_id, redrive.run_id)
        events = redrive.events
    if before is None:
        recorder = Recorder(is_limited=page is None)
    else:
        recorder = project(committed, before, seal)
    recorder.last_id = events
    return recorder


def _workflow(type: h.WorkflowType, recorder: Recorder, seal: Any) -> WorkflowDefinition[Any, Any]:
    if type == WORKFLOW_TYPE:
        return execution_workflow(seal, lambda _: recorder)
    return shown_machine(type.name, recorder)


def _add_end(recorder: Recorder, record: Record, last: h.AnyEvent) -> None:
    """Add the end that came from outside."""
    at = stop_date(record) or last.event_timestamp
    if record.progress.status is not Status.OPEN:
        recorder.end_children(at)
    type = _ENDS.get(h_type := last.__class__)
    if type is None:
        _add_breakdown(recorder, last)
        return
    result = result_in(last)
    details = {} if h_type is h.WorkflowExecutionTimedOut else _named(result.error, result.cause)
    recorder.put(type, details, recorder.ending(), at)


def _add_breakdown(recorder: Recorder, last: h.AnyEvent) -> None:
    """Add the failure of an execution whose code broke before its machine could fail."""
    if isinstance(last, h.WorkflowExecutionFailed) and not recorder.has_ended:
        result = result_in(last)
        named = _named(result.error, result.cause)
        recorder.put("ExecutionFailed", named, recorder.ending(), last.event_timestamp)


def _named(error: str | None, cause: str | None) -> dict[str, Any]:
    return {"error": error, "cause": cause}


def _add_workers(recorder: Recorder, history: Sequence[h.AnyEvent]) -> None:
    """Add to the events of activities which worker took them, and when."""
    starts = _starts(history)
    scheduled = recorder.activities[max(0, len(recorder.activities) - len(starts)) :]
    taken: dict[int, tuple[Recorder, dict[int, h.ActivityTaskStarted]]] = {}
    for (trail, event_id), start in zip(scheduled, starts, strict=False):
        if start is not None:
            taken.setdefault(id(trail), (trail, {}))[1][event_id] = start
    for trail, by_id in taken.values():
        _add_workers_to(trail, by_id)


def _add_workers_to(recorder: Recorder, by_id: Mapping[int, h.ActivityTaskStarted]) -> None:
    known = set()
    for position, event in enumerate(recorder.events):
        if event.type == "ActivityStarted" and event.previous in by_id:
            known.add(event.previous)
            recorder.events[position] = _with_worker(event, by_id[event.previous])
    for event_id, start in by_id.items():
        if event_id not in known:
            details = {"workerName": start.identity or None}
            recorder.append("ActivityStarted", details, event_id, start.event_timestamp)


def _with_worker(event: RecordedEvent, start: h.ActivityTaskStarted) -> RecordedEvent:
    details = {"workerName": start.identity or None}
    return replace(event, details=details, at=start.event_timestamp)


def _starts(history: Sequence[h.AnyEvent]) -> list[h.ActivityTaskStarted | None]:
    """Return the start of each activity that workers of their own polled for, in order."""
    found: dict[int, h.ActivityTaskStarted | None] = {}
    for event in history:
        if isinstance(event, h.ActivityTaskScheduled):
            if event.task_list.startswith(ACTIVITY_LIST):
                found[event.event_id] = None
        elif isinstance(event, h.ActivityTaskStarted) and event.scheduled_event_id in found:
            found[event.scheduled_event_id] = event
    return list(found.values())
