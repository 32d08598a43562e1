"""Run the executions of one endpoint in its own process: decide, and call services and Lambda.

Workers of activities poll the endpoint; a machine's other tasks are done here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from partita.asl.page_runs import READ_PARTS
from partita.asl.resumption import Part
from partita.asl.tasks import integrations, jobs, lambdas, map_activities
from partita.authoring.definition import ActivityDefinition, ActivityOptions
from partita.authoring.workflow import WorkflowDefinition
from partita.history import ActivityType
from partita.ports.host import Attachable
from partita.ports.service import ActivityTask, Service
from partita.ports.session import Transactional
from partita.stepfunctions.execution.beginning import DOMAIN, TASK_LIST
from partita.stepfunctions.execution.projection import project
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


def _parts_reader(
    service: Service | Attachable, seal: Callable[[str], str]
) -> dict[str, ActivityDefinition]:
    """Return the activity that tells a redriven page how far its executions were before."""

    def read(workflow_ids: list[str]) -> list[Part | None]:
        """Return the parts of the last workflow that has got as far as to have some."""
        assert isinstance(service, Transactional)
        for workflow_id in workflow_ids:
            record = service.committed.find(DOMAIN, workflow_id, None)
            root = None if record is None else project(service.committed, record, seal).root
            rest = None if root is None else root.progress()
            if rest is not None and rest.parts:
                return rest.parts
        return []

    made = ActivityDefinition(read, ActivityType(READ_PARTS), ActivityOptions())
    return {made.key: made}


class MachineWorker(Worker):
    """A worker for executions; it has the action of every service that a machine may call."""

    def __init__(
        self,
        service: Service | Attachable,
        seal: Callable[[str], str],
        workflows: Sequence[WorkflowDefinition[..., Any]] = (),
        **options: Any,
    ) -> None:
        self._own = _OWN | _parts_reader(service, seal)
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
        return [*self._own, *integrations.served()]

    def definition_of_task(self, task: ActivityTask) -> ActivityDefinition:
        """Return what runs a task."""
        key = task.activity_type.key
        own = self._own.get(key)
        found: ActivityDefinition = integrations.served()[key] if own is None else own
        return found
