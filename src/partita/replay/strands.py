"""Suspend and resume a workflow's code: one greenlet per strand, resumed in turns.

A strand is the workflow function itself, a part that it spawned, or an update handler. It
suspends by switching to the greenlet that drives it, never by an exception, with a predicate
over futures that says when it can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import FrameType
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from partita.authoring.definition import WorkflowSpec
from partita.authoring.frames import user_line
from partita.authoring.future import Future
from partita.authoring.registry import place
from partita.authoring.runtime import (
    PART_CANCELLED,
    SELF_CANCELLED,
    Runtime,
    block_timed_out,
    current,
)
from partita.errors import CancelledError, PartitaError, WaitTimeoutError

MAX_REFUSALS = 100
"""Commands that an evicted strand may try in its `finally` blocks before it is abandoned."""


class Deadline:
    """The time limit of a block of a strand; its timer starts at the first wait in the block."""

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
        start_timer: Callable[[float], Future[None]],
        cancelled: str,
        name: str,
    ) -> None:
        self.name = name  # for people
        self.event_loop: Any = None  # the asyncio loop that runs inside, if any
        self.deadlines: list[Deadline] = []
        self.shields = 0
        self.error: BaseException | None = None  # to raise at the next wait
        self.cancel_pending = False
        self._start_timer = start_timer
        self._cancelled = cancelled  # the message of its CancelledError
        self._ready: Callable[[], bool] | None = None  # what it waits for; None: nothing
        self._hub: greenlet | None = None  # the greenlet that drives it
        self._refusals = 0
        self._greenlet = greenlet(body)
        self._greenlet.gr_context = copy_context()

    @property
    def greenlet(self) -> greenlet:
        """The greenlet in which its code runs."""
        return self._greenlet

    @property
    def is_over(self) -> bool:
        """Whether its code has ended."""
        return self._greenlet.dead

    @property
    def is_current(self) -> bool:
        """Whether its code runs now."""
        return getcurrent() is self._greenlet

    @property
    def ready(self) -> Callable[[], bool] | None:
        """The predicate that it waits for; None if it does not wait."""
        return self._ready

    @property
    def frame(self) -> FrameType | None:
        """The frame in which it is suspended."""
        return self._greenlet.gr_frame

    def may_resume(self) -> bool:
        """Return whether its wait is over."""
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
        """Run its code until it waits or ends."""
        self._hub = getcurrent()
        self._greenlet.parent = self._hub
        self._ready = None
        self._greenlet.switch()

    def suspend(self, ready: Callable[[], bool]) -> None:
        """Switch to the driver until `ready()`; raise what interrupts the wait."""
        if not self.is_current:
            raise _not_current()
        if not self._is_interrupted():
            for deadline in self.deadlines:
                if deadline.timer is None:
                    deadline.timer = self._start_timer(deadline.seconds)
            self._ready = ready
            self._switch_to_hub()
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

    def _switch_to_hub(self) -> None:
        assert self._hub is not None
        if self.event_loop is None:
            self._hub.switch()
            return
        with _outside(self.event_loop):
            self._hub.switch()

    def leave(self) -> NoReturn:
        """Suspend for good: it is never resumed, only evicted."""
        self._ready = _never
        self._switch_to_hub()
        raise GreenletExit

    def refuse(self) -> NoReturn:
        """Refuse a command of evicted code, and abandon code that catches every exception."""
        self._refusals += 1
        if self._refusals > MAX_REFUSALS and self.is_current:
            assert self._hub is not None
            self._hub.switch()
        raise GreenletExit

    def evict(self) -> None:
        """End its code; what it tries in `finally` blocks is refused."""
        self._hub = getcurrent()
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)


class Strands:
    """The strands of one run; the first is the workflow function."""

    def __init__(self, workflow: WorkflowSpec, runtime: Runtime) -> None:
        self.all: list[Strand] = []
        self._of: dict[greenlet, Strand] = {}
        self.cancel_requested = False  # ever, of the whole workflow
        self.is_evicted = False
        self._workflow = workflow
        self._runtime = runtime

    def add(self, body: Callable[[], None], name: str) -> Strand:
        """Add a strand, which runs once the current one is suspended; `name` is for people."""

        def enter() -> None:
            current.set(self._runtime)
            try:
                body()
            except GreenletExit:
                return

        cancelled = PART_CANCELLED if self.all else SELF_CANCELLED
        strand = Strand(enter, self._runtime.start_timer, cancelled, name)
        self.all.append(strand)
        self._of[strand.greenlet] = strand
        return strand

    @property
    def current(self) -> Strand | None:
        """The strand whose code runs now; None in callbacks and in other code."""
        return self._of.get(getcurrent())

    def needed(self) -> Strand:
        """Return the strand whose code runs now.

        Raises:
            PartitaError: this is not the workflow's own code.
        """
        strand = self.current
        if strand is None:
            raise _not_current()
        return strand

    def cancel(self) -> None:
        """Raise CancelledError where the workflow function waits."""
        self.cancel_requested = True
        self.all[0].cancel_pending = True

    def refuse(self) -> NoReturn:
        """Refuse a command of the code that runs now."""
        strand = self.current
        if strand is not None:
            strand.refuse()
        raise GreenletExit

    def evict(self) -> None:
        """End all code; what it tries in `finally` blocks is refused."""
        self.is_evicted = True
        for strand in self.all:
            strand.evict()

    def location(self) -> str:
        """Return file:line where the workflow function waits, or else is defined."""
        frame = self.all[0].frame if self.all else None
        return user_line(frame) or self.defined_at()

    def defined_at(self) -> str:
        """Return file:line of the workflow function."""
        return place(self._workflow)


def _not_current() -> PartitaError:
    return PartitaError("a workflow can wait only in its own thread; use an activity")


def _never() -> bool:
    return False


@contextmanager
def _outside(loop: Any) -> Iterator[None]:
    """Leave an asyncio loop while other code has the thread."""
    from asyncio import tasks  # only workflows that use asyncio need it

    task = tasks.current_task(loop)
    if task is not None:
        tasks._leave_task(loop, task)
    loop.leave()
    try:
        yield
    finally:
        loop.enter()
        if task is not None:
            tasks._enter_task(loop, task)
