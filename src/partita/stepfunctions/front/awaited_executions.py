"""Find the executions that the tasks of another one have started and wait for.

A `.sync` task is two activities: one starts the execution, the next one waits for its end. From
the commit of the start on, the history of the outer execution tells which one it is: by what the
waiting activity is given, and before that by what the starting activity is given.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from partita import history as h
from partita.asl.json_text import json_text
from partita.asl.tasks.integrations import STOP, WAIT
from partita.aws.shapes import Members
from partita.ports.session import Session
from partita.ports.state import State
from partita.stepfunctions.execution.beginning import DOMAIN

ACTION = "states:startExecution"
"""The action that starts an execution."""

STARTED_BY = "startedBy"
"""The search attribute of an execution that names the run whose `.sync` task has started it."""

_STARTS = (f"states:{ACTION}.sync", f"states:{ACTION}.sync:2")
_WAIT, _STOP = f"states:{ACTION}.{WAIT}", f"states:{ACTION}.{STOP}"


def start_request(parameters: Any, idempotency_key: str) -> Members:
    """Return the request that a task with these parameters makes, the same for each attempt."""
    given = parameters if isinstance(parameters, dict) else {}
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, idempotency_key))
    input = given.get("Input", {})
    return {
        "stateMachineArn": str(given.get("StateMachineArn")),
        "name": str(given.get("Name", key)),
        "input": input if isinstance(input, str) else json_text(input),
    }


def awaited_executions(session: Session, outer: State) -> list[State]:
    """Return the open executions that tasks of an execution wait for, or are about to."""
    events, run_id = session.events(outer, 0), outer.execution.run_id
    execution = h.WorkflowExecution(outer.execution.workflow_id, run_id)
    waits = _waits(events)
    completed = {one.scheduled_event_id for one in events if type(one) is h.ActivityTaskCompleted}
    awaited = {id for scheduled, id in waits.items() if scheduled not in completed}
    begun = _started(events, run_id).difference(waits.values())
    found = (session.find(DOMAIN, id) for id in sorted(awaited | begun))
    return [
        state
        for state in found
        if state is not None
        and not state.is_closed
        and (state.execution.workflow_id in awaited or _is_started_by(state, execution))
    ]


def starter(outer: h.WorkflowExecution) -> str:
    """Return how the executions that tasks of a run start name it."""
    return f"{outer.workflow_id}:{outer.run_id}"


def _is_started_by(state: State, outer: h.WorkflowExecution) -> bool:
    """Return whether a task of that run started an execution, not somebody else by its name."""
    return bool(state.progress.search_attributes.get(STARTED_BY) == starter(outer))


def _waits(events: Sequence[h.AnyEvent]) -> dict[int, str]:
    """Return the workflow ids of what activities wait for or stop, by those activities' events."""
    return {
        event.event_id: _argument(event).get("ExecutionArn", "").split(":", 6)[-1]
        for event in events
        if isinstance(event, h.ActivityTaskScheduled) and event.activity_type.name in (_WAIT, _STOP)
    }


def _started(events: Sequence[h.AnyEvent], run_id: str) -> set[str]:
    """Return the workflow ids that the executions have which activities were to start."""
    return {
        id
        for event in events
        if isinstance(event, h.ActivityTaskScheduled) and event.activity_type.name in _STARTS
        for id in _workflow_ids(start_request(_argument(event), f"{run_id}:{event.activity_id}"))
    }


def _workflow_ids(request: Members) -> Iterator[str]:
    """Yield the workflow id of what a request starts, if it names a machine."""
    machine = request["stateMachineArn"].split(":")[6:7]
    for name in machine:
        yield f"{name}:{request['name']}"


def _argument(event: h.ActivityTaskScheduled) -> Any:
    """Return the parameters that an activity of an action is given."""
    given = msgspec.json.decode(event.input or "[{}]")
    return given[0] if given else {}
