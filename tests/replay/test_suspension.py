"""A run suspends without user code noticing, and ends early only by being evicted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from greenlet import GreenletExit

from partita import CancelledError, WorkflowDefinition, activity, side_effect, sleep, workflow
from partita.history import (
    ActivityTaskCompleted,
    ActivityTaskScheduled,
    AnyDecision,
    AnyEvent,
    CompleteWorkflowExecution,
    DecisionTaskCompleted,
    DecisionTaskScheduled,
    DecisionTaskStarted,
    ScheduleActivityTask,
    WorkflowExecution,
)
from partita.ports.service import DecisionTask
from partita.ports.state import Status
from partita.replay.replayer import Replayer
from partita.worker import Worker
from tests.conftest import Rig, until
from tests.replay.conftest import MakeWorker

SEEN: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    SEEN.clear()


@activity
def work(x: int) -> int:
    return x + 1


@activity(task_list="elsewhere")
def stuck() -> int:
    return 0


@workflow
def careful() -> int:
    """Do what would swallow an exception used for suspending."""
    try:
        value = work(1)
    except BaseException as error:
        SEEN.append(f"swallowed {error!r}")
        return -1
    else:
        SEEN.append("went on")
    finally:
        SEEN.append("finally")
    return value


def test_suspending_is_no_exception(memory_rig: Rig) -> None:
    with memory_rig.worker(careful, work):
        assert memory_rig.client.start(careful).result(timeout=20) == 2
    assert SEEN == ["went on", "finally"]


@workflow
def hanging() -> int:
    try:
        return stuck()
    except BaseException as error:
        SEEN.append(type(error).__name__)
        for call in (lambda: work(1), lambda: sleep(1), lambda: side_effect(lambda: 1)):
            try:
                call()
            except GreenletExit:
                SEEN.append("refused")
        return -1
    finally:
        SEEN.append("finally")


def test_eviction_runs_finally_and_refuses_commands(memory_rig: Rig) -> None:
    with memory_rig.worker(hanging, work):
        handle = memory_rig.client.start(hanging)
        until(lambda: "ActivityTaskScheduled" in memory_rig.kinds(handle.workflow_id))
        assert SEEN == []
    assert SEEN == ["GreenletExit", "refused", "refused", "refused", "finally"]
    assert handle.describe().info.status is Status.OPEN
    kinds = memory_rig.kinds(handle.workflow_id)
    assert kinds.count("ActivityTaskScheduled") == 1
    assert "MarkerRecorded" not in kinds
    assert memory_rig.failures == []


def test_cache_is_bounded_in_bytes_and_what_fell_out_is_replayed(memory_rig: Rig) -> None:
    rig = memory_rig
    with rig.worker(waiting, work, cache_bytes=30_000):  # two runs, not three
        handles = [rig.client.start(waiting, number) for number in range(5)]
        until(lambda: all("ActivityTaskScheduled" in rig.kinds(h.workflow_id) for h in handles))
        until(lambda: len(SEEN) == 3)  # three were evicted
        for _ in handles:
            task = rig.engine.poll_activity_task("default", "elsewhere", wait=10)
            assert task is not None
            rig.engine.complete_activity(task.token, "1")
        assert [handle.result(timeout=20) for handle in handles] == [1, 2, 3, 4, 5]
    assert rig.failures == []


@workflow
def waiting(x: int) -> int:
    try:
        return x + stuck()
    except GreenletExit:
        SEEN.append("evicted")
        raise


@workflow
def cancelled() -> str:
    try:
        stuck()
    except CancelledError:
        work(1)  # cleaning up is allowed
        raise
    return "never"


def test_cancelling_lets_the_code_clean_up(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(cancelled, work):
        handle = memory_rig.client.start(cancelled)
        until(lambda: "ActivityTaskScheduled" in memory_rig.kinds(handle.workflow_id))
        handle.cancel()
        until(lambda: handle.describe().info.status is not Status.OPEN)
    assert handle.describe().info.status is Status.CANCELED
    assert memory_rig.kinds(handle.workflow_id).count("ActivityTaskCompleted") == 1
    assert memory_rig.failures == []


# -- the cost of deciding ------------------------------------------------------------------


@workflow
def chain(length: int) -> int:
    value = 0
    for _ in range(length):
        value = work(value)
    return value


class CountingReplayer(Replayer):
    """A replayer that counts the events it is fed."""

    fed = 0

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        self.fed += len(task.events)
        return super().decide(task)


def test_a_live_run_is_fed_every_event_once(memory_rig: Rig) -> None:
    for length in (10, 100):
        replayer = CountingReplayer([chain])
        with Worker(memory_rig.engine, workflows=[], activities=[work], deciders=[replayer]):
            handle = memory_rig.client.start(chain, length)
            assert handle.result(timeout=20) == length
        assert replayer.fed <= len(handle.history())


def test_every_turn_is_decided_once(memory_rig: Rig) -> None:
    with memory_rig.worker(chain, work):
        handle = memory_rig.client.start(chain, 3)
        assert handle.result(timeout=20) == 3
    kinds = memory_rig.kinds(handle.workflow_id)
    assert kinds.count("DecisionTaskStarted") == kinds.count("DecisionTaskCompleted") == 4


# -- an answer that the service turned down ------------------------------------------------


@workflow
def one_step() -> int:
    return work(1)


def test_close_that_was_refused_is_decided_again(memory_rig: Rig) -> None:
    """Events that come while a decider thinks make its close an UNHANDLED_DECISION."""
    rig = memory_rig
    handle = rig.client.start(one_step)
    replayer = Replayer([one_step])
    first = poll(rig)
    rig.engine.complete_decision(first.token, replayer.decide(first))
    done = rig.engine.poll_activity_task("default", "default", wait=10)
    assert done is not None
    rig.engine.complete_activity(done.token, "2")
    second = poll(rig)
    handle.signal("late")
    decisions = replayer.decide(second)
    assert [type(decision) for decision in decisions] == [CompleteWorkflowExecution]
    rig.engine.complete_decision(second.token, decisions)
    assert "CompleteWorkflowExecutionFailed" in rig.kinds(handle.workflow_id)
    third = poll(rig)
    seen = third.previous_started_event_id
    live = DecisionTask(
        token=third.token,
        workflow_execution=third.workflow_execution,
        workflow_type=third.workflow_type,
        started_event_id=third.started_event_id,
        previous_started_event_id=seen,
        events=[event for event in third.events if event.event_id > seen],
    )
    again = Replayer([one_step]).decide(third)
    assert again == replayer.decide(live) == decisions
    rig.engine.complete_decision(third.token, again)
    assert handle.result(timeout=0) == 2


def poll(rig: Rig) -> DecisionTask:
    task = rig.engine.poll_decision_task("default", "default", wait=10)
    assert task is not None
    return task


def test_history_by_hand(memory_rig: Rig) -> None:
    """Two results that one decision task shows are both seen in that turn."""

    @workflow
    def pair() -> int:
        first, second = work.submit(1), work.submit(2)
        total = first.result() + second.result()
        return total + work(total)

    started = memory_rig.client.start(pair).history()[0]
    schedule = Replayer([pair]).decide(by_hand(pair, [started]))
    assert [type(decision) for decision in schedule] == [ScheduleActivityTask] * 2
    events: list[AnyEvent] = [
        started,
        DecisionTaskScheduled(event_id=2, event_timestamp=1.0, task_list="default"),
        DecisionTaskStarted(event_id=3, event_timestamp=1.0, scheduled_event_id=2),
        DecisionTaskCompleted(
            event_id=4, event_timestamp=1.0, scheduled_event_id=2, started_event_id=3
        ),
        *(
            ActivityTaskScheduled(
                event_id=4 + number,
                event_timestamp=1.0,
                activity_type=work.activity_type,
                activity_id=str(number),
                input=f"[{number}]",
                task_list="default",
                decision_task_completed_event_id=4,
            )
            for number in (1, 2)
        ),
        *(
            ActivityTaskCompleted(
                event_id=6 + number,
                event_timestamp=2.0,
                scheduled_event_id=7 - number,  # in the other order
                started_event_id=0,
                result=str(10 * number),
            )
            for number in (1, 2)
        ),
    ]
    (decision,) = Replayer([pair]).decide(by_hand(pair, events))
    assert isinstance(decision, ScheduleActivityTask)
    assert (decision.activity_id, decision.input) == ("3", "[30]")


def by_hand(flow: WorkflowDefinition[[], int], events: Sequence[AnyEvent]) -> DecisionTask:
    last = events[-1].event_id
    return DecisionTask(
        token="",
        workflow_execution=WorkflowExecution("w", "r"),
        workflow_type=flow.workflow_type,
        started_event_id=last + 1,
        previous_started_event_id=0,
        events=[
            *events,
            DecisionTaskStarted(event_id=last + 1, event_timestamp=3.0, scheduled_event_id=last),
        ],
    )
