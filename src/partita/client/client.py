"""Start executions, speak to them, and wait for what comes of them.

`Client` is synchronous; `AsyncClient` has the same methods, each run on a thread.
"""

from __future__ import annotations

import builtins
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from partita import errors
from partita import history as h
from partita.authoring.declared import Declared, definition_of
from partita.authoring.execution import search_attributes as plain_attributes
from partita.authoring.failure import Failure
from partita.authoring.messages import Signal
from partita.authoring.options import (
    Seconds,
    checked_id,
    checked_priority,
    checked_text,
    seconds,
    tag_list,
)
from partita.authoring.workflow import WorkflowDefinition
from partita.client.fallbacks import starts_of, waits_of
from partita.client.handle import Handle
from partita.client.histories import Histories
from partita.client.inspection import Looking
from partita.client.messages import AGAIN, Talking, code_of
from partita.client.schedules import Schedules
from partita.client.task_tokens import Tasks
from partita.client.validation import checked_wait, hold_arguments, input_of
from partita.codec import Converter, decoder
from partita.ports.capabilities import SupportsForks, SupportsLimits, supported
from partita.ports.service import (
    ExecutionInfo,
    ForkRequest,
    ReusePolicy,
    Service,
    StartRequest,
    TaskListLimits,
)
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST, Status
from partita.telemetry.spans import trace_start

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_load_any = decoder(Any)

LIMIT = "limit how fast a task list is worked off"


class Client(Looking):
    """Speak to a service, such as `connect("sqlite:///orders.db")`."""

    def __init__(
        self,
        service: Service,
        *,
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self._domain = domain
        self._converter = converter or Converter()
        self._clock = clock  # by which a `timeout` is measured
        self._is_closed = False
        self._talking = Talking(service, domain, self._converter, clock)
        self._histories = Histories(service, domain)
        self.schedules = Schedules(self)
        self.tasks = Tasks(service, self._converter)

    @property
    def converter(self) -> Converter:
        """What turns values into payloads and back."""
        return self._converter

    def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start a workflow with the given arguments and a random workflow id.

        One whose code is elsewhere is `partita.child_workflow(name, version)`.

        Raises:
            TypeError: the arguments do not fit the workflow's parameters.
            InvalidInputError: an argument does not fit its parameter's type.
            SerializationError: an argument has no JSON form.
        """
        hold_arguments(definition_of(workflow), kwargs, _START_OPTIONS)
        return self.start_with(workflow, args, kwargs)

    def start_with(
        self,
        workflow: WorkflowDefinition[..., R] | type[Declared],
        args: tuple[Any, ...] | builtins.list[Any] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        workflow_id: str | None = None,
        reuse_policy: ReusePolicy | str = ReusePolicy.RETURN_EXISTING,
        task_list: str | None = None,
        task_priority: int | None = None,
        execution_start_to_close: Seconds | None = None,
        tags: Iterable[str] | None = None,
        search_attributes: Mapping[str, Any] | None = None,
        signal: tuple[str | Signal[Any], Any] | None = None,
    ) -> Handle[R]:
        """Start a workflow with options. With a `workflow_id`, starting again is safe.

        `reuse_policy` says what happens if the id was used before; by default the same
        start returns the same execution, running or closed. With `signal`, a name and a
        value, an open execution of that id is signalled, and only if there is none is one
        started, with the signal as its first news.

        Raises:
            ExecutionAlreadyStartedError: the id is taken by another start, or the policy
                does not let it be used again.
            InvalidOptionError: the id has control characters, or an option cannot be meant.
            TypeError: the arguments do not fit the workflow's parameters.
            InvalidInputError: an argument does not fit its parameter's type.
        """
        workflow = definition_of(workflow)
        settings = workflow.settings
        attributes = {**settings.search_attributes, **(search_attributes or {})}
        priority = checked_priority(task_priority)
        task_list = checked_text("task_list", task_list)
        limit = seconds("execution_start_to_close", execution_start_to_close)
        request = StartRequest(
            workflow_id=checked_id(workflow_id or settings.workflow_id) or uuid.uuid4().hex[:12],
            workflow_type=workflow.workflow_type,
            input=input_of(workflow, self._converter, args, kwargs or {}),
            domain=self._domain,
            task_list=checked_text("task_list", task_list)
            or settings.task_list
            or DEFAULT_TASK_LIST,
            task_priority=settings.task_priority if priority is None else priority,
            child_policy=settings.child_policy,
            task_start_to_close=settings.task_start_to_close,
            execution_start_to_close=limit or settings.execution_start_to_close,
            tag_list=settings.tag_list if tags is None else tag_list(tags),
            lambda_role=settings.lambda_role,
            search_attributes=plain_attributes(attributes),
            reuse_policy=_reuse_policy(reuse_policy),
        )
        if signal is None:
            execution = trace_start(request, self.service.start_workflow_execution)
        else:
            name, payload = self._signal_input(*signal)
            execution = trace_start(
                request,
                lambda traced: starts_of(self.service).signal_with_start(traced, name, payload),
            )
        return Handle(self, execution, workflow)

    def _signal_input(self, name: str | Signal[Any], value: Any) -> tuple[str, str | None]:
        """Return a signal's name and payload, once it is known to fit the signal's type."""
        if str(name).startswith("$"):
            raise errors.InvalidOptionError(f"a signal cannot be named {name}; begin with a letter")
        payload = None if value is None else self._converter.dump(value, f"signal {name}")
        if isinstance(name, Signal) and name.type is not Any:
            what = f"the value of signal {name}"
            self._converter.load("null" if payload is None else payload, name.decode, what)
        return str(name), payload

    def handle(self, workflow_id: str, run_id: str = "") -> Handle[Any]:
        """Return a handle for an execution that was started elsewhere."""
        return Handle(self, h.WorkflowExecution(workflow_id, run_id), None)

    def result(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        timeout: float | None = None,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Any:
        """Wait for the result, through as many runs as the workflow continues for.

        With `workflow` it is read by that function's result type, else as plain JSON.

        Raises:
            ExecutionNotFoundError: there is no such execution.
            WaitTimeoutError: `timeout` seconds have passed; the execution goes on. Its cause is
                a StoreUnavailableError where an outage hides how the execution stands.
            WorkflowFailedError: the workflow raised; the exception itself is the cause.
            ExecutionClosedError: it was canceled, was terminated or timed out.
            StoreUnavailableError: out of reach as the waiting began. An outage that comes
                later does not end the waiting.
        """
        timeout = checked_wait(timeout)
        deadline = None if timeout is None else self._clock() + timeout
        is_reached = False
        while True:
            left = None if deadline is None else max(0.0, deadline - self._clock())
            execution = h.WorkflowExecution(workflow_id, run_id)
            try:
                info = waits_of(self.service).wait_closed(self._domain, execution, left)
                is_reached = True
                keeps = self._what_keeps_it(execution) if info is None else ""
                last = None if info is None else self._last_event(info)
            except (errors.StoreUnavailableError, errors.WaitTimeoutError) as error:
                if isinstance(error, errors.WaitTimeoutError) or (is_reached and left == 0.0):
                    away = error.__cause__ or error
                    keeps = f", as far as can be told: {away}; wait for it again"
                    raise _late(workflow_id, timeout, keeps) from away
                if not is_reached or self._is_closed:
                    raise
                time.sleep(AGAIN)
                continue
            if info is None or last is None:
                raise _late(workflow_id, timeout, keeps)
            if not isinstance(last, h.WorkflowExecutionContinuedAsNew):
                return self._outcome(info, last, workflow)
            run_id = last.new_execution_run_id

    def _what_keeps_it(self, execution: h.WorkflowExecution) -> str:
        """Say how an open execution goes on, with the reason if it cannot."""
        decision = self.service.describe(self._domain, execution).decision
        if decision is None or not decision.failure:
            return "; it goes on"
        failure = " ".join(decision.failure.split())
        return f": its decider fails, and is tried again ({failure}); mend the code"

    def _last_event(self, info: ExecutionInfo) -> h.AnyEvent:
        execution = h.WorkflowExecution(info.workflow_id, info.run_id)
        return self.service.history(self._domain, execution, after=info.event_count - 1)[-1]

    def _outcome(
        self, info: ExecutionInfo, last: h.AnyEvent, workflow: WorkflowDefinition[..., Any] | None
    ) -> Any:
        name = f"execution {info.workflow_id!r}"
        if isinstance(last, h.WorkflowExecutionCompleted):
            decode = _load_any if workflow is None else workflow.signature.decode_result
            return self._converter.load(last.result, decode, f"the result of {name}")
        if isinstance(last, h.WorkflowExecutionFailed):
            failure = Failure.load(last.details, last.reason)
            namespace = {} if workflow is None else workflow.namespace
            cause = failure.rebuild(namespace, errors.WorkflowFailedError)
            error = errors.WorkflowFailedError(failure.type, failure.message, failure.traceback)
            raise error from cause
        reason = last.reason if isinstance(last, h.WorkflowExecutionTerminated) else None
        raise _CLOSED[info.status](
            f"{name} {_ENDED[info.status]}" + (f": {reason}" if reason else "")
        )

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

    def query(
        self,
        workflow_id: str,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        run_id: str = "",
        workflow: WorkflowDefinition[..., Any] | type[Declared] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Ask the workflow's code something; nothing changes. Closed executions answer, too.

        A live worker answers, in this process or another. Without one the history is
        replayed here, if the workflow's code is: given as `workflow`, or imported.

        Raises:
            NoWorkerError: no worker answers, and the code is not here.
            UnknownTypeError: the workflow answers no query of that name.
            QueryFailedError: the code that was to answer raised.
        """
        payload = self._talking.payload(args, kwargs, f"the arguments of query {name}")
        execution = h.WorkflowExecution(workflow_id, run_id)
        code = None if workflow is None else definition_of(workflow)
        return self._talking.query(execution, name, payload, code, checked_wait(timeout))

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
        """Tell the workflow something and wait for its answer, which is part of its history.

        Raises:
            WaitTimeoutError: `timeout` seconds have passed; the update may still be done.
            ExecutionNotFoundError: none is open.
            ExecutionClosedError: the execution ended without an answer.
            UnknownTypeError: the workflow answers no update of that name.
            UpdateFailedError: the workflow's code raised; the exception itself is the cause.
        """
        payload = self._talking.payload(args, kwargs, f"the arguments of update {name}")
        execution = h.WorkflowExecution(workflow_id, run_id)
        return self._talking.update(execution, name, payload, checked_wait(timeout))

    def fork(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        event_id: int | None = None,
        new_workflow_id: str | None = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
        task_list: str | None = None,
    ) -> Handle[Any]:
        """Begin a run that reuses what another has recorded up to an event.

        Args:
            workflow_id: of the source; its newest run unless `run_id` is given.
            run_id: which run.
            event_id: results recorded by later events are not reused. Without it all are, but
                what failed is tried again.
            new_workflow_id: for a fork; without it this is a reset, and an open run of the
                id is terminated.
            args: other arguments for the workflow.
            kwargs: other keyword arguments.
            results: other results of activities, by activity id.
            task_list: whose workers go on with it; the source's without.

        Raises:
            UnknownForkPointError: there is no such event, or no activity with that id.
            ExecutionAlreadyStartedError: `new_workflow_id` belongs to an open execution.
        """
        given = args is not None or kwargs is not None
        request = ForkRequest(
            workflow_id=workflow_id,
            run_id=run_id,
            domain=self._domain,
            event_id=event_id,
            new_workflow_id=checked_id(new_workflow_id),
            input=self._talking.payload(args or (), kwargs, "the input") if given else None,
            results={
                id: self._converter.dump(value, f"the result of activity {id}")
                for id, value in (results or {}).items()
            },
            reuse_failures=event_id is not None,
            task_list=task_list,
        )
        execution = supported(
            self.service, SupportsForks, "fork or reset executions"
        ).fork_workflow_execution(request)
        return Handle(
            self,
            execution,
            code_of(self.service.describe(self._domain, execution).info.workflow_type),
        )

    def rerun(
        self, workflow_id: str, *, run_id: str = "", task_list: str | None = None
    ) -> Handle[Any]:
        """Run a failed execution again; steps that were finished are not done again.

        The workers of `task_list` do it, or else those that had it.

        Raises:
            ExecutionAlreadyStartedError: it, or a newer run, is open; `fork` would replace that.
        """
        runs = {run_id, ""}  # the run itself, and the newest
        found = [self.describe(workflow_id, run_id=run).info.status for run in runs]
        if Status.OPEN in found:
            raise errors.ExecutionAlreadyStartedError(
                f"execution {workflow_id!r} is open and goes on by itself; "
                "to begin it anew all the same, fork it"
            )
        return self.fork(workflow_id, run_id=run_id, task_list=task_list)

    def limits(self) -> dict[str, TaskListLimits]:
        """Return the limits of every task list that has one."""
        return supported(self.service, SupportsLimits, LIMIT).limits(self._domain)

    def set_limits(
        self,
        task_list: str,
        *,
        concurrency: int | None = None,
        per_second: float | None = None,
        burst: float | None = None,
    ) -> None:
        """Limit how fast a task list is worked off, by all workers together; None is no limit.

        Args:
            task_list: which one.
            concurrency: activities that may run at a time.
            per_second: activities that may begin per second.
            burst: activities that may begin at once after a quiet time; as many as begin in
                one second by default.

        Raises:
            InvalidOptionError: a limit is not above 0.
        """
        if not task_list or not isinstance(task_list, str):
            raise errors.InvalidOptionError(f"task_list={task_list!r}; give a name")
        whole = isinstance(concurrency, int) and not isinstance(concurrency, bool)
        if concurrency is not None and not (whole and 0 < concurrency < 1_000_000_000):
            raise errors.InvalidOptionError(
                f"concurrency={concurrency!r}; give a whole number above 0"
            )
        for name, value in (("per_second", per_second), ("burst", burst)):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and math.isfinite(value) and value > 0):
                raise errors.InvalidOptionError(f"{name}={value!r}; give a number above 0, or None")
        tokens = max(1.0, burst if burst is not None else per_second or 1.0)
        limits = TaskListLimits(concurrency=concurrency, per_second=per_second, burst=tokens)
        supported(self.service, SupportsLimits, LIMIT).set_limits(self._domain, task_list, limits)

    def cancel(self, workflow_id: str, *, run_id: str = "") -> None:
        """Ask the workflow to cancel itself: it sees CancelledError where it waits."""
        execution = h.WorkflowExecution(workflow_id, run_id)
        self.service.request_cancel_workflow_execution(self._domain, execution)

    def terminate(self, workflow_id: str, reason: str | None = None, *, run_id: str = "") -> None:
        """End the execution at once; the workflow is not asked."""
        execution = h.WorkflowExecution(workflow_id, run_id)
        self.service.terminate_workflow_execution(self._domain, execution, reason)

    def close(self) -> None:
        """Let go of the service."""
        self._is_closed = True
        self._talking.close()
        self.service.close()

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


_START_OPTIONS = frozenset(Client.start_with.__kwdefaults__ or ())


def _late(workflow_id: str, timeout: float | None, keeps: str) -> errors.WaitTimeoutError:
    return errors.WaitTimeoutError(
        f"execution {workflow_id!r} was not done within {timeout} s{keeps}"
    )


def _reuse_policy(value: ReusePolicy | str) -> ReusePolicy:
    try:
        return ReusePolicy(value)
    except ValueError:
        names = ", ".join(policy.value for policy in ReusePolicy)
        raise errors.InvalidOptionError(f"reuse_policy={value!r}; give one of {names}") from None


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
