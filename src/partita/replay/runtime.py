"""Answer what a replayed workflow asks for: the Runtime port, inside an engine.

Time, chance, changes of the code and messages are answered here; what is open, and how it
ends, is in `operations`, signals and updates in `inbox`. How code is suspended and how
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

from partita import history as h
from partita.authoring.definition import Submittable
from partita.authoring.failure import Failure
from partita.authoring.future import Future
from partita.authoring.runtime import LONG_HISTORY, Continuation, WorkflowInfo
from partita.codec import decoder
from partita.errors import ActivityFailedError, CancelledError, UsageError
from partita.replay.messages import Inbox
from partita.replay.pending_calls import Operations, StrandFuture
from partita.replay.strands import Deadline

if TYPE_CHECKING:
    from partita.replay.run import Run

log = logging.getLogger("partita.replay")

_load_any = decoder(Any)
_FAILED = '{"$failure":'  # how the marker of a side effect that raised begins


class Asking:
    """The runtime of a workflow inside an engine."""

    def __init__(self, run: Run) -> None:
        self.continuation: h.ContinueAsNewWorkflowExecution | None = None
        self.inbox = Inbox(run)
        self._run = run
        self._started: h.WorkflowExecutionStarted | None = None
        self._keys = 0
        self._random: random.Random | None = None
        self._patches: dict[str, bool] = {}
        self.operations = Operations(run, self)
        self._timers: dict[str, Future[None]] = {}
        self._warned = False

    # -- what the history tells ------------------------------------------------------------

    def begin(self, event: h.WorkflowExecutionStarted) -> None:
        """Learn how the execution was started."""
        self._started = event

    def deliver(self, event: h.AnyEvent) -> None:
        """Take in an event that the code can hear of."""
        kind = type(event)
        if kind is h.TimerFired:
            timer = self._timers.pop(event.timer_id, None)  # type: ignore[union-attr]
            if timer is not None:
                timer.settle()
        elif kind is h.WorkflowExecutionSignaled:
            self.inbox.take(event)  # type: ignore[arg-type]
        elif kind is h.WorkflowExecutionCancelRequested:
            self._run.cancel_requested = True
            self._run.strands[0].cancel_pending = True
        else:
            self.operations.deliver(event)

    def was_refused(self, event: h.AnyEvent) -> None:
        """End what could not even begin."""
        timer = self._timers.pop(getattr(event, "timer_id", ""), None)
        if timer is not None:
            timer.settle()
        else:
            self.operations.was_refused(event)

    def can_never_go_on(self) -> bool:
        """Whether nothing is open that could end what the function waits for."""
        return not (self.operations.can_go_on or self._timers or self.inbox.is_awaited)

    def refuse_unknown_updates(self) -> None:
        """Answer the updates that no handler was registered for."""
        self.inbox.refuse_unknown_updates()

    def closing(self, final: h.AnyDecision) -> h.AnyDecision:
        """Return the decision that closes the run as it must be said now.

        Updates whose handlers have begun are answered: they end with the run.
        """
        continues = isinstance(final, h.ContinueAsNewWorkflowExecution)
        self.inbox.abandon_updates(all=not continues)
        if not continues:
            return final
        return replace(
            final,
            unread_signals=self.inbox.unread(),
            cancel_pending=self._run.strands[0].cancel_pending,
        )

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
            is_replaying=run.is_trial or (run.expected is not None and not run.reading),
            domain=run.domain,
        )

    def is_async(self) -> bool:
        """Return whether an event loop drives the code that runs now."""
        return self._run.is_async_here()

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
        self._warn_of_length()
        return self.operations.submit(definition, args, kwargs, key or self.next_key())

    @property
    def lambda_role(self) -> str | None:
        """The role by which the service may invoke Lambda functions, if it was given one."""
        return None if self._started is None else self._started.lambda_role

    def origin(self) -> str:
        """Return the run id that chance and child ids derive from: a fork keeps the first one."""
        assert self._started is not None
        return self._started.original_run_id or self._run.execution.run_id

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
        future = StrandFuture(self, label, key)
        self.operations.add(key, future)

        def body() -> None:
            value, error = None, None
            try:
                value = function()
            except GreenletExit:
                raise
            except BaseException as raised:  # sys.exit() must not end the thread of all
                error = raised
            self.operations.discard(key)
            future.settle(value, error)

        strand = self._run.add_strand(body, f"part {label}")

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
        if isinstance(future, StrandFuture):
            future.stop()
        elif not self.operations.cancel(key):
            self.operations.discard(key)
            if key in self._timers:
                self._cancel_timer(key)
            future.settle(error=CancelledError(f"{future.label} was cancelled"))
        return True

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
            self._run.issue(h.CancelTimer(timer_id=key))

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
        self._run.issue(h.StartTimer(timer_id=key, start_to_fire=seconds))
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
            self._random = random.Random(self.origin())
        if self._run.reading:  # whoever only looks must not take the workflow's own numbers
            copy = random.Random()
            copy.setstate(self._random.getstate())
            return copy
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function in a new turn; read its marker in an old one."""
        self._run.check_alive()
        name = f"side_effect {self.next_key()}"
        recorded = self._recorded_marker(name)
        if recorded is not None:
            details = recorded.details
        elif self._run.expected is None:
            assert self._started is not None
            if self._run.is_trial:
                self._run.strand().leave()  # nobody can tell what it would give
            details = self._started.reused_markers.get(name) or self._effect(function)
        else:
            details = None
        self._run.issue(h.RecordMarker(marker_name=name, details=details))
        if details is not None and details.startswith(_FAILED):
            failure = Failure.load(details[len(_FAILED) : -1], None)
            raise failure.rebuild(self._run.workflow.namespace, ActivityFailedError)
        return self._run.converter.load(details, _load_any)

    def _recorded_marker(self, name: str | None = None) -> h.MarkerRecorded | None:
        """Return the marker that the history holds at this place, if it is one."""
        event = self._run.expected[0] if self._run.expected else None
        if isinstance(event, h.MarkerRecorded) and name in (None, event.marker_name):
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
                self._run.issue(h.RecordMarker(marker_name=name))
        return self._patches[id]

    def record_marker(self, name: str, value: Any) -> None:
        """Leave a note in the history."""
        details = None if value is None else self._run.dump(value, f"marker {name}")
        self._run.issue(h.RecordMarker(marker_name=name, details=details))

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Leave a note that the service reads; never behind a codec."""
        details = msgspec.json.encode(dict(attributes)).decode()
        self._run.issue(h.RecordMarker(marker_name=h.SEARCH_ATTRIBUTES, details=details))

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        """End the function; what it asks for from here on is refused."""
        self._run.check_alive()
        if not any(strand.is_current for strand in self._run.strands):
            raise UsageError("continue_as_new() is for the workflow's own code, not for callbacks")
        workflow = self._run.workflow
        version = continuation.version
        signature = workflow.signature
        if version in (None, workflow.workflow_type.version):
            value = signature.bind(continuation.args, continuation.kwargs)
        elif continuation.kwargs:
            value = {"args": list(continuation.args), "kwargs": continuation.kwargs}
        else:
            value = continuation.args
        decision = h.ContinueAsNewWorkflowExecution(
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

    def signal(self, execution: h.WorkflowExecution, name: str, value: Any) -> Future[None]:
        """Signal another execution."""
        key, future = self._message(f"signal {name} to {execution.workflow_id}")
        self._run.issue(
            h.SignalExternalWorkflowExecution(
                workflow_id=execution.workflow_id,
                run_id=execution.run_id or None,
                signal_name=name,
                input=None if value is None else self._run.dump(value, f"signal {name}"),
                control=key,
            )
        )
        return future

    def request_cancel(self, execution: h.WorkflowExecution) -> Future[None]:
        """Ask another execution to cancel itself."""
        key, future = self._message(f"cancel request to {execution.workflow_id}")
        self._run.issue(
            h.RequestCancelExternalWorkflowExecution(
                workflow_id=execution.workflow_id, run_id=execution.run_id or None, control=key
            )
        )
        return future

    def _message(self, label: str) -> tuple[str, Future[None]]:
        key = self.next_key()
        future: Future[None] = Future(self, label, key)
        self.operations.add(key, future)
        return key, future

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Keep the handler."""
        self.inbox.on_query(name, function)

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Keep the handler, and answer what came before it."""
        self.inbox.on_update(name, function)
