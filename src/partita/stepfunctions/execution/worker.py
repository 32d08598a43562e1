"""Run the executions of one endpoint in its own process: decide, and call services and Lambda.

Workers of activities poll the endpoint; a machine's other tasks are done here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from partita.asl.tasks import integrations, jobs, lambdas, map_activities
from partita.authoring.definition import ActivityDefinition
from partita.authoring.workflow import WorkflowDefinition
from partita.ports.host import Attachable
from partita.ports.service import ActivityTask, Service
from partita.stepfunctions.execution.beginning import TASK_LIST
from partita.stepfunctions.execution.workflow import execution_workflow
from partita.worker import Worker

_OWN: dict[str, ActivityDefinition] = {
    one.key: one
    for one in (
        lambdas.call,
        lambdas.invoke,
        map_activities.read_page,
        map_activities.write_part,
        map_activities.write_manifest,
        jobs.check_job,
        jobs.stop_job,
    )
}
"""The activities that are the same for all services."""


class MachineWorker(Worker):
    """A worker for executions; it has the action of every service that a machine may call."""

    def __init__(
        self,
        service: Service | Attachable,
        seal: Callable[[str], str],
        workflows: Sequence[WorkflowDefinition[..., Any]] = (),
        **options: Any,
    ) -> None:
        super().__init__(
            service,
            workflows=[execution_workflow(seal), *workflows],
            activities=(),
            acts=False,  # `activity_keys` says what it does instead
            task_lists=[TASK_LIST],
            **options,
        )

    def activity_keys(self) -> Collection[str]:
        """Return the activities of services, of jobs, of data sets and of Lambda."""
        return [*_OWN, *integrations.served()]

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:
        """Return what runs a task."""
        key = task.activity_type.key
        found: ActivityDefinition = _OWN[key] if key in _OWN else integrations.served()[key]
        return found
