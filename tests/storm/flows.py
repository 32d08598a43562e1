"""The workflows of the storm, one for each way to wait, and the activities that they call.

Knows what each does, and notes which activity ran when; what is right is judged elsewhere.
"""

from __future__ import annotations

import time
from typing import Any

from partita import (
    CancelledError,
    Retry,
    WorkflowDefinition,
    activity,
    activity_info,
    continue_as_new,
    external,
    heartbeat,
    query,
    shield,
    signals,
    sleep,
    update,
    wait_signal,
    workflow,
)
from partita.authoring.definition import ActivityDefinition
from tests.storm.weather import SKY

MARKS: set[str] = set()
"""Names that `mark` was called with."""

DONE: set[str] = set()
"""Runs and activity ids of which a listener has heard that they are completed."""

LATE: list[str] = []
"""Activities that began after that."""

OFTEN = Retry(max_attempts=100, initial_interval=0.05, max_interval=0.2)


def begin() -> None:
    """Note that an activity begins, which may take its time."""
    info = activity_info()
    if f"{info.run_id}:{info.activity_id}" in DONE:
        LATE.append(f"{info.workflow_id} {info.activity_id} {info.name} attempt {info.attempt}")
    if SKY.strikes(0.1):
        time.sleep(SKY.dice.random() * 0.3)


@activity
def add(a: int, b: int) -> int:
    begin()
    return a + b


@activity(retry=OFTEN)
def flaky(a: int) -> int:
    begin()
    if SKY.dice.random() < 0.5:
        SKY.count("activity raised")
        raise ValueError("flaky")
    return a * 2


@activity(start_to_close=0.5, retry=OFTEN)
def stuck(a: int) -> int:
    begin()
    if SKY.strikes(0.3):
        SKY.count("activity stuck")
        time.sleep(1.0)
    return a + 1


@activity
async def later(a: int) -> int:
    begin()
    return a + 3


@activity(heartbeat=1.0, retry=OFTEN)
def beating(a: int) -> int:
    begin()
    for _ in range(3):
        time.sleep(0.02)
        heartbeat(a)
    return a + 5


@activity
def mark(name: str) -> str:
    begin()
    MARKS.add(name)
    return name


@workflow
def seq(n: int) -> int:
    total = 0
    for i in range(n):
        total = add(total, i)
    return total


@workflow
def fan(n: int) -> int:
    steps = [add.submit(i, 1) for i in range(n)]
    others = [*[later.submit(i) for i in range(3)], beating.submit(1)]
    return sum(one.result() for one in [*steps, *others])


@workflow
def tries(n: int) -> int:
    return sum(one.result() for one in [flaky.submit(i) for i in range(n)]) + stuck(1)


@workflow
def timed(n: int) -> int:
    for _ in range(n):
        sleep(0.05)
    beside_a_timer = add.submit(1, n)
    sleep(0.3)
    return beside_a_timer.result()


@workflow
def loop(n: int, total: int) -> int:
    total = add(total, n)
    if n:
        continue_as_new(n - 1, total)
    return total


@workflow
def parent(n: int) -> list[int]:
    children = [seq.submit(i) for i in range(n)]
    return [*[one.result() for one in children], loop(2, 0)]


@workflow
def box(got: list[str]) -> list[str]:
    """Collect signals and updates, through many runs, until "end"."""

    @update
    def put(value: str) -> str:
        got.append(value)
        return value

    @query
    def size() -> int:
        return len(got)

    channel = signals("go", str)
    for _ in range(7):
        value = channel.get()
        got.append(value)
        if value == "end":
            while (more := channel.poll()) is not None:
                got.append(more)
            return got
        add(1, 1)
    return continue_as_new(got)


@workflow
def relay(target: str, name: str) -> str:
    add(1, 2)
    external(target).signal("go", name).result()
    return name


@workflow
def waits(name: str) -> str:
    try:
        sleep(3600)
    except CancelledError:
        with shield():
            mark(name)
        raise
    return "?"


@workflow
def hangs() -> None:
    add(1, 1)
    wait_signal("never")


@workflow
def bad(what: str) -> int:
    """Decide what no store can keep, until it is mended."""
    number = add(1, 1)
    if not SKY.calm.is_set():
        SKY.count("unkeepable decided")
        if what == "called":
            add.options(task_list="\ud800")(1, 2)
        elif what == "signal":
            external("nobody").signal("\ud800")
        else:
            mark.options(task_list="\ud800").submit("x")
    return add(number, 1)


@workflow
def slow(n: int) -> int:
    """Hold up whoever decides."""
    total = 0
    for _ in range(n):
        total = add(total, 1)
        if not SKY.calm.is_set():
            SKY.count("slow decision")
            time.sleep(SKY.dice.random() * 1.2)
    return total


@workflow
def narrow(n: int) -> int:
    return sum(
        one.result() for one in [add.options(task_list="narrow").submit(i, 0) for i in range(n)]
    )


@workflow
def passing(name: str) -> str:
    add(1, 1)
    mark(name)
    return name


@workflow
def fails(name: str) -> str:
    add(1, 1)
    if not SKY.calm.is_set():
        raise ValueError("not mended")
    return mark(name)


WORKFLOWS: list[WorkflowDefinition[..., Any]] = [
    *(seq, fan, tries, timed, loop, parent, box, relay, waits, hangs),
    *(bad, slow, narrow, passing, fails),
]
ACTIVITIES: list[ActivityDefinition] = [add, flaky, stuck, later, beating, mark]
