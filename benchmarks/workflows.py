"""The workflows that the benchmarks run: as little work as a step can have."""

from __future__ import annotations

from partita import activity, sleep, workflow


@activity
def step(number: int) -> int:
    return number + 1


@workflow
def sequential(count: int) -> int:
    total = 0
    for _ in range(count):
        total = step(total)
    return total


@workflow
def fan_out(count: int) -> int:
    return sum(step.map(range(count)).result())


@workflow
def waiting(number: int) -> int:
    before = step(number)
    sleep(3600)
    return before
