"""Decide what a start request means: an existing execution, a new one, or an error."""

from __future__ import annotations

import uuid

from partita.history import WorkflowExecution, WorkflowExecutionStarted
from partita.ports.requests import check_reuse, check_start, check_types, other_start
from partita.ports.service import ReusePolicy, StartRequest
from partita.ports.session import Session
from partita.ports.state import Execution, State, Status
from partita.ports.store import Transaction
from partita.rules.commands import Terminate


def existing_run(session: Session, request: StartRequest) -> WorkflowExecution | None:
    """Return the execution that this very request started before; None if it is to start one.

    Raises:
        ExecutionAlreadyStartedError: the reuse policy forbids it.
    """
    check_start(request)
    check_types(request)
    last = session.find(request.domain, request.workflow_id)
    return None if last is None else _reuse(session, request, last)


def new_execution(request: StartRequest, now: float) -> Execution:
    """Return the execution that a request starts."""
    return Execution(
        domain=request.domain,
        workflow_id=request.workflow_id,
        run_id=uuid.uuid4().hex,
        workflow_type=request.workflow_type,
        task_list=request.task_list,
        started_at=now,
        task_priority=request.task_priority,
        child_policy=request.child_policy,
        task_start_to_close=request.task_start_to_close,
        execution_start_to_close=request.execution_start_to_close,
        tag_list=request.tag_list,
        lambda_role=request.lambda_role,
        trace_context=request.trace_context,
    )


def _reuse(session: Session, request: StartRequest, last: State) -> WorkflowExecution | None:
    """Return the existing execution if the start means it, None if a new run may begin."""
    status = last.progress.status
    if request.reuse_policy is ReusePolicy.RETURN_EXISTING:
        if not _is_same(session, request, last):
            raise other_start(request, last.execution.workflow_type)
        return WorkflowExecution(last.execution.workflow_id, last.execution.run_id)
    check_reuse(request, status)
    if status is Status.OPEN:
        session.do(last, Terminate(reason="replaced by a new start"))
    return None


def _is_same(session: Session, request: StartRequest, last: State) -> bool:
    """Whether the run, or the first of those that it continues, began by this very request."""
    state: State | None = last
    while state is not None:
        begun = session.events(state)[0]
        if not isinstance(begun, WorkflowExecutionStarted):
            return False
        if begun.workflow_type == request.workflow_type and begun.input == request.input:
            return True
        earlier = state.execution.first_run_id or begun.continued_execution_run_id
        if earlier is None:
            return False
        state = session.find(request.domain, request.workflow_id, earlier)
    return False


def before(transaction: Transaction, run: int, execution: Execution) -> str | None:
    """Return the run id that a start looks at after this run: the first one of its chain.

    The one just before it, if an older Partita, or another service, has recorded the run.
    """
    if execution.first_run_id is not None:
        return execution.first_run_id
    events = transaction.events(run, 0)
    begun = events[0] if events else None
    if not isinstance(begun, WorkflowExecutionStarted):
        return None
    return begun.continued_execution_run_id
