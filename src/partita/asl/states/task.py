"""Task: have work done outside of the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.flows import Flow
from partita.asl.frame import Frame
from partita.asl.numbers import Number
from partita.asl.recovery import Recovery
from partita.asl.states.state import RecoveringState
from partita.asl.tasks.callbacks import give_token
from partita.asl.tasks.resources import Resource, ServiceResource
from partita.asl.tasks.work import Attempt, perform, prepare
from partita.authoring.determinism import now


class TaskState(RecoveringState):
    """Call a resource; the result is its answer."""

    type = "Task"

    def __init__(
        self,
        name: str,
        next: str | None,
        flow: Flow,
        recovery: Recovery,
        *,
        resource: Resource,
        timeout: Number | None,
        heartbeat: Number | None,
        credentials: Callable[[Frame], Any] | None,
    ) -> None:
        super().__init__(name, next, flow, recovery)
        self._resource = resource
        self._timeout = timeout
        self._heartbeat = heartbeat
        self._credentials = credentials
        prepare(resource)
        self._has_token = (
            isinstance(resource, ServiceResource) and resource.pattern == "waitForTaskToken"
        )

    def _attempt(self, frame: Frame) -> Any:
        if self._has_token and frame.execution.probe is None:
            give_token(frame)
        return super()._attempt(frame)

    def work(self, frame: Frame, arguments: Any) -> Any:
        if frame.stub is not None:
            return frame.stub.result()
        timeout = None if self._timeout is None else self._timeout(frame)
        heartbeat = None if self._heartbeat is None else self._heartbeat(frame)
        credentials = None if self._credentials is None else self._credentials(frame)
        attempt = Attempt(frame, arguments, timeout, heartbeat, now(), credentials)
        return perform(self._resource, attempt)

    def aborted(self, frame: Frame) -> None:
        frame.emit("TaskStateAborted")
