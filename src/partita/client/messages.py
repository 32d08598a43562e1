"""Query an execution's code, and send it updates and wait for their answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from partita import errors
from partita import history as h
from partita.authoring.failure import Failure, is_substitute, rebuild
from partita.authoring.signature import UNTYPED_ARGUMENTS
from partita.authoring.workflow import WorkflowDefinition
from partita.client.fallbacks import queries_of, waits_of
from partita.codec import Converter, read_untyped
from partita.deciders.by_hand import no_query
from partita.ports.service import ExecutionInfo, Service, bounds_of
from partita.ports.state import Status
from partita.replay.messages import (
    UPDATE,
    UPDATED,
    UpdateAnswer,
    UpdateRequest,
    decode_answer,
    encode,
)
from partita.replay.replayer import Replayer
from partita.views.stacks import code_of

RETRY_INTERVAL = 0.2
"""Seconds between two tries of a service that is out of reach."""


class SentUpdate:
    """An update that waits for its answer."""

    def __init__(self, name: str, id: str, info: ExecutionInfo) -> None:
        self.name = name
        self.workflow_type = info.workflow_type
        self.execution = h.WorkflowExecution(info.workflow_id, info.run_id)
        self.after = info.event_count  # the number of the last event that was looked at
        self._id = id

    def answer_in(self, events: Sequence[h.AnyEvent]) -> UpdateAnswer | None:
        """Return the answer among further events; go on with a later run if there is one."""
        for event in events:
            self.after = event.event_id
            if isinstance(event, h.MarkerRecorded) and event.marker_name == UPDATED:
                answer = decode_answer(event.details or "")
                if answer.id == self._id:
                    return answer
            if isinstance(event, h.WorkflowExecutionContinuedAsNew):
                run_id = event.new_execution_run_id
                self.execution = h.WorkflowExecution(self.execution.workflow_id, run_id)
                self.after = 0
        return None


class Messages:
    """Sends queries and updates to the executions of one domain."""

    def __init__(
        self, service: Service, domain: str, converter: Converter, clock: Callable[[], float]
    ) -> None:
        self._service = service
        self._domain = domain
        self._converter = converter
        self._clock = clock
        self._is_closed = False

    def close(self) -> None:
        """Stop waiting for outages to pass."""
        self._is_closed = True

    def payload(self, args: Sequence[Any], kwargs: Mapping[str, Any] | None, what: str) -> str:
        """Return a call's arguments as a payload."""
        value = {"args": list(args), "kwargs": dict(kwargs)} if kwargs else list(args)
        return self._converter.dump(value, what, UNTYPED_ARGUMENTS)

    # -- queries

    def query(
        self,
        execution: h.WorkflowExecution,
        name: str,
        payload: str,
        workflow: WorkflowDefinition[..., Any] | None,
        timeout: float | None,
    ) -> Any:
        """Return the answer of a worker; without one, of a replay here."""
        try:
            answer = queries_of(self._service).query_workflow(
                self._domain, execution, name, payload, timeout
            )
        except errors.NoWorkerError:
            info = self._service.describe(self._domain, execution).info
            code = code_of(info.workflow_type) if workflow is None else workflow
            if code is None:
                raise
            answer = self._replayed(code, info, name, payload)
        return self._converter.load(answer, read_untyped, f"the answer to query {name}")

    def _replayed(
        self, code: WorkflowDefinition[..., Any], info: ExecutionInfo, name: str, payload: str
    ) -> str:
        execution = h.WorkflowExecution(info.workflow_id, info.run_id)
        if not code.is_replayed:
            raise no_query(info.workflow_type, name)
        bounds = bounds_of(self._service)
        return Replayer([code], converter=self._converter, bounds=bounds).query(
            execution,
            info.workflow_type,
            lambda: self._service.history(self._domain, execution),
            name,
            payload,
        )

    # -- updates

    def update(
        self, execution: h.WorkflowExecution, name: str, payload: str, timeout: float | None
    ) -> Any:
        """Send the request as a signal, and wait for the marker that answers it."""
        update = self.send(execution, name, payload)
        return self.value(update, self._answer(update, timeout))

    def send(self, execution: h.WorkflowExecution, name: str, payload: str) -> SentUpdate:
        """Send the request as a signal."""
        info = self._service.describe(self._domain, execution).info
        request = UpdateRequest(id=uuid.uuid4().hex, input=payload)
        text = encode(request).decode()
        self._service.signal_workflow_execution(self._domain, execution, UPDATE + name, text)
        return SentUpdate(name, request.id, info)

    def look(self, update: SentUpdate) -> UpdateAnswer | None:
        """Return the answer to an update if it is there; does not wait.

        Raises:
            ExecutionClosedError: the execution ended without one.
        """
        events = self._service.history(self._domain, update.execution, after=update.after)
        if not events:
            self._check_open(update.execution, update.name)
        return update.answer_in(events)

    def value(self, update: SentUpdate, answer: UpdateAnswer) -> Any:
        """Return what the code answered, or raise what it raised."""
        if answer.failure is None:
            what = f"the answer to update {update.name}"
            return self._converter.load(answer.result, read_untyped, what)
        failure = Failure.load(answer.failure, None)
        code = code_of(update.workflow_type)
        cause = rebuild(failure, () if code is None else (code,), errors.UpdateFailedError)
        if isinstance(cause, errors.PartitaError) and not is_substitute(cause):
            raise cause
        raise errors.UpdateFailedError(failure.type, failure.summary, failure.traceback) from cause

    def _answer(self, update: SentUpdate, timeout: float | None) -> UpdateAnswer:
        """Follow the history, through later runs if the workflow continues as new."""
        deadline = None if timeout is None else self._clock() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - self._clock())
            events, away = self._news(update.execution, update.after, left, update.name)
            answer = update.answer_in(events)
            if answer is not None:
                return answer
            if not events and deadline is not None and self._clock() >= deadline:
                raise unanswered(update.name, timeout) from away
            if away is not None:
                time.sleep(RETRY_INTERVAL)

    def _news(
        self, execution: h.WorkflowExecution, after: int, timeout: float | None, name: str
    ) -> tuple[list[h.AnyEvent], errors.StoreUnavailableError | None]:
        """Wait for further events; return them, or why it cannot be told whether there are any."""
        try:
            events = waits_of(self._service).wait_history(self._domain, execution, after, timeout)
            if not events:
                self._check_open(execution, name)
        except errors.StoreUnavailableError as error:
            if self._is_closed:
                raise
            return [], error
        return events, None

    def _check_open(self, execution: h.WorkflowExecution, name: str) -> None:
        """Raise if no answer can come any more."""
        if self._service.describe(self._domain, execution).info.status is not Status.OPEN:
            raise errors.ExecutionClosedError(
                f"execution {execution.workflow_id!r} ended without an answer to update {name}"
            )


def unanswered(name: str, timeout: float | None) -> errors.WaitTimeoutError:
    """Return the error of an update whose answer did not come in time."""
    within = "" if timeout is None else f" within {timeout} s"
    return errors.WaitTimeoutError(f"update {name} was not answered{within}; it may still be done")
