"""Pause and resume executions, workflow types and task lists, where the service can."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.options import checked_text
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import InvalidOptionError
from partita.ports.capabilities import SupportsPauses, supported
from partita.ports.service import Pause, PauseKind, Service

PAUSE = "pause executions"


class Pausing:
    """The part of a client for pauses."""

    service: Service
    _domain: str

    def pause(self, workflow_id: str, reason: str | None = None, *, run_id: str = "") -> None:
        """Pause an execution: it records what comes, such as signals, and begins nothing new.

        Activities that run may end. Its children go on by themselves. Pausing twice is pausing
        once.

        Raises:
            ExecutionNotFoundError: none is open.
            UnsupportedError: the service pauses nothing.
        """
        execution = h.WorkflowExecution(workflow_id, run_id)
        self._pausing().pause_workflow_execution(self._domain, execution, reason)

    def resume(self, workflow_id: str, *, run_id: str = "") -> None:
        """Resume a paused execution.

        Raises:
            ExecutionNotFoundError: none is open.
        """
        execution = h.WorkflowExecution(workflow_id, run_id)
        self._pausing().resume_workflow_execution(self._domain, execution)

    def pause_type(
        self,
        workflow: str | WorkflowDefinition[..., Any] | type[WorkflowClass],
        reason: str | None = None,
    ) -> None:
        """Pause all executions of a workflow, all its versions, also those that are started later.

        Raises:
            UnsupportedError: the service pauses nothing.
        """
        self._pausing().pause_work(self._domain, PauseKind.TYPE, _name(workflow), reason)

    def resume_type(
        self, workflow: str | WorkflowDefinition[..., Any] | type[WorkflowClass]
    ) -> bool:
        """Resume all executions of a workflow; return whether it was paused.

        If it is interrupted, some stay held back until it is repeated.
        """
        return self._pausing().resume_work(self._domain, PauseKind.TYPE, _name(workflow))

    def pause_task_list(self, task_list: str, reason: str | None = None) -> None:
        """Hand out nothing that waits in a task list: neither activities nor decision tasks.

        Raises:
            UnsupportedError: the service pauses nothing.
        """
        name = _given("task_list", task_list)
        self._pausing().pause_work(self._domain, PauseKind.TASK_LIST, name, reason)

    def resume_task_list(self, task_list: str) -> bool:
        """Hand out again what waits in a task list; return whether it was paused."""
        name = _given("task_list", task_list)
        return self._pausing().resume_work(self._domain, PauseKind.TASK_LIST, name)

    def pauses(self) -> list[Pause]:
        """Return the workflow types and task lists that are paused."""
        return self._pausing().pauses(self._domain)

    def _pausing(self) -> SupportsPauses:
        return supported(self.service, SupportsPauses, PAUSE)


def _name(workflow: str | WorkflowDefinition[..., Any] | type[WorkflowClass]) -> str:
    if isinstance(workflow, str):
        return _given("workflow", workflow)
    return definition_of(workflow).workflow_type.name


def _given(what: str, name: str) -> str:
    if not checked_text(what, name):
        raise InvalidOptionError(f"{what} is empty; give a name")
    return name
