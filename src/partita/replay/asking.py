"""Answer what a replayed workflow asks for: the Runtime port, inside an engine.

Knows what is open in the run (activities, children, timers, messages) and turns each
request into a decision, each event into the end of a future. How code is suspended and how
decisions are matched with the history is left to `Run`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from greenlet import GreenletExit
from msgspec.structs import replace

from partita.authoring.definition import (
    ActivityDefinition,
    LambdaSpec,
    Submittable,
    WorkflowSpec,
)
from partita.authoring.failure import Failure
from partita.authoring.future import ChildFuture, Future, pending_in, resolved, when_done
from partita.authoring.hooks import (
    AbortWorkflow,
    CancelWorkflow,
    ReplaceResult,
    RetryTask,
    TaskFailure,
)
from partita.authoring.runtime import LONG_HISTORY, Continuation, WorkflowInfo
from partita.codec import decoder
from partita.errors import ActivityFailedError, CancelledError
from partita.history import (
    SEARCH_ATTRIBUTES,
    AnyDecision,
    AnyEvent,
    CancelTimer,
    ChildWorkflowExecutionStarted,
    ContinueAsNewWorkflowExecution,
    MarkerRecorded,
    RecordMarker,
    RequestCancelActivityTask,
    RequestCancelExternalWorkflowExecution,
    ScheduleActivityTask,
    ScheduleLambdaFunction,
    SignalExternalWorkflowExecution,
    StartChildWorkflowExecution,
    StartTimer,
    TimerFired,
    WorkflowExecution,
    WorkflowExecutionCancelRequested,
    WorkflowExecutionSignaled,
    WorkflowExecutionStarted,
)
from partita.replay.inbox import Inbox
from partita.replay.outcomes import BY_INITIATED, BY_SCHEDULED, refused
from partita.replay.strands import Deadline

if TYPE_CHECKING:
    from partita.replay.run import Run

log = logging.getLogger("partita.replay")

_load_any = decoder(Any)
_FAILED = '{"$failure":'  # how the marker of a side effect that raised begins


class Operation:
    """Something that was asked for and has not ended."""

    __slots__ = ("args", "attempt", "deferred", "definition", "future", "kwargs")

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


class Asking:
    """The runtime of a workflow inside an engine."""

    def __init__(self, run: Run) -> None:
        self.continuation: ContinueAsNewWorkflowExecution | None = None
        self.inbox = Inbox(run)
        self._run = run
        self._started: WorkflowExecutionStarted | None = None
        self._keys = 0
        self._random: random.Random | None = None
        self._patches: dict[str, bool] = {}
        self._operations: dict[str, Operation] = {}
        self._bound: dict[int, str] = {}  # scheduled or initiated event id -> key
        self._timers: dict[str, Future[None]] = {}
        self._once: dict[str, Future[Any]] = {}  # idempotent calls
        self._warned = False

    # -- what the history tells ------------------------------------------------------------

    def begin(self, event: WorkflowExecutionStarted) -> None:
        """Learn how the execution was started."""
        self._started = event

    def deliver(self, event: AnyEvent) -> None:
        """Let an event end what it is the end of."""
        kind = type(event)
        ended = BY_SCHEDULED.get(kind)
        if ended is not None:
            key = self._bound.pop(event.scheduled_event_id, "")  # type: ignore[union-attr,arg-type]
            self._end(key, event, ended)
        elif kind is TimerFired:
            timer = self._timers.pop(event.timer_id, None)  # type: ignore[union-attr]
            if timer is not None:
                timer.settle()
        elif kind is WorkflowExecutionSignaled:
            self.inbox.take(event)  # type: ignore[arg-type]
        elif kind is WorkflowExecutionCancelRequested:
            self._run.cancel_requested = True
            self._run.strands[0].cancel_pending = True
        elif kind is ChildWorkflowExecutionStarted:
            key = self._bound.get(event.initiated_event_id, "")  # type: ignore[union-attr]
            operation = self._operations.get(key)
            if operation is not None and isinstance(operation.future, ChildFuture):
                operation.future.execution = event.workflow_execution  # type: ignore[union-attr]
        elif kind in BY_INITIATED:
            key = self._bound.pop(event.initiated_event_id, "")  # type: ignore[union-attr]
            self._end(key, event, BY_INITIATED[kind])

    def _end(
        self, key: str, event: AnyEvent, read: Callable[[Any, Any, Any], tuple[Any, Any]]
    ) -> None:
        operation = self._operations.pop(key, None)
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
                self._operations[key] = operation
                if seconds > 0:
                    operation.deferred = True
                    timer = self.start_timer(seconds)
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
        operation = self._operations.get(key)
        if operation is not None:
            operation.deferred = False
            self._schedule(key, operation)

    def definition_of(self, decision: AnyDecision) -> Submittable | None:
        """Return whose arguments a decision carries."""
        match decision:
            case ScheduleActivityTask(activity_id=key) | ScheduleLambdaFunction(id=key):
                return self._operations[key].definition
            case StartChildWorkflowExecution(control=key) if key is not None:
                return self._operations[key].definition
        return None

    def was_recorded(self, decision: AnyDecision, event: AnyEvent) -> None:
        """Learn the event id that later events will name."""
        if type(decision) is ScheduleActivityTask:
            self._bound[event.event_id] = decision.activity_id
            return
        match decision:
            case ScheduleLambdaFunction(id=key):
                self._bound[event.event_id] = key
            case (
                StartChildWorkflowExecution(control=key)
                | SignalExternalWorkflowExecution(control=key)
                | RequestCancelExternalWorkflowExecution(control=key)
            ) if key is not None:
                self._bound[event.event_id] = key

    def was_refused(self, event: AnyEvent) -> None:
        """End what could not even be scheduled."""
        key = getattr(event, "activity_id", None) or getattr(event, "id", None)
        key = key or getattr(event, "control", None) or ""
        operation = self._operations.pop(key, None)
        if operation is not None and operation.definition is not None:
            error = refused(event, operation.definition)
            if not self._judge(key, operation, error):
                operation.future.settle(error=error)
        timer = self._timers.pop(getattr(event, "timer_id", ""), None)
        if timer is not None:
            timer.settle()

    def can_never_go_on(self) -> bool:
        """Whether nothing is open that could end what the function waits for."""
        for operation in self._operations.values():
            if not operation.deferred and type(operation.future) is not _StrandFuture:
                return False
        return not (self._timers or self.inbox.is_awaited)

    def refuse_unknown_updates(self) -> None:
        """Answer the updates that no handler was registered for."""
        self.inbox.refuse_unknown_updates()

    def closing(self, final: AnyDecision) -> AnyDecision:
        """Return the decision that closes the run as it must be said now."""
        if isinstance(final, ContinueAsNewWorkflowExecution):
            return replace(final, unread_signals=self.inbox.unread())
        return final

    def info(self) -> WorkflowInfo:
        """Return which execution this is."""
        started, run = self._started, self._run
        assert started is not None
        return WorkflowInfo(
            workflow_id=run.execution.workflow_id,
            run_id=run.execution.run_id,
            name=started.workflow_type.name,
            version=started.workflow_type.version,
            task_list=started.task_list,
            tags=started.tag_list,
            parent=started.parent_workflow_execution,
            continued_from=started.continued_execution_run_id,
            history_length=run.last_event_id,
            is_replaying=run.expected is not None,
        )

    # -- work ------------------------------------------------------------------------------

    def next_key(self) -> str:
        """Return the next number."""
        self._keys += 1
        return str(self._keys)

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        """Schedule it, at once or when the futures among its arguments are done."""
        self._run.check_alive()
        key = key or self.next_key()
        waits_for = pending_in((args, kwargs))
        if isinstance(definition, ActivityDefinition) and definition.settings.idempotent:
            return self._submit_once(definition, args, kwargs, key, waits_for)
        operation = Operation(self._future(definition, key), definition, args, kwargs)
        self._operations[key] = operation
        if not waits_for:
            try:
                self._schedule(key, operation)
            except BaseException:
                self._operations.pop(key, None)
                raise
        else:
            definition.signature.bind(args, kwargs)
            operation.deferred = True
            when_done(waits_for, lambda: self._schedule_late(key))
        self._warn_of_length()
        return operation.future

    def _future(self, definition: Submittable, key: str) -> Future[Any]:
        if isinstance(definition, WorkflowSpec):
            origin = self._origin()
            given = definition.settings.workflow_id
            id = given or f"{self._run.execution.workflow_id}:{origin[:8]}:{key}"
            return ChildFuture(self, definition.label, WorkflowExecution(id, ""), key)
        return Future(self, definition.label, key)

    def _origin(self) -> str:
        """Return the run id that chance and child ids derive from: a fork keeps the first one."""
        assert self._started is not None
        return self._started.original_run_id or self._run.execution.run_id

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
                self._operations[key] = operation
                self._schedule(key, operation)
            else:
                first.add_done_callback(lambda _: _copy(first, future))

        when_done(waits_for, begin)
        return future

    def _schedule_late(self, key: str) -> None:
        """Schedule what has waited for its arguments; fail it if one of them failed."""
        operation = self._operations.get(key)
        if operation is None:
            return
        operation.deferred = False
        try:
            operation.args, operation.kwargs = resolved(operation.args), resolved(operation.kwargs)
            self._schedule(key, operation)
        except Exception as error:
            self._operations.pop(key, None)
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
                self._run.issue(_activity_decision(key, definition, operation, payload))
            case WorkflowSpec():
                assert isinstance(operation.future, ChildFuture)
                id = operation.future.workflow_id
                self._run.issue(_child_decision(key, definition, id, payload))
            case LambdaSpec(name=name, start_to_close=limit):
                self._run.issue(
                    ScheduleLambdaFunction(id=key, name=name, input=payload, start_to_close=limit)
                )
        if self._run.workflow.hooks.on_task_failure is None:
            operation.args, operation.kwargs = (), {}  # nobody will ask for them

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Submit and wait; cancel what runs if the wait is cancelled."""
        future = self.submit(definition, args, kwargs)
        if not future.done():
            try:
                self.wait(future.done, None)
            except CancelledError:
                future.cancel()
                raise
        return future.result()

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run the function in a strand of its own."""
        self._run.check_alive()
        key = self.next_key()
        future = _StrandFuture(self, label, key)
        self._operations[key] = Operation(future, None)

        def body() -> None:
            value, error = None, None
            try:
                value = function()
            except GreenletExit:
                raise
            except BaseException as raised:  # sys.exit() must not end the thread of all
                error = raised
            self._operations.pop(key, None)
            future.settle(value, error)

        strand = self._run.add_strand(body)

        def stop() -> None:
            strand.cancel_pending = True

        future.stop = stop
        return future

    def promise(self, label: str) -> Future[Any]:
        """Return a future that the workflow's own code settles."""
        return Future(self, label, self.next_key())

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        """End a future; who waits for it is looked at when the strand gives way."""
        future.settle(value, error)

    def cancel(self, future: Future[Any]) -> bool:
        """Ask for it to be cancelled; what has not begun is cancelled at once."""
        self._run.check_alive()
        key = future.key
        if isinstance(future, _StrandFuture):
            future.stop()
            return True
        operation = self._operations.get(key)
        if operation is not None and not operation.deferred and operation.definition is not None:
            self._cancel_operation(key, operation)
            return True
        self._operations.pop(key, None)
        if key in self._timers:
            self._cancel_timer(key)
        future.settle(error=CancelledError(f"{future.label} was cancelled"))
        return True

    def _cancel_operation(self, key: str, operation: Operation) -> None:
        if isinstance(operation.future, ChildFuture):
            execution = operation.future.execution
            self.request_cancel(execution)
        elif isinstance(operation.definition, ActivityDefinition):
            self._run.issue(RequestCancelActivityTask(activity_id=key))
        else:  # a Lambda function cannot be stopped; nobody waits for it any more
            self._operations.pop(key, None)
            operation.future.settle(error=CancelledError(f"{operation.future.label} was cancelled"))

    # -- time ------------------------------------------------------------------------------

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Suspend the strand until `ready()`, or until a timer of `timeout` seconds fires."""
        self._run.check_alive()
        if ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        if timeout is None:
            self._suspend(ready)
            return True
        timer = self.start_timer(timeout)
        try:
            self._suspend(lambda: timer.done() or ready())
        finally:
            self._cancel_timer(timer.key)
        return ready()

    def _suspend(self, ready: Callable[[], bool]) -> None:
        self._run.strand().suspend(ready)
        self._run.check_alive()

    def _cancel_timer(self, key: str) -> None:
        if self._timers.pop(key, None) is not None:
            self._run.issue(CancelTimer(timer_id=key))

    def sleep(self, seconds: float) -> None:
        """Wait for a timer."""
        self._run.check_alive()
        timer = self.start_timer(seconds)
        try:
            self._suspend(timer.done)
        finally:
            self._cancel_timer(timer.key)

    def start_timer(self, seconds: float) -> Future[None]:
        """Start a timer and return its future."""
        key = self.next_key()
        timer: Future[None] = Future(self, f"timer of {seconds} s", key)
        self._timers[key] = timer
        self._run.issue(StartTimer(timer_id=key, start_to_fire=seconds))
        return timer

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Interrupt the strand's waits once the time is up."""
        strand = self._run.strand()
        deadline = Deadline(seconds)
        strand.deadlines.append(deadline)
        try:
            yield
        finally:
            strand.deadlines.remove(deadline)
            if deadline.timer is not None and not deadline.timer.done():
                self._cancel_timer(deadline.timer.key)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Keep cancel requests back."""
        strand = self._run.strand()
        strand.shields += 1
        try:
            yield
        finally:
            strand.shields -= 1

    def now(self) -> datetime:
        """Return when the current decision task was started."""
        return datetime.fromtimestamp(self._run.time, UTC)

    # -- chance and change -----------------------------------------------------------------

    def random(self) -> random.Random:
        """Return numbers that depend on the run's id alone."""
        if self._random is None:
            self._random = random.Random(self._origin())
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function in a new turn; read its marker in an old one."""
        self._run.check_alive()
        name = f"side_effect {self.next_key()}"
        recorded = self._recorded_marker(name)
        if recorded is not None:
            details = recorded.details
        elif self._run.expected is None:
            details = self._effect(function)
        else:
            details = None
        self._run.issue(RecordMarker(marker_name=name, details=details))
        if details is not None and details.startswith(_FAILED):
            failure = Failure.load(details[len(_FAILED) : -1], None)
            raise failure.rebuild(self._run.workflow.namespace, ActivityFailedError)
        return self._run.converter.load(details, _load_any)

    def _recorded_marker(self, name: str | None = None) -> MarkerRecorded | None:
        """Return the marker that the history holds at this place, if it is one."""
        event = self._run.expected[0] if self._run.expected else None
        if isinstance(event, MarkerRecorded) and name in (None, event.marker_name):
            return event
        return None

    def _effect(self, function: Callable[[], Any]) -> str:
        """Call the function; return what came of it, a value or an error, as a payload."""
        try:
            value = function()
        except Exception as error:
            return f"{_FAILED}{Failure.of(error).dump()}}}"
        return self._run.dump(value, "the value of side_effect")

    def patched(self, id: str) -> bool:
        """Return True in a new turn, and where the history says that it was True then."""
        self._run.check_alive()
        if id not in self._patches:
            name = f"patched {id}"
            is_new = self._run.expected is None or self._recorded_marker(name) is not None
            self._patches[id] = is_new
            if is_new:
                self._run.issue(RecordMarker(marker_name=name))
        return self._patches[id]

    def record_marker(self, name: str, value: Any) -> None:
        """Leave a note in the history."""
        details = None if value is None else self._run.dump(value, f"marker {name}")
        self._run.issue(RecordMarker(marker_name=name, details=details))

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Leave a note that the service reads; never behind a codec."""
        details = msgspec.json.encode(dict(attributes)).decode()
        self._run.issue(RecordMarker(marker_name=SEARCH_ATTRIBUTES, details=details))

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        """End the function; what it asks for from here on is refused."""
        self._run.check_alive()
        workflow = self._run.workflow
        version = continuation.version
        signature = workflow.signature
        if version in (None, workflow.workflow_type.version):
            value = signature.bind(continuation.args, continuation.kwargs)
        elif continuation.kwargs:
            value = {"args": list(continuation.args), "kwargs": continuation.kwargs}
        else:
            value = continuation.args
        decision = ContinueAsNewWorkflowExecution(
            input=self._run.dump(value, "the arguments of the next run"),
            workflow_type_version=version,
            task_list=continuation.task_list,
            tag_list=continuation.tags,
            child_policy=continuation.child_policy,
        )
        if not self._run.strands[0].is_current:
            self._run.final = decision
            self._run.issue(self.closing(decision))
        self.continuation = decision
        raise GreenletExit

    def _warn_of_length(self) -> None:
        if not self._warned and self._run.last_event_id >= LONG_HISTORY:
            self._warned = True
            if self._run.expected is None:
                log.warning(
                    "execution %s has %d events; let it continue_as_new",
                    self._run.execution.workflow_id,
                    self._run.last_event_id,
                )

    # -- messages --------------------------------------------------------------------------

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        """Return a future of the next signal."""
        self._run.check_alive()
        future: Future[Any] = Future(self, f"signal {name}", self.next_key())
        self.inbox.receive(name, decode, future)
        return future

    def signal(self, execution: WorkflowExecution, name: str, value: Any) -> Future[None]:
        """Signal another execution."""
        key, future = self._message(f"signal {name} to {execution.workflow_id}")
        self._run.issue(
            SignalExternalWorkflowExecution(
                workflow_id=execution.workflow_id,
                run_id=execution.run_id or None,
                signal_name=name,
                input=None if value is None else self._run.dump(value, f"signal {name}"),
                control=key,
            )
        )
        return future

    def request_cancel(self, execution: WorkflowExecution) -> Future[None]:
        """Ask another execution to cancel itself."""
        key, future = self._message(f"cancel request to {execution.workflow_id}")
        self._run.issue(
            RequestCancelExternalWorkflowExecution(
                workflow_id=execution.workflow_id, run_id=execution.run_id or None, control=key
            )
        )
        return future

    def _message(self, label: str) -> tuple[str, Future[None]]:
        key = self.next_key()
        future: Future[None] = Future(self, label, key)
        self._operations[key] = Operation(future, None)
        return key, future

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Keep the handler."""
        self.inbox.on_query(name, function)

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Keep the handler, and answer what came before it."""
        self.inbox.on_update(name, function)


class _StrandFuture(Future[Any]):
    """The result of a strand; `stop` interrupts it."""

    __slots__ = ("stop",)

    stop: Callable[[], None]


def _copy(one: Future[Any], other: Future[Any]) -> None:
    error = one.exception()
    other.settle(None if error else one.result(), error)


def _activity_decision(
    key: str, definition: ActivityDefinition, operation: Operation, payload: str
) -> ScheduleActivityTask:
    settings = definition.settings
    task_list = settings.task_list
    if settings.route is not None:
        task_list = settings.route(*operation.args, **operation.kwargs)
    return ScheduleActivityTask(
        activity_id=key,
        activity_type=definition.activity_type,
        input=payload,
        task_list=task_list,
        task_priority=settings.task_priority,
        schedule_to_start=settings.schedule_to_start,
        start_to_close=settings.start_to_close,
        schedule_to_close=settings.schedule_to_close,
        heartbeat=settings.heartbeat,
        retry_policy=settings.retry_policy,
    )


def _child_decision(
    key: str, spec: WorkflowSpec, workflow_id: str, payload: str
) -> StartChildWorkflowExecution:
    settings = spec.settings
    return StartChildWorkflowExecution(
        workflow_id=workflow_id,
        workflow_type=spec.workflow_type,
        control=key,
        input=payload,
        task_list=settings.task_list,
        task_priority=settings.task_priority or None,
        execution_start_to_close=settings.execution_start_to_close,
        task_start_to_close=settings.task_start_to_close,
        child_policy=settings.child_policy,
        tag_list=settings.tag_list,
        lambda_role=settings.lambda_role,
    )
