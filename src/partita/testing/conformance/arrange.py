"""Start executions, take tasks, and read histories: what the checks share."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from msgspec.structs import replace

from partita import history as h
from partita.errors import PartitaError
from partita.ports.capabilities import supports
from partita.ports.service import ActivityTask, DecisionTask, Service, StartRequest
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.recorder import Recorder
from partita.testing.conformance.soundness import sound

E = TypeVar("E", bound=h.Event)

Check = Callable[[Service, Clock], None]

CHECKS: dict[str, Check] = {}
"""Every check, by name."""

NEEDS: dict[str, type] = {}
"""The capability that a service needs for a check, by the check's name."""

FLOW = h.WorkflowType("flow")
CHARGE = h.ActivityType("charge")
DOMAIN = "default"
TASK_LIST = "default"


def check(function: Check) -> Check:
    """Add a function to the checks; it fails also if a history that it makes is not sound."""

    @functools.wraps(function)
    def checked(service: Service, clock: Clock) -> None:
        recorder = Recorder(service)
        function(recorder.service, clock)
        for events in recorder.histories().values():
            sound(events)

    CHECKS[function.__name__] = checked
    return checked


def check_for(capability: type) -> Callable[[Check], Check]:
    """Add a function to the checks of services that have a capability."""

    def add(function: Check) -> Check:
        NEEDS[function.__name__] = capability
        return check(function)

    return add


def checks_for(service: Service) -> dict[str, Check]:
    """Return the checks that a service must pass, by name: those whose capability it has."""
    return {
        name: one
        for name, one in CHECKS.items()
        if name not in NEEDS or supports(service, NEEDS[name])
    }


@contextmanager
def refused(kind: type[PartitaError]) -> Iterator[None]:
    """Check that the block raises an error of this kind."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def start(service: Service, workflow_id: str = "", **options: Any) -> h.WorkflowExecution:
    """Start an execution, by default with a new id."""
    workflow_id = workflow_id or uuid.uuid4().hex
    request = StartRequest(workflow_id=workflow_id, workflow_type=FLOW, input="[1]")
    return service.start_workflow_execution(replace(request, **options))


def decision_task(service: Service) -> DecisionTask:
    """Take a decision task, which must be there."""
    task = service.poll_decision_task(DOMAIN, TASK_LIST)
    assert task is not None, "there is no decision task"
    return task


def activity_task(service: Service, task_list: str = TASK_LIST) -> ActivityTask:
    """Take an activity task, which must be there."""
    task = service.poll_activity_task(DOMAIN, task_list)
    assert task is not None, "there is no activity task"
    return task


def no_decision_task(service: Service) -> None:
    """Check that no decision task waits."""
    task = service.poll_decision_task(DOMAIN, TASK_LIST)
    assert task is None, f"there is a decision task: {task}"


def no_activity_task(service: Service) -> None:
    """Check that no activity task waits."""
    task = service.poll_activity_task(DOMAIN, TASK_LIST)
    assert task is None, f"there is an activity task: {task}"


def answer(service: Service, *decisions: h.AnyDecision) -> None:
    """Take the decision task and answer it."""
    service.complete_decision(decision_task(service).token, decisions)


def started(service: Service, *decisions: h.AnyDecision, **options: Any) -> h.WorkflowExecution:
    """Start an execution and answer its first decision task."""
    execution = start(service, **options)
    answer(service, *decisions)
    return execution


def charge(id: str = "a", **options: Any) -> h.ScheduleActivityTask:
    """Return the decision to schedule an activity."""
    plain = h.ScheduleActivityTask(activity_id=id, activity_type=CHARGE, input="[2]")
    return replace(plain, **options)


def kinds(service: Service, execution: h.WorkflowExecution) -> list[str]:
    """Return the names of an execution's events."""
    return [event.event_type for event in service.history(DOMAIN, execution)]


def status(service: Service, execution: h.WorkflowExecution) -> Status:
    """Return the status of an execution."""
    return service.describe(DOMAIN, execution).info.status


def every(service: Service, execution: h.WorkflowExecution, kind: type[E]) -> list[E]:
    """Return an execution's events of one kind."""
    return [e for e in service.history(DOMAIN, execution) if isinstance(e, kind)]


def only(service: Service, execution: h.WorkflowExecution, kind: type[E], **attributes: Any) -> E:
    """Return the only event of that kind, which must have these attributes."""
    found = every(service, execution, kind)
    assert len(found) == 1, f"{len(found)} of {kind.__name__} in {kinds(service, execution)}"
    assert_fields(found[0], **attributes)
    return found[0]


def decided(
    service: Service, execution: h.WorkflowExecution, kind: type[E], **attributes: Any
) -> E:
    """Return the only event of that kind, which must name the last answer to a decision task."""
    completed = last_id(service, execution, h.DecisionTaskCompleted)
    attributes["decision_task_completed_event_id"] = completed
    return only(service, execution, kind, **attributes)


def last_id(service: Service, execution: h.WorkflowExecution, kind: type[h.Event]) -> int:
    """Return the id of the last event of that kind, which must be there."""
    return every(service, execution, kind)[-1].event_id


def assert_fields(event: h.Event, **attributes: Any) -> None:
    """Check that an event has these attributes."""
    found = {name: getattr(event, name) for name in attributes}
    assert found == attributes, f"{event.event_type} has {found}, not {attributes}"
