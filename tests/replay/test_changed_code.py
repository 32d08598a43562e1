"""Code that no longer fits its history fails the decision task, and goes on once it is mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from partita import WorkflowDefinition, activity, sleep, workflow
from partita.errors import NonDeterminismError
from partita.history import (
    ActivityTaskScheduled,
    DecisionTaskFailed,
    DecisionTaskStarted,
    WorkflowExecution,
)
from partita.ports.service import DecisionTask
from partita.ports.state import Status
from partita.replay.replayer import Replayer
from tests.conftest import Rig, until
from tests.replay.conftest import ClockedRig, worker

Body = Callable[[], str]


@activity
def fetch(what: str) -> str:
    return what


@activity
def send(what: str) -> str:
    return what


@activity(task_list="elsewhere")
def gate() -> str:
    return "open"


def version(body: Body) -> WorkflowDefinition[[], str]:
    """Return a workflow of always the same name, whatever it does."""
    return workflow(name="changing")(body)


def original() -> str:
    sleep(0)
    fetch("a")
    send("b")
    gate()
    return "done"


def line_of(function: Body, text: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    first = function.__code__.co_firstlineno
    return next(n for n in range(first, len(lines)) if text in lines[n - 1])


def changed_activity() -> str:
    sleep(0)
    send("a")  # here
    send("b")
    gate()
    return "done"


def changed_input() -> str:
    sleep(0)
    fetch("z")  # here
    send("b")
    gate()
    return "done"


def changed_order() -> str:
    sleep(0)
    send("b")  # here
    fetch("a")
    gate()
    return "done"


def missing_command() -> str:
    sleep(0)
    fetch("a")
    gate()  # here
    return "done"


def extra_command() -> str:
    sleep(0)
    fetch("a")
    sleep(1)  # here
    send("b")
    gate()
    return "done"


def nothing_more() -> str:
    sleep(0)
    return fetch("a")


def two_at_once() -> str:
    sleep(0)
    fetch.submit("a")
    send("b")  # here
    gate()
    return "done"


CHANGES: list[tuple[Body, str, str]] = [
    (changed_activity, 'ActivityTaskScheduled (fetch, id 2, ["a"])', '(send, id 2, ["a"])'),
    (changed_input, '(fetch, id 2, ["a"])', '(fetch, id 2, ["z"])'),
    (changed_order, '(fetch, id 2, ["a"])', '(send, id 2, ["b"])'),
    (missing_command, '(send, id 3, ["b"])', "(gate, id 3, [])"),
    (extra_command, '(send, id 3, ["b"])', "StartTimer (id 3)"),
    (two_at_once, "nothing", '(send, id 3, ["b"])'),
    (nothing_more, '(send, id 3, ["b"])', "CompleteWorkflowExecution"),
]


@pytest.mark.parametrize(
    ("body", "expected", "found"), CHANGES, ids=lambda it: getattr(it, "__name__", it)
)
def test_error_names_line_history_and_code(
    memory_rig: Rig, body: Body, expected: str, found: str
) -> None:
    task = stuck_task(memory_rig)
    with pytest.raises(NonDeterminismError) as caught:
        Replayer([version(body)]).decide(task)
    assert expected in caught.value.expected
    assert found in caught.value.found
    if body is not nothing_more:  # which has returned: then it is the function itself
        assert caught.value.location == f"{__file__}:{line_of(body, '# here')}"
    assert caught.value.location.startswith(__file__)
    assert str(caught.value).count("\n") == 0


def test_command_that_is_missing_at_the_end(memory_rig: Rig) -> None:
    def waits_too_early() -> str:
        sleep(0)
        fetch("a")
        send.submit("b")
        sleep(0)
        return "done"

    def shorter() -> str:
        sleep(0)
        fetch("a")
        return send("b")

    with worker(memory_rig, version(waits_too_early), fetch):
        handle = memory_rig.client.start(version(waits_too_early))
        until(lambda: memory_rig.kinds(handle.workflow_id).count("TimerFired") == 2)
    task = whole_task(memory_rig, handle.workflow_id)
    with pytest.raises(NonDeterminismError) as caught:
        Replayer([version(shorter)]).decide(task)
    assert caught.value.found == "nothing"
    assert "TimerStarted" in caught.value.expected


def stuck_task(rig: Rig) -> DecisionTask:
    """Run the original to its gate, and return a task that replays what it did."""
    with worker(rig, version(original), fetch, send):
        handle = rig.client.start(version(original))
        until(lambda: gate.activity_type in scheduled(rig, handle.workflow_id))
    return whole_task(rig, handle.workflow_id)


def scheduled(rig: Rig, workflow_id: str) -> list[object]:
    events = rig.events(workflow_id)
    return [event.activity_type for event in events if isinstance(event, ActivityTaskScheduled)]


def whole_task(rig: Rig, workflow_id: str) -> DecisionTask:
    """Return a further task for an execution, after all of its history."""
    execution = rig.client.describe(workflow_id).info
    events = rig.events(workflow_id)
    last = events[-1].event_id
    started = DecisionTaskStarted(
        event_id=last + 1,
        event_timestamp=events[-1].event_timestamp,
        scheduled_event_id=last,
    )
    return DecisionTask(
        token="",
        workflow_execution=WorkflowExecution(workflow_id, execution.run_id),
        workflow_type=execution.workflow_type,
        started_event_id=last + 1,
        previous_started_event_id=0,
        events=[*events, started],
    )


def test_it_fails_the_decision_once_and_the_mended_code_completes(clocked_rig: ClockedRig) -> None:
    rig = clocked_rig
    with worker(rig, version(original), fetch, send):
        handle = rig.client.start(version(original))
        rig.advance(1)
        until(lambda: gate.activity_type in scheduled(rig, handle.workflow_id))
    with worker(rig, version(changed_input), fetch, send):
        open_the_gate(rig)
        fail_times(rig, 3)  # it is tried again
    assert handle.describe().info.status is Status.OPEN
    assert all("fetch" in failure and __file__ in failure for failure in rig.failures)
    before = scheduled(rig, handle.workflow_id)
    with worker(rig, version(original), fetch, send):
        rig.advance(60)
        assert handle.result(timeout=20) == "done"
    failed = [event for event in handle.history() if isinstance(event, DecisionTaskFailed)]
    assert [event.cause for event in failed] == ["NON_DETERMINISM"]
    assert scheduled(rig, handle.workflow_id) == before


def fail_times(rig: ClockedRig, number: int) -> None:
    """Move the clock until a decider has failed so many times more."""
    for count in range(len(rig.failures) + 1, len(rig.failures) + 1 + number):
        rig.advance(60)
        until(lambda count=count: len(rig.failures) >= count)  # type: ignore[misc]


def open_the_gate(rig: Rig) -> None:
    task = rig.engine.poll_activity_task("default", "elsewhere", wait=10)
    assert task is not None
    rig.engine.complete_activity(task.token, '"open"')


def test_another_error_of_the_decider_is_recorded_too(clocked_rig: ClockedRig) -> None:
    def unserializable() -> str:
        return object()  # type: ignore[return-value]

    def other() -> str:
        return lambda: 1  # type: ignore[return-value]

    rig = clocked_rig
    handle = rig.client.start(version(unserializable))
    for body in (unserializable, other):
        with worker(rig, version(body)):
            fail_times(rig, 3)
    assert rig.kinds(handle.workflow_id).count("DecisionTaskFailed") == 2  # one for each message
    with worker(rig, version(lambda: "fine")):
        rig.advance(60)
        assert handle.result(timeout=20) == "fine"
