"""Start executions, speak to them, and wait for what comes of them.

`Client` is synchronous; `AsyncClient` has the same methods, each run on a thread.
"""

from __future__ import annotations

import asyncio
import builtins
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from partita.authoring.activity import Seconds, seconds
from partita.authoring.failure import Failure
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter, decoder
from partita.errors import (
    ExecutionClosedError,
    WaitTimeoutError,
    WorkflowCanceledError,
    WorkflowFailedError,
    WorkflowTerminatedError,
    WorkflowTimedOutError,
)
from partita.history import (
    AnyEvent,
    WorkflowExecution,
    WorkflowExecutionCompleted,
    WorkflowExecutionContinuedAsNew,
    WorkflowExecutionFailed,
    WorkflowExecutionTerminated,
)
from partita.service import (
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
    ReusePolicy,
    Service,
    StartRequest,
)
from partita.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST, ExecutionFilter, Status

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_load_any = decoder(Any)


class Handle(Generic[R]):
    """One execution, as its starter sees it."""

    def __init__(
        self,
        client: Client,
        execution: WorkflowExecution,
        workflow: WorkflowDefinition[..., R] | None,
    ) -> None:
        self.workflow_id = execution.workflow_id
        self.run_id = execution.run_id
        self._client = client
        self._workflow = workflow

    def result(self, timeout: float | None = None) -> R:
        """Wait for the result; see `Client.result`."""
        result: R = self._client.result(
            self.workflow_id, run_id=self.run_id, timeout=timeout, workflow=self._workflow
        )
        return result

    def signal(self, name: str, value: Any = None) -> None:
        """Send a signal."""
        self._client.signal(self.workflow_id, name, value, run_id=self.run_id)

    def cancel(self) -> None:
        """Ask the workflow to cancel itself."""
        self._client.cancel(self.workflow_id, run_id=self.run_id)

    def terminate(self, reason: str | None = None) -> None:
        """End the execution at once."""
        self._client.terminate(self.workflow_id, reason, run_id=self.run_id)

    def describe(self) -> ExecutionDetail:
        """Return how the execution stands."""
        return self._client.describe(self.workflow_id, run_id=self.run_id)

    def history(self, *, after: int = 0) -> list[AnyEvent]:
        """Return the events so far, from the one after number `after` on."""
        return self._client.history(self.workflow_id, run_id=self.run_id, after=after)


class Client:
    """Speak to a service, such as `connect("sqlite:///orders.db")`."""

    def __init__(
        self,
        service: Service,
        *,
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
    ) -> None:
        self.service = service
        self._domain = domain
        self._converter = converter or Converter()

    def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start a workflow with the given arguments and a random workflow id.

        Raises:
            TypeError: the arguments do not fit the workflow's parameters.
            SerializationError: an argument has no JSON form.
        """
        return self.start_with(workflow, args, kwargs)

    def start_with(
        self,
        workflow: WorkflowDefinition[..., R],
        args: tuple[Any, ...] | builtins.list[Any] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        workflow_id: str | None = None,
        reuse_policy: ReusePolicy | str = ReusePolicy.RETURN_EXISTING,
        task_list: str | None = None,
        task_priority: int | None = None,
        execution_start_to_close: Seconds | None = None,
        tags: tuple[str, ...] | None = None,
    ) -> Handle[R]:
        """Start a workflow with settings. With a `workflow_id`, starting again is safe.

        `reuse_policy` says what happens if the id was used before; by default the same
        start returns the same execution, running or closed.

        Raises:
            ExecutionAlreadyStartedError: the id is taken by another start, or the policy
                does not let it be used again.
            TypeError: the arguments do not fit the workflow's parameters.
        """
        what = f"the input of workflow {workflow.workflow_type.name}"
        value = workflow.signature.bind(tuple(args), kwargs or {})
        settings = workflow.settings
        limit = seconds("execution_start_to_close", execution_start_to_close)
        request = StartRequest(
            workflow_id=workflow_id or uuid.uuid4().hex[:12],
            workflow_type=workflow.workflow_type,
            input=self._converter.dump(value, what),
            domain=self._domain,
            task_list=task_list or settings.task_list or DEFAULT_TASK_LIST,
            task_priority=settings.task_priority if task_priority is None else task_priority,
            child_policy=settings.child_policy,
            task_start_to_close=settings.task_start_to_close,
            execution_start_to_close=limit or settings.execution_start_to_close,
            tag_list=settings.tag_list if tags is None else tags,
            reuse_policy=ReusePolicy(reuse_policy),
        )
        execution = self.service.start_workflow_execution(request)
        return Handle(self, execution, workflow)

    def handle(self, workflow_id: str, run_id: str = "") -> Handle[Any]:
        """Return a handle for an execution that was started elsewhere."""
        return Handle(self, WorkflowExecution(workflow_id, run_id), None)

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
            WaitTimeoutError: `timeout` seconds have passed; the execution goes on.
            WorkflowFailedError: the workflow raised; the exception itself is the cause.
            ExecutionClosedError: it was canceled, was terminated or timed out.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            execution = WorkflowExecution(workflow_id, run_id)
            info = self.service.wait_closed(self._domain, execution, left)
            if info is None:
                raise WaitTimeoutError(
                    f"execution {workflow_id!r} was not done within {timeout} s; it goes on"
                )
            last = self._last_event(info)
            if not isinstance(last, WorkflowExecutionContinuedAsNew):
                return self._outcome(info, last, workflow)
            run_id = last.new_execution_run_id

    def _last_event(self, info: ExecutionInfo) -> AnyEvent:
        execution = WorkflowExecution(info.workflow_id, info.run_id)
        return self.service.history(self._domain, execution, after=info.event_count - 1)[-1]

    def _outcome(
        self, info: ExecutionInfo, last: AnyEvent, workflow: WorkflowDefinition[..., Any] | None
    ) -> Any:
        name = f"execution {info.workflow_id!r}"
        if isinstance(last, WorkflowExecutionCompleted):
            decode = _load_any if workflow is None else workflow.signature.decode_result
            return self._converter.load(last.result, decode, f"the result of {name}")
        if isinstance(last, WorkflowExecutionFailed):
            failure = Failure.load(last.details, last.reason)
            namespace = {} if workflow is None else workflow.namespace
            cause = failure.rebuild(namespace, WorkflowFailedError)
            error = WorkflowFailedError(failure.type, failure.message, failure.traceback)
            raise error from cause
        reason = last.reason if isinstance(last, WorkflowExecutionTerminated) else None
        raise _CLOSED[info.status](
            f"{name} {_ENDED[info.status]}" + (f": {reason}" if reason else "")
        )

    def signal(self, workflow_id: str, name: str, value: Any = None, *, run_id: str = "") -> None:
        """Send a signal. Raises ExecutionNotFoundError if none is open."""
        payload = None if value is None else self._converter.dump(value, f"signal {name}")
        execution = WorkflowExecution(workflow_id, run_id)
        self.service.signal_workflow_execution(self._domain, execution, name, payload)

    def cancel(self, workflow_id: str, *, run_id: str = "") -> None:
        """Ask the workflow to cancel itself: it sees CancelledError where it waits."""
        execution = WorkflowExecution(workflow_id, run_id)
        self.service.request_cancel_workflow_execution(self._domain, execution)

    def terminate(self, workflow_id: str, reason: str | None = None, *, run_id: str = "") -> None:
        """End the execution at once; the workflow is not asked."""
        execution = WorkflowExecution(workflow_id, run_id)
        self.service.terminate_workflow_execution(self._domain, execution, reason)

    def describe(self, workflow_id: str, *, run_id: str = "") -> ExecutionDetail:
        """Return how an execution stands, with what is open in it."""
        return self.service.describe(self._domain, WorkflowExecution(workflow_id, run_id))

    def history(
        self, workflow_id: str, *, run_id: str = "", after: int = 0
    ) -> builtins.list[AnyEvent]:
        """Return an execution's events after number `after`, in order."""
        execution = WorkflowExecution(workflow_id, run_id)
        return self.service.history(self._domain, execution, after=after)

    def list(
        self,
        *,
        status: Status | None = None,
        type_name: str | None = None,
        workflow_id: str | None = None,
        tag: str | None = None,
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
                before_run=before_run,
                limit=limit,
            )
        )

    def close(self) -> None:
        """Let go of the service."""
        self.service.close()

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


_CLOSED: dict[Status, type[ExecutionClosedError]] = {
    Status.CANCELED: WorkflowCanceledError,
    Status.TERMINATED: WorkflowTerminatedError,
    Status.TIMED_OUT: WorkflowTimedOutError,
}
_ENDED = {
    Status.CANCELED: "was canceled",
    Status.TERMINATED: "was terminated",
    Status.TIMED_OUT: "timed out",
}


def _threaded(
    method: Callable[Concatenate[Client, P], T],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, self.sync, *args, **kwargs)

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class AsyncClient:
    """A `Client` for asyncio: the same methods, awaited. `sync` is the client behind it."""

    def __init__(self, sync: Client) -> None:
        self.sync = sync

    async def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start a workflow; see `Client.start`."""
        return await asyncio.to_thread(self.sync.start, workflow, *args, **kwargs)

    start_with = _threaded(Client.start_with)
    result = _threaded(Client.result)
    signal = _threaded(Client.signal)
    cancel = _threaded(Client.cancel)
    terminate = _threaded(Client.terminate)
    describe = _threaded(Client.describe)
    history = _threaded(Client.history)
    list = _threaded(Client.list)
    close = _threaded(Client.close)


__all__ = ["AsyncClient", "Client", "Handle"]
