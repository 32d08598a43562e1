"""Represent results to come, as `concurrent.futures` does.

A future knows its state and its callbacks; its runtime knows how to wait.
"""

from __future__ import annotations

import logging
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from partita.authoring.failure import raise_here
from partita.authoring.options import Deadline, duration
from partita.codec.nesting import contains_itself, too_deep
from partita.errors import CancelledError, InvalidInputError, WaitTimeoutError
from partita.history import WorkflowExecution

log = logging.getLogger("partita")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]


class FutureRuntime(Protocol):
    """What futures ask of the runtime that made them; a part of the Runtime port."""

    def wait(self, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until `ready()`; return whether it is, False after `timeout` seconds.

        `ready` must be cheap and depend on futures alone.
        """

    def now(self) -> datetime:
        """Return the time, in UTC, the same in every replay."""

    def settle(
        self, future: Future[Any], value: Any = None, error: BaseException | None = None
    ) -> None:
        """End a future of this runtime, and wake the code that waits for it."""

    def cancel(self, future: Future[Any]) -> bool:
        """Request that the work of a future is cancelled; return False if it is done."""

    def signal(self, execution: WorkflowExecution, name: str, value: Any) -> Future[None]:
        """Signal an execution; the future fails if none is open."""


class Future(Generic[T_co]):
    """The result of something submitted. Pass it on as an argument, or ask for its result."""

    __slots__ = ("_callbacks", "_done", "_error", "_runtime", "_value", "key", "label")

    def __init__(self, runtime: FutureRuntime, label: str, key: str = "") -> None:
        self.label = label  # for people
        self.key = key  # what the runtime knows it by
        self._runtime = runtime
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T_co]], object]] = []

    def done(self) -> bool:
        """Return whether there is a result, an error, or a cancellation."""
        return self._done

    def cancelled(self) -> bool:
        """Return whether it ended by being cancelled."""
        return isinstance(self._error, CancelledError)

    def result(self, timeout: Deadline | None = None) -> T_co:
        """Wait for the result and return it.

        Raises:
            WaitTimeoutError: `timeout` seconds have passed; the work goes on.
            CancelledError: it was cancelled.
            Exception: whatever the work itself raised, with its own type.
        """
        if timeout is not None or not self._done:
            self._wait(timeout)
        if self._error is not None:
            raise_here(self._error)
        value: T_co = self._value
        return value

    def exception(self, timeout: Deadline | None = None) -> BaseException | None:
        """Wait for the end and return the error, or None if there is a result."""
        if timeout is not None or not self._done:
            self._wait(timeout)
        return self._error

    def cancel(self) -> bool:
        """Request that the work is cancelled; return False if it is done already."""
        return False if self._done else self._runtime.cancel(self)

    def add_done_callback(self, function: Callable[[Future[T_co]], object]) -> None:
        """Call `function(self)` when it is done, or now if it is; what it raises is logged."""
        self._callbacks.append(function)
        if self._done:  # already, or since a moment on another thread
            self._call_back(Exception)

    def _wait(self, timeout: Deadline | None) -> None:
        seconds = None if timeout is None else duration("result", timeout, self._runtime.now)
        if not self._done and not self._runtime.wait(self.done, seconds):
            within = "" if seconds is None else f" within {seconds} s"
            raise WaitTimeoutError(f"{self.label} was not done{within}")

    def __await__(self) -> Generator[Any, None, T_co]:
        """Wait on an event loop; if the waiting task is cancelled, cancel the work."""
        import asyncio  # 25 ms that most programs need not pay at `import partita`

        if not self._done:
            loop = asyncio.get_running_loop()
            waiter = loop.create_future()
            self.add_done_callback(lambda _: loop.call_soon_threadsafe(_release, waiter))
            try:
                yield from waiter
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self.result()

    def __hash__(self) -> int:
        """Hash by key, so that sets of futures have the same order in every replay."""
        return zlib.crc32(self.key.encode()) if self.key else id(self)

    def __repr__(self) -> str:
        state = "pending" if not self._done else "failed" if self._error else "done"
        return f"<Future {self.label} {state}>"

    # -- for runtimes

    def settle(self, value: Any = None, error: BaseException | None = None) -> None:
        """End the future; a second end is ignored."""
        if self._done:
            return
        self._value, self._error, self._done = value, error, True
        self._call_back(BaseException)

    def _call_back(self, ignored: type[BaseException]) -> None:
        """Call each callback once, whichever threads are here; log what they raise."""
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:  # another thread was faster
                return
            try:
                callback(self)
            except ignored:  # as in concurrent.futures
                log.exception("a callback of %s raised", self.label)

    @property
    def runtime(self) -> FutureRuntime:
        """The runtime that made it."""
        return self._runtime


def _release(waiter: Any) -> None:
    if not waiter.done():
        waiter.set_result(None)


class ChildFuture(Future[T_co]):
    """The result of a child workflow, which can be signalled while it runs."""

    __slots__ = ("execution",)

    def __init__(
        self, runtime: FutureRuntime, label: str, execution: WorkflowExecution, key: str = ""
    ) -> None:
        super().__init__(runtime, label, key)
        self.execution = execution  # the run id is empty until the child has started

    @property
    def workflow_id(self) -> str:
        """The child's workflow id."""
        return self.execution.workflow_id

    def signal(self, name: object, value: Any = None) -> Future[None]:
        """Signal the child; the future fails if it is closed.

        Raises:
            InvalidInputError: the value does not fit the type of a `Signal`.
        """
        check = getattr(name, "check", None)  # a Signal's
        if check is not None:
            check(value)
        return self._runtime.signal(self.execution, str(name), value)


class Futures(list[Future[T]]):
    """The futures of one `map`, in the order of its items."""

    def result(self, timeout: Deadline | None = None) -> list[T]:
        """Wait for all and return their results in order; the first error in order is raised."""
        if not self:
            return []
        seconds = None if timeout is None else duration("result", timeout, self[0].runtime.now)
        if wait(self, timeout=seconds).not_done:
            raise WaitTimeoutError(f"{len(self)} futures were not done within {seconds} s")
        return [future.result() for future in self]

    def __await__(self) -> Generator[Any, None, list[T]]:
        """Wait for all on an event loop."""
        results = []
        for future in self:
            results.append((yield from future.__await__()))
        return results


class DoneAndNotDone(NamedTuple, Generic[T]):
    """The result of `wait`."""

    done: set[Future[T]]
    not_done: set[Future[T]]


def wait(
    futures: Iterable[Future[T]],
    timeout: Deadline | None = None,
    return_when: ReturnWhen = "ALL_COMPLETED",
) -> DoneAndNotDone[T]:
    """Wait for futures, as `concurrent.futures.wait` does; `timeout` is in seconds."""
    every = list(futures)
    seconds = None
    if timeout is not None and every:
        seconds = duration("wait", timeout, every[0].runtime.now)
    pending = [future for future in every if not future.done()]
    if pending and not _is_enough(every, pending, return_when):
        left = len(pending)
        first = False

        def note(future: Future[T]) -> None:
            nonlocal left, first
            left -= 1
            failed = future.exception() is not None
            first = first or return_when == "FIRST_COMPLETED"
            first = first or (failed and return_when == "FIRST_EXCEPTION")

        for future in pending:
            future.add_done_callback(note)
        pending[0].runtime.wait(lambda: first or left == 0, seconds)
    done = {future for future in every if future.done()}
    return DoneAndNotDone(done, set(every) - done)


def _is_enough(
    every: Sequence[Future[T]], pending: Sequence[Future[T]], return_when: ReturnWhen
) -> bool:
    done = [future for future in every if future.done()]
    if return_when == "FIRST_COMPLETED":
        return bool(done)
    if return_when == "FIRST_EXCEPTION":
        return any(future.exception() is not None for future in done)
    return not pending


def as_completed(
    futures: Iterable[Future[T]], timeout: Deadline | None = None
) -> Iterator[Future[T]]:
    """Yield futures as they are done, as `concurrent.futures.as_completed` does.

    `timeout` is in seconds, for each of the waits.

    Raises:
        WaitTimeoutError: nothing was done within `timeout`.
    """
    every = list(dict.fromkeys(futures))
    ready: deque[Future[T]] = deque()
    for future in every:
        future.add_done_callback(ready.append)
    for _ in every:
        runtime = every[0].runtime
        seconds = None if timeout is None else duration("as_completed", timeout, runtime.now)
        if not ready and not runtime.wait(lambda: bool(ready), seconds):
            raise WaitTimeoutError(f"no further future was done within {seconds} s")
        yield ready.popleft()


def pending_in_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Future[Any]]:
    """Return the futures in the arguments of a call; see `pending_in`."""
    if not kwargs and _PLAIN.issuperset(map(type, args)):
        return []
    return pending_in((args, kwargs))


def pending_in(value: Any) -> list[Future[Any]]:
    """Return the futures in a value, also inside lists, tuples and dicts.

    Raises:
        InvalidInputError: the value contains itself.
        PayloadTooDeepError: it is nested too deeply.
    """
    found: list[Future[Any]] = []
    try:
        _collect(value, found)
    except RecursionError:
        if not contains_itself(value):
            raise too_deep("an argument") from None
        raise InvalidInputError("an argument contains itself; pass plain lists and dicts") from None
    return found


def _collect(value: Any, found: list[Future[Any]]) -> None:
    if isinstance(value, Future):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if type(item) not in _PLAIN:
                _collect(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            if type(item) not in _PLAIN:
                _collect(item, found)


_PLAIN = frozenset({int, str, float, bool, bytes, type(None)})


def resolved(value: Any) -> Any:
    """Return the value with every (done) future in it replaced by its result."""
    if isinstance(value, Future):
        return value.result()
    if isinstance(value, (Futures, list)):
        return [resolved(item) for item in value]
    if type(value) is tuple:
        return tuple(resolved(item) for item in value)
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    return value


def copy_outcome(one: Future[Any], other: Future[Any]) -> None:
    """End a future as another one has ended."""
    error = one.exception()
    other.runtime.settle(other, None if error else one.result(), error)


def when_done(futures: Sequence[Future[Any]], call: Callable[[], object]) -> None:
    """Call `call()` once all futures are done, or now if they are."""
    left = sum(not future.done() for future in futures)
    if not left:
        call()
        return

    def note(_: Future[Any]) -> None:
        nonlocal left
        left -= 1
        if not left:
            call()

    for future in futures:
        if not future.done():
            future.add_done_callback(note)
