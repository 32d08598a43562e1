"""Fork an execution: begin a run that reuses another one's `recorded_steps`."""

from __future__ import annotations

import uuid

from msgspec.structs import replace

from partita import history as h
from partita.engine.executions import not_found
from partita.engine.recorded_steps import hand_on_first, side_effects
from partita.engine.transaction import EngineTransaction
from partita.errors import (
    ExecutionAlreadyStartedError,
    PartitaError,
)
from partita.ports.requests import check_results, check_types, fork_point
from partita.ports.service import ForkRequest
from partita.ports.state import Origin, State
from partita.ports.texts import check_name
from partita.rules.commands import Start, Terminate


def fork(tx: EngineTransaction, request: ForkRequest) -> h.WorkflowExecution:
    """Begin the new run.

    Raises:
        UnknownForkPointError: the source has no such event, or no such activity.
        ExecutionAlreadyStartedError: the new workflow id is taken by an open execution.
    """
    check_types(request)
    check_name("workflow id", request.new_workflow_id)
    check_name("task list", request.task_list)
    source = tx.find(request.domain, request.workflow_id, request.run_id)
    if source is None:
        raise not_found(request.domain, h.WorkflowExecution(request.workflow_id, request.run_id))
    tx.executions.needed.add(source.run)
    events = tx.events(source)
    until = fork_point(request, source.progress.last_event_id)
    new_id = request.new_workflow_id or request.workflow_id
    _make_room(tx, request, new_id)
    begun = events[0]
    if not isinstance(begun, h.WorkflowExecutionStarted):
        raise PartitaError(f"the history of {request.workflow_id!r} does not begin with its start")
    inherited = _inherited(tx, source, request)
    if inherited is None:
        check_results(request, source.execution.workflow_id, events)
    execution = replace(
        source.execution,
        workflow_id=new_id,
        run_id=uuid.uuid4().hex,
        task_list=request.task_list or source.execution.task_list,
        started_at=tx.now,
        parent=None,
        parent_initiated_event_id=0,
        first_run_id=None,
        origin=inherited or _origin(source, request, until, resets=new_id == request.workflow_id),
    )
    start = Start(
        input=begun.input if request.input is None else request.input,
        original_run_id=begun.original_run_id or source.execution.run_id,
        search_attributes=source.progress.search_attributes,
        reused_markers=(begun.reused_markers if inherited else {}) | side_effects(events, until),
    )
    forked = tx.begin(execution, start)
    for command in hand_on_first(tx.executions.recorded_steps(forked), forked):
        tx.do(forked, command)
    return h.WorkflowExecution(new_id, execution.run_id)


def _origin(source: State, request: ForkRequest, until: int, *, resets: bool) -> Origin:
    return Origin(
        run=source.run,
        run_id=source.execution.run_id,
        until=until,
        failures=request.reuse_failures,
        all_signals=resets,
        results=request.results,
    )


def _inherited(tx: EngineTransaction, source: State, request: ForkRequest) -> Origin | None:
    """Return the source's own origin if the source is a fork that was handed nothing yet.

    Such a source has recorded nothing itself.
    """
    origin = source.execution.origin
    if origin is None or source.progress.previous_started_event_id or request.event_id is not None:
        return None
    theirs = tx.load(origin.run)
    if theirs is None:
        return None
    tx.executions.needed.add(theirs.run)
    check_results(request, theirs.execution.workflow_id, tx.events(theirs))
    return replace(
        origin, failures=request.reuse_failures, results=origin.results | request.results
    )


def _make_room(tx: EngineTransaction, request: ForkRequest, new_id: str) -> None:
    """End the open run that a reset replaces; refuse to replace another execution."""
    current = tx.find(request.domain, new_id)
    if current is None or current.is_closed:
        return
    if new_id != request.workflow_id:
        raise ExecutionAlreadyStartedError(
            f"workflow id {new_id!r} is open; choose another id for the fork"
        )
    tx.do(current, Terminate(reason="replaced by a reset"))
