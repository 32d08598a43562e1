"""All timeouts, as a decider sees them, on a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.swf.conftest import ACTIVITY, DOMAIN, WORKFLOW_DEFAULTS, Story, decision, serving
from tests.swf.test_operations import refused


class Clock:
    """Moved by hand; the engine must be woken to see it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Timed(Story):
    """A story on such a clock."""

    clock: Clock

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and wait until the engine has seen it."""
        self.clock.now += seconds
        self.endpoint.engine.transact(lambda tx: None)
        self.endpoint.engine.transact(lambda tx: None)


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    clock = Clock()
    with serving(tmp_path, clock=clock) as made:
        story = Timed(made)
        story.clock = clock
        story.start()
        yield story


def schedule(**timeouts: str) -> dict[str, Any]:
    given = {f"{name}Timeout": value for name, value in timeouts.items()}
    return decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1", **given)


@pytest.mark.parametrize(
    ("timeout", "kind", "is_started"),
    [
        ("scheduleToStart", "SCHEDULE_TO_START", False),
        ("scheduleToClose", "SCHEDULE_TO_CLOSE", False),
        ("scheduleToClose", "SCHEDULE_TO_CLOSE", True),
        ("startToClose", "START_TO_CLOSE", True),
        ("heartbeat", "HEARTBEAT", True),
    ],
)
def test_activities(timed: Timed, timeout: str, kind: str, is_started: bool) -> None:
    timed.decide(schedule(**{timeout: "30"}))
    token = None
    if is_started:
        token = timed.poll_activity()["taskToken"]
        timed.client.record_activity_task_heartbeat(taskToken=token, details="half")
    timed.pass_time(29)
    assert "ActivityTaskTimedOut" not in timed.kinds()
    timed.pass_time(1)
    found = timed.find("ActivityTaskTimedOut")
    assert found["timeoutType"] == kind
    assert found["scheduledEventId"] == 5
    assert found["startedEventId"] == (6 if is_started else 0)
    assert found.get("details") == ("half" if is_started else None)
    if token is not None:
        with refused("UnknownResourceFault"):
            timed.client.respond_activity_task_completed(taskToken=token)


def test_a_heartbeat_puts_it_off(timed: Timed) -> None:
    timed.decide(schedule(heartbeat="30"))
    token = timed.poll_activity()["taskToken"]
    for _ in range(3):
        timed.pass_time(20)
        timed.client.record_activity_task_heartbeat(taskToken=token)
    timed.client.respond_activity_task_completed(taskToken=token)


def test_none_is_for_ever(timed: Timed) -> None:
    forever = {"taskStartToCloseTimeout": "NONE", "executionStartToCloseTimeout": "31536000"}
    timed.client.terminate_workflow_execution(domain=DOMAIN, workflowId="w")
    timed.start(**forever)
    timed.decide(
        schedule(scheduleToStart="NONE", startToClose="NONE", heartbeat="NONE"),
        decision("StartTimer", timerId="t", startToFireTimeout="600"),
    )
    token = timed.poll_activity()["taskToken"]
    timed.pass_time(600)
    task = timed.poll()
    timed.pass_time(1_000_000)
    timed.client.respond_activity_task_completed(taskToken=token)
    timed.client.respond_decision_task_completed(taskToken=task["taskToken"])
    assert not [kind for kind in timed.kinds() if kind.endswith("TimedOut")]


def test_decision_tasks(timed: Timed) -> None:
    token = timed.poll()["taskToken"]
    timed.pass_time(100)
    assert timed.find("DecisionTaskTimedOut") == {
        "timeoutType": "START_TO_CLOSE",
        "scheduledEventId": 2,
        "startedEventId": 3,
    }
    with refused("UnknownResourceFault"):
        timed.client.respond_decision_task_completed(taskToken=token)
    again = timed.poll()
    assert (again["previousStartedEventId"], again["startedEventId"]) == (0, 6)


def test_executions(timed: Timed) -> None:
    timed.pass_time(1000)
    assert timed.find("WorkflowExecutionTimedOut") == {
        "timeoutType": "START_TO_CLOSE",
        "childPolicy": "TERMINATE",
    }
    listed = timed.client.list_closed_workflow_executions(
        domain=DOMAIN,
        startTimeFilter={"oldestDate": 0},
        closeStatusFilter={"status": "TIMED_OUT"},
    )
    assert len(listed["executionInfos"]) == 1


def test_children(timed: Timed) -> None:
    kind = {"name": "child", "version": "1"}
    timed.client.register_workflow_type(
        domain=DOMAIN, **kind, **{**WORKFLOW_DEFAULTS, "defaultTaskList": {"name": "children"}}
    )
    timed.decide(
        decision(
            "StartChildWorkflowExecution",
            workflowType=kind,
            workflowId="c",
            executionStartToCloseTimeout="50",
        )
    )
    timed.pass_time(50)
    assert timed.find("ChildWorkflowExecutionTimedOut")["timeoutType"] == "START_TO_CLOSE"


def test_closed_executions_go_after_the_retention_of_their_domain(timed: Timed) -> None:
    register, retentions = timed.client.register_domain, timed.endpoint.engine.retentions
    register(name="for ever", workflowExecutionRetentionPeriodInDays="NONE")
    register(name="too", workflowExecutionRetentionPeriodInDays="0")
    assert retentions() == {DOMAIN: 7 * 24 * 3600.0}
    timed.decide(decision("CompleteWorkflowExecution"))
    closed = {"domain": DOMAIN, "startTimeFilter": {"oldestDate": 0}}
    assert timed.client.count_closed_workflow_executions(**closed)["count"] == 1
    timed.pass_time(8 * 24 * 3600)
    assert timed.endpoint.engine.apply_retentions() == 1
    assert timed.client.count_closed_workflow_executions(**closed)["count"] == 0


def test_timers(timed: Timed) -> None:
    timed.decide(decision("StartTimer", timerId="t", startToFireTimeout="30"))
    timed.pass_time(29)
    assert timed.kinds()[-1] == "TimerStarted"
    timed.pass_time(1)
    assert timed.kinds()[-2:] == ["TimerFired", "DecisionTaskScheduled"]
