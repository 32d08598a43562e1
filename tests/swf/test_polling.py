"""Long polls: what they bring and when, who hangs up, sticky lists, pages, and no threads."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from partita.swf.front.front import Limits
from tests.conftest import STORES
from tests.swf.conftest import ACTIVITY, DOMAIN, LIST, Endpoint, Story, decision, serving
from tests.swf.test_operations import refused


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it never came true"
        threading.Event().wait(0.01)


def in_thread(call: Callable[[], Any]) -> Callable[[], Any]:
    """Call on a thread; return what waits for the result."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(call()), daemon=True)
    thread.start()

    def join() -> Any:
        thread.join(60)
        return result[0]

    return join


def waiting(endpoint: Endpoint) -> int:
    """Return how many polls wait."""
    polls = endpoint.protocol._polls
    return 0 if polls is None else sum(map(len, polls._waiting.values()))


@contextlib.contextmanager
def hanging(endpoint: Endpoint, operation: str, task_list: str = "list") -> Iterator[Any]:
    """Poll, unsigned, over a connection of its own, and do not wait for the answer."""
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=60)
    body = json.dumps({"domain": DOMAIN, "taskList": {"name": task_list}})
    headers = {"X-Amz-Target": f"SimpleWorkflowService.{operation}"}
    connection.request("POST", "/", body, headers)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture(params=STORES)
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    """A domain with types, on every store; requests may be unsigned."""
    with serving(tmp_path, store=request.param, poll=30, keys=None) as made:
        yield Story(made)


@pytest.fixture
def open_story(tmp_path: Path) -> Iterator[Story]:
    """The same, on SQLite."""
    with serving(tmp_path, poll=30, keys=None) as made:
        yield Story(made)


def test_a_poll_waits_for_work(everywhere: Story) -> None:
    join = in_thread(everywhere.poll)
    wait_until(lambda: waiting(everywhere.endpoint) == 1)
    run_id = everywhere.start()
    assert join()["workflowExecution"]["runId"] == run_id


def test_a_poll_for_activities_waits_for_a_decision(everywhere: Story) -> None:
    everywhere.start()
    join = in_thread(everywhere.poll_activity)
    wait_until(lambda: waiting(everywhere.endpoint) == 1)
    everywhere.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
    assert join()["activityId"] == "1"


def test_a_poll_waits_for_a_timer(everywhere: Story) -> None:
    everywhere.start()
    everywhere.decide(decision("StartTimer", timerId="t", startToFireTimeout="1"))
    assert everywhere.poll()["events"][-3]["eventType"] == "TimerFired"


def test_nothing_comes_where_nothing_is(quiet: Story) -> None:
    quiet.start(taskList={"name": "other"})
    task, activity = quiet.poll(), quiet.poll_activity()
    assert "taskToken" not in task
    assert "taskToken" not in activity
    assert (task["startedEventId"], task["previousStartedEventId"]) == (0, 0)


def test_a_poll_that_does_not_wait_takes_what_is_there(quiet: Story) -> None:
    quiet.start()
    assert quiet.poll()["startedEventId"] == 3


def test_each_task_goes_to_one(open_story: Story) -> None:
    joins = [in_thread(open_story.poll) for _ in range(10)]
    wait_until(lambda: waiting(open_story.endpoint) == 10)
    for n in range(10):
        open_story.start(str(n))
    tokens = {join()["taskToken"] for join in joins}
    assert len(tokens) == 10


def test_many_idle_polls_need_no_threads(open_story: Story) -> None:
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        for n in range(200):
            stack.enter_context(hanging(open_story.endpoint, "PollForActivityTask", f"idle {n}"))
        wait_until(lambda: waiting(open_story.endpoint) == 200)
        assert threading.active_count() - before <= 45  # those that look, and no more
        open_story.start()
        assert open_story.poll()["startedEventId"] == 3
    wait_until(lambda: waiting(open_story.endpoint) == 0)


def test_who_hangs_up_is_given_nothing(open_story: Story) -> None:
    with hanging(open_story.endpoint, "PollForDecisionTask"):
        wait_until(lambda: waiting(open_story.endpoint) == 1)
    wait_until(lambda: waiting(open_story.endpoint) == 0)
    open_story.start()
    assert open_story.kinds() == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert open_story.poll()["startedEventId"] == 3


@pytest.mark.parametrize("kind", ["activity", "decision"])
def test_what_was_committed_for_who_had_gone_comes_back_at_once(
    open_story: Story, kind: str
) -> None:
    open_story.start()
    if kind == "activity":
        open_story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
    operation = "PollForActivityTask" if kind == "activity" else "PollForDecisionTask"
    gate, engine = threading.Event(), open_story.endpoint.engine
    busy = in_thread(lambda: engine.transact(lambda tx: gate.wait(60)))
    with hanging(open_story.endpoint, operation):
        wait_until(lambda: waiting(open_story.endpoint) == 1)
        found = next(iter(next(iter(open_story.endpoint.protocol.polls._waiting.values()))))
    wait_until(lambda: found.gone)
    found.open = True  # as if the client had gone a moment later
    gate.set()
    busy()
    again = open_story.poll_activity() if kind == "activity" else open_story.poll()
    assert again["taskToken"]


def test_a_task_list_has_room_for_so_many_polls(tmp_path: Path) -> None:
    with serving(tmp_path, poll=30, keys=None, limits=Limits(pollers=1)) as made:
        story = Story(made)
        with hanging(made, "PollForDecisionTask"):
            wait_until(lambda: waiting(made) == 1)
            with refused("LimitExceededFault"):
                story.poll()


def test_polls_end_when_the_endpoint_does(tmp_path: Path) -> None:
    with serving(tmp_path, poll=60) as made:
        story = Story(made)
        join = in_thread(story.poll)
        wait_until(lambda: waiting(made) == 1)
    assert "taskToken" not in join()


def test_polls_need_a_domain(quiet: Story) -> None:
    with refused("UnknownResourceFault"):
        quiet.client.poll_for_decision_task(domain="no", taskList=LIST)


# -- sticky lists, and parts of histories


def test_decision_tasks_come_to_the_list_that_was_named(story: Story) -> None:
    story.start()
    sticky: dict[str, Any] = {"taskList": {"name": "mine"}, "taskListScheduleToStartTimeout": "1"}
    story.decide(**sticky)
    story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
    assert story.find("DecisionTaskScheduled") == {
        "taskList": {"name": "mine"},
        "startToCloseTimeout": "100",
        "scheduleToStartTimeout": "1",
    }
    assert story.find("DecisionTaskCompleted") == {
        "scheduledEventId": 2,
        "startedEventId": 3,
        "taskList": {"name": "mine"},
        "taskListScheduleToStartTimeout": "1",
    }
    assert story.decide(task_list="mine")["previousStartedEventId"] == 3
    story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="t")
    task = story.poll()  # which waits until the task has gone back
    timed_out = task["events"][-3]["decisionTaskTimedOutEventAttributes"]
    assert timed_out["timeoutType"] == "SCHEDULE_TO_START"
    assert task["events"][-2]["decisionTaskScheduledEventAttributes"]["taskList"] == LIST


def test_a_decider_that_remembers_asks_for_what_is_new(story: Story) -> None:
    story.start()
    story.decide()
    story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
    task = story.poll(startAtPreviousStartedEvent=True)
    assert [event["eventId"] for event in task["events"]] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_a_task_comes_in_pages(story: Story, backwards: bool, late: bool) -> None:
    story.start()
    story.decide()
    for n in range(6):
        story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName=str(n))
    given: dict[str, Any] = {"reverseOrder": backwards, "maximumPageSize": 4}
    given["startAtPreviousStartedEvent"] = late
    task = story.poll(**given)
    token, started = task["taskToken"], task["startedEventId"]
    story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="unseen")
    ids = []
    while True:
        assert (task["taskToken"], task["startedEventId"]) == (token, started)
        assert len(task["events"]) <= 4
        ids += [event["eventId"] for event in task["events"]]
        if "nextPageToken" not in task:
            break
        task = story.poll(**given, nextPageToken=task["nextPageToken"])
    expected = list(range(3 if late else 1, started + 1))
    assert ids == (expected[::-1] if backwards else expected)


def test_tokens_are_ours_or_nobodys(story: Story) -> None:
    story.start()
    task = story.poll(maximumPageSize=2)
    token = task["taskToken"]
    tampered = token[:-1] + ("A" if token[-1] != "A" else "B")
    client = story.client
    for bad in (tampered, "x", task["nextPageToken"], "7:abcdefgh:3:"):
        with refused("ValidationException"):
            client.respond_decision_task_completed(taskToken=bad)
        with refused("ValidationException"):
            client.respond_activity_task_completed(taskToken=bad)
        with refused("ValidationException"):
            client.record_activity_task_heartbeat(taskToken=bad)
    with refused("ValidationException"):
        client.respond_activity_task_completed(taskToken=token)
    page = task["nextPageToken"]
    for bad in (page[:-1] + ("A" if page[-1] != "A" else "B"), "x", token):
        with refused("ValidationException"):
            story.poll(nextPageToken=bad)
    with refused("ValidationException"):
        story.poll("other", nextPageToken=page)
    client.register_domain(name="e", workflowExecutionRetentionPeriodInDays="1")
    domains = {"registrationStatus": "REGISTERED", "maximumPageSize": 1}
    following = client.list_domains(**domains)["nextPageToken"]
    assert client.list_domains(**domains, nextPageToken=following)["domainInfos"][0]["name"] == "e"
    with refused("ValidationException"):
        client.list_domains(registrationStatus="DEPRECATED", nextPageToken=following)


def test_ids_that_are_too_long_for_a_token(story: Story) -> None:
    story.start()
    long = "\N{GOTHIC LETTER AHSA}" * 256
    story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId=long))
    task = story.poll_activity()
    assert task["activityId"] == long
    story.client.record_activity_task_heartbeat(taskToken=task["taskToken"])
    story.client.respond_activity_task_completed(taskToken=task["taskToken"], result="r")
    assert story.find("ActivityTaskCompleted")["result"] == "r"
    with refused("UnknownResourceFault"):
        story.client.respond_activity_task_completed(taskToken=task["taskToken"])


def test_pages_of_what_has_long_names(story: Story) -> None:
    """Tokens have a length that Amazon's SDKs hold them to."""
    long = "\N{GOTHIC LETTER AHSA}" * 256
    kind = {"name": long, "version": long[:64]}
    for verb in ("register_activity_type", "register_workflow_type"):
        getattr(story.client, verb)(domain=DOMAIN, **kind)
        getattr(story.client, verb)(domain=DOMAIN, name=long, version="z")
    story.start(
        long,
        workflowType=kind,
        taskList={"name": long},
        childPolicy="TERMINATE",
        executionStartToCloseTimeout="100",
        taskStartToCloseTimeout="100",
    )
    task = story.poll(long, maximumPageSize=2)
    rest = story.poll(long, maximumPageSize=2, nextPageToken=task["nextPageToken"])
    assert [event["eventId"] for event in rest["events"]] == [3]
    assert rest["workflowExecution"]["workflowId"] == long
    given: dict[str, Any] = {"domain": DOMAIN, "registrationStatus": "REGISTERED"}
    given |= {"maximumPageSize": 1, "name": long}
    first = story.client.list_workflow_types(**given)
    second = story.client.list_workflow_types(**given, nextPageToken=first["nextPageToken"])
    assert second["typeInfos"][0]["workflowType"]["version"] == long[:64]
    quotes = '"' * 256
    schedule = decision(
        "ScheduleActivityTask",
        activityType=ACTIVITY,
        activityId=quotes,
    )
    story.start("short")
    story.decide(schedule)
    token = story.poll_activity()["taskToken"]
    story.client.respond_activity_task_completed(taskToken=token)
