"""Turn a definition and its arguments into the decision that asks an orchestrator for it.

What every decider that knows definitions shares: which of their settings a decision carries.
Ids are the caller's to give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, WorkflowSpec
from partita.errors import InvalidOptionError
from partita.history import (
    ScheduleActivityTask,
    ScheduleLambdaFunction,
    StartChildWorkflowExecution,
)


def activity_request(
    id: str,
    definition: ActivityDefinition,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    payload: str,
    control: str | None = None,
) -> ScheduleActivityTask:
    """Return the decision to run an activity.

    Raises:
        InvalidOptionError: its route does not give a task list.
    """
    settings = definition.settings
    task_list = settings.task_list
    if settings.route is not None:
        task_list = settings.route(*args, **kwargs)
        if not isinstance(task_list, str):
            raise InvalidOptionError(
                f"the route of {definition.label} gave {task_list!r}; give a task list's name"
            )
    return ScheduleActivityTask(
        activity_id=id,
        activity_type=definition.activity_type,
        input=payload,
        control=control,
        task_list=task_list,
        task_priority=settings.task_priority,
        schedule_to_start=settings.schedule_to_start,
        start_to_close=settings.start_to_close,
        schedule_to_close=settings.schedule_to_close,
        heartbeat=settings.heartbeat,
        retry_policy=settings.retry_policy,
    )


def child_request(
    workflow_id: str, spec: WorkflowSpec, payload: str, control: str | None
) -> StartChildWorkflowExecution:
    """Return the decision to start a child."""
    settings = spec.settings
    return StartChildWorkflowExecution(
        workflow_id=workflow_id,
        workflow_type=spec.workflow_type,
        control=control,
        input=payload,
        task_list=settings.task_list,
        task_priority=settings.task_priority or None,
        execution_start_to_close=settings.execution_start_to_close,
        task_start_to_close=settings.task_start_to_close,
        child_policy=settings.child_policy,
        tag_list=settings.tag_list,
        lambda_role=settings.lambda_role,
    )


def lambda_request(id: str, spec: LambdaSpec, payload: str) -> ScheduleLambdaFunction:
    """Return the decision to invoke a Lambda function."""
    return ScheduleLambdaFunction(
        id=id, name=spec.name, input=payload, start_to_close=spec.start_to_close
    )
