"""Names and short ways that the checks share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from partita.errors import (
    PartitaError,
)
from partita.history import (
    ActivityType,
    AnyDecision,
    ScheduleActivityTask,
    WorkflowExecution,
    WorkflowType,
)
from partita.service import ActivityTask, DecisionTask, Service, StartRequest
from partita.state import Status
from partita.testing.clock import Clock

Check = Callable[[Service, Clock], None]

CHECKS: dict[str, Check] = {}
"""Every check, by name."""

FLOW = WorkflowType("flow")
CHARGE = ActivityType("charge")
DOMAIN = "default"
TASK_LIST = "default"


def check(function: Check) -> Check:
    """Add a function to the checks."""
    CHECKS[function.__name__] = function
    return function


@contextmanager
def refused(kind: type[PartitaError]) -> Iterator[None]:
    """Hold that the block raises an error of this kind."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def start(service: Service, workflow_id: str = "", **options: Any) -> WorkflowExecution:
    """Start an execution with an id of its own."""
    workflow_id = workflow_id or uuid.uuid4().hex
    request = StartRequest(workflow_id=workflow_id, workflow_type=FLOW, input="[1]")
    return service.start_workflow_execution(replace(request, **options))


def decision_task(service: Service) -> DecisionTask:
    """Take a decision task that must be there."""
    task = service.poll_decision_task(DOMAIN, TASK_LIST)
    assert task is not None, "there is no decision task"
    return task


def activity_task(service: Service, task_list: str = TASK_LIST) -> ActivityTask:
    """Take an activity task that must be there."""
    task = service.poll_activity_task(DOMAIN, task_list)
    assert task is not None, "there is no activity task"
    return task


def answer(service: Service, *decisions: AnyDecision) -> None:
    """Take the decision task and answer it."""
    service.complete_decision(decision_task(service).token, decisions)


def started(service: Service, *decisions: AnyDecision, **options: Any) -> WorkflowExecution:
    """Start an execution and answer its first decision task."""
    execution = start(service, **options)
    answer(service, *decisions)
    return execution


def charge(id: str = "a", **options: Any) -> ScheduleActivityTask:
    """Return the decision to schedule an activity."""
    plain = ScheduleActivityTask(activity_id=id, activity_type=CHARGE, input="[2]")
    return replace(plain, **options)


def kinds(service: Service, execution: WorkflowExecution) -> list[str]:
    """Return the names of an execution's events."""
    return [event.event_type for event in service.history(DOMAIN, execution)]


def status(service: Service, execution: WorkflowExecution) -> Status:
    """Return how an execution stands."""
    return service.describe(DOMAIN, execution).info.status
