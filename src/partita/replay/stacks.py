"""Show where a suspended workflow's code waits, and for what if the code shows it.

Reads the frames of strands and the coroutines of asyncio tasks, and changes nothing.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from partita.authoring.frames import ASYNCIO, is_user_code
from partita.authoring.future import ChildFuture, Future
from partita.history import AnyEvent, TimerStarted, WorkflowExecution, WorkflowType
from partita.replay.strands import Strand

if TYPE_CHECKING:
    import asyncio  # loaded already where there is a task


class CodeLine(Struct, frozen=True):
    """A line of the user's code in a call stack."""

    file: str
    line: int
    function: str
    source: str  # the line's text; empty if the file is not there

    def __str__(self) -> str:
        """Return `file:line in function: source line`."""
        source = f": {self.source}" if self.source else ""
        return f"{self.file}:{self.line} in {self.function}{source}"


class Wait(Struct, frozen=True, omit_defaults=True):
    """Something that code waits for."""

    what: str  # for people, such as "activity charge"
    id: str = ""  # of the activity, timer or child execution, as in the history
    fires_at: float | None = None  # of a timer, in seconds since the epoch


class CodeStack(Struct, frozen=True):
    """The call stack of a strand or a task that waits."""

    name: str
    frames: tuple[CodeLine, ...]  # outermost first
    waits_for: tuple[Wait, ...]  # empty: unknown


class WorkflowStack(Struct, frozen=True, kw_only=True):
    """Where an execution's code waits."""

    execution: WorkflowExecution
    workflow_type: WorkflowType
    status: str  # OPEN, or how it ended; then no code waits
    undecided: int  # events that the code has not seen yet
    stacks: tuple[CodeStack, ...]  # of the function first


def stacks_of(strands: Iterable[Strand], events: Iterable[AnyEvent]) -> list[CodeStack]:
    """Return the stack of every strand and task that waits, that of the function first."""
    fires = {
        event.timer_id: event.event_timestamp + event.start_to_fire
        for event in events
        if isinstance(event, TimerStarted)
    }
    found: list[CodeStack] = []
    for strand in strands:
        if strand.is_over or strand.ready is None:
            continue
        if strand.event_loop is not None:
            found += _task_stacks(strand, fires)
        else:
            found.append(_strand_stack(strand, strand.name, fires))
    return found


def _strand_stack(strand: Strand, name: str, fires: dict[str, float]) -> CodeStack:
    frames = _outwards(strand.frame)
    futures = list(futures_in(strand.ready)) or _passed_futures(frames)
    waits = [_wait(future, fires) for future in futures] or [Wait("a condition")]
    waits += [
        _wait(deadline.timer, fires) for deadline in strand.deadlines if deadline.timer is not None
    ]
    return CodeStack(name, tuple(_lines(frames)), tuple(dict.fromkeys(waits)))


def _passed_futures(frames: list[FrameType]) -> list[Future[Any]]:
    """Return the futures that the user's code passed to a function of ours to wait for."""
    for frame in reversed(frames):
        if is_user_code(frame.f_code.co_filename):
            break
        for name in ("every", "futures"):
            found = list(_futures(frame.f_locals.get(name)))
            if found:
                return found
    return []


def _outwards(frame: FrameType | None) -> list[FrameType]:
    """Return the frames of a call stack, outermost first."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _lines(frames: Iterable[FrameType]) -> Iterator[CodeLine]:
    for frame in frames:
        code = frame.f_code
        if is_user_code(code.co_filename):
            text = linecache.getline(code.co_filename, frame.f_lineno).strip()
            yield CodeLine(code.co_filename, frame.f_lineno, code.co_qualname, text)


def _wait(future: Future[Any], fires: dict[str, float]) -> Wait:
    if isinstance(future, ChildFuture):
        return Wait(future.label, future.workflow_id)
    if future.label.startswith("timer "):
        return Wait(future.label, future.key, fires.get(future.key))
    return Wait(future.label, future.key if future.label.startswith(_WITH_ID) else "")


_WITH_ID = ("activity ", "Lambda ")


# -- asyncio


def _task_stacks(strand: Strand, fires: dict[str, float]) -> list[CodeStack]:
    """Return the stacks of an event loop's tasks; the first is the workflow function."""
    loop = strand.event_loop
    found = []
    for number, task in enumerate(loop.tasks):
        name = strand.name if number == 0 else f"task {task.get_name()}"
        coroutine = task.get_coro()
        if getattr(coroutine, "cr_running", False):  # it waits in a synchronous call
            found.append(_strand_stack(strand, name, fires))
            continue
        frames, waits = [], []
        for awaited in _awaited(coroutine):
            frame = _frame(awaited)
            if frame is not None:
                frames.append(frame)
                waits = _waits_in(frame, task, loop, fires)
        found.append(CodeStack(name, tuple(_lines(frames)), tuple(waits)))
    return found


def _awaited(coroutine: Any) -> Iterator[Any]:
    """Yield a coroutine, what it awaits, what that awaits, and so on."""
    while coroutine is not None:
        yield coroutine
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)


def _frame(awaited: Any) -> FrameType | None:
    frame: FrameType | None = getattr(awaited, "cr_frame", None) or getattr(
        awaited, "gi_frame", None
    )
    return frame


def _waits_in(
    frame: FrameType, task: asyncio.Task[Any], loop: Any, fires: dict[str, float]
) -> list[Wait]:
    """Return what the innermost frame of a task waits for."""
    import asyncio

    if frame.f_code is Future.__await__.__code__:
        return [_wait(frame.f_locals["self"], fires)]
    timer = loop.timer_of(frame.f_locals.get("h"))  # as asyncio.sleep calls it
    if timer is not None:
        return [_wait(timer, fires)]
    waiter = getattr(task, "_fut_waiter", None)
    if isinstance(waiter, asyncio.Task):
        return [Wait(f"task {waiter.get_name()}")]
    if frame.f_code.co_filename.startswith(ASYNCIO):
        return [Wait(f"asyncio {frame.f_code.co_qualname}")]
    return [Wait("the end of several tasks")] if hasattr(waiter, "_children") else []


# -- predicates


def futures_in(ready: Callable[[], bool] | None) -> Iterator[Future[Any]]:
    """Yield the pending futures that a predicate reads."""
    if isinstance(ready, MethodType):
        yield from _futures(ready.__self__)
    elif isinstance(ready, FunctionType):
        for cell in ready.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if isinstance(value, (MethodType, FunctionType)):
                yield from futures_in(value)
            else:
                yield from _futures(value)


def _futures(value: Any) -> Iterator[Future[Any]]:
    if isinstance(value, Future):
        if not value.done():
            yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            if isinstance(one, Future) and not one.done():
                yield one
