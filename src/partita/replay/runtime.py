"""Answer what a replayed workflow asks for: the Runtime port, inside an engine.

Composes the parts of a run: strands, journal, pending calls, messages, markers. How turns are
driven, and how the workflow function ends, is in `run`.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from greenlet import GreenletExit
from msgspec.structs import replace

from partita import history as h
from partita.authoring.context_managers import context_manager
from partita.authoring.coroutine_watch import note_origins, watch_coroutines
from partita.authoring.definition import Submittable, WorkflowSpec
from partita.authoring.future import Future
from partita.authoring.runtime import LONG_HISTORY, Continuation, WorkflowInfo
from partita.authoring.signature import UNTYPED_ARGUMENTS
from partita.authoring.unawaited import Unawaited
from partita.codec import Converter, Form
from partita.errors import CancelledError, UsageError
from partita.ports.service import Bounds
from partita.replay.journal import Journal
from partita.replay.markers import Markers
from partita.replay.messages import Messages
from partita.replay.payloads import Payloads
from partita.replay.pending_calls import PendingCalls, StrandFuture
from partita.replay.strands import Deadline, Strands

T = TypeVar("T")

log = logging.getLogger("partita.replay")


class ReplayRuntime:
    """The runtime of one run."""

    def __init__(
        self,
        workflow: WorkflowSpec,
        execution: h.WorkflowExecution,
        domain: str,
        converter: Converter,
        bounds: Bounds,
    ) -> None:
        watch_coroutines()
        note_origins()
        self.unawaited = Unawaited()
        self.strands = Strands(workflow, self)
        self.journal = Journal(self.strands, converter, bounds)
        self.payloads = Payloads(converter)
        parts = (self.journal, self.strands, self.payloads)
        self.calls = PendingCalls(workflow, self, *parts, bounds)
        self.messages = Messages(execution.workflow_id, *parts)
        self.markers = Markers(workflow, *parts)
        self._workflow = workflow
        self._execution = execution
        self._domain = domain
        self._started: h.WorkflowExecutionStarted | None = None
        self._timers: dict[str, Future[None]] = {}
        self._keys = 0
        self._random: random.Random | None = None
        self._has_warned = False  # of a long history

    # -- events

    def begin(self, event: h.WorkflowExecutionStarted) -> None:
        """Take in how the execution was started."""
        self._started = event
        self.markers.reused = event.reused_markers
        prefix = f"{self._execution.workflow_id}:{self._origin()[:8]}"
        self.calls.begin(prefix, event.lambda_role)

    def deliver(self, event: h.AnyEvent) -> None:
        """Tell the code of an event."""
        kind = type(event)
        if kind is h.TimerFired:
            self._end_timer(event.timer_id)  # type: ignore[union-attr]
        elif kind is h.WorkflowExecutionSignaled:
            self.messages.deliver(event)  # type: ignore[arg-type]
        elif kind is h.WorkflowExecutionCancelRequested:
            self.strands.cancel()
        else:
            self.calls.deliver(event)

    def refuse(self, event: h.AnyEvent) -> None:
        """Fail what a refused decision was to begin; a refused timer ends at once."""
        if not self._end_timer(getattr(event, "timer_id", "")):
            self.calls.refuse(event)

    def _end_timer(self, key: str) -> bool:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.settle()
        return timer is not None

    def can_go_on(self) -> bool:
        """Return whether anything is open that could resume the code."""
        return bool(self.calls.can_go_on or self._timers or self.messages.is_awaited)

    def close(self) -> None:
        """Issue the decision that ends the run, once its updates are answered.

        A run that continues as new hands its unread signals and updates not begun to the next.
        """
        final = self.journal.final
        assert final is not None
        if isinstance(final, h.ContinueAsNewWorkflowExecution):
            self.messages.abandon_updates(all=False)
            final = replace(
                final,
                unread_signals=self.messages.unread(),
                cancel_pending=self.strands.all[0].cancel_pending,
            )
        else:
            self.messages.abandon_updates(all=True)
        self.journal.issue(final)

    def info(self) -> WorkflowInfo:
        started, journal = self._started, self.journal
        assert started is not None
        is_old = journal.expected is not None and not journal.is_reading
        return WorkflowInfo(
            workflow_id=self._execution.workflow_id,
            run_id=self._execution.run_id,
            name=started.workflow_type.name,
            version=started.workflow_type.version,
            task_list=started.task_list,
            tags=started.tag_list,
            parent=started.parent_workflow_execution,
            continued_from=started.continued_execution_run_id,
            history_length=journal.last_event_id,
            is_replaying=journal.is_trial or is_old,
            domain=self._domain,
        )

    def is_async(self) -> bool:
        strand = self.strands.current
        return strand is not None and strand.event_loop is not None

    # -- work

    def next_key(self) -> str:
        self._keys += 1
        return str(self._keys)

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        self.journal.check_open()
        if not self._has_warned and self.journal.last_event_id >= LONG_HISTORY:
            self._warn_of_length()
        return self.calls.submit(definition, args, kwargs, key or self.next_key())

    def _warn_of_length(self) -> None:
        self._has_warned = True
        if self.journal.expected is None:
            log.warning(
                "execution %s has %d events; let it continue_as_new",
                self._execution.workflow_id,
                self.journal.last_event_id,
            )

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        future = self.submit(definition, args, kwargs)
        if not future.done():
            try:
                self.wait(future.done, None)
            except CancelledError:
                future.cancel()
                raise
        return future.result()

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        self.journal.check_open()
        key = self.next_key()
        future = StrandFuture(self, label, key)
        self.calls.add(key, future)

        def body() -> None:
            value, error = None, None
            try:
                value = function()
            except GreenletExit:
                raise
            except BaseException as raised:  # sys.exit() must not end the thread of all runs
                error = raised
            self.calls.discard(key)
            future.settle(value, error)

        strand = self.strands.add(body, f"part {label}")

        def stop() -> None:
            strand.cancel_pending = True

        future.stop = stop
        return future

    def promise(self, label: str) -> Future[Any]:
        return Future(self, label, self.next_key())

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        future.settle(value, error)

    def cancel(self, future: Future[Any]) -> bool:
        self.journal.check_open()
        key = future.key
        if isinstance(future, StrandFuture):
            future.stop()
        elif not self.calls.cancel(key):
            self.calls.discard(key)
            self._cancel_timer(key)
            future.settle(error=CancelledError(f"{future.label} was cancelled"))
        return True

    # -- time

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        self.journal.check_open()
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
        self.strands.needed().suspend(ready)
        self.journal.check_open()

    def sleep(self, seconds: float) -> None:
        self.journal.check_open()
        timer = self.start_timer(seconds)
        try:
            self._suspend(timer.done)
        finally:
            self._cancel_timer(timer.key)

    def start_timer(self, seconds: float) -> Future[None]:
        key = self.next_key()
        timer: Future[None] = Future(self, f"timer of {seconds} s", key)
        self._timers[key] = timer
        self.journal.issue(h.StartTimer(timer_id=key, start_to_fire=seconds))
        return timer

    def _cancel_timer(self, key: str) -> None:
        if self._timers.pop(key, None) is not None:
            self.journal.issue(h.CancelTimer(timer_id=key))

    @context_manager
    def deadline(self, seconds: float) -> Iterator[None]:
        strand = self.strands.needed()
        deadline = Deadline(seconds)
        strand.deadlines.append(deadline)
        try:
            yield
        finally:
            strand.deadlines.remove(deadline)
            if deadline.timer is not None and not deadline.timer.done():
                self._cancel_timer(deadline.timer.key)

    @context_manager
    def shield(self) -> Iterator[None]:
        strand = self.strands.needed()
        strand.shields += 1
        try:
            yield
        finally:
            strand.shields -= 1

    def pause_if_long(self, seconds: float) -> None:
        if self.markers.is_pause_due(seconds):
            self.sleep(0)

    def bounded(self, function: Callable[[float], T], seconds: float, limit: float) -> T:
        return self.markers.bounded(function, seconds, limit)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.journal.time, UTC)

    # -- chance and change

    def _origin(self) -> str:
        """Return the run id of the first run, of which this one may be a fork."""
        assert self._started is not None
        return self._started.original_run_id or self._execution.run_id

    def random(self) -> random.Random:
        if self._random is None:
            self._random = random.Random(self._origin())
        if self.journal.is_reading:  # a query must not use up the workflow's own numbers
            copy = random.Random()
            copy.setstate(self._random.getstate())
            return copy
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        self.journal.check_open()
        return self.markers.side_effect(self.next_key(), function)

    def patched(self, id: str) -> bool:
        return self.markers.patched(id)

    def record_marker(self, name: str, value: Any) -> None:
        self.markers.record(name, value)

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.markers.record_search_attributes(attributes)

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        self.journal.check_open()
        strand = self.strands.current
        if strand is None:
            raise UsageError("continue_as_new() is for the workflow's own code, not for callbacks")
        self.unawaited.check(self._workflow.label)
        value, form = self._next_input(continuation)
        decision = h.ContinueAsNewWorkflowExecution(
            input=self.payloads.dump(value, "the arguments of the next run", form),
            workflow_type_version=continuation.version,
            task_list=continuation.task_list,
            tag_list=continuation.tags,
            child_policy=continuation.child_policy,
        )
        if strand is not self.strands.all[0]:
            self.journal.final = decision
            self.close()
        self.journal.continuation = decision
        raise GreenletExit

    def _next_input(self, continuation: Continuation) -> tuple[Any, Form]:
        """Return the arguments of the next run and their form; versions may differ in both."""
        args, kwargs = continuation.args, continuation.kwargs
        if continuation.version in (None, self._workflow.workflow_type.version):
            signature = self._workflow.signature
            return signature.bind(args, kwargs), signature.arguments
        value: Any = {"args": list(args), "kwargs": kwargs} if kwargs else args
        return value, UNTYPED_ARGUMENTS

    # -- messages

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        self.journal.check_open()
        future: Future[Any] = Future(self, f"signal {name}", self.next_key())
        self.messages.receive(name, decode, future)
        return future

    def signal(self, execution: h.WorkflowExecution, name: str, value: Any) -> Future[None]:
        future = self._message(f"signal {name} to {execution.workflow_id}")
        self.journal.issue(
            h.SignalExternalWorkflowExecution(
                workflow_id=execution.workflow_id,
                run_id=execution.run_id or None,
                signal_name=name,
                input=None if value is None else self.payloads.dump(value, f"signal {name}"),
                control=future.key,
            )
        )
        return future

    def request_cancel(self, execution: h.WorkflowExecution) -> Future[None]:
        future = self._message(f"cancel request to {execution.workflow_id}")
        self.journal.issue(
            h.RequestCancelExternalWorkflowExecution(
                workflow_id=execution.workflow_id,
                run_id=execution.run_id or None,
                control=future.key,
            )
        )
        return future

    def _message(self, label: str) -> Future[None]:
        future: Future[None] = Future(self, label, self.next_key())
        self.calls.add(future.key, future)
        return future

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        self.messages.on_query(name, function)

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        self.messages.on_update(name, function)
