"""A decider and a worker in plain boto3, many at a time, until all their orders are closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import STORES
from tests.swf.conftest import (
    ACTIVITY,
    DOMAIN,
    WORKFLOW,
    WORKFLOW_DEFAULTS,
    Story,
    attributes,
    decision,
    serving,
)

CHILD = {"name": "child", "version": "1"}
ORDERS = 4


def schedule(id: str, **more: Any) -> dict[str, Any]:
    return decision("ScheduleActivityTask", activityType=ACTIVITY, activityId=id, **more)


class Decider:
    """Three activities side by side, each tried again after a timer; a child; a second run."""

    def __init__(self) -> None:
        self.memories: dict[str, list[dict[str, Any]]] = {}  # events by run, as a cache

    def decide(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        run_id = task["workflowExecution"]["runId"]
        events = self.memories.setdefault(run_id, [])
        events += [event for event in task["events"] if event["eventId"] > len(events)]
        assert [event["eventId"] for event in events] == list(range(1, len(events) + 1))
        if task["workflowType"] == CHILD:
            return [decision("CompleteWorkflowExecution", result="child is done")]
        new = [event for event in events if event["eventId"] > task["previousStartedEventId"]]
        return [made for event in new for made in self.react(event, events)]

    def react(
        self, event: dict[str, Any], events: list[dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        told = attributes(event)
        match event["eventType"]:
            case "WorkflowExecutionStarted":
                for name in "abc":
                    yield schedule(name, input=f"{name}1")
            case "ActivityTaskFailed":
                name = attributes(events[told["scheduledEventId"] - 1])["activityId"]
                yield decision("StartTimer", timerId=name, startToFireTimeout="0")
            case "TimerFired":
                yield schedule(told["timerId"], input=f"{told['timerId']}2")
            case "ActivityTaskCompleted":
                done = [one for one in events if one["eventType"] == "ActivityTaskCompleted"]
                if len(done) == 3 and event is done[-1]:
                    own = attributes(events[0])
                    yield decision(
                        "StartChildWorkflowExecution",
                        workflowType=CHILD,
                        workflowId=f"child of {own['input']}",
                    )
            case "ChildWorkflowExecutionCompleted":
                begun = attributes(events[0])
                if "continuedExecutionRunId" in begun:
                    yield decision("CompleteWorkflowExecution", result=told["result"])
                else:
                    yield decision("ContinueAsNewWorkflowExecution", input=begun["input"])


def work(task: dict[str, Any], client: Any) -> None:
    """Fail the first try of each, and complete the second."""
    token = task["taskToken"]
    if task["input"].endswith("1"):
        client.respond_activity_task_failed(taskToken=token, reason="the first try")
    else:
        client.respond_activity_task_completed(taskToken=token, result=task["input"])


def deciding(story: Story, name: str, over: threading.Event) -> None:
    """Decide until it is over, sticky by a task list of one's own."""
    decider, client = Decider(), story.endpoint.new_client()
    own = {"taskList": {"name": name}, "taskListScheduleToStartTimeout": "5"}
    while not over.is_set():
        for task_list in (name, "list"):
            task = client.poll_for_decision_task(
                domain=DOMAIN,
                taskList={"name": task_list},
                startAtPreviousStartedEvent=task_list == name,
            )
            if "taskToken" in task:
                client.respond_decision_task_completed(
                    taskToken=task["taskToken"], decisions=decider.decide(task), **own
                )


def working(story: Story, over: threading.Event) -> None:
    client = story.endpoint.new_client()
    while not over.is_set():
        task = client.poll_for_activity_task(domain=DOMAIN, taskList={"name": "list"})
        if "taskToken" in task:
            work(task, client)


@pytest.mark.parametrize("store", STORES)
def test_orders_are_carried_out(store: str, tmp_path: Path) -> None:
    with serving(tmp_path, store=store, poll=0.2) as made:
        story, over = Story(made), threading.Event()
        story.client.register_workflow_type(domain=DOMAIN, **CHILD, **WORKFLOW_DEFAULTS)
        failed: list[BaseException] = []

        def guarded(call: Callable[..., None], *given: Any) -> None:
            try:
                call(story, *given, over)
            except BaseException as error:
                failed.append(error)
                over.set()

        threads = [threading.Thread(target=guarded, args=[deciding, f"mine {n}"]) for n in (1, 2)]
        threads += [threading.Thread(target=guarded, args=[working]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for n in range(ORDERS):
            story.start(f"order {n}", input=f"order {n}")
        closed = story.client.count_closed_workflow_executions
        completed = {"closeStatusFilter": {"status": "COMPLETED"}}
        since = {"startTimeFilter": {"oldestDate": 0}}
        while not over.wait(0.05):
            if closed(domain=DOMAIN, **since, **completed)["count"] == 3 * ORDERS:
                over.set()
        for thread in threads:
            thread.join(60)
        assert not failed
        for n in range(ORDERS):
            assert story.find("WorkflowExecutionCompleted", f"order {n}")["result"]
            assert story.kinds(f"order {n}").count("ActivityTaskFailed") == 3
            assert story.find("WorkflowExecutionStarted", f"order {n}")["workflowType"] == WORKFLOW
        assert made.engine.store.check() == []
