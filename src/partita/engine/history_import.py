"""Import a closed run that another service has recorded.

The run is written as it ended. No rule is applied and no message is sent: its parent, children
and next run are not changed, and nothing of it is open, so nothing of it can begin to run.
"""

from __future__ import annotations

from partita.engine.transaction import EngineTransaction
from partita.errors import ExecutionAlreadyStartedError, InvalidInputError
from partita.history import WorkflowExecutionCancelRequested
from partita.history.document import ExportedHistory
from partita.ports.requests import check_type
from partita.ports.state import AnyItem, Execution, Progress, State, Status
from partita.ports.texts import check_names


def import_run(tx: EngineTransaction, domain: str, history: ExportedHistory) -> bool:
    """Write the run; return False if it is here already.

    Raises:
        InvalidInputError: the history is open.
        ExecutionAlreadyStartedError: what is here under its workflow id forbids it.
    """
    if history.is_open:
        raise InvalidInputError(
            f"execution {history.execution.workflow_id!r} was open when it was exported, and an "
            "open one is not imported: it would begin to run here as well; export it once it is "
            "closed, or import it as terminated (--as-terminated)"
        )
    check_names("id", (history.execution.workflow_id, history.execution.run_id))
    check_type(history.workflow_type)
    if not _is_new(tx, domain, history):
        return False
    run = tx.stored.new_run()
    state = State(run, _execution(domain, history), _progress(history), _nothing, is_new=True)
    state.new_events = list(history.events)
    state.reindex = True
    tx.add_imported(state)
    tx.register_workflow_type(domain, history.workflow_type)
    return True


def _is_new(tx: EngineTransaction, domain: str, history: ExportedHistory) -> bool:
    id, run_id = history.execution.workflow_id, history.execution.run_id
    same = tx.find(domain, id, run_id)
    if same is not None:
        if not same.is_new and tx.stored.events(same.run, 0) == list(history.events):
            return False
        raise ExecutionAlreadyStartedError(
            f"run {run_id} of {id!r} is here already, with another history; "
            "import it into another database"
        )
    newest = tx.find(domain, id)
    if newest is None:
        return True
    if not newest.is_closed or newest.execution.started_at > history.begun.event_timestamp:
        how = "began later" if newest.is_closed else "is open"
        raise ExecutionAlreadyStartedError(
            f"{id!r} has a run here that {how}, {newest.execution.run_id}, and an imported run "
            "becomes the newest one of its id; import it into another database"
        )
    return True


def _nothing(run: int, kind: str, id: str) -> list[AnyItem]:
    """Return nothing: a closed run has no open items."""
    del run, kind, id
    return []


def _execution(domain: str, history: ExportedHistory) -> Execution:
    begun = history.begun
    return Execution(
        domain=domain,
        workflow_id=history.execution.workflow_id,
        run_id=history.execution.run_id,
        workflow_type=history.workflow_type,
        task_list=begun.task_list,
        started_at=begun.event_timestamp,
        task_priority=begun.task_priority or 0,
        child_policy=begun.child_policy,
        task_start_to_close=begun.task_start_to_close,
        execution_start_to_close=begun.execution_start_to_close,
        tag_list=begun.tag_list,
        lambda_role=begun.lambda_role,
        parent=history.parent,
        parent_initiated_event_id=begun.parent_initiated_event_id or 0,
        trace_context=begun.trace_context,
    )


def _progress(history: ExportedHistory) -> Progress:
    events = history.events
    return Progress(
        status=Status[history.status],
        revision=1,
        last_event_id=len(events),
        cancel_requested=any(isinstance(e, WorkflowExecutionCancelRequested) for e in events),
        closed_at=events[-1].event_timestamp,
        search_attributes=history.search_attributes,
    )
