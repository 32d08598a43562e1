"""Keep the calls of a run that have not ended: activities, children, Lambda functions, messages.

Each has a key, its place in the run, and a future. An event ends it; a failure hook may have it
tried again. Strands that the code spawned are kept here too, since they are cancelled alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from partita import history as h
from partita.authoring.definition import (
    ActivityDefinition,
    LambdaSpec,
    Submittable,
    WorkflowSpec,
)
from partita.authoring.failure import failure_decision
from partita.authoring.future import (
    ChildFuture,
    Future,
    copy_outcome,
    pending_in_call,
    resolved,
    when_done,
)
from partita.authoring.hooks import AbortWorkflow, CancelWorkflow, ReplaceResult, RetryTask
from partita.authoring.runtime import Runtime
from partita.codec import Form
from partita.errors import CancelledError
from partita.ports.service import Bounds
from partita.replay.journal import Journal
from partita.replay.outcomes import ACTIVITY_ENDS, BY_INITIATED, BY_SCHEDULED, Caller, refused
from partita.replay.payloads import Payloads
from partita.replay.strands import Strands


class PendingCall:
    """A call that has not ended."""

    __slots__ = ("args", "attempt", "cancelling", "deferred", "definition", "future", "kwargs")

    def __init__(
        self,
        future: Future[Any],
        definition: Submittable | None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.future = future
        self.definition = definition  # None: a message or a strand
        self.args = args
        self.kwargs = kwargs or {}
        self.attempt = 1
        self.deferred = False  # not scheduled yet
        self.cancelling = False


class StrandFuture(Future[Any]):
    """The result of a strand; `stop` interrupts it."""

    __slots__ = ("stop",)

    stop: Callable[[], None]


class PendingCalls:
    """The pending calls of one run, by key."""

    def __init__(
        self,
        workflow: WorkflowSpec,
        runtime: Runtime,
        journal: Journal,
        strands: Strands,
        payloads: Payloads,
        bounds: Bounds,
    ) -> None:
        self._hooks = workflow.hooks
        self._caller = Caller(workflow, payloads.converter)
        self._runtime = runtime
        self._journal = journal
        self._strands = strands
        self._payloads = payloads
        self._bounds = bounds
        self._child_prefix = ""  # of the workflow ids of children
        self._has_lambdas = False  # whether the service invokes Lambda functions itself
        self._calls: dict[str, PendingCall] = {}
        self._once: dict[str, Future[Any]] = {}  # idempotent calls
        self._open_activities = 0  # at the service
        self._kept_back: deque[tuple[h.ScheduleActivityTask, PendingCall]] = deque()

    def begin(self, child_prefix: str, lambda_role: str | None) -> None:
        """Set what is known once the execution has started."""
        self._child_prefix = child_prefix
        self._has_lambdas = bool(self._bounds.lambdas and lambda_role)

    @property
    def can_go_on(self) -> bool:
        """Whether a call is open that ends by itself."""
        return any(
            not call.deferred and type(call.future) is not StrandFuture
            for call in self._calls.values()
        )

    # -- events

    def deliver(self, event: h.AnyEvent) -> None:
        """Resolve the call that this event closes."""
        kind = type(event)
        read = BY_SCHEDULED.get(kind)
        if read is not None:
            key = self._journal.take_key(event.scheduled_event_id)  # type: ignore[union-attr,arg-type]
            if key and kind in ACTIVITY_ENDS:
                self._open_activities -= 1
            self._end(key, event, read)
            self._schedule_kept_back()
        elif kind is h.ChildWorkflowExecutionStarted:
            key = self._journal.key_of(event.initiated_event_id)  # type: ignore[union-attr]
            call = self._calls.get(key)
            if call is not None and isinstance(call.future, ChildFuture):
                call.future.execution = event.workflow_execution  # type: ignore[union-attr]
        elif kind in BY_INITIATED:
            key = self._journal.take_key(event.initiated_event_id)  # type: ignore[union-attr]
            self._end(key, event, BY_INITIATED[kind])

    def refuse(self, event: h.AnyEvent) -> None:
        """Fail the call whose decision this event refused."""
        key = getattr(event, "activity_id", None) or getattr(event, "id", None)
        key = key or getattr(event, "control", None) or ""
        if isinstance(event, h.ScheduleActivityTaskFailed):
            self._open_activities -= 1
        call = self._calls.pop(key, None)
        if call is not None and call.definition is not None:
            self._fail(key, call, refused(event, call.definition))
        self._schedule_kept_back()

    def _end(
        self, key: str, event: h.AnyEvent, read: Callable[[Any, Any, Any], tuple[Any, Any]]
    ) -> None:
        call = self._calls.pop(key, None)
        if call is None:
            return
        result = getattr(event, "result", None)
        if result is not None:
            self._payloads.size += 2 * len(result)
        value, error = read(event, call.definition, self._caller)
        if error is None:
            call.future.settle(value)
        else:
            self._fail(key, call, error)

    def _fail(self, key: str, call: PendingCall, failed_with: BaseException) -> None:
        """Settle the future of a call that has failed, as the failure hook says."""
        value: Any = None
        error: BaseException | None = failed_with
        if call.definition is not None:
            failure = (
                call.definition.label,
                key,
                failed_with,
                call.args,
                call.kwargs,
                call.attempt,
            )
            match self._hooks.judge(*failure):
                case RetryTask(seconds=seconds):
                    self._retry(key, call, seconds)
                    return
                case ReplaceResult(value=replacement):
                    value, error = replacement, None
                case CancelWorkflow():
                    self._strands.cancel()
                case AbortWorkflow():
                    self._journal.final = failure_decision(failed_with)
        call.future.settle(value, error)

    def _retry(self, key: str, call: PendingCall, seconds: float) -> None:
        call.attempt += 1
        call.cancelling = False
        self._calls[key] = call
        if seconds > 0:
            call.deferred = True
            timer = self._runtime.start_timer(seconds)
            timer.add_done_callback(lambda _: self._schedule_again(key))
        else:
            self._schedule_again(key)

    def _schedule_again(self, key: str) -> None:
        call = self._calls.get(key)
        if call is not None:
            call.deferred = False
            self._schedule(key, call)

    # -- the service's limit on open activities

    def _schedule_activity(self, decision: h.ScheduleActivityTask, call: PendingCall) -> None:
        """Schedule an activity, now or as soon as the service can hold one more."""
        limit = self._bounds.activities
        if limit is not None and self._open_activities >= limit:
            call.deferred = True
            self._kept_back.append((decision, call))
        else:
            self._open_activities += 1
            assert call.definition is not None
            self._journal.issue(decision, call.definition.signature.load)

    def _schedule_kept_back(self) -> None:
        limit = self._bounds.activities or 0
        while self._kept_back and self._journal.is_running and self._open_activities < limit:
            decision, call = self._kept_back.popleft()
            if call.deferred and self._calls.get(decision.activity_id) is call:
                call.deferred = False
                self._schedule_activity(decision, call)

    # -- calls of the code

    def submit(
        self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any], key: str
    ) -> Future[Any]:
        """Schedule a call, at once or when the futures among its arguments are done."""
        if isinstance(definition, LambdaSpec) and definition.stand_in and not self._has_lambdas:
            definition = definition.stand_in
        waits_for = pending_in_call(args, kwargs)
        if isinstance(definition, ActivityDefinition) and definition.settings.idempotent:
            return self._submit_once(definition, args, kwargs, key, waits_for)
        call = PendingCall(self._future(definition, key), definition, args, kwargs)
        self._calls[key] = call
        if not waits_for:
            try:
                self._schedule(key, call)
            except BaseException:
                self._calls.pop(key, None)
                raise
        else:
            definition.signature.bind(args, kwargs)
            call.deferred = True
            when_done(waits_for, lambda: self._schedule_late(key))
        return call.future

    def _future(self, definition: Submittable, key: str) -> Future[Any]:
        if isinstance(definition, WorkflowSpec):
            id = definition.settings.workflow_id or f"{self._child_prefix}:{key}"
            execution = h.WorkflowExecution(id, "")
            return ChildFuture(self._runtime, definition.label, execution, key)
        return Future(self._runtime, definition.label, key)

    def _submit_once(
        self,
        definition: ActivityDefinition,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str,
        waits_for: list[Future[Any]],
    ) -> Future[Any]:
        """Share the result of the same call if there was one."""
        future = self._future(definition, key)

        def begin() -> None:
            try:
                real, named = resolved(args), resolved(kwargs)
                payload = self._payloads.dump(
                    definition.signature.bind(real, named),
                    definition.arguments_label,
                    definition.signature.arguments,
                )
            except Exception as error:
                future.settle(error=error)
                return
            first = self._once.setdefault(f"{definition.key} {payload}", future)
            if first is future:
                call = self._calls[key] = PendingCall(future, definition, real, named)
                self._schedule(key, call)
            else:
                first.add_done_callback(lambda _: copy_outcome(first, future))

        when_done(waits_for, begin)
        return future

    def _schedule_late(self, key: str) -> None:
        """Schedule a call whose arguments are done; fail it if one of them failed."""
        call = self._calls.get(key)
        if call is None:
            return
        call.deferred = False
        try:
            call.args, call.kwargs = resolved(call.args), resolved(call.kwargs)
            self._schedule(key, call)
        except Exception as error:
            self._calls.pop(key, None)
            call.future.settle(error=error)

    def _schedule(self, key: str, call: PendingCall) -> None:
        definition = call.definition
        assert definition is not None
        value = definition.signature.bind(call.args, call.kwargs)
        form: Form | None = definition.signature.arguments
        if isinstance(definition, LambdaSpec):
            value, form = call.args[0] if call.args else call.kwargs.get("input"), None
        payload = self._payloads.dump(value, definition.arguments_label, form)
        match definition:
            case ActivityDefinition():
                decision = definition.decision(key, call.args, call.kwargs, payload)
                self._schedule_activity(decision, call)
            case WorkflowSpec():
                assert isinstance(call.future, ChildFuture)
                child = definition.decision(call.future.workflow_id, payload, key)
                self._journal.issue(child, definition.signature.load)
            case LambdaSpec():
                self._journal.issue(definition.decision(key, payload), definition.signature.load)
        if self._hooks.on_task_failure is None:
            call.args, call.kwargs = (), {}  # only the hook would need them

    def add(self, key: str, future: Future[Any]) -> None:
        """Add a message or a strand."""
        self._calls[key] = PendingCall(future, None)

    def discard(self, key: str) -> None:
        """Forget a call."""
        self._calls.pop(key, None)

    def cancel(self, key: str) -> bool:
        """Request that a scheduled call is cancelled; return False if there is none."""
        call = self._calls.get(key)
        if call is None or call.deferred or call.definition is None:
            return False
        if not call.cancelling:
            call.cancelling = True
            if isinstance(call.future, ChildFuture):
                self._runtime.request_cancel(call.future.execution)
            elif isinstance(call.definition, ActivityDefinition):
                self._journal.issue(h.RequestCancelActivityTask(activity_id=key))
            else:  # a Lambda function cannot be stopped, so its result is ignored
                self._calls.pop(key, None)
                error = CancelledError(f"{call.future.label} was cancelled")
                call.future.settle(error=error)
        return True
