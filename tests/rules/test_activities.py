"""Activities: scheduled, taken, ended, tried again, timed out, given back."""

from __future__ import annotations

from typing import Any

import pytest

from partita.authoring.failure import Failure, rebuild
from partita.errors import TaskLostError, WorkerLostError
from partita.history import (
    RequestCancelActivityTask,
    RescheduleCause,
    RetryPolicy,
    ScheduleActivityTask,
)
from partita.rules import commands as c
from tests.rules.play import CHARGE, Play

THRICE = RetryPolicy(max_attempts=3, initial_interval=2.0, backoff=3.0, non_retryable=("Final",))


def complete(play: Play, started: int) -> None:
    play.do(c.CompleteActivityTask(activity_id="a", started_event_id=started, result="1"))


def fail(play: Play, reason: str = "Boom", **more: Any) -> None:
    started = play.take_activity()
    play.do(c.FailActivityTask(activity_id="a", started_event_id=started, reason=reason, **more))


def test_a_result_closes_the_activity_and_wakes_the_decider() -> None:
    play = Play()
    play.schedule()
    complete(play, play.take_activity())
    assert play.kinds[-2:] == ["ActivityTaskCompleted", "DecisionTaskScheduled"]
    assert play.state.progress.open_activities == 0
    assert play.item("activity", "a") is None


def test_a_result_is_recorded_once() -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    complete(play, started)
    with pytest.raises(TaskLostError):
        complete(play, started)


def test_a_taken_activity_cannot_be_taken_again() -> None:
    play = Play()
    play.schedule()
    play.take_activity()
    with pytest.raises(TaskLostError):
        play.take_activity()


def test_an_open_id_is_refused() -> None:
    play = Play()
    one = ScheduleActivityTask(activity_id="a", activity_type=CHARGE)
    change = play.decide(one, one)
    refused = change.events[-2]
    assert refused.event_type == "ScheduleActivityTaskFailed"
    assert getattr(refused, "cause", "") == "ACTIVITY_ID_ALREADY_IN_USE"
    assert play.last.event_type == "DecisionTaskScheduled"


def test_retries_wait_longer_each_time_and_end() -> None:
    play = Play()
    play.schedule(retry_policy=THRICE)
    waits = []
    for _ in range(2):
        fail(play)
        assert play.last.event_type == "ActivityTaskRescheduled"
        waits.append(play.last.backoff)
        with pytest.raises(TaskLostError):
            play.take_activity()
        play.now += play.last.backoff
        play.do(c.Due(kind="activity", id="a"))
    fail(play)
    assert waits == [2.0, 6.0]
    assert play.kinds[-2:] == ["ActivityTaskFailed", "DecisionTaskScheduled"]


@pytest.mark.parametrize(
    ("reason", "more"),
    [("Final", {}), ("module.Final", {}), ("Boom", {"retryable": False})],
)
def test_what_is_final_is_not_tried_again(reason: str, more: dict[str, Any]) -> None:
    play = Play()
    play.schedule(retry_policy=THRICE)
    fail(play, reason, **more)
    assert "ActivityTaskFailed" in play.kinds


def test_schedule_to_close_cuts_the_retries() -> None:
    play = Play()
    play.schedule(
        retry_policy=RetryPolicy(max_attempts=0, initial_interval=8.0), schedule_to_close=10
    )
    play.now += 5
    fail(play)
    assert "ActivityTaskFailed" in play.kinds


@pytest.mark.parametrize(
    ("option", "taken"),
    [
        ("schedule_to_start", False),
        ("schedule_to_close", False),
        ("schedule_to_close", True),
        ("start_to_close", True),
        ("heartbeat", True),
    ],
)
def test_each_timeout(option: str, taken: bool) -> None:
    play = Play()
    options: dict[str, Any] = {option: 10.0}
    play.schedule(**options)
    if taken:
        play.now += 1
        play.take_activity()
    due = play.item("activity", "a").due
    play.now = due - 0.001
    play.do(c.Due(kind="activity", id="a"))
    assert play.item("activity", "a") is not None, "too early"
    play.now = due
    play.do(c.Due(kind="activity", id="a"))
    ended = play.state.new_events[-2]
    assert ended.event_type == "ActivityTaskTimedOut"
    assert getattr(ended, "timeout_type", "") == option.upper()


def test_start_to_close_is_tried_again_and_schedule_to_start_is_not() -> None:
    play = Play()
    play.schedule(start_to_close=10.0, schedule_to_start=50.0, retry_policy=THRICE)
    started = play.take_activity()
    play.now += 10
    play.do(c.Due(kind="activity", id="a"))
    assert (play.last.cause, play.last.reason) == ("TIMED_OUT", "START_TO_CLOSE")
    with pytest.raises(TaskLostError):
        complete(play, started)
    play.now += 2
    play.do(c.Due(kind="activity", id="a"))
    play.now += 50
    play.do(c.Due(kind="activity", id="a"))
    assert "ActivityTaskTimedOut" in play.kinds


def test_heartbeats_put_the_timeout_off_and_keep_details() -> None:
    play = Play()
    play.schedule(heartbeat=10.0, retry_policy=THRICE)
    started = play.take_activity()
    for _ in range(5):
        play.now += 9
        change = play.do(c.Heartbeat(activity_id="a", started_event_id=started, details='"half"'))
        assert change.events == []
    play.now += 10
    play.do(c.Due(kind="activity", id="a"))
    assert play.last.reason == "HEARTBEAT"
    assert play.item("activity", "a").details == '"half"'


def test_cancelling_a_waiting_activity_closes_it_at_once() -> None:
    play = Play()
    play.schedule()
    play.do(c.Signal(signal_name="wake"))
    play.decide(RequestCancelActivityTask(activity_id="a"))
    assert play.kinds[-3:] == [
        "ActivityTaskCancelRequested",
        "ActivityTaskCanceled",
        "DecisionTaskScheduled",
    ]
    assert play.state.progress.open_activities == 0


def test_cancelling_a_running_activity_is_its_own_to_obey() -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    play.do(c.Signal(signal_name="wake"))
    play.decide(
        RequestCancelActivityTask(activity_id="a"), RequestCancelActivityTask(activity_id="b")
    )
    assert play.kinds[-2:] == ["ActivityTaskCancelRequested", "RequestCancelActivityTaskFailed"]
    requested = play.item("activity", "a").cancel_requested_event_id
    play.do(c.CancelActivityTask(activity_id="a", started_event_id=started))
    ended = play.state.new_events[-2]
    assert ended.event_type == "ActivityTaskCanceled"
    assert getattr(ended, "latest_cancel_requested_event_id", 0) == requested


@pytest.mark.parametrize(
    ("cause", "attempt"), [(RescheduleCause.GIVEN_BACK, 1), (RescheduleCause.WORKER_LOST, 2)]
)
def test_what_is_released_can_be_taken_again(cause: RescheduleCause, attempt: int) -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    play.do(c.Release(kind="activity", id="a", cause=cause, started_event_id=started))
    assert play.item("activity", "a").attempt == attempt
    again = play.take_activity()
    with pytest.raises(TaskLostError):
        complete(play, started)
    complete(play, again)


def test_what_was_given_back_twice_waits_once() -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    again = c.Release(
        kind="activity", id="a", cause=RescheduleCause.GIVEN_BACK, started_event_id=started
    )
    play.do(again)
    assert play.do(again).events == []
    play.take_activity()
    assert play.do(again).events == [], "another worker holds it now"


def test_a_lost_worker_costs_an_attempt_and_a_given_back_task_does_not() -> None:
    attempts = {RescheduleCause.GIVEN_BACK: 3, RescheduleCause.WORKER_LOST: 2}
    for cause, failures in attempts.items():
        play = Play()
        play.schedule(retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.0))
        play.take_activity()
        play.do(c.Release(kind="activity", id="a", cause=cause))
        assert play.last.cause is cause
        assert play.last.attempt == 1
        for _ in range(failures):
            assert "ActivityTaskFailed" not in play.kinds
            fail(play)
        assert "ActivityTaskFailed" in play.kinds


def lose(play: Play) -> None:
    """Take the activity and lose its worker; wait until it may be taken again."""
    play.take_activity()
    play.do(c.Release(kind="activity", id="a", cause=RescheduleCause.WORKER_LOST))
    item = play.item("activity", "a")
    if item is not None and item.queue is None:
        play.now = item.due
        play.do(c.Due(kind="activity", id="a"))


@pytest.mark.parametrize(("attempts", "losses"), [(None, 10), (3, 10), (12, 12)])
def test_an_activity_whose_workers_are_lost_ends_at_last(attempts: int | None, losses: int) -> None:
    play = Play()
    play.schedule(retry_policy=None if attempts is None else RetryPolicy(max_attempts=attempts))
    for _ in range(losses - 1):
        lose(play)
    assert play.item("activity", "a").losses == losses - 1
    lose(play)
    assert play.kinds[-2:] == ["ActivityTaskFailed", "DecisionTaskScheduled"]
    failed: Any = play.state.new_events[-2]
    assert failed.reason == "partita.errors.WorkerLostError"
    failure = rebuild(Failure.load(failed.details, failed.reason))
    assert isinstance(failure, WorkerLostError)
    assert str(failure).startswith(f"activity charge lost its worker {losses} times; ")


def test_the_first_loss_costs_no_time_and_the_others_more_and_more() -> None:
    play = Play()
    play.schedule()
    waits = []
    for _ in range(9):
        lose(play)
        waits.append(play.last.backoff)
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_attempts_without_end_are_not_ended_by_losses() -> None:
    play = Play()
    play.schedule(retry_policy=RetryPolicy(max_attempts=0))
    for _ in range(30):
        lose(play)
    assert play.item("activity", "a").losses == 30


@pytest.mark.parametrize("cause", [RescheduleCause.GIVEN_BACK, RescheduleCause.WORKER_LOST])
def test_a_canceled_activity_is_not_handed_out_again(cause: RescheduleCause) -> None:
    play = running_and_cancelled()
    play.do(c.Release(kind="activity", id="a", cause=cause))
    ended: Any = play.state.new_events[-2]
    assert ended.event_type == "ActivityTaskCanceled"
    assert ended.latest_cancel_requested_event_id > 0
    assert play.state.progress.open_activities == 0


def test_a_canceled_activity_that_fails_is_not_tried_again() -> None:
    play = running_and_cancelled(retry_policy=THRICE)
    started = play.item("activity", "a").started_event_id
    play.do(c.FailActivityTask(activity_id="a", started_event_id=started, reason="Boom"))
    assert play.kinds[-2:] == ["ActivityTaskFailed", "DecisionTaskScheduled"]


def test_a_canceled_activity_may_still_complete() -> None:
    play = running_and_cancelled()
    complete(play, play.item("activity", "a").started_event_id)
    assert play.kinds[-2:] == ["ActivityTaskCompleted", "DecisionTaskScheduled"]


def running_and_cancelled(**options: Any) -> Play:
    play = Play()
    play.schedule(**options)
    play.take_activity()
    play.do(c.Signal(signal_name="wake"))
    play.decide(RequestCancelActivityTask(activity_id="a"))
    return play


def test_cancelling_between_two_attempts_closes_the_activity() -> None:
    play = Play()
    play.schedule(retry_policy=THRICE)
    fail(play)
    play.do(c.Signal(signal_name="wake"))
    play.decide(RequestCancelActivityTask(activity_id="a"))
    assert "ActivityTaskCanceled" in play.kinds
    play.now += 100
    assert play.do(c.Due(kind="activity", id="a")).events == []


def test_retries_without_end_wait_no_longer_than_their_limit() -> None:
    play = Play()
    play.schedule(retry_policy=RetryPolicy(max_attempts=0, initial_interval=1.0, max_interval=5.0))
    waits = []
    for _ in range(6):
        fail(play)
        waits.append(play.last.backoff)
        play.now += play.last.backoff
        play.do(c.Due(kind="activity", id="a"))
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_rescheduled_activity_tells_why() -> None:
    play = Play()
    play.schedule(retry_policy=THRICE)
    fail(play, "Boom", details='{"message":"m"}')
    told = play.last
    assert (told.cause, told.attempt, told.reason) == (RescheduleCause.FAILED, 1, "Boom")
    assert told.details == '{"message":"m"}'
    assert "DecisionTaskScheduled" not in play.kinds[-1:], "the decider need not know"
    waiting = play.item("activity", "a")
    assert (waiting.owner, waiting.queue, waiting.attempt) == (None, None, 2)


def test_schedule_to_close_counts_from_the_first_attempt() -> None:
    play = Play()
    policy = RetryPolicy(max_attempts=0, initial_interval=2.0, backoff=1.0)
    play.schedule(retry_policy=policy, schedule_to_close=10.0)
    scheduled = play.now
    play.now += 3
    fail(play)
    play.now += 2
    play.do(c.Due(kind="activity", id="a"))
    assert play.item("activity", "a").due == scheduled + 10
    play.take_activity()
    play.now = scheduled + 10
    play.do(c.Due(kind="activity", id="a"))
    ended: Any = play.state.new_events[-2]
    assert (ended.event_type, ended.timeout_type) == ("ActivityTaskTimedOut", "SCHEDULE_TO_CLOSE")


def test_the_soonest_of_many_timeouts_is_the_one() -> None:
    play = Play()
    play.schedule(schedule_to_start=9.0, start_to_close=7.0, schedule_to_close=20.0, heartbeat=3.0)
    dues = [play.item("activity", "a").due - play.now]
    started = play.take_activity()
    dues.append(play.item("activity", "a").due - play.now)
    for _ in range(3):
        play.now += 2
        play.do(c.Heartbeat(activity_id="a", started_event_id=started))
    dues.append(play.item("activity", "a").due - play.now)
    assert dues == [9.0, 3.0, 1.0]


def test_schedule_to_start_counts_anew_for_each_attempt() -> None:
    play = Play()
    play.schedule(schedule_to_start=10.0, retry_policy=THRICE)
    play.now += 9
    fail(play)
    play.now += 2
    play.do(c.Due(kind="activity", id="a"))
    waiting = play.item("activity", "a")
    assert (waiting.since, waiting.due) == (play.now, play.now + 10)


def test_a_timeout_tells_the_last_heartbeat() -> None:
    play = Play()
    play.schedule(heartbeat=3.0)
    started = play.take_activity()
    for details in ('"half"', None):  # a beat without details keeps those before
        play.do(c.Heartbeat(activity_id="a", started_event_id=started, details=details))
    play.now += 3
    play.do(c.Due(kind="activity", id="a"))
    ended: Any = play.state.new_events[-2]
    assert (ended.event_type, ended.details) == ("ActivityTaskTimedOut", '"half"')


def test_a_late_heartbeat_is_refused() -> None:
    play = Play()
    play.schedule()
    started = play.take_activity()
    complete(play, started)
    for late in (started, 0):
        with pytest.raises(TaskLostError):
            play.do(c.Heartbeat(activity_id="a", started_event_id=late))


def test_an_activity_goes_to_its_own_task_list_or_that_of_the_workflow() -> None:
    play = Play()
    play.schedule("a")
    play.do(c.Signal(signal_name="wake"))
    play.schedule("b", task_list="gpu", task_priority=5, control="c", input="[1]")
    assert (play.last.task_list, play.last.control, play.last.input) == ("gpu", "c", "[1]")
    assert play.item("activity", "a").queue == "default"
    item = play.item("activity", "b")
    assert (item.queue, item.priority, item.name, item.input) == ("gpu", 5, "charge@1", "[1]")


def test_a_closed_activity_frees_its_id() -> None:
    play = Play()
    play.schedule()
    complete(play, play.take_activity())
    play.schedule()
    assert play.kinds.count("ActivityTaskScheduled") == 2
