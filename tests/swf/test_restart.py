"""The endpoint dies and is started again: what was acknowledged stays, and tokens go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.postgres import server
from tests.swf.command import served
from tests.swf.conftest import ACTIVITY, DOMAIN, Story, decision
from tests.swf.test_operations import refused

BACKENDS: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder}/x.db",
    "postgres": lambda folder: server().url(),
}


class Told(Story):
    """A story whose domain is there already."""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return BACKENDS[request.param](tmp_path)


def test_tokens_outlive_the_endpoint(backend: str) -> None:
    with served(backend) as first:
        story = Story(first)
        story.start("w")
        story.start("v")
        story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
        activity = story.poll_activity()
        task = story.poll(maximumPageSize=2)
        first.kill()
    with served(backend) as second:
        story = Told(second)
        client = story.client
        rest = story.poll(maximumPageSize=2, nextPageToken=task["nextPageToken"])
        assert rest["taskToken"] == task["taskToken"]
        assert [event["eventId"] for event in rest["events"]] == [3]
        client.record_activity_task_heartbeat(taskToken=activity["taskToken"])
        client.respond_activity_task_completed(taskToken=activity["taskToken"], result="r")
        client.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=[decision("CompleteWorkflowExecution")]
        )
        with refused("UnknownResourceFault"):
            client.respond_activity_task_completed(taskToken=activity["taskToken"])
        with refused("UnknownResourceFault"):
            client.respond_decision_task_completed(taskToken=task["taskToken"])
        assert (
            client.describe_workflow_type(
                domain=DOMAIN, workflowType={"name": "flow", "version": "1"}
            )["configuration"]["defaultChildPolicy"]
            == "TERMINATE"
        )
        assert second.stop() == 0


def test_it_is_killed_in_the_middle_of_a_poll(backend: str) -> None:
    with served(backend) as first:
        story = Story(first)
        failed: list[Exception] = []

        def poll() -> None:
            try:
                story.poll("nothing")
            except BotoCoreError as error:
                failed.append(error)

        polling = threading.Thread(target=poll)
        polling.start()
        story.start()  # it is served while another poll waits
        first.kill()
        polling.join(60)
        assert failed
    with served(backend) as second:
        assert Told(second).poll()["startedEventId"] == 3


def test_two_endpoints_on_one_database(backend: str) -> None:
    with served(backend) as one, served(backend) as other:
        story, told = Story(one), Told(other)
        got: list[Any] = []
        waiting = threading.Thread(target=lambda: got.append(told.poll()))
        waiting.start()
        run_id = story.start()
        waiting.join(60)
        assert got[0]["workflowExecution"]["runId"] == run_id
        story.client.respond_decision_task_completed(taskToken=got[0]["taskToken"])
        with refused("UnknownResourceFault"):
            told.client.respond_decision_task_completed(taskToken=got[0]["taskToken"])
        with refused("TypeAlreadyExistsFault"):
            told.client.register_workflow_type(domain=DOMAIN, name="flow", version="1")
