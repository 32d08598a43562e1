"""Start executions, and return handles of them; steer schedules and task lists.

What is done to executions by their ids is the `ExecutionClient`'s part.
"""

from __future__ import annotations

import builtins
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from partita import history as h
from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.definition import WorkflowSpec
from partita.authoring.execution import search_attributes as plain_attributes
from partita.authoring.failure import describe
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
from partita.client.execution_client import ExecutionClient
from partita.client.fallbacks import starts_of
from partita.client.handle import Handle
from partita.client.schedules import Schedules
from partita.client.validation import check_arguments, checked_limits, input_of, reuse_policy_of
from partita.codec import ANY, Converter
from partita.errors import ExecutionAlreadyStartedError
from partita.ports.capabilities import (
    SupportsForks,
    SupportsInputByName,
    SupportsLimits,
    supported,
    supports,
)
from partita.ports.service import (
    ForkRequest,
    ReusePolicy,
    Service,
    StartRequest,
    TaskListLimits,
)
from partita.ports.state import DEFAULT_DOMAIN, DEFAULT_TASK_LIST, Status
from partita.telemetry.spans import trace_start
from partita.views.stacks import code_of

P = ParamSpec("P")
R = TypeVar("R")

LIMIT = "limit how fast a task list is worked off"


class Client(ExecutionClient):
    """A client of a service, such as `connect("sqlite:///orders.db")`."""

    def __init__(
        self,
        service: Service,
        *,
        domain: str = DEFAULT_DOMAIN,
        converter: Converter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(service, domain, converter or Converter(), clock)
        self.schedules = Schedules(self, self.start_with)
        self.tasks = Tasks(service, self._converter)

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
        check_arguments(definition_of(workflow), kwargs, _START_OPTIONS)
        return self.start_with(workflow, args, kwargs)

    def start_with(
        self,
        workflow: WorkflowDefinition[..., R] | type[WorkflowClass],
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
            input=self._input(workflow, args, kwargs or {}),
            domain=self._domain,
            task_list=task_list or settings.task_list or DEFAULT_TASK_LIST,
            task_priority=settings.task_priority if priority is None else priority,
            child_policy=settings.child_policy,
            task_start_to_close=settings.task_start_to_close,
            execution_start_to_close=limit or settings.execution_start_to_close,
            tag_list=settings.tag_list if tags is None else tag_list(tags),
            lambda_role=settings.lambda_role,
            search_attributes=plain_attributes(attributes),
            reuse_policy=reuse_policy_of(reuse_policy),
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

    def _input(self, workflow: WorkflowSpec, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the payload of a start, as the service takes it."""
        payload = input_of(workflow, self._converter, args, kwargs)
        if workflow.takes_document or not supports(self.service, SupportsInputByName):
            return payload
        return self.service.input_by_name(workflow.signature.names, payload)

    @overload
    def handle(
        self, workflow_id: str, run_id: str = "", *, workflow: WorkflowDefinition[..., R]
    ) -> Handle[R]: ...
    @overload
    def handle(
        self, workflow_id: str, run_id: str = "", *, workflow: None = None
    ) -> Handle[Any]: ...
    def handle(
        self,
        workflow_id: str,
        run_id: str = "",
        *,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Handle[Any]:
        """Return a handle for an execution that was started elsewhere.

        With `workflow` its result is read by that function's result type, else as plain JSON.
        """
        return Handle(self, h.WorkflowExecution(workflow_id, run_id), workflow)

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
            input=self.messages.payload(args or (), kwargs, "the input") if given else None,
            results={
                id: self._converter.dump(value, f"the result of activity {id}", ANY)
                for id, value in (results or {}).items()
            },
            reuse_failures=event_id is not None,
            task_list=task_list,
        )
        forking = supported(self.service, SupportsForks, "fork or reset executions")
        execution = forking.fork_workflow_execution(request)
        workflow_type = self.service.describe(self._domain, execution).info.workflow_type
        return Handle(self, execution, code_of(workflow_type))

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
            raise ExecutionAlreadyStartedError(
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
        """Limit how fast all workers together run the activities of a task list; None is no limit.

        Args:
            task_list: which one.
            concurrency: activities that may run at a time.
            per_second: activities that may begin per second.
            burst: activities that may begin at once after a pause; by default as many as begin
                in one second.

        Raises:
            InvalidOptionError: a limit is not above 0.
        """
        limits = checked_limits(task_list, concurrency, per_second, burst)
        supported(self.service, SupportsLimits, LIMIT).set_limits(self._domain, task_list, limits)

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()


_START_OPTIONS = frozenset(Client.start_with.__kwdefaults__ or ())


class Tasks:
    """Ends activities that go on after their function has returned (`auto_complete=False`).

    The token is `activity_info().task_token`; hand it to whoever is to end the activity.
    Every method raises TaskLostError if the activity has ended, timed out, or was given to
    another worker, and InvalidTokenError for a token that is not of this service.
    """

    def __init__(self, service: Service, converter: Converter) -> None:
        self._service = service
        self._converter = converter

    def complete(self, token: str, result: Any = None) -> None:
        """Complete the activity with a result.

        Raises:
            SerializationError: it has no JSON form.
        """
        payload = self._converter.dump(result, "the result of the activity", ANY)
        self._service.complete_activity(token, payload)

    def fail(
        self,
        token: str,
        reason: str | BaseException,
        details: str | None = None,
        *,
        retryable: bool = True,
    ) -> None:
        """Fail the activity, with an exception or a reason; its retry policy counts."""
        if isinstance(reason, BaseException):
            failure = describe(reason)
            reason, details = failure.reason, failure.dump()
        self._service.fail_activity(token, reason, details, retryable=retryable)

    def cancel(self, token: str, details: str | None = None) -> None:
        """Report that the activity has obeyed a cancel request."""
        self._service.cancel_activity(token, details)

    def heartbeat(self, token: str, details: Any = None) -> bool:
        """Report that the activity is alive; return whether it was asked to cancel itself."""
        payload = None if details is None else self._converter.dump(details, "the heartbeat", ANY)
        return self._service.heartbeat_activity(token, payload)
