"""A replay sees what the first run saw, whatever the workflow does."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from partita import (
    Future,
    WorkflowDefinition,
    activity,
    as_completed,
    now,
    random,
    side_effect,
    sleep,
    uuid4,
    wait,
    workflow,
)
from partita.client import Handle
from partita.history import (
    CompleteWorkflowExecution,
    DecisionTaskCompleted,
    WorkflowExecution,
)
from partita.ports.service import DecisionTask
from partita.replay.decision_events import agrees, caused_by
from partita.replay.replayer import Replayer
from tests.conftest import Rig
from tests.replay.conftest import MakeWorker


@activity
def double(x: int) -> int:
    return 2 * x


@activity
def add(x: int, y: int) -> int:
    return x + y


@activity
def total(numbers: list[int]) -> int:
    return sum(numbers)


@activity
def fail(what: str) -> int:
    raise ValueError(what)


@activity
def note(text: str) -> None:
    """Leave a text in the history."""


ACTIVITIES = (double, add, total, fail, note)


@workflow
def calls() -> int:
    return add(double(1), double(2))


@workflow
def futures() -> int:
    first, second = double.submit(3), double.submit(4)
    both = add.submit(first, second)
    return total([both.result(), second.result()]) + total.submit([1, 2]).result()


@workflow
def maps() -> list[int]:
    doubled = double.map(range(10))
    again = double.map(doubled)
    sums = add.starmap([(1, 2), (3, 4)])
    return again.result() + sums.result()


@workflow
def nested() -> int:
    parts = double.map([1, 2, 3])
    whole: Future[int] = total.submit(parts)  # type: ignore[arg-type]
    return whole.result()


@workflow
def timers() -> list[str]:
    said = []
    for seconds in (0.01, 0, 0.02):
        sleep(seconds)
        note("slept")
        said.append(str(now()))
    try:
        double.submit(1).result(timeout=30)
    except TimeoutError:
        said.append("late")
    return said


@workflow
def failures() -> list[str]:
    said = []
    for what in ("a", "b"):
        try:
            fail(what)
        except ValueError as error:
            said.append(str(error))
            note(what)
    late = add.submit(fail.submit("c"), 1)
    said.append(repr(late.exception()))
    note("end")
    return said


@workflow
def completions() -> list[int]:
    seen = []
    for future in as_completed(double.map(range(8))):
        seen.append(future.result())
        note(f"after {future.result()}")
    return seen


@workflow
def first_completions() -> list[int]:
    pending: set[Future[int]] = set(double.map(range(12)))
    seen: list[int] = []
    while pending:
        done, pending = wait(pending, return_when="FIRST_COMPLETED")
        values = sorted(future.result() for future in done)
        note(f"got {values}")
        seen += values
    return sorted(seen)


@workflow
def chance() -> list[str]:
    said = [
        str(uuid4()),
        str(random().random()),
        str(now()),
        str(side_effect(lambda: str(uuid.uuid4()))),
    ]
    note("between")
    said += [str(uuid4()), str(random().randint(1, 10**9)), str(now())]
    sleep(0.01)
    said += [str(uuid4()), side_effect(lambda: str(uuid.uuid4()))]
    note("end")
    return said


WORKFLOWS: list[WorkflowDefinition[..., Any]] = [
    calls,
    futures,
    maps,
    nested,
    timers,
    failures,
    completions,
    first_completions,
    chance,
]


@pytest.mark.parametrize("flow", WORKFLOWS, ids=lambda flow: flow.__name__)
def test_every_decision_of_a_history_is_decided_again(
    memory_rig: Rig, make_worker: MakeWorker, flow: WorkflowDefinition[[], Any]
) -> None:
    with make_worker(flow, *ACTIVITIES):
        handle = memory_rig.client.start(flow)
        result = handle.result(timeout=20)
    assert memory_rig.failures == []
    assert redecided(flow, handle) == result


def redecided(flow: WorkflowDefinition[..., Any], handle: Handle[Any]) -> Any:
    """Decide each of a history's tasks from its beginning; return the result."""
    events = handle.history()
    result: str | None = None
    for position, event in enumerate(events):
        if not isinstance(event, DecisionTaskCompleted):
            continue
        task = DecisionTask(
            token="",
            workflow_execution=WorkflowExecution(handle.workflow_id, handle.run_id),
            workflow_type=flow.workflow_type,
            started_event_id=event.started_event_id,
            previous_started_event_id=0,
            events=events[: event.started_event_id],
        )
        decisions = Replayer([flow]).decide(task)
        caused, _ = caused_by(events, position)
        assert [agrees(*pair) for pair in zip(decisions, caused, strict=True)] == [True] * len(
            caused
        )
        for decision in decisions:
            if isinstance(decision, CompleteWorkflowExecution):
                result = decision.result
    assert result is not None
    return flow.signature.decode_result(result)
