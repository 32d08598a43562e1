"""Answer what a workflow in plain Python asks for: the Runtime port, with threads.

One `LocalRuntime` per run. How a run begins, ends and continues is in `execution`.
"""

from __future__ import annotations

import functools
import itertools
import logging
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from uuid import uuid4

from partita.authoring.context import Heard, monitors
from partita.authoring.coroutine_watch import watch_coroutines
from partita.authoring.definition import (
    ActivityDefinition,
    LambdaSpec,
    Submittable,
    WorkflowSpec,
)
from partita.authoring.failure import raise_here
from partita.authoring.future import (
    ChildFuture,
    Future,
    copy_outcome,
    pending_in_call,
    resolved,
    when_done,
)
from partita.authoring.hooks import (
    NO_HOOKS,
    AbortWorkflow,
    CancelWorkflow,
    Hooks,
    ReplaceResult,
    RetryTask,
    Verdict,
)
from partita.authoring.local.attempts import run_attempts
from partita.authoring.local.base_exceptions import ends_program
from partita.authoring.local.crossing import (
    Arguments,
    carried_error,
    carried_result,
    carried_value,
)
from partita.authoring.local.event_loop import outside_event_loop, runs_event_loop
from partita.authoring.local.waits import Aborted, Waits
from partita.authoring.mailbox import Mailbox
from partita.authoring.runtime import (
    Continuation,
    WorkflowInfo,
    current,
    id_is_taken,
    not_open,
)
from partita.authoring.unawaited import Unawaited
from partita.codec import ANY, Converter
from partita.errors import (
    CancelledError,
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    UsageError,
)
from partita.history import WorkflowExecution

T = TypeVar("T")

MAX_THREADS = 32
"""Activities that `submit` runs at a time."""

log = logging.getLogger("partita")

Live = Callable[[WorkflowSpec, Arguments, "LocalRuntime"], Any]
"""Run an execution to its end and return its result."""


class ContinuedAsNew(BaseException):
    """End a run that continues as new; caught in `execution`."""

    def __init__(self, continuation: Continuation) -> None:
        self.continuation = continuation


class LocalRuntime(Waits):
    """The runtime of one run in plain Python; `before` is the run that it continues."""

    def __init__(
        self,
        info: WorkflowInfo,
        live: Live,
        hooks: Hooks = NO_HOOKS,
        before: LocalRuntime | None = None,
    ) -> None:
        super().__init__()
        watch_coroutines()
        self.unawaited = Unawaited()
        self._info = info
        self._live = live
        self._hooks = hooks
        self.monitors: tuple[Heard, ...] = monitors.get() if before is None else before.monitors
        self._random = random.Random()
        self._keys = itertools.count(1)
        self._once: dict[str, Future[Any]] = {}  # idempotent calls
        self._stops: dict[str, Callable[[], object]] = {}  # how to cancel what runs, by key
        self._converter = Converter()
        self._mailbox = Mailbox(
            self._converter,
            self.settle,
            lambda error: log.warning("a signal was left out: %s", error),
        )
        if before is not None:
            with before.settled:
                for name, payload in before._mailbox.unread():
                    self._mailbox.put(name, payload)

    def info(self) -> WorkflowInfo:
        return self._info

    def is_async(self) -> bool:
        return self.thread.is_async

    # -- work

    def next_key(self) -> str:
        return str(next(self._keys))

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        future = self._future(definition, key or self.next_key())
        waits_for = pending_in_call(args, kwargs)
        if not waits_for:
            self._begin(future, definition, Arguments(definition, args, kwargs))
            return future
        definition.signature.bind(args, kwargs)
        begin = functools.partial(self._begin_late, future, definition, args, kwargs)
        with self.settled:
            when_done(waits_for, begin)
        return future

    def _begin_late(
        self,
        future: Future[Any],
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Begin a task whose arguments are done; fail it if one of them failed."""
        if future.done():
            return
        try:
            arguments = Arguments(definition, resolved(args), resolved(kwargs))
        except Exception as error:
            self.settle(future, error=error)
        else:
            self._begin(future, definition, arguments)

    def _future(self, definition: Submittable, key: str) -> Future[Any]:
        if isinstance(definition, WorkflowSpec):
            id = definition.settings.workflow_id or f"{self._info.workflow_id}/{key}"
            return ChildFuture(self, definition.label, WorkflowExecution(id, ""), key)
        return Future(self, definition.label, key)

    def _begin(self, future: Future[Any], definition: Submittable, arguments: Arguments) -> None:
        """Begin a task on a thread."""
        if isinstance(definition, WorkflowSpec):
            assert isinstance(future, ChildFuture)
            self._begin_child(future, definition, arguments)
            return
        if isinstance(definition, ActivityDefinition) and definition.settings.idempotent:
            with self.settled:
                first = self._once.setdefault(arguments.identity(), future)
            if first is not future:
                first.add_done_callback(lambda _: copy_outcome(first, future))
                return
        _pool().submit(self._run_activity, future, definition, arguments)

    def _run_activity(
        self,
        future: Future[Any],
        definition: ActivityDefinition | LambdaSpec,
        arguments: Arguments,
    ) -> None:
        def work() -> Any:
            if isinstance(definition, LambdaSpec):
                args, kwargs = arguments.read()
                return carried_result(definition, definition.function(*args, **kwargs))
            token = monitors.set(self.monitors)
            try:
                return run_attempts(definition, arguments, self._info, future.key, future.done)
            finally:
                monitors.reset(token)

        self._run_task(future, definition, arguments, work)

    def _begin_child(
        self, future: ChildFuture[Any], spec: WorkflowSpec, arguments: Arguments
    ) -> None:
        first = self._open_child(future, spec)  # at once, so that it can be signalled
        if first is None:
            return
        opened = [first]

        def work() -> Any:
            child = opened.pop() if opened else self._open_child(future, spec)
            return None if child is None else self._live(spec, arguments, child)

        run = functools.partial(self._run_task, future, spec, arguments, work)
        threading.Thread(target=run, name=future.workflow_id, daemon=True).start()

    def _open_child(self, future: ChildFuture[Any], spec: WorkflowSpec) -> LocalRuntime | None:
        """Make a child's run; fail the future and return None if its id is taken."""
        info = new_info(spec, future.workflow_id, WorkflowExecution(self._info.workflow_id, ""))
        if info.workflow_id in open_runs:
            taken = id_is_taken(spec.label, info.workflow_id)
            self.settle(future, error=ExecutionAlreadyStartedError(taken))
            return None
        child = open_runs[info.workflow_id] = LocalRuntime(info, self._live, spec.hooks)
        child.monitors = self.monitors
        future.execution = WorkflowExecution(info.workflow_id, info.run_id)
        self._stops[future.key] = child.cancel_run
        return child

    def _run_task(
        self,
        future: Future[Any],
        definition: Submittable,
        arguments: Arguments,
        work: Callable[[], Any],
    ) -> None:
        """Run a task to its end, again as often as the failure hook says, and settle its future."""
        value: Any = None
        error: BaseException | None = None
        try:
            value = self._run_judged(future, definition, arguments, work)
        except BaseException as raised:  # also of `pytest.fail()`: its caller waits
            error = raised
        self.settle(future, value, error)

    def _run_judged(
        self,
        future: Future[Any],
        definition: Submittable,
        arguments: Arguments,
        work: Callable[[], Any],
    ) -> Any:
        """Return what a task gives, or what the failure hook gives in its place."""
        outside = sys.exc_info()[1]
        for attempt in itertools.count(1):
            if future.done():
                return None
            try:
                return work()
            except CancelledError:
                error: Exception = CancelledError(f"{definition.label} was cancelled")
            except BaseException as raised:
                if ends_program(raised):
                    raise
                error = carried_error(definition, raised, outside)
            failure = (definition.label, future.key, error, arguments.args, arguments.kwargs)
            match self._judge(*failure, attempt):
                case RetryTask(seconds=seconds):
                    time.sleep(seconds)
                    continue
                case ReplaceResult(value=replacement):
                    return replacement
                case CancelWorkflow():
                    self.cancel_run()
                case AbortWorkflow():
                    self.end(Aborted(error))
            raise_here(error)
        raise AssertionError("the attempts do not end")

    def _judge(self, *failure: Any) -> Verdict | None:
        token = current.set(self)
        try:
            return self._hooks.judge(*failure)
        finally:
            current.reset(token)

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (
            not isinstance(definition, ActivityDefinition)
            or definition.settings.idempotent
            or definition.is_async  # a notebook's event loop may run on this thread
        ):
            future = self.submit(definition, args, kwargs)
            try:
                return future.result()
            except CancelledError:
                future.cancel()
                raise
        self.check()
        waits_for = pending_in_call(args, kwargs)
        for pending in waits_for:
            pending.result()
        if self.thread.deadlines:  # on another thread, so that the wait can be interrupted
            self.check_deadlines()
            return self.submit(definition, args, kwargs).result()
        if waits_for:
            args, kwargs = resolved(args), resolved(kwargs)
        arguments = Arguments(definition, args, kwargs)
        future = Future(self, definition.label, self.next_key())
        if runs_event_loop():
            with outside_event_loop():
                self._run_activity(future, definition, arguments)
        else:
            self._run_activity(future, definition, arguments)
        self.check_end()
        return future.result()

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        future: Future[Any] = Future(self, label, self.next_key())
        cancelled = threading.Event()

        def stop() -> None:
            with self.settled:
                cancelled.set()
                self.settled.notify_all()

        def work() -> None:
            self.thread.cancelled = cancelled
            value, error = None, None
            try:
                value = function()
            except (ContinuedAsNew, Aborted) as end:
                self.end(end)
                return
            except BaseException as raised:
                error = raised
            self.settle(future, value, error)

        self._stops[future.key] = stop
        run = functools.partial(copy_context().run, work)
        threading.Thread(target=run, name=label, daemon=True).start()
        return future

    def promise(self, label: str) -> Future[Any]:
        return Future(self, label, self.next_key())

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        with self.settled:
            self._stops.pop(future.key, None)
            future.settle(value, error)
            self.settled.notify_all()

    def cancel(self, future: Future[Any]) -> bool:
        """Stop a child or a part; give up anything else, whose thread may go on."""
        stop = self._stops.get(future.key)
        if stop is not None:
            stop()
        else:
            self.settle(future, error=CancelledError(f"{future.label} was cancelled"))
        return True

    # -- time

    def start_timer(self, seconds: float) -> Future[None]:
        future: Future[None] = Future(self, f"timer of {seconds} s", self.next_key())
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.settle, [future])
        timer.daemon = True
        timer.start()

        def stop() -> None:
            timer.cancel()
            self.settle(future, error=CancelledError(f"{future.label} was cancelled"))

        self._stops[future.key] = stop
        return future

    def sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def pause_if_long(self, seconds: float) -> None:
        """Do nothing: there is no other execution in this thread."""

    def bounded(
        self,
        function: Callable[[float], T],
        seconds: float,  # noqa: ARG002  # no other execution waits for it
        limit: float,
    ) -> T:
        return function(limit)

    def now(self) -> datetime:
        return datetime.now(UTC)

    # -- chance and change

    def random(self) -> random.Random:
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        return carried_value(function(), "the value of side_effect")

    def patched(self, id: str) -> bool:  # noqa: ARG002  # no run here began with older code
        return True

    def record_marker(self, name: str, value: Any) -> None:
        self._converter.dump(value, f"marker {name}")

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        self.unawaited.check(f"workflow {self._info.name}")
        raise ContinuedAsNew(continuation)

    # -- messages

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        future: Future[Any] = Future(self, f"signal {name}", self.next_key())
        with self.settled:
            self._mailbox.receive(name, decode, future)
        return future

    def deliver(self, name: str, payload: str) -> None:
        """Take in a signal, from any thread."""
        with self.settled:
            self._mailbox.put(name, payload)

    def signal(self, execution: WorkflowExecution, name: str, value: Any) -> Future[None]:
        payload = self._converter.dump(value, f"signal {name}", ANY)
        return self._send(execution, lambda run: run.deliver(name, payload))

    def request_cancel(self, execution: WorkflowExecution) -> Future[None]:
        return self._send(execution, LocalRuntime.cancel_run)

    def _send(
        self, execution: WorkflowExecution, deliver: Callable[[LocalRuntime], object]
    ) -> Future[None]:
        future: Future[None] = Future(self, f"message to {execution.workflow_id}", self.next_key())
        target = open_runs.get(execution.workflow_id)
        if target is None:
            future.settle(error=ExecutionNotFoundError(not_open(execution.workflow_id)))
        else:
            deliver(target)
            future.settle()
        return future

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        _check_handler(name, function)

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        _check_handler(name, function)

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Do nothing, since nobody can search here."""


def _check_handler(name: str, function: object) -> None:
    """Check a handler, which nobody can call here."""
    if not name or not callable(function):
        raise UsageError(f"{name!r} cannot be answered by {function!r}; give a function")


open_runs: dict[str, LocalRuntime] = {}
"""The runs that can be signalled, by workflow id."""


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="partita-local")


def new_info(
    spec: WorkflowSpec, workflow_id: str | None, parent: WorkflowExecution | None
) -> WorkflowInfo:
    """Return the info of a new run of a workflow."""
    run_id = uuid4().hex
    return WorkflowInfo(
        workflow_id=workflow_id or spec.settings.workflow_id or f"local-{run_id[:8]}",
        run_id=run_id,
        name=spec.workflow_type.name,
        version=spec.workflow_type.version,
        task_list=spec.settings.task_list or "default",
        tags=spec.settings.tag_list,
        parent=parent,
    )
