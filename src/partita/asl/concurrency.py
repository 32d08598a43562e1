"""Run parts of a machine concurrently, as strands of the workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from partita.asl.trail import Chain
from partita.authoring.execution import spawn
from partita.authoring.future import Future, wait

T = TypeVar("T")


def run_all(bodies: Sequence[Callable[[Chain], T]], limit: int, outer: Chain) -> list[T]:
    """Return the results of functions, of which at most `limit` run at a time.

    They are begun in order, each with the chain of events that it goes on with; `outer` then goes
    on after the one that ended last. The first failure cancels those that run, and is raised.
    """
    first = outer.last
    if limit == 1 or len(bodies) <= 1:
        chain = Chain(first)
        return [_run_body(body, chain, outer) for body in bodies]
    results: list[Any] = [None] * len(bodies)
    pending = iter(range(len(bodies)))
    lanes = [
        spawn(_run_lane, bodies, pending, results, first, outer)
        for _ in range(min(limit, len(bodies)))
    ]
    _wait_for(lanes)
    return results


def _run_lane(
    bodies: Sequence[Callable[[Chain], T]],
    pending: Iterator[int],
    results: list[Any],
    first: int,
    outer: Chain,
) -> None:
    """Run one body after another until none is left."""
    chain = Chain(first)
    for number in pending:
        results[number] = _run_body(bodies[number], chain, outer)


def _run_body(body: Callable[[Chain], T], chain: Chain, outer: Chain) -> T:
    try:
        return body(chain)
    finally:
        outer.last = chain.end or chain.last


def _wait_for(lanes: list[Future[None]]) -> None:
    try:
        wait(lanes, return_when="FIRST_EXCEPTION")
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
