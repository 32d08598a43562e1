"""Suspend and resume a workflow's code: one greenlet per strand, driven in turns.

A strand is the workflow function itself, a part of it that was spawned, or a handler that
answers an update. It gives way by switching to the greenlet that drives it, never by an
exception, and says what it waits for as a predicate over futures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from partita.authoring.future import Future
from partita.authoring.runtime import block_timed_out
from partita.errors import CancelledError, PartitaError, WaitTimeoutError

REFUSALS = 100
"""Commands that an evicted strand may still try, in its `finally` blocks."""


class Deadline:
    """When a block of a strand must be over; its timer begins with the first wait in it."""

    __slots__ = ("seconds", "timer")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.timer: Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.timer is not None and self.timer.done()


class Strand:
    """One line of a workflow's code."""

    def __init__(
        self,
        body: Callable[[], None],
        start_timer: Callable[[float], Any],
        cancelled: str,
        name: str,
    ) -> None:
        self.name = name  # what it is, for people
        self.event_loop: Any = None  # the asyncio loop that runs inside, if one does
        self.deadlines: list[Deadline] = []
        self.shields = 0
        self.error: BaseException | None = None  # to be raised at the next wait
        self.cancel_pending = False
        self._start_timer = start_timer
        self._cancelled = cancelled  # what its CancelledError says
        self._ready: Callable[[], bool] | None = None  # what it waits for; None: nothing
        self._hub: greenlet | None = None
        self._refusals = 0
        self._greenlet = greenlet(body)
        self._greenlet.gr_context = copy_context()

    @property
    def is_over(self) -> bool:
        """Whether its code has ended."""
        return self._greenlet.dead

    @property
    def is_current(self) -> bool:
        """Whether this is the code that runs now."""
        return getcurrent() is self._greenlet

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for something."""
        return self._ready is not None

    @property
    def ready(self) -> Callable[[], bool] | None:
        """What it waits for."""
        return self._ready

    @property
    def frame(self) -> FrameType | None:
        """Where its code waits."""
        return self._greenlet.gr_frame

    def may_resume(self) -> bool:
        """Whether what it waits for is there."""
        if self.error is None and not self.cancel_pending and not self.deadlines:
            return self._ready is None or self._ready()
        return self._is_interrupted() or self._ready is None or self._ready()

    def _is_interrupted(self) -> bool:
        return (
            self.error is not None
            or (self.cancel_pending and not self.shields)
            or any(deadline.is_over for deadline in self.deadlines)
        )

    def resume(self) -> None:
        """Let it run until it waits for something that is not there, or ends."""
        self._hub = getcurrent()
        self._greenlet.parent = self._hub
        self._ready = None
        self._greenlet.switch()

    def suspend(self, ready: Callable[[], bool]) -> None:
        """Give way to the driver until `ready()`; raise what interrupts the wait."""
        if not self.is_current:
            raise PartitaError("a workflow can wait only in its own thread; use an activity")
        if not self._is_interrupted():
            for deadline in self.deadlines:
                if deadline.timer is None:
                    deadline.timer = self._start_timer(deadline.seconds)
            self._ready = ready
            self._give_way()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if self.cancel_pending and not self.shields:
            self.cancel_pending = False
            raise CancelledError(self._cancelled)
        if not ready():
            over = [deadline.seconds for deadline in self.deadlines if deadline.is_over]
            if over:
                raise WaitTimeoutError(block_timed_out(min(over)))

    def _give_way(self) -> None:
        assert self._hub is not None
        if self.event_loop is None:
            self._hub.switch()
            return
        with _outside(self.event_loop):
            self._hub.switch()

    def leave(self) -> None:
        """Give way for good: it is never resumed, only evicted."""
        assert self._hub is not None
        self._ready = _never
        self._give_way()
        raise GreenletExit

    def refuse(self) -> None:
        """Keep evicted code from doing anything more."""
        self._refusals += 1
        if self._refusals > REFUSALS and self.is_current:
            assert self._hub is not None
            self._hub.switch()  # code that catches everything, in a loop: leave it for good
        raise GreenletExit

    def evict(self) -> None:
        """End its code without letting it do anything more."""
        self._hub = getcurrent()
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)


def _never() -> bool:
    return False


@contextmanager
def _outside(loop: Any) -> Iterator[None]:
    """Step out of an asyncio loop while other code has the thread."""
    from asyncio import events, tasks

    task = tasks.current_task(loop)
    if task is not None:
        tasks._leave_task(loop, task)
    events._set_running_loop(loop.outer)
    try:
        yield
    finally:
        loop.outer = events._get_running_loop()  # it may be resumed from elsewhere
        events._set_running_loop(loop)
        if task is not None:
            tasks._enter_task(loop, task)


def user_line(frame: FrameType | None, package: str) -> str | None:
    """Return file:line of the innermost frame that is neither ours nor the event loop's."""
    while frame is not None:
        name = frame.f_code.co_filename
        if is_user_code(name, package):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def is_user_code(file: str, package: str) -> bool:
    """Whether a file is neither ours nor the event loop's."""
    return not file.startswith((package, "<", _ASYNCIO))


_ASYNCIO = sys.modules["os"].__file__.removesuffix("os.py") + "asyncio"  # type: ignore[union-attr]
