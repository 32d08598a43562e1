"""Look at executions and speak to them, by their ids.

What `Client` does besides (start, fork, schedules) returns handles, which stand on this.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from partita import errors
from partita import history as h
from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.execution import search_attributes as plain_attributes
from partita.authoring.failure import Failure, rebuild
from partita.authoring.messages import Signal
from partita.authoring.workflow import WorkflowDefinition
from partita.client.execution_status import ExecutionStatus
from partita.client.fallbacks import waits_of
from partita.client.history_list import HistoryList
from partita.client.messages import RETRY_INTERVAL, Messages
from partita.client.pauses import Pausing
from partita.client.validation import checked_wait
from partita.client.why import explain, how_it_goes
from partita.codec import ANY, Converter, plain_data, read_untyped
from partita.history.document import ExportedHistory, export
from partita.ports.capabilities import (
    Importing,
    SupportsFollowing,
    SupportsNotices,
    supported,
    supports,
)
from partita.ports.notices import Listen
from partita.ports.service import (
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    Service,
    bounds_of,
    title_of,
)
from partita.ports.state import ExecutionFilter, Status
from partita.replay.stacks import WorkflowStack
from partita.views.stacks import stack_of
from partita.views.standing import reason
from partita.views.verdicts import Verdict


class ExecutionClient(Pausing):
    """The executions of one domain of a service, by their ids."""

    def __init__(
        self, service: Service, domain: str, converter: Converter, clock: Callable[[], float]
    ) -> None:
        if isinstance(service, str):
            raise errors.InvalidOptionError(
                f"{service!r} is a URL, not a service; give connect({service!r})"
            )
        self.service = service
        self._domain = domain
        self._converter = converter
        self._clock = clock  # by which a `timeout` is measured
        self._is_closed = False
        self.messages = Messages(service, domain, converter, clock)

    @property
    def domain(self) -> str:
        """The domain of the executions."""
        return self._domain

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    @property
    def converter(self) -> Converter:
        """The converter of values into payloads and back."""
        return self._converter

    # -- waiting

    def result(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        timeout: float | None = None,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Any:
        """Wait for the result, also of later runs if the workflow continues as new.

        With `workflow` it is read by that function's result type, else as plain JSON.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            WaitTimeoutError: `timeout` seconds have passed; the execution goes on. Its cause is
                a StoreUnavailableError where an outage hides how the execution stands.
            WorkflowFailedError: the workflow raised; the exception itself is the cause.
            ExecutionClosedError: it was canceled, was terminated or timed out.
            StoreUnavailableError: the service is out of reach at the first request. A later
                outage does not end the waiting.
        """
        return self._result(workflow_id, run_id, timeout, workflow, _decoder(workflow))

    def result_data(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        timeout: float | None = None,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Any:
        """Wait for the result as `result` does, and return it as JSON data for people.

        Tuples and sets are lists, instances dictionaries, dates strings; what JSON cannot say, such
        as NaN or a dictionary with tuples as keys, is `{"$partita": type, "value": ...}`.
        """
        return self._result(workflow_id, run_id, timeout, workflow, plain_data)

    def _result(
        self,
        workflow_id: str,
        run_id: str,
        timeout: float | None,
        workflow: WorkflowDefinition[..., Any] | None,
        decode: Callable[[str], Any],
    ) -> Any:
        timeout = checked_wait(timeout)
        deadline = None if timeout is None else self._clock() + timeout
        is_reached = False
        while True:
            left = None if deadline is None else max(0.0, deadline - self._clock())
            execution = h.WorkflowExecution(workflow_id, run_id)
            try:
                info = waits_of(self.service).wait_closed(self._domain, execution, left)
                is_reached = True
                state = "" if info else how_it_goes(self.service, self._domain, execution)
                last = None if info is None else self._last_event(info)
            except (errors.StoreUnavailableError, errors.WaitTimeoutError) as error:
                if isinstance(error, errors.WaitTimeoutError) or (is_reached and left == 0.0):
                    away = error.__cause__ or error
                    raise _late(workflow_id, timeout, _hidden_by(away)) from away
                if not is_reached or self._is_closed:
                    raise
                time.sleep(RETRY_INTERVAL)
                continue
            if info is None or last is None:
                raise _late(workflow_id, timeout, state)
            if not isinstance(last, h.WorkflowExecutionContinuedAsNew):
                return self._outcome(info, last, workflow, decode)
            run_id = last.new_execution_run_id

    def ended(
        self,
        workflow_id: str,
        run_id: str,
        workflow: WorkflowDefinition[..., Any] | None,
        decode: Callable[[str], Any],
    ) -> Any:
        """Return the result of a closed run, or the event with which it continues as new.

        Raises:
            WaitTimeoutError: it is open.
        """
        info = self.describe(workflow_id, run_id=run_id).info
        if info.status is Status.OPEN:
            raise self.late(workflow_id, run_id, None)
        last = self._last_event(info)
        if isinstance(last, h.WorkflowExecutionContinuedAsNew):
            return last
        return self._outcome(info, last, workflow, decode)

    def late(self, workflow_id: str, run_id: str, timeout: float | None) -> errors.WaitTimeoutError:
        """Return the error of a wait for a result that did not come in time."""
        try:
            execution = h.WorkflowExecution(workflow_id, run_id)
            return _late(workflow_id, timeout, how_it_goes(self.service, self._domain, execution))
        except errors.StoreUnavailableError as away:
            late = _late(workflow_id, timeout, _hidden_by(away))
            late.__cause__ = away
            return late

    def _last_event(self, info: ExecutionInfo) -> h.AnyEvent:
        execution = h.WorkflowExecution(info.workflow_id, info.run_id)
        return self.service.history(self._domain, execution, after=info.event_count - 1)[-1]

    def _outcome(
        self,
        info: ExecutionInfo,
        last: h.AnyEvent,
        workflow: WorkflowDefinition[..., Any] | None,
        decode: Callable[[str], Any],
    ) -> Any:
        name = f"execution {info.workflow_id!r}"
        if isinstance(last, h.WorkflowExecutionCompleted):
            return self._converter.load(last.result, decode, f"the result of {name}")
        if isinstance(last, h.WorkflowExecutionFailed):
            failure = Failure.load(last.details, last.reason)
            near = () if workflow is None else (workflow,)
            cause = rebuild(failure, near, errors.WorkflowFailedError)
            error = errors.WorkflowFailedError(failure.type, failure.summary, failure.traceback)
            raise error from cause
        reason = last.reason if isinstance(last, h.WorkflowExecutionTerminated) else None
        raise _CLOSED[info.status](
            f"{name} {_ENDED[info.status]}" + (f": {reason}" if reason else "")
        )

    # -- signals, queries, updates

    def signal(
        self,
        workflow_id: str,
        name: str | Signal[Any],
        value: Any = None,
        *,
        run_id: str = "",
    ) -> None:
        """Send a signal. With a `Signal` as its name, the value must fit the signal's type.

        Raises:
            ExecutionNotFoundError: none is open.
            InvalidInputError: the value does not fit; nothing was sent.
        """
        signal_name, payload = self._signal_input(name, value)
        execution = h.WorkflowExecution(workflow_id, run_id)
        self.service.signal_workflow_execution(self._domain, execution, signal_name, payload)

    def _signal_input(self, name: str | Signal[Any], value: Any) -> tuple[str, str | None]:
        """Return a signal's name and payload; the value must fit the signal's type."""
        if str(name).startswith("$"):
            raise errors.InvalidOptionError(f"a signal cannot be named {name}; begin with a letter")
        form = name.form if isinstance(name, Signal) else ANY
        payload = None if value is None else self._converter.dump(value, f"signal {name}", form)
        if isinstance(name, Signal) and name.type is not Any:
            what = f"the value of signal {name}"
            self._converter.load("null" if payload is None else payload, name.decode, what)
        return str(name), payload

    def query(
        self,
        workflow_id: str,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        run_id: str = "",
        workflow: WorkflowDefinition[..., Any] | type[WorkflowClass] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Query the workflow's code, which changes nothing. Closed executions answer, too.

        A worker answers, in this process or another. Without one the history is replayed in
        this process, if the workflow's code is given as `workflow` or was imported.

        Raises:
            NoWorkerError: no worker answers, and the code is not here.
            UnknownTypeError: the workflow answers no query of that name.
            QueryFailedError: the code that was to answer raised.
        """
        payload = self.messages.payload(args, kwargs, f"the arguments of query {name}")
        execution = h.WorkflowExecution(workflow_id, run_id)
        code = None if workflow is None else definition_of(workflow)
        return self.messages.query(execution, name, payload, code, checked_wait(timeout))

    def update(
        self,
        workflow_id: str,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        run_id: str = "",
        timeout: float | None = None,
    ) -> Any:
        """Send an update and wait for its answer, which is part of the history.

        Raises:
            WaitTimeoutError: `timeout` seconds have passed; the update may still be done.
            ExecutionNotFoundError: none is open.
            ExecutionClosedError: the execution ended without an answer.
            UnknownTypeError: the workflow answers no update of that name.
            UpdateFailedError: the workflow's code raised; the exception itself is the cause.
        """
        payload = self.messages.payload(args, kwargs, f"the arguments of update {name}")
        execution = h.WorkflowExecution(workflow_id, run_id)
        return self.messages.update(execution, name, payload, checked_wait(timeout))

    def cancel(self, workflow_id: str, *, run_id: str = "") -> None:
        """Ask the workflow to cancel itself: it sees CancelledError where it waits."""
        execution = h.WorkflowExecution(workflow_id, run_id)
        self.service.request_cancel_workflow_execution(self._domain, execution)

    def terminate(self, workflow_id: str, reason: str | None = None, *, run_id: str = "") -> None:
        """End the execution at once; the workflow is not asked."""
        execution = h.WorkflowExecution(workflow_id, run_id)
        self.service.terminate_workflow_execution(self._domain, execution, reason)

    # -- reading

    def listen(self, listener: Listen, *, follow: Iterable[str] = ()) -> Callable[[], None]:
        """Call `listener` with what this process commits by this service; return what ends it.

        A process is told only of its own commits: listen where the workers are. On Amazon SWF it is
        told of the executions that it starts, decides for or acts for, whose histories are read
        again and again, and of those whose workflow ids are to be followed.

        Raises:
            UnsupportedError: the service tells of nothing, or follows no executions of others.
            ExecutionNotFoundError: there is none to follow with such an id.
        """
        what = "tell listeners of what it records"
        stop = supported(self.service, SupportsNotices, what).listen(listener)
        try:
            for id in follow:
                what = "follow what others do: listen in the process that does it"
                following = supported(self.service, SupportsFollowing, what)
                following.follow(self._domain, h.WorkflowExecution(id, ""))
        except errors.PartitaError:
            stop()
            raise
        return stop

    def describe(self, workflow_id: str, *, run_id: str = "") -> ExecutionDetail:
        """Return how an execution stands, with what is open in it."""
        return self.service.describe(self._domain, h.WorkflowExecution(workflow_id, run_id))

    def status(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        workflow: WorkflowDefinition[..., Any] | type[WorkflowClass] | None = None,
    ) -> ExecutionStatus:
        """Return how an execution stands, and its result or its error if it has ended; never waits.

        Its type need not be known; with `workflow` the result is read by that function's result
        type, else as plain JSON. Of one that continued as new, `next_run_id` names the next run.

        Raises:
            ExecutionNotFoundError: there is no such execution.
        """
        code = None if workflow is None else definition_of(workflow)
        detail = self.describe(workflow_id, run_id=run_id)
        if detail.info.status is Status.OPEN:
            return ExecutionStatus(detail=detail)
        last = self._last_event(detail.info)
        if isinstance(last, h.WorkflowExecutionContinuedAsNew):
            return ExecutionStatus(detail=detail, next_run_id=last.new_execution_run_id)
        try:
            result = self._outcome(detail.info, last, code, _decoder(code))
        except errors.ExecutionClosedError as error:
            return ExecutionStatus(detail=detail, reason=reason([last]), error=error)
        return ExecutionStatus(detail=detail, result=result)

    def history(
        self, workflow_id: str, *, run_id: str = "", after: int = 0
    ) -> builtins.list[h.AnyEvent]:
        """Return an execution's events after number `after`, in order; notebooks show a table."""
        execution = h.WorkflowExecution(workflow_id, run_id)
        return HistoryList(self.service.history(self._domain, execution, after=after))

    def export_history(self, workflow_id: str, *, run_id: str = "") -> ExportedHistory:
        """Return a run, open or closed, as a document; `dump()` is its text.

        Payloads are exported as they are stored, behind the codec chain if there is one.

        Raises:
            ExecutionNotFoundError: there is no such execution.
        """
        return exported(self.service, self._domain, h.WorkflowExecution(workflow_id, run_id))

    def import_history(self, history: ExportedHistory) -> bool:
        """Keep a closed run that was exported elsewhere; return False if it is here already.

        It can be shown, queried, forked and run again; by itself nothing of it begins to run.

        Raises:
            InvalidInputError: the history is open; `history.terminated(reason)` is not.
            InvalidOptionError: the service cannot import histories.
            ExecutionAlreadyStartedError: its workflow id has an open run here, a run that began
                later, or this run with another history.
        """
        if not supports(self.service, Importing):
            raise errors.InvalidOptionError(
                f"{title_of(self.service)} keeps only what it has run itself; "
                "import histories into a database, such as sqlite:///orders.db"
            )
        return self.service.import_history(self._domain, history)

    def why(self, workflow_id: str, *, run_id: str = "") -> Verdict:
        """Return why an execution is not done, or how it ended; nothing changes.

        Where no worker tells where its code waits, code that was imported here is replayed.

        Raises:
            ExecutionNotFoundError: there is no such execution.
        """
        execution = h.WorkflowExecution(workflow_id, run_id)
        return explain(
            self.service, self._domain, execution, converter=self._converter, replays=True
        )

    def stack(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        workflow: WorkflowDefinition[..., Any] | type[WorkflowClass] | None = None,
    ) -> WorkflowStack:
        """Return where the workflow's code waits, by replaying its history; nothing changes.

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

    def close(self) -> None:
        """Close the service."""
        self._is_closed = True
        self.messages.close()
        self.service.close()


def exported(service: Service, domain: str, execution: h.WorkflowExecution) -> ExportedHistory:
    """Return a run as a document."""
    info = service.describe(domain, execution).info
    exact = h.WorkflowExecution(info.workflow_id, info.run_id)
    events = service.history(domain, exact)
    return export(domain, exact, events, info.search_attributes)


def _decoder(workflow: WorkflowDefinition[..., Any] | None) -> Callable[[str], Any]:
    """Return what reads a result: by the function's result type, or as plain JSON."""
    return read_untyped if workflow is None else workflow.signature.decode_result


def _late(workflow_id: str, timeout: float | None, state: str) -> errors.WaitTimeoutError:
    within = "" if timeout is None else f" within {timeout} s"
    return errors.WaitTimeoutError(f"execution {workflow_id!r} was not done{within}{state}")


def _hidden_by(away: BaseException) -> str:
    return f", as far as can be told: {away}; wait for it again"


_CLOSED: dict[Status, type[errors.ExecutionClosedError]] = {
    Status.CANCELED: errors.WorkflowCanceledError,
    Status.TERMINATED: errors.WorkflowTerminatedError,
    Status.TIMED_OUT: errors.WorkflowTimedOutError,
}
_ENDED = {
    Status.CANCELED: "was canceled",
    Status.TERMINATED: "was terminated",
    Status.TIMED_OUT: "timed out",
}
