"""Run asyncio code with time and order from the history.

The loop runs inside a strand: when no callback is ready, the strand is suspended until a future
of the workflow is done. `loop.time()` is the workflow's time, `call_later` a durable timer
(started only if the loop waits for it). Threads, sockets and subprocesses are refused. Tasks and
futures hash by number, so that nothing depends on memory addresses.

The order of callbacks, and how a run ends, are those of `asyncio.run`.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from greenlet import GreenletExit

from partita.authoring.asyncio_sets import order_asyncio_sets
from partita.authoring.future import Future
from partita.authoring.options import MAX_SECONDS
from partita.authoring.runtime import Runtime
from partita.errors import CancelledError, InvalidOptionError, UsageError
from partita.replay.async_generators import AsyncGenerators

log = logging.getLogger("partita.replay")

MAX_TURNS = 100_000
"""Turns that the tasks of a workflow may take without waiting for anything."""

_POLLS = (
    f"the tasks of this workflow took {MAX_TURNS:,} turns without waiting for anything, and no "
    "time passes meanwhile; await the task, future or event, instead of asyncio.sleep(0) in a loop"
)


class _Numbered:
    """Hash by number."""

    _number: int

    def __hash__(self) -> int:
        return self._number


class _Task(_Numbered, asyncio.Task[Any]):
    pass


class _Future(_Numbered, asyncio.Future[Any]):
    pass


class WorkflowLoop(asyncio.AbstractEventLoop):
    """The event loop of one run."""

    def __init__(self, runtime: Runtime) -> None:
        order_asyncio_sets()
        self._runtime = runtime
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._started: dict[asyncio.TimerHandle, Future[None]] = {}
        self._numbers = itertools.count(1)
        self._task_numbers = itertools.count(1)
        self._tasks: dict[asyncio.Task[Any], None] = {}  # not done
        self._closed = False
        self._handler: Callable[..., object] | None = None  # of errors that no code retrieves
        self._generators = AsyncGenerators(self)
        self._outer: asyncio.AbstractEventLoop | None = None  # of this thread

    # -- running

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run until the coroutine is done, then end what is left, as `asyncio.run` does."""
        self.enter()
        try:
            task = self.create_task(coroutine)
            self._run_until(task)
            self._cancel_all()
            if self._generators:
                self._run_until(self.create_task(self.shutdown_asyncgens()))
        except BaseException:
            self._abandon()
            raise
        finally:
            self.leave()
            self._closed = True
            self._tasks.clear()
        try:
            return task.result()
        except asyncio.CancelledError as error:
            raise CancelledError(str(error) or "the workflow cancelled itself") from None

    def enter(self) -> None:
        """Become the event loop of this thread."""
        self._outer = events._get_running_loop()  # it may be resumed from elsewhere
        events._set_running_loop(self)
        self._generators.enter()

    def leave(self) -> None:
        """Give the thread back to the event loop that it had before, or to none."""
        self._generators.leave()
        events._set_running_loop(self._outer)

    def _cancel_all(self) -> None:
        left = list(self._tasks)
        for task in left:
            task.cancel()
        for task in left:
            self._run_until(task)
            if not task.cancelled() and task.exception() is not None:
                message = "unhandled exception during the end of an async workflow"
                self.call_exception_handler({"message": message, "exception": task.exception()})

    def _run_until(self, task: asyncio.Task[Any]) -> None:
        ended: list[Any] = []  # a turn after the task is done, as under asyncio.run
        task.add_done_callback(ended.append)
        while not ended:
            self._run_ready(ended)
            if not ended:
                self._wait(task)

    def _abandon(self) -> None:
        """Close the coroutines of an evicted run here, where their commands are refused."""
        self._closed = True
        for task in self._tasks:
            coroutine = task.get_coro()
            try:
                if coroutine is not None:
                    coroutine.close()
            except BaseException as error:
                log.debug("a coroutine of an evicted workflow ended with %r", error)

    def _run_ready(self, ended: list[Any]) -> None:
        self._add_due()
        turns = 0
        while self._ready and not ended:
            turns += 1
            if turns > MAX_TURNS:
                raise UsageError(_POLLS)
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle._cancelled:
                    handle._run()
                del handle  # what it raised refers to this frame: no cycle must keep its task
            self._add_due()

    def _add_due(self) -> None:
        """Make timers ready that need no waiting, behind the callbacks that are ready."""
        if not self._timers:
            return
        now = self.time()
        while self._timers and self._timers[0][0] <= now:
            self._ready.append(heapq.heappop(self._timers)[2])

    def _wait(self, task: asyncio.Task[Any]) -> None:
        """Start the timers, and suspend until a callback is ready."""
        now = self.time()
        while self._timers:
            when, _, handle = heapq.heappop(self._timers)
            if not handle._cancelled:
                self._start_timer(handle, max(0.0, when - now))
        try:
            self._runtime.wait(lambda: bool(self._ready), None)
        except CancelledError as error:
            task.cancel(str(error))

    def _start_timer(self, handle: asyncio.TimerHandle, seconds: float) -> None:
        timer = self._runtime.start_timer(seconds)
        self._started[handle] = timer

        def fire(done: Future[None]) -> None:
            self._started.pop(handle, None)
            if not done.cancelled():
                self._ready.append(handle)

        timer.add_done_callback(fire)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        timer = self._started.pop(handle, None)
        if timer is not None and not self._closed:
            timer.cancel()

    # -- for stacks

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks that are not done, in the order in which they were made."""
        return list(self._tasks)

    def timer_of(self, handle: Any) -> Future[None] | None:
        """Return the durable timer of a handle of this loop, if it was started."""
        return self._started.get(handle) if isinstance(handle, asyncio.TimerHandle) else None

    # -- the interface of asyncio

    def time(self) -> float:
        """Return the workflow's time, in seconds since the epoch."""
        return self._runtime.now().timestamp()

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        delay = when - self.time()
        if not delay <= MAX_SECONDS:  # or it is NaN
            raise InvalidOptionError(f"a timer of asyncio for {delay} s: give at most 100 years")
        handle = _TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        future = _Future(loop=self)
        future._number = next(self._numbers)
        return future

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[Any]:
        number = next(self._numbers)
        task = _Task.__new__(_Task)
        task._number = number  # before asyncio keeps the task in a set of its own
        task.__init__(  # type: ignore[misc]
            coro, loop=self, name=name or f"Task-{next(self._task_numbers)}", context=context
        )
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        if not self._closed:
            self._tasks.pop(task, None)

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def get_debug(self) -> bool:
        return False

    def set_debug(self, enabled: bool) -> None:
        """Do nothing: there is no debug mode."""

    def get_task_factory(self) -> None:
        return

    def get_exception_handler(self) -> Callable[..., object] | None:
        return self._handler

    def set_exception_handler(self, handler: Callable[..., object] | None) -> None:
        self._handler = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Handle an error that no code of the workflow has retrieved."""
        if self._closed or isinstance(context.get("exception"), GreenletExit):
            return
        if self._handler is None:
            self.default_exception_handler(context)
            return
        try:
            self._handler(self, context)
        except Exception as error:
            message = "the exception handler of a workflow's event loop raised"
            self.default_exception_handler({"message": message, "exception": error})

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the error."""
        log.warning("%s", context.get("message", "an error in a workflow's event loop"))
        if (error := context.get("exception")) is not None:
            log.warning("%s: %s", type(error).__name__, error)

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that have begun and not ended."""
        await self._generators.close_all()

    def run_until_complete(self, future: Any) -> NoReturn:  # noqa: ARG002
        """Refuse, as every loop does that is running."""
        raise RuntimeError("This event loop is already running")

    def run_forever(self) -> NoReturn:
        """Refuse, as every loop does that is running."""
        raise RuntimeError("This event loop is already running")

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Do nothing, since there is none."""

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]
        """Refuse, since a replay could not repeat it."""
        raise UsageError(_REFUSED.format("threads"))


class _TimerHandle(asyncio.TimerHandle):
    """A timer handle that hashes by identity: only ever a key, never iterated over."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


_REFUSED = "a workflow cannot use {} of the event loop; do it in an activity"
_REFUSED_PREFIXES = (
    *("sock_", "create_connection", "create_server", "create_unix", "create_datagram"),
    *("connect_", "subprocess_", "add_reader", "add_writer", "add_signal", "getaddrinfo"),
    *("getnameinfo", "sendfile", "start_tls", "set_task_factory", "set_default_executor", "stop"),
)


def _refuse(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise UsageError(_REFUSED.format(name))

    return refuse


for _name in dir(asyncio.AbstractEventLoop):
    if _name.startswith(_REFUSED_PREFIXES):
        setattr(WorkflowLoop, _name, _refuse(_name))
