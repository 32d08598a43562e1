"""Run one workflow function in a greenlet, fed with the events of its history.

The runtime that an authoring call meets inside an engine. Whatever the code asks for becomes
a decision: while old turns are replayed it is compared with the event that records it, and
in a new turn it is collected for the service. The function suspends by switching to the
greenlet that drives it, never by an exception; it ends early only by `evict`.

Belongs to the thread that made it, which must also be the one that drives it.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from partita import errors
from partita.authoring.definition import Definition
from partita.authoring.failure import Failure
from partita.authoring.future import Future, pending_in, resolved, when_done
from partita.authoring.runtime import current
from partita.authoring.workflow import Workflow
from partita.codec import Converter, decoder, same
from partita.errors import (
    ActivityAbortedError,
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    NonDeterminismError,
    PartitaError,
    UsageError,
)
from partita.history import (
    ActivityTaskCanceled,
    ActivityTaskCompleted,
    ActivityTaskFailed,
    ActivityTaskScheduled,
    ActivityTaskTimedOut,
    AnyDecision,
    AnyEvent,
    CancelTimer,
    CancelWorkflowExecution,
    CompleteWorkflowExecution,
    FailWorkflowExecution,
    MarkerRecorded,
    RecordMarker,
    RequestCancelActivityTask,
    ScheduleActivityTask,
    ScheduleActivityTaskFailed,
    StartTimer,
    TimerFired,
    WorkflowExecution,
    WorkflowExecutionCancelRequested,
    WorkflowExecutionStarted,
)
from partita.replay.matching import agrees, shown, was_refused

_PACKAGE = str(Path(errors.__file__).parent)
_load_any = decoder(Any)
_FAILED = '{"$failure":'  # how the marker of a side effect that raised begins

REFUSALS = 100
"""Commands that an evicted function may still try, in its `finally` blocks."""

BASE_COST = 12_000
"""Bytes that a suspended run takes besides what its history gave it, measured."""


class Run:
    """One live workflow function."""

    def __init__(
        self, workflow: Workflow[..., Any], execution: WorkflowExecution, converter: Converter
    ) -> None:
        self.workflow = workflow
        self.execution = execution
        self.seen = 0  # started_event_id of the last turn
        self.cost = BASE_COST  # bytes, roughly
        self.final: AnyDecision | None = None  # how the function ended
        self._converter = converter
        self._greenlet: greenlet | None = None
        self._hub: greenlet | None = None
        self._ids = 0
        self._random: random.Random | None = None
        self._time = 0.0
        self._ready: Callable[[], bool] | None = None  # what the function waits for
        self._cancel_requested = False
        self._cancel_pending = False  # to be raised at the next wait
        self._broken: PartitaError | None = None
        self._own_fault: UsageError | None = None  # raised for what this code passed on
        self._evicted = False
        self._refusals = 0  # commands of an evicted function
        self._input: str | None = None
        self._expected: deque[AnyEvent] | None = None  # None: a new turn
        self._decisions: list[AnyDecision] = []
        self._activities: dict[str, tuple[Future[Any], Definition]] = {}
        self._deferred: set[str] = set()  # ids of activities that wait for their arguments
        self._scheduled: dict[int, str] = {}  # event id -> activity id
        self._timers: dict[str, Future[None]] = {}
        self._deliveries: dict[type[Any], Callable[[Any], None]] = {
            WorkflowExecutionStarted: self._on_started,
            WorkflowExecutionCancelRequested: self._on_cancel_requested,
            ActivityTaskCompleted: self._on_activity_completed,
            ActivityTaskFailed: self._on_activity_failed,
            ActivityTaskTimedOut: self._on_activity_timed_out,
            ActivityTaskCanceled: self._on_activity_canceled,
            ScheduleActivityTaskFailed: self._on_activity_refused,
            TimerFired: self._on_timer_fired,
        }

    # -- for the replayer ------------------------------------------------------------------

    def replay_turn(
        self, events: Iterable[AnyEvent], time: float, expected: list[AnyEvent]
    ) -> None:
        """Live through an old turn; `expected` is what its answer caused.

        Raises:
            NonDeterminismError: the code asks for something else than it did then.
        """
        self._expected = deque(expected)
        self._turn(events, time)
        if self._expected:
            raise self._mismatch(None, self._expected[0], self._waiting_at())

    def new_turn(self, events: Iterable[AnyEvent], time: float) -> list[AnyDecision]:
        """Live through a new turn and return what the code decided."""
        self._expected = None
        self._decisions = []
        self._turn(events, time)
        return self._decisions

    def recorded(self, caused: list[AnyEvent]) -> None:
        """Learn which events the last new turn's decisions became."""
        if len(caused) != len(self._decisions):
            extra = caused[len(self._decisions)] if len(caused) > len(self._decisions) else None
            raise self._mismatch(None, extra, self._waiting_at())
        for decision, event in zip(self._decisions, caused, strict=True):
            if not self._agrees(decision, event):
                raise self._mismatch(decision, event, self._waiting_at())
            self._bind(decision, event)
        self._decisions = []

    def evict(self) -> None:
        """End the function without letting it do anything more."""
        self._evicted = True
        self._hub = getcurrent()
        if self._greenlet is not None and not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)

    def where(self) -> str:
        """Return file:line of the user's code where the function waits."""
        return self._waiting_at()

    # -- the turn --------------------------------------------------------------------------

    def _turn(self, events: Iterable[AnyEvent], time: float) -> None:
        self._time = time
        deliveries = self._deliveries
        token = current.set(self)  # for callbacks, which run here
        try:
            for event in events:
                deliver = deliveries.get(type(event))
                if deliver is not None:
                    deliver(event)
        finally:
            current.reset(token)
        if self._broken is not None:
            raise self._broken
        if self.final is not None:
            self._issue(self.final)
        elif self._greenlet is not None and self._may_resume():
            self._resume()
        if self._broken is not None:
            raise self._broken

    def _may_resume(self) -> bool:
        return self._cancel_pending or self._ready is None or self._ready()

    def _resume(self) -> None:
        """Let the function run until it waits for something that is not there."""
        assert self._greenlet is not None
        self._hub = getcurrent()
        self._greenlet.parent = self._hub
        while True:
            self._ready = None
            self._greenlet.switch()
            if self._greenlet.dead or self._broken is not None or not self._may_resume():
                return

    def _on_started(self, event: WorkflowExecutionStarted) -> None:
        self._greenlet = greenlet(self._main)
        self._greenlet.gr_context = copy_context()
        self._input = event.input

    def _main(self) -> None:
        current.set(self)
        try:
            self.final = self._outcome()
        except GreenletExit:
            return
        if self.final is not None:
            self._issue(self.final)

    def _outcome(self) -> AnyDecision | None:
        try:
            args, kwargs = self.workflow.signature.load(self._converter, self._input)
            result = self.workflow.function(*args, **kwargs)
            what = f"the result of workflow {self.workflow.workflow_type.name}"
            return CompleteWorkflowExecution(result=self._dump(result, what))
        except CancelledError as error:
            if self._cancel_requested:
                return CancelWorkflowExecution(details=str(error))
            return self._failure(error)
        except GreenletExit:
            raise
        except BaseException as error:  # sys.exit() must not end the thread that decides for all
            if error is not self._own_fault:
                return self._failure(error)
            self._broken = self._own_fault  # the code is at fault: mend it, and it goes on
            return None

    def _failure(self, error: BaseException) -> AnyDecision:
        failure = Failure.of(error)
        return FailWorkflowExecution(reason=failure.reason, details=failure.dump())

    def _dump(self, value: Any, what: str) -> str:
        try:
            return self._converter.dump(value, what)
        except UsageError as error:
            self._own_fault = error
            raise

    # -- what the history tells ------------------------------------------------------------

    def _on_cancel_requested(self, _: WorkflowExecutionCancelRequested) -> None:
        self._cancel_requested = self._cancel_pending = True

    def _close_activity(self, scheduled_event_id: int) -> tuple[Future[Any], Definition] | None:
        id = self._scheduled.pop(scheduled_event_id, "")
        return self._activities.pop(id, None)

    def _on_activity_completed(self, event: ActivityTaskCompleted) -> None:
        found = self._close_activity(event.scheduled_event_id)
        if found is None:
            return
        future, definition = found
        if event.result is not None:
            self.cost += 2 * len(event.result)
        try:
            what = f"the result of activity {definition.activity_type.name}"
            decode = definition.signature.decode_result
            future.settle(self._converter.load(event.result, decode, what))
        except UsageError as error:
            future.settle(error=error)

    def _on_activity_failed(self, event: ActivityTaskFailed) -> None:
        found = self._close_activity(event.scheduled_event_id)
        if found is not None:
            future, definition = found
            failure = Failure.load(event.details, event.reason)
            future.settle(error=failure.rebuild(definition.namespace, ActivityFailedError))

    def _on_activity_timed_out(self, event: ActivityTaskTimedOut) -> None:
        found = self._close_activity(event.scheduled_event_id)
        if found is not None:
            name = found[1].activity_type.name
            error = ActivityTimedOutError(name, event.timeout_type.value, event.details)
            found[0].settle(error=error)

    def _on_activity_canceled(self, event: ActivityTaskCanceled) -> None:
        found = self._close_activity(event.scheduled_event_id)
        if found is not None:
            name = found[1].activity_type.name
            found[0].settle(error=CancelledError(f"activity {name} was cancelled"))

    def _on_activity_refused(self, event: ScheduleActivityTaskFailed) -> None:
        found = self._activities.pop(event.activity_id, None)
        if found is not None:
            name = event.activity_type.name
            error = ActivityAbortedError(f"activity {name} was not scheduled: {event.cause}")
            found[0].settle(error=error)

    def _on_timer_fired(self, event: TimerFired) -> None:
        timer = self._timers.pop(event.timer_id, None)
        if timer is not None:
            timer.settle()

    # -- what the code asks for: the Runtime port ------------------------------------------

    def submit(
        self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[Any]:
        """Schedule an activity, at once or when the futures among its arguments are done."""
        self._check_alive()
        id = self._next_id()
        future: Future[Any] = Future(self, f"activity {definition.activity_type.name}", id)
        self._activities[id] = (future, definition)
        waits_for = pending_in((args, kwargs))
        if not waits_for:
            self._schedule(id, definition, args, kwargs)
        else:
            definition.signature.bind(args, kwargs)
            self._deferred.add(id)
            when_done(waits_for, lambda: self._schedule_late(id, args, kwargs))
        return future

    def _schedule_late(self, id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Schedule what has waited for its arguments; fail it if one of them failed."""
        self._deferred.discard(id)
        found = self._activities.get(id)
        if found is None:
            return
        future, definition = found
        try:
            self._schedule(id, definition, resolved(args), resolved(kwargs))
        except Exception as error:
            self._activities.pop(id, None)
            future.settle(error=error)

    def _schedule(
        self, id: str, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        options = definition.options
        name = definition.activity_type.name
        value = definition.signature.bind(args, kwargs)
        self._issue(
            ScheduleActivityTask(
                activity_id=id,
                activity_type=definition.activity_type,
                input=self._dump(value, f"the arguments of activity {name}"),
                task_list=options.task_list,
                task_priority=options.task_priority,
                schedule_to_start=options.schedule_to_start,
                start_to_close=options.start_to_close,
                schedule_to_close=options.schedule_to_close,
                heartbeat=options.heartbeat,
                retry_policy=options.retry_policy,
            )
        )

    def call(self, definition: Definition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Schedule an activity and wait for its result."""
        return self.submit(definition, args, kwargs).result()

    def cancel(self, future: Future[Any]) -> bool:
        """Ask for an activity to be cancelled; one that was not scheduled yet is at once."""
        self._check_alive()
        id = future.key
        if id not in self._activities:
            return False
        if id in self._deferred:
            self._deferred.discard(id)
            del self._activities[id]
            future.settle(error=CancelledError(f"{future.label} was cancelled"))
        else:
            self._issue(RequestCancelActivityTask(activity_id=id))
        return True

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Suspend the function until `ready()`, or until a timer of `timeout` seconds fires."""
        self._check_alive()
        if ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        if timeout is None:
            self._suspend(ready)
            return True
        id, timer = self._start_timer(timeout)
        try:
            self._suspend(lambda: timer.done() or ready())
        except CancelledError:
            self._cancel_timer(id)
            raise
        if not timer.done():
            self._cancel_timer(id)
        return ready()

    def _cancel_timer(self, id: str) -> None:
        if self._timers.pop(id, None) is not None:
            self._issue(CancelTimer(timer_id=id))

    def sleep(self, seconds: float) -> None:
        """Wait for a timer."""
        self._check_alive()
        id, timer = self._start_timer(seconds)
        try:
            self._suspend(timer.done)
        except CancelledError:
            self._cancel_timer(id)
            raise

    def _start_timer(self, seconds: float) -> tuple[str, Future[None]]:
        id = self._next_id()
        timer: Future[None] = Future(self, f"timer of {seconds} s", id)
        self._timers[id] = timer
        self._issue(StartTimer(timer_id=id, start_to_fire=seconds))
        return id, timer

    def now(self) -> datetime:
        """Return when the current decision task was started."""
        return datetime.fromtimestamp(self._time, UTC)

    def random(self) -> random.Random:
        """Return numbers that depend on the run's id alone."""
        if self._random is None:
            self._random = random.Random(self.execution.run_id)
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function in a new turn; read its marker in an old one."""
        self._check_alive()
        name = f"side_effect {self._next_id()}"
        recorded = self._expected[0] if self._expected else None
        if isinstance(recorded, MarkerRecorded):
            details = recorded.details
        elif self._expected is None:
            details = self._effect(function)
        else:
            details = None
        self._issue(RecordMarker(marker_name=name, details=details))
        if details is not None and details.startswith(_FAILED):
            failure = Failure.load(details[len(_FAILED) : -1], None)
            raise failure.rebuild(self.workflow.namespace, ActivityFailedError)
        return self._converter.load(details, _load_any)

    def _effect(self, function: Callable[[], Any]) -> str:
        """Call the function; return what came of it, a value or an error, as a payload."""
        try:
            value = function()
        except Exception as error:
            return f"{_FAILED}{Failure.of(error).dump()}}}"
        return self._dump(value, "the value of side_effect")

    # -- the machinery ---------------------------------------------------------------------

    def _next_id(self) -> str:
        self._ids += 1
        return str(self._ids)

    def _check_alive(self) -> None:
        if not self._evicted:
            return
        self._refusals += 1
        if self._refusals > REFUSALS and getcurrent() is self._greenlet:
            assert self._hub is not None
            self._hub.switch()  # code that catches everything, in a loop: leave it for good
        raise GreenletExit

    def _suspend(self, ready: Callable[[], bool]) -> None:
        """Give way to the driver until `ready()`."""
        if getcurrent() is not self._greenlet:
            raise PartitaError("a workflow can wait only in its own thread; use an activity")
        assert self._hub is not None
        self._ready = ready
        if not self._cancel_pending:
            self._hub.switch()
        self._check_alive()
        if self._cancel_pending:
            self._cancel_pending = False
            raise CancelledError("the workflow was asked to cancel itself")

    def _issue(self, decision: AnyDecision) -> None:
        """Put a decision to the service, or hold it against the history."""
        self._check_alive()
        if self._expected is None:
            self._decisions.append(decision)
            return
        event = self._expected.popleft() if self._expected else None
        if event is None or not self._agrees(decision, event):
            self._stop(self._mismatch(decision, event, self._asking_at()))
        else:
            self._bind(decision, event)

    def _agrees(self, decision: AnyDecision, event: AnyEvent) -> bool:
        if isinstance(decision, ScheduleActivityTask):
            _, definition = self._activities[decision.activity_id]
            return agrees(decision, event, partial(self._same_arguments, definition))
        return agrees(decision, event)

    def _same_arguments(self, definition: Definition, one: str | None, other: str | None) -> bool:
        """Compare as the activity would read them: sets have no order, lists have one."""
        try:
            load = definition.signature.load
            return same(one, other) or load(self._converter, one) == load(self._converter, other)
        except UsageError:
            return False

    def _bind(self, decision: AnyDecision, event: AnyEvent) -> None:
        if isinstance(event, ActivityTaskScheduled):
            self._scheduled[event.event_id] = event.activity_id
        elif was_refused(decision, event) and isinstance(event, ScheduleActivityTaskFailed):
            self._on_activity_refused(event)

    def _stop(self, error: PartitaError) -> None:
        """Break off: the function is never resumed, and its driver raises the error."""
        self._broken = self._broken or error
        if getcurrent() is self._greenlet:
            assert self._hub is not None
            self._hub.switch()
            raise GreenletExit
        raise error

    def _mismatch(
        self, decision: AnyDecision | None, event: AnyEvent | None, location: str
    ) -> NonDeterminismError:
        return NonDeterminismError(location=location, expected=shown(event), found=shown(decision))

    def _asking_at(self) -> str:
        return _user_line(sys._getframe()) or self._defined_at()

    def _waiting_at(self) -> str:
        frame = None if self._greenlet is None else self._greenlet.gr_frame
        return _user_line(frame) or self._defined_at()

    def _defined_at(self) -> str:
        code = self.workflow.function.__code__
        return f"{code.co_filename}:{code.co_firstlineno}"


def _user_line(frame: FrameType | None) -> str | None:
    """Return file:line of the innermost frame that is not this package's."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and not name.startswith("<"):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return None
