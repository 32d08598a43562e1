"""The workflows that the benchmarks run: as little work as a step can have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from partita import WorkflowDefinition, activity, group, now, signals, sleep, task, workflow


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


@workflow
def listening(count: int) -> int:
    return sum(signals("n", int).get() for _ in range(count))


@workflow
def child(number: int) -> int:
    return number


@workflow
def family(count: int) -> int:
    return sum(child.map(range(count)).result())


@workflow
def wide(count: int, at_a_time: int) -> int:
    return len(group([task(step, number) for number in range(count)], max_parallel=at_a_time)())


@workflow
def punctual(seconds: float) -> float:
    """Return by how many seconds a timer was late."""
    due = now() + timedelta(seconds=seconds)
    sleep(seconds)
    return (now() - due).total_seconds()


@workflow
def asleep(number: int) -> int:
    sleep(30 * 86400)
    return number


@workflow
def patient(number: int) -> int:
    """Wait for a timer, then for a signal, then do a step."""
    sleep(0.2)
    signals("n", int).get()
    return step(number)


WORKFLOWS: list[WorkflowDefinition[..., Any]] = [
    *(sequential, fan_out, waiting, listening, child, family, wide, punctual, asleep, patient)
]
