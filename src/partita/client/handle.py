"""Refer to one execution: the methods of a client without the ids."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar, overload

from partita.authoring.messages import Signal
from partita.authoring.workflow import WorkflowDefinition
from partita.client.execution_client import ExecutionClient
from partita.client.execution_status import ExecutionStatus
from partita.errors import PartitaError
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.service import ExecutionDetail
from partita.views.notebooks import pairs
from partita.views.verdicts import Verdict

R = TypeVar("R")
T = TypeVar("T")


class Handle(Generic[R]):
    """One execution, as the client that started it sees it."""

    def __init__(
        self,
        client: ExecutionClient,
        execution: WorkflowExecution,
        workflow: WorkflowDefinition[..., R] | None,
    ) -> None:
        self.workflow_id = execution.workflow_id
        self.run_id = execution.run_id
        self._client = client
        self.workflow = workflow  # None: its code is elsewhere

    def __repr__(self) -> str:
        name = "" if self.workflow is None else f" of {self.workflow.key}"
        return f"<Handle {self.workflow_id!r}{name}, run {self.run_id}>"

    def _repr_html_(self) -> str:
        """Return how the execution stands now as a table, for a notebook."""
        try:
            return self.status()._repr_html_()
        except PartitaError as error:
            ids = ("workflow id", self.workflow_id), ("run id", self.run_id or None)
            return pairs(*ids, ("error", str(error)))

    @overload
    def result(self: Handle[Coroutine[Any, Any, T]], timeout: float | None = None) -> T: ...
    @overload
    def result(self, timeout: float | None = None) -> R: ...
    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result; see `Client.result`."""
        result: Any = self._client.result(
            self.workflow_id, run_id=self.run_id, timeout=timeout, workflow=self.workflow
        )
        return result

    def result_data(self, timeout: float | None = None) -> Any:
        """Wait for the result as JSON data for people; see `Client.result_data`."""
        return self._client.result_data(
            self.workflow_id, run_id=self.run_id, timeout=timeout, workflow=self.workflow
        )

    def signal(self, name: str | Signal[Any], value: Any = None) -> None:
        """Send a signal; see `Client.signal`."""
        self._client.signal(self.workflow_id, name, value, run_id=self.run_id)

    def query(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Query the workflow's code; see `Client.query`."""
        return self._client.query(
            self.workflow_id, name, args, kwargs, run_id=self.run_id, workflow=self.workflow
        )

    def update(self, name: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Send an update and wait for its answer; see `Client.update`."""
        return self._client.update(
            self.workflow_id, name, args, kwargs, run_id=self.run_id, timeout=timeout
        )

    def cancel(self) -> None:
        """Ask the workflow to cancel itself."""
        self._client.cancel(self.workflow_id, run_id=self.run_id)

    def terminate(self, reason: str | None = None) -> None:
        """End the execution at once."""
        self._client.terminate(self.workflow_id, reason, run_id=self.run_id)

    def pause(self, reason: str | None = None) -> None:
        """Pause the execution; see `Client.pause`."""
        self._client.pause(self.workflow_id, reason, run_id=self.run_id)

    def resume(self) -> None:
        """Resume the execution; see `Client.resume`."""
        self._client.resume(self.workflow_id, run_id=self.run_id)

    def why(self) -> Verdict:
        """Return why the execution is not done, or how it ended; see `Client.why`."""
        return self._client.why(self.workflow_id, run_id=self.run_id)

    def describe(self) -> ExecutionDetail:
        """Return how the execution stands."""
        return self._client.describe(self.workflow_id, run_id=self.run_id)

    def status(self) -> ExecutionStatus:
        """Return how the execution stands, and how it has ended; see `Client.status`."""
        return self._client.status(self.workflow_id, run_id=self.run_id, workflow=self.workflow)

    def history(self, *, after: int = 0) -> list[AnyEvent]:
        """Return the events so far, from the one after number `after` on."""
        return self._client.history(self.workflow_id, run_id=self.run_id, after=after)
