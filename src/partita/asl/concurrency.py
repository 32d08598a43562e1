"""Run parts of a machine concurrently, as strands of the workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from partita.authoring.execution import spawn
from partita.authoring.future import Future, wait

T = TypeVar("T")


def run_all(bodies: Sequence[Callable[[], T]], limit: int) -> list[T]:
    """Return the results of functions, of which at most `limit` run at a time.

    They are begun in order. The first failure cancels those that run, and is raised.
    """
    if limit == 1 or len(bodies) <= 1:
        return [body() for body in bodies]
    results: list[Any] = [None] * len(bodies)
    pending = iter(range(len(bodies)))
    lanes = [spawn(_run_lane, bodies, pending, results) for _ in range(min(limit, len(bodies)))]
    _wait_for(lanes)
    return results


def _run_lane(
    bodies: Sequence[Callable[[], T]], pending: Iterator[int], results: list[Any]
) -> None:
    """Run one body after another until none is left."""
    for number in pending:
        results[number] = bodies[number]()


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
    for lane in lanes:
        lane.cancel()
