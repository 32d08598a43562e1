"""Look at executions: how they stand, what has happened, where their code waits."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from partita.authoring.declared import Declared, definition_of
from partita.authoring.execution import search_attributes as plain_attributes
from partita.authoring.workflow import WorkflowDefinition
from partita.client.histories import Histories, stack_of
from partita.codec import Converter
from partita.history import (
    AnyEvent,
    WorkflowExecution,
)
from partita.history.document import ExportedHistory
from partita.ports.capabilities import SupportsNotices, supported
from partita.ports.notices import Listen
from partita.ports.service import (
    ExecutionDetail,
    ExecutionPage,
    Service,
    bounds_of,
)
from partita.ports.state import ExecutionFilter, Status
from partita.replay.stacks import WorkflowStack


class Looking:
    """The part of the client that changes nothing, but for histories taken in."""

    service: Service
    _domain: str
    _converter: Converter
    _histories: Histories

    def listen(self, listener: Listen) -> Callable[[], None]:
        """Tell `listener` of what this process records, by this service; return what ends it.

        Every process tells of what it has committed itself: listen where the workers are.
        """
        return supported(self.service, SupportsNotices, "tell listeners of what it records").listen(
            listener
        )

    def describe(self, workflow_id: str, *, run_id: str = "") -> ExecutionDetail:
        """Return how an execution stands, with what is open in it."""
        return self.service.describe(self._domain, WorkflowExecution(workflow_id, run_id))

    def history(
        self, workflow_id: str, *, run_id: str = "", after: int = 0
    ) -> builtins.list[AnyEvent]:
        """Return an execution's events after number `after`, in order."""
        execution = WorkflowExecution(workflow_id, run_id)
        return self.service.history(self._domain, execution, after=after)

    def export_history(self, workflow_id: str, *, run_id: str = "") -> ExportedHistory:
        """Return a run, open or closed, as a document; `dump()` is its text.

        Payloads are exported as they are stored, behind the codec chain if there is one.

        Raises:
            ExecutionNotFoundError: there is no such execution.
        """
        return self._histories.export(WorkflowExecution(workflow_id, run_id))

    def import_history(self, history: ExportedHistory) -> bool:
        """Keep a closed run that was exported elsewhere, so that it can be looked at here.

        It can be shown, queried, forked and run again; by itself nothing of it begins to run.
        Importing it twice is importing it once: False says that it was here already.

        Raises:
            InvalidInputError: the history is open; `history.terminated(reason)` is not.
            InvalidOptionError: the service cannot take in histories.
            ExecutionAlreadyStartedError: its workflow id has an open run here, a run that began
                later, or this run with another history.
        """
        return self._histories.import_(history)

    def stack(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        workflow: WorkflowDefinition[..., Any] | type[Declared] | None = None,
    ) -> WorkflowStack:
        """Say where the workflow's code waits, by replaying its history here; nothing changes.

        The code is given as `workflow`, or was imported. No worker needs to be alive.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            UnknownTypeError: the code is not here, or is another workflow's.
            NonDeterminismError: the code does not fit the history.
        """
        code = None if workflow is None else definition_of(workflow)
        history = self.export_history(workflow_id, run_id=run_id)
        return stack_of(history, code, self._converter, bounds_of(self.service))

    def list(
        self,
        *,
        status: Status | None = None,
        type_name: str | None = None,
        workflow_id: str | None = None,
        tag: str | None = None,
        search_attributes: Mapping[str, Any] | None = None,
        started_after: float | None = None,
        started_before: float | None = None,
        limit: int = 100,
        before_run: int | None = None,
    ) -> ExecutionPage:
        """List executions, newest first; `before_run` is the `next_page` of the page before."""
        return self.service.list_executions(
            ExecutionFilter(
                domain=self._domain,
                workflow_id=workflow_id,
                type_name=type_name,
                statuses=() if status is None else (status,),
                tag=tag,
                attributes=tuple(plain_attributes(search_attributes or {}).items()),
                started_after=started_after,
                started_before=started_before,
                before_run=before_run,
                limit=limit,
            )
        )
