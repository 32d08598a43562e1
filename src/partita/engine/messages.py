"""Deliver what one execution asks of others: children, signals, cancel requests, next runs.

Knows who gets which command; the transaction applies them. Each function yields the commands
one by one, and goes on once the one before has been applied.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from partita.engine.executions import Executions
from partita.engine.recorded_steps import reused_child
from partita.history import ChildPolicy, WorkflowExecution
from partita.ports.state import Execution, OpenChild, State
from partita.rules import commands as c

Delivery = tuple[State, c.Command]
"""An execution, and the command that it gets."""


def deliveries(
    executions: Executions, sender: State, outgoing: Sequence[c.Outgoing]
) -> Iterator[Delivery]:
    """Yield what the messages of one execution cause."""
    for message in sorted(outgoing, key=_is_for_others):
        match message:
            case c.TellParent(parent=parent, closed=closed):
                state = executions.find(sender.execution.domain, parent.workflow_id, parent.run_id)
                if state is not None and not state.is_closed:
                    yield state, closed
            case c.StartChild():
                yield from _start_child(executions, sender, message)
            case c.ContinueRun():
                yield from _continue(executions, sender, message)
            case c.SendSignal() | c.SendCancel():
                yield from _send(executions, sender, message)
            case c.ApplyChildPolicy(policy=policy):
                yield from _close_children(executions, sender, policy)


def _is_for_others(message: c.Outgoing) -> bool:
    """Whether it is no next run: what an execution sends to itself is for its next run."""
    return not isinstance(message, c.ContinueRun)


def _continue(executions: Executions, sender: State, message: c.ContinueRun) -> Iterator[Delivery]:
    """Start the next run, and pass on the signals that the old one has not read."""
    heir = executions.new(message.execution)
    yield (
        heir,
        c.Start(
            input=message.input,
            continued_execution_run_id=sender.execution.run_id,
            search_attributes=message.search_attributes,
        ),
    )
    for signal in message.signals:
        yield heir, c.Signal(signal_name=signal.signal_name, input=signal.input)
    if message.cancel:
        yield heir, c.RequestCancel()


def _start_child(
    executions: Executions, parent: State, message: c.StartChild
) -> Iterator[Delivery]:
    wanted = message.execution
    if parent.execution.origin is not None:
        reused = reused_child(executions.recorded_steps(parent), parent, message)
        if reused is not None:
            yield parent, reused
            return
    existing = executions.find(wanted.domain, wanted.workflow_id)
    answer: c.Command
    cause = None
    if not executions.knows_type(wanted.domain, wanted.workflow_type.key):
        cause = "WORKFLOW_TYPE_DOES_NOT_EXIST"
    elif existing is not None and not existing.is_closed:
        cause = "WORKFLOW_ALREADY_RUNNING"
    if cause is not None:
        answer = c.ChildNotStarted(
            workflow_id=wanted.workflow_id,
            workflow_type=wanted.workflow_type,
            initiated_event_id=message.initiated_event_id,
            decision_task_completed_event_id=message.decision_task_completed_event_id,
            cause=cause,
            control=message.control,
        )
    else:
        execution = replace(wanted, run_id=uuid.uuid4().hex)
        yield executions.new(execution), c.Start(input=message.input)
        answer = c.ChildStarted(
            execution=WorkflowExecution(execution.workflow_id, execution.run_id),
            workflow_type=execution.workflow_type,
            initiated_event_id=message.initiated_event_id,
            control=message.control,
        )
    if not parent.is_closed:
        yield parent, answer


def _send(
    executions: Executions, sender: State, message: c.SendSignal | c.SendCancel
) -> Iterator[Delivery]:
    me = sender.execution
    if isinstance(message, c.SendSignal) and me.origin is not None:
        if executions.recorded_steps(sender).sent(message.control):
            yield sender, c.ExternalAnswered(outgoing=message, run_id=message.run_id)
            return
    target = executions.find(me.domain, message.workflow_id, message.run_id)
    if target is None or target.is_closed:
        cause = "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
        answer = c.ExternalAnswered(outgoing=message, cause=cause)
    else:
        yield target, _command(message, WorkflowExecution(me.workflow_id, me.run_id))
        answer = c.ExternalAnswered(outgoing=message, run_id=target.execution.run_id)
    if not sender.is_closed:
        yield sender, answer


def _command(message: c.SendSignal | c.SendCancel, source: WorkflowExecution) -> c.Command:
    initiated = message.initiated_event_id
    if isinstance(message, c.SendSignal):
        return c.Signal(
            signal_name=message.signal_name,
            input=message.input,
            source=source,
            source_initiated_event_id=initiated,
        )
    return c.RequestCancel(source=source, source_initiated_event_id=initiated)


def _close_children(
    executions: Executions, parent: State, policy: ChildPolicy
) -> Iterator[Delivery]:
    for child in executions.children(parent):
        workflow_id = child.execution.workflow_id
        state = executions.find(parent.execution.domain, workflow_id)  # the newest of its runs
        if state is None or state.is_closed or not _is_child(state.execution, parent, child):
            continue
        if policy is ChildPolicy.TERMINATE:
            yield state, c.Terminate(cause="CHILD_POLICY_APPLIED")
        else:
            yield state, c.RequestCancel(cause="CHILD_POLICY_APPLIED")


def _is_child(execution: Execution, parent: State, child: OpenChild) -> bool:
    """Whether it is a run of that child, not of a stranger that got its id after its end."""
    me = WorkflowExecution(parent.execution.workflow_id, parent.execution.run_id)
    return (
        execution.parent == me and execution.parent_initiated_event_id == child.initiated_event_id
    )
