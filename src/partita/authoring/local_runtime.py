"""Answer what a workflow in plain Python asks for: the Runtime port, with threads.

One `LocalRun` per run. How a run begins, ends and continues is in `local`.
"""

from __future__ import annotations

import functools
import itertools
import logging
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import uuid4

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
    NO_HOOKS,
    AbortWorkflow,
    CancelWorkflow,
    Hooks,
    ReplaceResult,
    RetryTask,
    TaskFailure,
)
from partita.authoring.local_attempts import attempts
from partita.authoring.local_waits import Aborted, Waiting
from partita.authoring.runtime import (
    Continuation,
    WorkflowInfo,
    current,
    id_is_taken,
    nobody_hears,
)
from partita.codec import Converter
from partita.errors import (
    CancelledError,
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidInputError,
    UsageError,
)
from partita.history import WorkflowExecution

THREADS = 32
"""Activities that `submit` runs at a time."""

log = logging.getLogger("partita")


Live = Callable[["WorkflowSpec", tuple[Any, ...], dict[str, Any], "LocalRun"], Any]
"""Be one execution, run after run, and return its result."""


class ContinuedAsNew(BaseException):
    """Carry a run's wish to continue as new to who runs it. Never leaves `local`."""

    def __init__(self, continuation: Continuation) -> None:
        self.continuation = continuation


class LocalRun(Waiting):
    """The runtime of a workflow that is simply called."""

    def __init__(self, info: WorkflowInfo, live: Live, hooks: Hooks = NO_HOOKS) -> None:
        super().__init__()
        self.hooks = hooks
        self._live = live
        self.inbox: dict[str, deque[str]] = defaultdict(deque)  # signals nobody has received
        self._info = info
        self._random = random.Random()
        self._keys = itertools.count(1)
        self._receivers: dict[str, deque[tuple[Future[Any], Callable[[str], Any]]]] = defaultdict(
            deque
        )
        self._once: dict[str, Future[Any]] = {}
        self._stops: dict[str, Callable[[], object]] = {}  # how to cancel what runs, by key
        self._converter = Converter()

    def info(self) -> WorkflowInfo:
        """Return which execution this is."""
        return self._info

    def is_async(self) -> bool:
        """Return whether this thread is that of the run's event loop."""
        return self.line.is_async

    # -- work

    def next_key(self) -> str:
        """Return the next number."""
        return str(next(self._keys))

    def submit(
        self,
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        key: str | None = None,
    ) -> Future[Any]:
        """Begin on a thread once the futures among the arguments are done."""
        definition.signature.bind(args, kwargs)
        future = self._future(definition, key or self.next_key())
        begin = functools.partial(self._begin, future, definition, args, kwargs)
        with self.settled:
            when_done(pending_in((args, kwargs)), begin)
        return future

    def _future(self, definition: Submittable, key: str) -> Future[Any]:
        if isinstance(definition, WorkflowSpec):
            given = definition.settings.workflow_id
            id = given or f"{self._info.workflow_id}/{key}"
            return ChildFuture(self, definition.label, WorkflowExecution(id, ""), key)
        return Future(self, definition.label, key)

    def _begin(
        self,
        future: Future[Any],
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        if future.done():
            return
        try:
            args, kwargs = resolved(args), resolved(kwargs)
        except Exception as error:
            self.settle(future, error=error)
            return
        if isinstance(definition, WorkflowSpec):
            assert isinstance(future, ChildFuture)
            self._begin_child(future, definition, args, kwargs)
            return
        if isinstance(definition, ActivityDefinition) and definition.settings.idempotent:
            value = definition.signature.bind(args, kwargs)
            call = f"{definition.key} {self._converter.dump(value)}"
            with self.settled:
                first = self._once.setdefault(call, future)
            if first is not future:
                first.add_done_callback(lambda _: copy_outcome(first, future))
                return
        pool().submit(self._run, future, definition, args, kwargs)

    def _run(
        self,
        future: Future[Any],
        definition: ActivityDefinition | LambdaSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Run an activity to its end, with what the failure hook says of it."""
        value: Any = None
        error: BaseException | None = None
        attempt = 0
        while not future.done():
            attempt += 1
            try:
                value, error = self._once_more(definition, args, kwargs, future), None
                break
            except CancelledError:
                error = CancelledError(f"{definition.label} was cancelled")
            except Exception as raised:
                error = raised
            again = self._judge(future, definition, args, kwargs, error, attempt)
            if again is None:
                return
            if not isinstance(again, RetryTask):
                break
            time.sleep(again.seconds)
        self.settle(future, value, error)

    def _once_more(
        self,
        definition: ActivityDefinition | LambdaSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        future: Future[Any],
    ) -> Any:
        if isinstance(definition, LambdaSpec):
            return definition.function(*args, **kwargs)
        return attempts(definition, args, kwargs, self._info, future.key, future.done)

    def _judge(
        self,
        future: Future[Any],
        definition: Submittable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        error: BaseException,
        attempt: int,
    ) -> RetryTask | bool | None:
        """Ask the failure hook; None: the future is settled or given up; False: fail it."""
        hook = self.hooks.on_task_failure
        if hook is None or isinstance(error, CancelledError):
            return False
        name = definition.label.split(" ", 1)[1]
        failure = TaskFailure(
            name=name, key=future.key, error=error, args=args, kwargs=kwargs, attempt=attempt
        )
        token = current.set(self)
        try:
            verdict = hook(failure)
        finally:
            current.reset(token)
        if isinstance(verdict, RetryTask):
            return verdict
        if isinstance(verdict, ReplaceResult):
            self.settle(future, verdict.value)
            return None
        if isinstance(verdict, CancelWorkflow):
            self.cancel_run()
        elif isinstance(verdict, AbortWorkflow):
            self.end(Aborted(error))
        return False

    def _begin_child(
        self,
        future: ChildFuture[Any],
        spec: WorkflowSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        attempt: int = 1,
    ) -> None:
        info = info_of(spec, future.workflow_id, WorkflowExecution(self._info.workflow_id, ""))
        if info.workflow_id in open_runs:
            taken = id_is_taken(spec.label, info.workflow_id)
            self.settle(future, error=ExecutionAlreadyStartedError(taken))
            return
        child = LocalRun(info, self._live, spec.hooks)
        open_runs[info.workflow_id] = child
        future.execution = WorkflowExecution(info.workflow_id, info.run_id)
        self._stops[future.key] = child.cancel_run

        def work() -> None:
            value: Any = None
            error: BaseException | None = None
            try:
                value = self._live(spec, args, kwargs, child)
            except CancelledError:
                error = CancelledError(f"{spec.label} was cancelled")
            except Exception as raised:
                error = raised
            if error is not None:
                again = self._judge(future, spec, args, kwargs, error, attempt)
                if isinstance(again, RetryTask):
                    time.sleep(again.seconds)
                    self._begin_child(future, spec, args, kwargs, attempt + 1)
                    return
                if again is None:
                    return
            self.settle(future, value, error)

        threading.Thread(target=work, name=info.workflow_id, daemon=True).start()

    def call(self, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it here; what runs on this very thread cannot be cancelled."""
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
        definition.signature.bind(args, kwargs)
        self.check()
        for pending in pending_in((args, kwargs)):
            pending.result()
        if self.line.deadlines:  # so that the wait can be broken off
            self.check_deadlines()
            return self.submit(definition, args, kwargs).result()
        future = Future(self, definition.label, self.next_key())
        self._run(future, definition, resolved(args), resolved(kwargs))
        self.check_end()
        return future.result()

    def spawn(self, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run the function on a thread of its own."""
        future: Future[Any] = Future(self, label, self.next_key())
        cancelled = threading.Event()
        self._stops[future.key] = lambda: self._wake(cancelled)
        context = copy_context()

        def work() -> None:
            self.line.cancelled = cancelled
            value, error = None, None
            try:
                value = function()
            except (ContinuedAsNew, Aborted) as end:
                self.end(end)
                return
            except BaseException as raised:
                error = raised
            self.settle(future, value, error)

        threading.Thread(target=context.run, args=[work], name=label, daemon=True).start()
        return future

    def _wake(self, event: threading.Event) -> None:
        with self.settled:
            event.set()
            self.settled.notify_all()

    def promise(self, label: str) -> Future[Any]:
        """Return a future that the workflow's own code settles."""
        return Future(self, label, self.next_key())

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        """End a future and wake who waits."""
        with self.settled:
            self._stops.pop(future.key, None)
            future.settle(value, error)
            self.settled.notify_all()

    def cancel(self, future: Future[Any]) -> bool:
        """Stop a child or a part; give anything else up, whose thread may go on unseen."""
        stop = self._stops.get(future.key)
        if stop is not None:
            stop()
        else:
            self.settle(future, error=CancelledError(f"{future.label} was cancelled"))
        return True

    # -- time

    def start_timer(self, seconds: float) -> Future[None]:
        """Return a future that is done after a time."""
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
        """Sleep, unless somebody cancels."""
        self.wait(lambda: False, seconds)

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    # -- chance and change

    def random(self) -> random.Random:
        """Return a source of random numbers."""
        return self._random

    def side_effect(self, function: Callable[[], Any]) -> Any:
        """Call the function."""
        return function()

    def patched(self, id: str) -> bool:  # noqa: ARG002
        """Return True: nothing here began with older code."""
        return True

    def record_marker(self, name: str, value: Any) -> None:
        """Check that the value could be recorded."""
        self._converter.dump(value, f"marker {name}")

    def continue_as_new(self, continuation: Continuation) -> NoReturn:
        """Leave it to who runs this."""
        raise ContinuedAsNew(continuation)

    # -- messages

    def receive(self, name: str, decode: Callable[[str], Any]) -> Future[Any]:
        """Return a future of the next signal."""
        future: Future[Any] = Future(self, f"signal {name}", self.next_key())
        with self.settled:
            receivers = self._receivers[name]
            while receivers and receivers[-1][0].done():  # it gave up
                receivers.pop()
            receivers.append((future, decode))
            self._match(name)
        return future

    def deliver(self, name: str, payload: str) -> None:
        """Take a signal from wherever."""
        with self.settled:
            self.inbox[name].append(payload)
            self._match(name)

    def _match(self, name: str) -> None:
        receivers, payloads = self._receivers[name], self.inbox[name]
        while payloads and receivers:
            future, decode = receivers[0]
            if future.done():  # it was cancelled
                receivers.popleft()
                continue
            try:
                value = self._converter.load(payloads.popleft(), decode, f"signal {name}")
            except InvalidInputError as error:
                log.warning("a signal was left out: %s", error)
                continue
            receivers.popleft()
            self.settle(future, value)

    def signal(self, execution: WorkflowExecution, name: str, value: Any) -> Future[None]:
        """Put the signal into the other run's inbox."""
        payload = self._converter.dump(value, f"signal {name}")
        return self._tell(execution, lambda run: run.deliver(name, payload))

    def request_cancel(self, execution: WorkflowExecution) -> Future[None]:
        """Cancel the other run."""
        return self._tell(execution, LocalRun.cancel_run)

    def _tell(
        self, execution: WorkflowExecution, tell: Callable[[LocalRun], object]
    ) -> Future[None]:
        future: Future[None] = Future(self, f"message to {execution.workflow_id}", self.next_key())
        target = open_runs.get(execution.workflow_id)
        if target is None:
            future.settle(error=ExecutionNotFoundError(nobody_hears(execution.workflow_id)))
        else:
            tell(target)
            future.settle()
        return future

    def on_query(self, name: str, function: Callable[..., Any]) -> None:
        """Check the name; nobody can ask here."""
        _check_handler(name, function)

    def on_update(self, name: str, function: Callable[..., Any]) -> None:
        """Check the name; nobody can ask here."""
        _check_handler(name, function)

    def upsert_search_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Do nothing: nobody can search here."""


def _check_handler(name: str, function: object) -> None:
    if not name or not callable(function):
        raise UsageError(f"{name!r} cannot be answered by {function!r}; give a function")


open_runs: dict[str, LocalRun] = {}
"""The runs that can be signalled, by workflow id."""


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Return the threads on which activities run."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="partita-local")


def info_of(
    spec: WorkflowSpec, workflow_id: str | None, parent: WorkflowExecution | None
) -> WorkflowInfo:
    """Return what a new run of a workflow is."""
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
