"""Keep what a run has asked for and has not heard the end of.

Activities, children, Lambda functions and messages to other executions: each has a key, its
place in the run, and a future. An event ends it; a failure hook may give it another try.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from partita import history as h
from partita.authoring.definition import (
    ActivityDefinition,
    LambdaSpec,
    Submittable,
    WorkflowSpec,
)
from partita.authoring.future import (
    ChildFuture,
    Future,
    copy_outcome,
    pending_in,
    resolved,
    when_done,
)
from partita.authoring.hooks import (
    AbortWorkflow,
    CancelWorkflow,
    ReplaceResult,
    RetryTask,
    TaskFailure,
)
from partita.authoring.requests import activity_request, child_request, lambda_request
from partita.errors import CancelledError
from partita.replay.outcomes import ACTIVITY_ENDS, BY_INITIATED, BY_SCHEDULED, refused

if TYPE_CHECKING:
    from partita.replay.run import Run
    from partita.replay.runtime import Asking


class Operation:
    """Something that was asked for and has not ended."""

    __slots__ = ("args", "attempt", "cancelling", "deferred", "definition", "future", "kwargs")

    def __init__(
        self,
        future: Future[Any],
        definition: Submittable | None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.future = future
        self.definition = definition  # None: a message to another execution
        self.args = args
        self.kwargs = kwargs or {}
        self.attempt = 1
        self.deferred = False  # waits for its arguments
        self.cancelling = False  # it was asked to end


class StrandFuture(Future[Any]):
    """The result of a strand; `stop` interrupts it."""

    __slots__ = ("stop",)

    stop: Callable[[], None]


class Operations:
    """The open operations of one run, by key."""

    def __init__(self, run: Run, asking: Asking) -> None:
        self._run = run
        self._asking = asking
        self._open: dict[str, Operation] = {}
        self._bound: dict[int, str] = {}  # scheduled or initiated event id -> key
        self._once: dict[str, Future[Any]] = {}  # idempotent calls
        self._activities = 0  # that the service holds
        self._kept_back: deque[h.ScheduleActivityTask] = deque()  # until it can hold them

    @property
    def can_go_on(self) -> bool:
        """Whether anything is open that ends by itself."""
        return any(
            not operation.deferred and type(operation.future) is not StrandFuture
            for operation in self._open.values()
        )

    # -- what the history tells

    def deliver(self, event: h.AnyEvent) -> None:
        """Let an event end what it is the end of."""
        kind = type(event)
        ended = BY_SCHEDULED.get(kind)
        if ended is not None:
            key = self._bound.pop(event.scheduled_event_id, "")  # type: ignore[union-attr,arg-type]
            if key and kind in ACTIVITY_ENDS:
                self._activities -= 1
            self._end(key, event, ended)
            self._release()
        elif kind is h.ChildWorkflowExecutionStarted:
            key = self._bound.get(event.initiated_event_id, "")  # type: ignore[union-attr]
            operation = self._open.get(key)
            if operation is not None and isinstance(operation.future, ChildFuture):
                operation.future.execution = event.workflow_execution  # type: ignore[union-attr]
        elif kind in BY_INITIATED:
            key = self._bound.pop(event.initiated_event_id, "")  # type: ignore[union-attr]
            self._end(key, event, BY_INITIATED[kind])

    def _end(
        self, key: str, event: h.AnyEvent, read: Callable[[Any, Any, Any], tuple[Any, Any]]
    ) -> None:
        operation = self._open.pop(key, None)
        if operation is None:
            return
        result = getattr(event, "result", None)
        if result is not None:
            self._run.cost += 2 * len(result)
        value, error = read(event, operation.definition, self._run.converter)
        if error is not None and self._judge(key, operation, error):
            return
        operation.future.settle(value, error)

    def _judge(self, key: str, operation: Operation, error: BaseException) -> bool:
        """Ask the failure hook; return whether that was the last word on the failure."""
        hook = self._run.workflow.hooks.on_task_failure
        if hook is None or operation.definition is None or isinstance(error, CancelledError):
            return False
        failure = TaskFailure(
            name=operation.definition.label.split(" ", 1)[1],
            key=key,
            error=error,
            args=operation.args,
            kwargs=operation.kwargs,
            attempt=operation.attempt,
        )
        match hook(failure):
            case RetryTask(seconds=seconds):
                operation.attempt += 1
                operation.cancelling = False
                self._open[key] = operation
                if seconds > 0:
                    operation.deferred = True
                    timer = self._asking.start_timer(seconds)
                    timer.add_done_callback(lambda _: self._schedule_again(key))
                else:
                    self._schedule_again(key)
                return True
            case ReplaceResult(value=value):
                operation.future.settle(value)
                return True
            case CancelWorkflow():
                self._run.cancel_requested = True
                self._run.strands[0].cancel_pending = True
            case AbortWorkflow():
                self._run.abort(error)
        return False

    def _schedule_again(self, key: str) -> None:
        operation = self._open.get(key)
        if operation is not None:
            operation.deferred = False
            self._schedule(key, operation)

    def definition_of(self, decision: h.AnyDecision) -> Submittable | None:
        """Return whose arguments a decision carries."""
        match decision:
            case h.ScheduleActivityTask(activity_id=key) | h.ScheduleLambdaFunction(id=key):
                operation = self._open.get(key)
            case h.StartChildWorkflowExecution(control=key) if key is not None:
                operation = self._open.get(key)
            case _:
                operation = None
        return None if operation is None else operation.definition

    def was_recorded(self, decision: h.AnyDecision, event: h.AnyEvent) -> None:
        """Learn the event id that later events will name."""
        if type(decision) is h.ScheduleActivityTask:
            self._bound[event.event_id] = decision.activity_id
            return
        match decision:
            case h.ScheduleLambdaFunction(id=key):
                self._bound[event.event_id] = key
            case (
                h.StartChildWorkflowExecution(control=key)
                | h.SignalExternalWorkflowExecution(control=key)
                | h.RequestCancelExternalWorkflowExecution(control=key)
            ) if key is not None:
                self._bound[event.event_id] = key

    def was_refused(self, event: h.AnyEvent) -> None:
        """End what could not even be scheduled."""
        key = getattr(event, "activity_id", None) or getattr(event, "id", None)
        key = key or getattr(event, "control", None) or ""
        if isinstance(event, h.ScheduleActivityTaskFailed):
            self._activities -= 1
        operation = self._open.pop(key, None)
        if operation is not None and operation.definition is not None:
            error = refused(event, operation.definition)
            if not self._judge(key, operation, error):
                operation.future.settle(error=error)
        self._release()

    # -- how many activities the service holds

    def _issue_activity(self, request: h.ScheduleActivityTask, operation: Operation) -> None:
        """Ask for an activity, now or as soon as the service can hold one more."""
        bound = self._run.bounds.activities
        if bound is not None and self._activities >= bound:
            operation.deferred = True
            self._kept_back.append(request)
        else:
            self._activities += 1
            self._run.issue(request)

    def _release(self) -> None:
        """Ask for what was kept back and can be held now, unless nobody waits any more."""
        bound = self._run.bounds.activities
        while self._kept_back and self._run.is_running and self._activities < (bound or 0):
            request = self._kept_back.popleft()
            operation = self._open.get(request.activity_id)
            if operation is not None and operation.deferred:
                operation.deferred = False
                self._issue_activity(request, operation)

    # -- what the code asks for

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str,
    ) -> Future[Any]:
        """Schedule it, at once or when the futures among its arguments are done."""
        if isinstance(definition, LambdaSpec) and definition.stand_in is not None:
            if not (self._run.bounds.lambdas and self._asking.lambda_role):
                definition = definition.stand_in
        waits_for = pending_in((args, kwargs))
        if isinstance(definition, ActivityDefinition) and definition.settings.idempotent:
            return self._submit_once(definition, args, kwargs, key, waits_for)
        operation = Operation(self._future(definition, key), definition, args, kwargs)
        self._open[key] = operation
        if not waits_for:
            try:
                self._schedule(key, operation)
            except BaseException:
                self._open.pop(key, None)
                raise
        else:
            definition.signature.bind(args, kwargs)
            operation.deferred = True
            when_done(waits_for, lambda: self._schedule_late(key))
        return operation.future

    def _future(self, definition: Submittable, key: str) -> Future[Any]:
        if isinstance(definition, WorkflowSpec):
            origin = self._asking.origin()
            given = definition.settings.workflow_id
            id = given or f"{self._run.execution.workflow_id}:{origin[:8]}:{key}"
            return ChildFuture(self._asking, definition.label, h.WorkflowExecution(id, ""), key)
        return Future(self._asking, definition.label, key)

    def _submit_once(
        self,
        definition: ActivityDefinition,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str,
        waits_for: list[Future[Any]],
    ) -> Future[Any]:
        """Share the result of the same call, if there was one."""
        future = self._future(definition, key)

        def begin() -> None:
            try:
                real, named = resolved(args), resolved(kwargs)
                payload = self._run.dump(
                    definition.signature.bind(real, named), definition.arguments_label
                )
            except Exception as error:
                future.settle(error=error)
                return
            first = self._once.setdefault(f"{definition.key} {payload}", future)
            if first is future:
                operation = Operation(future, definition, real, named)
                self._open[key] = operation
                self._schedule(key, operation)
            else:
                first.add_done_callback(lambda _: copy_outcome(first, future))

        when_done(waits_for, begin)
        return future

    def _schedule_late(self, key: str) -> None:
        """Schedule what has waited for its arguments; fail it if one of them failed."""
        operation = self._open.get(key)
        if operation is None:
            return
        operation.deferred = False
        try:
            operation.args, operation.kwargs = resolved(operation.args), resolved(operation.kwargs)
            self._schedule(key, operation)
        except Exception as error:
            self._open.pop(key, None)
            operation.future.settle(error=error)

    def _schedule(self, key: str, operation: Operation) -> None:
        definition = operation.definition
        assert definition is not None
        value = definition.signature.bind(operation.args, operation.kwargs)
        if isinstance(definition, LambdaSpec):
            value = operation.args[0] if operation.args else operation.kwargs.get("input")
        payload = self._run.dump(value, definition.arguments_label)
        match definition:
            case ActivityDefinition():
                request = activity_request(
                    key, definition, operation.args, operation.kwargs, payload
                )
                self._issue_activity(request, operation)
            case WorkflowSpec():
                assert isinstance(operation.future, ChildFuture)
                id = operation.future.workflow_id
                self._run.issue(child_request(id, definition, payload, key))
            case LambdaSpec():
                self._run.issue(lambda_request(key, definition, payload))
        if self._run.workflow.hooks.on_task_failure is None:
            operation.args, operation.kwargs = (), {}  # nobody will ask for them

    def add(self, key: str, future: Future[Any]) -> None:
        """Take in what is no call: a message, or a strand."""
        self._open[key] = Operation(future, None)

    def discard(self, key: str) -> None:
        """Forget an operation."""
        self._open.pop(key, None)

    def cancel(self, key: str) -> bool:
        """Ask for a call that has begun to be cancelled; False if there is none."""
        operation = self._open.get(key)
        if operation is None or operation.deferred or operation.definition is None:
            return False
        if not operation.cancelling:  # asking twice is asking once
            operation.cancelling = True
            self._cancel_operation(key, operation)
        return True

    def _cancel_operation(self, key: str, operation: Operation) -> None:
        if isinstance(operation.future, ChildFuture):
            execution = operation.future.execution
            self._asking.request_cancel(execution)
        elif isinstance(operation.definition, ActivityDefinition):
            self._run.issue(h.RequestCancelActivityTask(activity_id=key))
        else:  # a Lambda function cannot be stopped; nobody waits for it any more
            self._open.pop(key, None)
            operation.future.settle(error=CancelledError(f"{operation.future.label} was cancelled"))
