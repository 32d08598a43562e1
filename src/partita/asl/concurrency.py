"""Run parts of a machine concurrently, as strands of the workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from partita.asl.failures import StateFailure
from partita.asl.frame import Frame, Scope
from partita.asl.resumption import Part, Unfinished
from partita.asl.trail import Chain
from partita.authoring.execution import spawn
from partita.authoring.future import Future, wait

T = TypeVar("T")


class Control:
    """How many functions run at a time; it may change while they run."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running = 0  # lanes
        self.grow: Callable[[], None] = lambda: None

    def set(self, limit: int) -> None:
        """Set how many may run at a time from now on; those that run already go on."""
        self.limit = limit
        self.grow()


def run_parts(frame: Frame, count: int, limit: int, body: Callable[[int, Scope], Any]) -> list[Any]:
    """Return the outputs of a state's branches or iterations, of which `limit` run at a time.

    In the first attempt after a redrive those that have succeeded before are not run again.
    """
    known, frame.parts = frame.parts, []
    parts: list[Part | Unfinished | None] = [*known[:count], *[None] * (count - len(known))]
    frame.scope.parts = parts

    def run(number: int, chain: Chain) -> None:
        scope, part = Scope(frame.scope, chain), parts[number]
        scope.resumption = part.rest if isinstance(part, Part) else None
        parts[number] = scope
        parts[number] = Part(body(number, scope))

    is_left = [not isinstance(one, Part) or not one.is_done for one in parts]
    bodies = [partial(run, number) for number in range(count) if is_left[number]]
    run_all(bodies, limit, frame.scope.chain)
    return [one.output for one in parts if isinstance(one, Part)]


def run_all(
    bodies: Sequence[Callable[[Chain], T]],
    limit: int,
    outer: Chain,
    control: Control | None = None,
) -> list[T]:
    """Return the results of functions, of which at most `limit` run at a time.

    They are begun in order, each with the chain of events that it goes on with; `outer` then goes
    on after the one that ended last. The first failure cancels those that run, and is raised.
    """
    first = outer.last
    if control is None and (limit == 1 or len(bodies) <= 1):
        chain = Chain(first)
        return [_run_body(body, chain, outer) for body in bodies]
    results: list[Any] = [None] * len(bodies)
    pending = iter(range(len(bodies)))
    control = control or Control(limit)
    lanes: list[Future[None]] = []

    def grow() -> None:
        for _ in range(min(control.limit, len(bodies)) - control.running):
            control.running += 1
            lanes.append(spawn(_run_lane, bodies, pending, results, first, outer, control))

    control.grow = grow
    grow()
    _wait_for(lanes)
    return results


def _run_lane(
    bodies: Sequence[Callable[[Chain], T]],
    pending: Iterator[int],
    results: list[Any],
    first: int,
    outer: Chain,
    control: Control,
) -> None:
    """Run one body after another until none is left, or too many run."""
    chain = Chain(first)
    try:
        while control.running <= control.limit:
            number = next(pending, None)
            if number is None:
                return
            results[number] = _run_body(bodies[number], chain, outer)
    finally:
        control.running -= 1


def _run_body(body: Callable[[Chain], T], chain: Chain, outer: Chain) -> T:
    """Return the result of a body; `outer` goes on after it unless it was cancelled."""
    try:
        result = body(chain)
    except StateFailure:
        outer.last = chain.end or chain.last
        raise
    outer.last = chain.end or chain.last
    return result


def _wait_for(lanes: list[Future[None]]) -> None:
    failed = None
    try:
        known = 0
        while failed is None and known < len(lanes):  # others may have been added meanwhile
            known = len(lanes)
            wait(list(lanes), return_when="FIRST_EXCEPTION")
            failed = next((lane for lane in lanes if lane.done() and lane.exception()), None)
    except BaseException:
        _cancel(lanes)
        raise
    if failed is not None:
        _cancel(lanes)
        failed.result()


def _cancel(lanes: list[Future[None]]) -> None:
    """Cancel lanes, and wait until they have stopped what they have started."""
    for lane in lanes:
        lane.cancel()
    wait(lanes)
