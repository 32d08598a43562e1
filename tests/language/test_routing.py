"""Where work goes, how fast, and when: task lists, limits, attributes, schedules."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partita import (
    CancelledError,
    activity,
    sleep,
    upsert_search_attributes,
    wait_signal,
    workflow,
)
from partita.errors import (
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    InvalidOptionError,
    PartitaError,
)
from partita.history import ActivityTaskScheduled, ActivityTaskStarted
from partita.ports.service import TaskListLimits
from partita.ports.state import Status
from tests.conftest import until
from tests.language.conftest import ClockedStage, Stage

MOST: list[int] = []
LOCK = threading.Lock()
RUNNING = 0


@pytest.fixture(autouse=True)
def _idle() -> None:
    global RUNNING
    RUNNING = 0
    MOST.clear()


@activity
def where(x: int) -> int:
    return x


@activity(task_list=lambda size, **_: "gpu" if size > 10 else "slow")
def sized(size: int, *, name: str = "") -> int:
    return size


@activity(task_list="gpu")
def limited(x: int) -> int:
    global RUNNING
    with LOCK:
        RUNNING += 1
        MOST.append(RUNNING)
    time.sleep(0.01)
    with LOCK:
        RUNNING -= 1
    return x


# -- task lists ----------------------------------------------------------------------------


@workflow
def routes() -> list[int]:
    found = [where(1), where.options(task_list="gpu").submit(2).result()]
    found += [sized(5, name="a"), sized(50, name="b"), sized.options(task_list="default")(7)]
    return [*found, where.options(task_list=lambda x: "slow")(3)]


def test_static_dynamic_and_per_call(stage: Stage) -> None:
    handle = stage.start(routes)
    assert handle.result(timeout=20) == routes() == [1, 2, 5, 50, 7, 3]
    lists = [event.task_list for event in stage.find(handle, ActivityTaskScheduled)]
    assert lists == ["default", "gpu", "slow", "gpu", "default", "slow"]


@workflow
def prioritised() -> None:
    for number in range(5):
        where.options(task_priority=number, task_list="later").submit(number)
    wait_signal("never")


def test_priorities(stage: Stage) -> None:
    handle = stage.start(prioritised)
    stage.settled(handle)
    taken = [stage.engine.poll_activity_task("default", "later") for _ in range(5)]
    assert [task.input for task in taken if task] == ["[4]", "[3]", "[2]", "[1]", "[0]"]
    handle.terminate()


# -- limits --------------------------------------------------------------------------------


@workflow
def crowd(count: int) -> int:
    return sum(limited.map(range(count)).result())


def test_a_task_lists_concurrency_is_kept(stage: Stage) -> None:
    stage.client.set_limits("gpu", concurrency=2)
    assert stage.run(crowd, 12) == 66
    assert max(MOST) == 2
    stage.client.set_limits("gpu")
    assert stage.engine.limits("default") == {}
    MOST.clear()
    stage.run(crowd, 12)
    assert max(MOST) > 2


def test_a_task_lists_rate_is_kept(stage: Stage) -> None:
    stage.client.set_limits("gpu", per_second=100, burst=2)
    handle = stage.start(crowd, 12)
    assert handle.result(timeout=30) == 66
    history = handle.history()
    begun = [one.event_timestamp for one in history if isinstance(one, ActivityTaskStarted)]
    assert max(begun) - min(begun) >= 0.09
    limits = stage.engine.limits("default")
    assert limits == {"gpu": TaskListLimits(per_second=100, burst=2)}


def test_a_limit_holds_for_polling_workers_too(stage: Stage) -> None:
    stage.leave()
    stage.client.set_limits("gpu", concurrency=1)
    stage.start(crowd, 3)
    stage.open()
    until(lambda: MOST)
    until(lambda: len(MOST) == 3)
    assert max(MOST) == 1


def test_other_task_lists_go_on(stage: Stage) -> None:
    stage.client.set_limits("gpu", per_second=0.001, burst=1)
    stuck = stage.start(crowd, 5)
    until(lambda: MOST)
    assert stage.run(routes_elsewhere) == 10
    stuck.terminate()


@workflow
def routes_elsewhere() -> int:
    return sum(where.map(range(5)).result())


def test_a_crowd_that_is_terminated_gives_its_places_free(stage: Stage) -> None:
    stage.client.set_limits("gpu", concurrency=1)
    first = stage.start(crowd, 300)
    until(lambda: MOST)
    first.terminate()
    assert stage.run(crowd, 2) == 1


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"per_second": -1}])
def test_limits_that_cannot_be(wrong: dict[str, Any], stage: Stage) -> None:
    with pytest.raises(InvalidOptionError, match="above 0"):
        stage.client.set_limits("gpu", **wrong)


# -- tags and search attributes ------------------------------------------------------------


@workflow
def described(customer: str) -> None:
    upsert_search_attributes(customer=customer, total=12.5, vip=True)
    upsert_search_attributes(total=None, paid=datetime(2026, 1, 2, tzinfo=UTC))
    wait_signal("done")


def test_search_attributes(stage: Stage) -> None:
    ann = stage.start(described, "ann", search_attributes={"region": "eu", "size": 3})
    bob = stage.start(described, "bob", search_attributes={"region": "eu"})
    stage.settled(ann)
    stage.settled(bob)

    def found(**attributes: Any) -> set[str]:
        page = stage.client.list(search_attributes=attributes)
        return {info.workflow_id for info in page.executions}

    both = {ann.workflow_id, bob.workflow_id}
    assert found(region="eu") == both
    assert found(customer="ann") == found(customer="ann", vip=True) == {ann.workflow_id}
    assert found(vip=1) == found(total=12.5) == found(region="us") == set()
    assert found(size=3) == {ann.workflow_id}
    assert found(paid=datetime(2026, 1, 2, tzinfo=UTC)) == both
    attributes = ann.describe().info.search_attributes
    assert attributes == {
        "region": "eu",
        "size": 3,
        "customer": "ann",
        "vip": True,
        "paid": "2026-01-02T00:00:00+00:00",
    }
    ann.signal("done")
    ann.result(timeout=20)
    assert found(customer="ann") == {ann.workflow_id}


@workflow
def misdescribed() -> str:
    try:
        upsert_search_attributes(wrong=["a list"])  # type: ignore[arg-type]
    except PartitaError as error:
        return error.code
    return "accepted"


def test_a_search_attribute_is_a_scalar(stage: Stage) -> None:
    assert stage.run(misdescribed) == misdescribed() == "INVALID_OPTION"
    with pytest.raises(InvalidOptionError, match="search attribute x="):
        stage.start(misdescribed, search_attributes={"x": {}})


def test_tags(stage: Stage) -> None:
    handle = stage.start(misdescribed, tags=("blue", "big"))
    handle.result(timeout=20)
    assert stage.client.list(tag="big").executions[0].workflow_id == handle.workflow_id
    assert stage.client.list(tag="small").executions == ()


# -- schedules -----------------------------------------------------------------------------


@workflow
def job(name: str) -> str:
    return name


@workflow
def long_job(name: str) -> str:
    try:
        sleep(150)
    except CancelledError:
        return "cancelled"
    return name


def wait_for(stage: ClockedStage, id: str, ready: Any) -> Any:
    until(lambda: ready(stage.client.schedules.get(id).state))
    return stage.client.schedules.get(id).state


def ticking(stage: ClockedStage, id: str, minutes: int) -> None:
    """Move the clock minute by minute, and let the schedule see each."""
    for _ in range(minutes):
        before = stage.client.schedules.get(id).state.last
        stage.advance(60)
        wait_for(stage, id, lambda state, before=before: state.last != before)
        until(lambda: not jobs_open(stage))


def jobs_open(stage: ClockedStage) -> bool:
    """Whether a short run is not done yet."""
    infos = stage.client.list(type_name="job", status=Status.OPEN).executions
    return bool(infos)


def begin(stage: ClockedStage, id: str, cron: str, flow: Any = job, **options: Any) -> None:
    stage.client.schedules.create(id, cron, flow, ("x",), **options)
    wait_for(stage, id, lambda state: state.last is not None)


def test_a_schedule_fires_by_the_calendar(clocked: ClockedStage) -> None:
    begin(clocked, "minutely", "* * * * *")
    ticking(clocked, "minutely", 3)
    state = clocked.client.schedules.get("minutely").state
    assert (state.started, state.skipped) == (3, 0)
    assert len(state.recent) == 3
    assert clocked.client.result(state.recent[0], timeout=20) == "x"
    begun = datetime.fromtimestamp(clocked.clock(), UTC)
    assert state.next is not None
    assert datetime.fromisoformat(state.next) - begun <= timedelta(minutes=1)
    runs = clocked.client.list(tag="schedule:minutely").executions
    assert len(runs) == 3


def test_a_schedule_keeps_to_its_time_zone(clocked: ClockedStage) -> None:
    summer = datetime(2026, 3, 28, 12, tzinfo=UTC).timestamp()  # the night before the change
    clocked.clock.advance(summer - clocked.clock())
    begin(clocked, "nightly", "30 3 * * *", timezone="Europe/Paris")
    following = clocked.client.schedules.get("nightly").state.next
    assert following == "2026-03-29T01:30:00+00:00"  # already summer time


def test_pause_resume_trigger_and_delete(clocked: ClockedStage) -> None:
    schedules = clocked.client.schedules
    begin(clocked, "s", "* * * * *", paused=True)
    clocked.advance(600)
    schedules.trigger("s")
    assert wait_for(clocked, "s", lambda state: state.started == 1).paused
    schedules.resume("s")
    wait_for(clocked, "s", lambda state: not state.paused)
    ticking(clocked, "s", 1)
    assert schedules.get("s").state.started == 2
    schedules.pause("s", "holidays")
    wait_for(clocked, "s", lambda state: state.paused and state.note == "holidays")
    assert [info.id for info in schedules.list()] == ["s"]
    schedules.delete("s")
    until(lambda: schedules.list() == [])
    with pytest.raises(ExecutionNotFoundError, match="no schedule 's'"):
        schedules.trigger("s")
    with pytest.raises(ExecutionNotFoundError, match="no schedule 's'"):
        schedules.get("s")


def test_backfill(clocked: ClockedStage) -> None:
    begin(clocked, "s", "0 * * * *", paused=True)
    noon = datetime(2001, 9, 1, 12, tzinfo=UTC)
    count = clocked.client.schedules.backfill("s", noon, noon + timedelta(hours=4))
    assert count == 5
    state = wait_for(clocked, "s", lambda state: state.started == 5 and len(state.recent) > 0)
    assert state.recent[0] == "s-2001-09-01T12:00:00Z"
    with pytest.raises(InvalidOptionError, match="is after"):
        clocked.client.schedules.backfill("s", noon, noon - timedelta(hours=1))
    with pytest.raises(InvalidOptionError, match="over 10,000 runs"):
        clocked.client.schedules.backfill("s", noon, noon + timedelta(days=3650))


@pytest.mark.parametrize(
    ("overlap", "started", "skipped", "waiting"),
    [
        ("skip", 2, 4, 0),
        ("buffer_one", 2, 3, 1),
        ("buffer_all", 2, 0, 4),
        ("cancel_other", 6, 0, 0),
        ("allow_all", 6, 0, 0),
    ],
)
def test_overlap(
    overlap: str, started: int, skipped: int, waiting: int, clocked: ClockedStage
) -> None:
    begin(clocked, "s", "* * * * *", long_job, overlap=overlap)
    ticking(clocked, "s", 6)
    state = clocked.client.schedules.get("s").state
    assert (state.started, state.skipped, len(state.waiting)) == (started, skipped, waiting)


def test_what_was_missed_is_made_up_for_if_it_is_not_too_old(clocked: ClockedStage) -> None:
    begin(clocked, "s", "*/10 * * * *", overlap="allow_all", catch_up=1800)
    clocked.advance(7200)
    state = wait_for(clocked, "s", lambda state: state.started)
    assert (state.started, state.skipped) in ((3, 9), (4, 8))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cron": "0 0 30 2 *"}, "30 2"),
        ({"cron": "0 0 31 4,6 *"}, "never comes|not a cron expression"),
        ({"cron": "every day"}, "not a cron expression"),
        ({"cron": ()}, "needs a cron expression"),
        ({"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"overlap": "whatever"}, "give one of skip"),
        ({"catch_up": -1}, "catch_up"),
    ],
)
def test_schedules_that_cannot_be(options: dict[str, Any], said: str, stage: Stage) -> None:
    given = {"cron": "* * * * *", **options}
    with pytest.raises(InvalidOptionError, match=said):
        stage.client.schedules.create("s", given.pop("cron"), job, ("x",), **given)
    with pytest.raises(TypeError):
        stage.client.schedules.create("s", "* * * * *", job, ("x", "y"))
    assert stage.client.list().executions == ()


def test_a_schedules_name_is_taken_once(stage: Stage) -> None:
    stage.client.schedules.create("s", "0 0 1 1 *", job, ("x",))
    with pytest.raises(ExecutionAlreadyStartedError):
        stage.client.schedules.create("s", "0 0 1 1 *", job, ("y",))
