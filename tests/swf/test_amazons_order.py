"""Histories in the order, and with the attributes, in which Amazon SWF records them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.swf.conftest import ACTIVITY, DOMAIN, Story, attributes, decision

Meanwhile = Callable[[Story], None]

TASK = ["DecisionTaskScheduled", "DecisionTaskStarted", "DecisionTaskCompleted"]


def completed(story: Story) -> None:
    token = story.poll_activity()["taskToken"]
    story.client.respond_activity_task_completed(taskToken=token, result="1")


def failed(story: Story) -> None:
    token = story.poll_activity()["taskToken"]
    story.client.respond_activity_task_failed(taskToken=token)


def signaled(story: Story) -> None:
    story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")


def cancel_requested(story: Story) -> None:
    story.client.request_cancel_workflow_execution(domain=DOMAIN, workflowId="w")


ARRIVALS: dict[str, tuple[Meanwhile, list[str]]] = {
    "completed": (completed, ["ActivityTaskStarted", "ActivityTaskCompleted"]),
    "failed": (failed, ["ActivityTaskStarted", "ActivityTaskFailed"]),
    "signaled": (signaled, ["WorkflowExecutionSignaled"]),
    "cancel requested": (cancel_requested, ["WorkflowExecutionCancelRequested"]),
}


def schedule(id: str) -> dict[str, Any]:
    return decision("ScheduleActivityTask", activityType=ACTIVITY, activityId=id)


@pytest.fixture
def deciding(story: Story) -> tuple[Story, str]:
    """An execution whose second decision task is held, with one activity to take."""
    story.start()
    story.decide(schedule("1"), schedule("2"))
    completed(story)
    return story, story.poll()["taskToken"]


@pytest.mark.parametrize("name", ARRIVALS)
def test_what_arrives_while_a_decision_runs_schedules_the_next_at_once(
    deciding: tuple[Story, str], name: str
) -> None:
    story, token = deciding
    before = len(story.kinds())
    arrive, events = ARRIVALS[name]
    arrive(story)
    signaled(story)  # a second arrival schedules nothing more
    story.client.respond_decision_task_completed(taskToken=token)
    task = story.poll()
    assert story.kinds()[before - 1 :] == [
        "DecisionTaskStarted",
        *events,
        "DecisionTaskScheduled",
        "WorkflowExecutionSignaled",
        "DecisionTaskCompleted",
        "DecisionTaskStarted",
    ]
    started = attributes(task["events"][-1])
    assert story.history()[started["scheduledEventId"] - 1]["eventType"] == "DecisionTaskScheduled"
    assert task["previousStartedEventId"] == before


def test_a_history_has_no_more_events_than_amazons(story: Story) -> None:
    story.start()
    for id in ("1", "2"):
        story.decide(schedule(id))
        completed(story)
    story.decide(decision("CompleteWorkflowExecution"))
    activity = ["ActivityTaskScheduled", "ActivityTaskStarted", "ActivityTaskCompleted"]
    assert story.kinds() == [
        "WorkflowExecutionStarted",
        *TASK,
        *activity,
        *TASK,
        *activity,
        *TASK,
        "WorkflowExecutionCompleted",
    ]


def test_decision_tasks_say_that_they_wait_without_limit(story: Story) -> None:
    story.start()
    assert story.find("DecisionTaskScheduled") == {
        "startToCloseTimeout": "100",
        "scheduleToStartTimeout": "NONE",
        "taskList": {"name": "list"},
    }


def test_a_decision_task_with_a_limit_says_so(story: Story) -> None:
    story.start()
    story.decide(schedule("1"), taskList={"name": "mine"}, taskListScheduleToStartTimeout="7")
    completed(story)
    assert story.find("DecisionTaskScheduled")["scheduleToStartTimeout"] == "7"
    assert story.find("DecisionTaskScheduled")["taskList"] == {"name": "mine"}


def described(story: Story) -> dict[str, Any]:
    execution = {"workflowId": "w", "runId": story.newest("w")}
    answer = story.client.describe_workflow_execution(domain=DOMAIN, execution=execution)
    return {**answer["executionInfo"], **answer["executionConfiguration"]}


@pytest.mark.parametrize(("given", "said"), [({}, None), ({"taskPriority": "5"}, "5")])
def test_a_priority_is_told_only_where_one_was_given(
    story: Story, given: dict[str, str], said: str | None
) -> None:
    story.start(**given)
    assert described(story).get("taskPriority") == said


@pytest.mark.parametrize("closes", ["CompleteWorkflowExecution", "CancelWorkflowExecution"])
def test_a_closed_execution_is_no_longer_asked_to_cancel(story: Story, closes: str) -> None:
    story.start()
    cancel_requested(story)
    assert described(story)["cancelRequested"] is True
    story.decide(decision(closes))
    assert described(story)["cancelRequested"] is False
    listed = story.client.list_closed_workflow_executions(
        domain=DOMAIN, startTimeFilter={"oldestDate": 0}
    )
    assert [one["cancelRequested"] for one in listed["executionInfos"]] == [False]
