"""Every operation of SWF's, asked by boto3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from partita.swf.model import swf_model
from tests.swf.conftest import (
    ACTIVITY,
    ACTIVITY_DEFAULTS,
    DOMAIN,
    LIST,
    WORKFLOW,
    WORKFLOW_DEFAULTS,
    Endpoint,
    Story,
    attributes,
    decision,
)
from tests.swf.covering import OPERATIONS, proves

DAYS = {"workflowExecutionRetentionPeriodInDays": "7"}
SINCE = {"oldestDate": datetime(2000, 1, 1, tzinfo=UTC)}
COMPLETE = decision("CompleteWorkflowExecution", result="done")


def refused(code: str) -> Any:
    """Expect a fault."""
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_every_operation_is_proven() -> None:
    operations = swf_model().operations
    assert set(OPERATIONS) == set(operations)
    assert len(operations) == 39


# -- domains


@proves("RegisterDomain", "DescribeDomain", "ListDomains", "DeprecateDomain", "UndeprecateDomain")
def test_domains(endpoint: Endpoint) -> None:
    client = endpoint.client
    client.register_domain(name="b", description="second", **DAYS)
    client.register_domain(name="a", **DAYS)
    with refused("DomainAlreadyExistsFault"):
        client.register_domain(name="a", **DAYS)
    told = client.describe_domain(name="b")
    assert told["domainInfo"] == {
        "name": "b",
        "status": "REGISTERED",
        "description": "second",
        "arn": "arn:aws:swf:us-east-1:000000000000:/domain/b",
    }
    assert told["configuration"] == DAYS
    listed = client.list_domains(registrationStatus="REGISTERED", reverseOrder=True)
    assert [info["name"] for info in listed["domainInfos"]] == ["b", "a"]
    client.deprecate_domain(name="a")
    with refused("DomainDeprecatedFault"):
        client.deprecate_domain(name="a")
    gone = client.list_domains(registrationStatus="DEPRECATED")["domainInfos"]
    assert [info["name"] for info in gone] == ["a"]
    client.undeprecate_domain(name="a")
    with refused("DomainAlreadyExistsFault"):
        client.undeprecate_domain(name="a")
    with refused("UnknownResourceFault"):
        client.describe_domain(name="c")


def test_a_deprecated_domain_takes_its_types_with_it(story: Story) -> None:
    client = story.client
    story.start("before")
    client.deprecate_domain(name=DOMAIN)
    with refused("TypeDeprecatedFault"):
        story.start("after")
    with refused("UnknownResourceFault"):
        client.register_workflow_type(domain=DOMAIN, name="x", version="1")
    client.undeprecate_workflow_type(domain=DOMAIN, workflowType=WORKFLOW)
    with refused("UnknownResourceFault"):
        story.start("after")
    story.decide(COMPLETE)
    client.undeprecate_domain(name=DOMAIN)
    story.start("after")


@proves("TagResource", "UntagResource", "ListTagsForResource")
def test_tags_of_a_domain(endpoint: Endpoint) -> None:
    client = endpoint.client
    client.register_domain(name="a", tags=[{"key": "k", "value": "1"}], **DAYS)
    arn = client.describe_domain(name="a")["domainInfo"]["arn"]
    client.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "2"}, {"key": "l"}])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "k", "value": "2"},
        {"key": "l", "value": ""},
    ]
    client.untag_resource(resourceArn=arn, tagKeys=["k", "unknown"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "l", "value": ""}]
    many = [{"key": str(n), "value": ""} for n in range(50)]
    with refused("TooManyTagsFault"):
        client.tag_resource(resourceArn=arn, tags=many)
    with refused("TooManyTagsFault"):
        client.register_domain(name="b", tags=[*many, {"key": "50"}], **DAYS)
    for unknown in ("arn:aws:swf:us-east-1:000000000000:/domain/x", "nonsense"):
        with refused("UnknownResourceFault"):
            client.list_tags_for_resource(resourceArn=unknown)


# -- types


@proves(
    "RegisterActivityType",
    "DescribeActivityType",
    "ListActivityTypes",
    "DeprecateActivityType",
    "UndeprecateActivityType",
    "DeleteActivityType",
    "RegisterWorkflowType",
    "DescribeWorkflowType",
    "ListWorkflowTypes",
    "DeprecateWorkflowType",
    "UndeprecateWorkflowType",
    "DeleteWorkflowType",
)
def test_types(endpoint: Endpoint) -> None:
    client = endpoint.client
    for each in ("activity", "workflow"):
        client.register_domain(name=each, **DAYS)
        _check_types(client, each, ACTIVITY_DEFAULTS if each == "activity" else WORKFLOW_DEFAULTS)


def _check_types(client: Any, kind: str, defaults: dict[str, Any]) -> None:
    def call(verb: str, **given: Any) -> Any:
        name = f"list_{kind}_types" if verb == "list" else f"{verb}_{kind}_type"
        return getattr(client, name)(domain=kind, **given)

    one = {f"{kind}Type": {"name": "t", "version": "1"}}
    call("register", name="t", version="1", description="about", **defaults)
    call("register", name="t", version="2")
    call("register", name="a", version="1")
    with refused("TypeAlreadyExistsFault"):
        call("register", name="t", version="1")
    told = call("describe", **one)
    assert told["configuration"] == defaults
    assert told["typeInfo"]["description"] == "about"
    assert told["typeInfo"]["status"] == "REGISTERED"
    assert told["typeInfo"]["creationDate"].year > 2000
    infos = call("list", registrationStatus="REGISTERED")["typeInfos"]
    assert [info[f"{kind}Type"]["name"] for info in infos] == ["a", "t", "t"]
    named = call("list", registrationStatus="REGISTERED", name="t", reverseOrder=True)["typeInfos"]
    assert [info[f"{kind}Type"]["version"] for info in named] == ["2", "1"]
    with refused("TypeNotDeprecatedFault"):
        call("delete", **one)
    with refused("TypeAlreadyExistsFault"):
        call("undeprecate", **one)
    call("deprecate", **one)
    with refused("TypeDeprecatedFault"):
        call("deprecate", **one)
    assert "deprecationDate" in call("describe", **one)["typeInfo"]
    call("undeprecate", **one)
    assert "deprecationDate" not in call("describe", **one)["typeInfo"]
    call("deprecate", **one)
    call("delete", **one)
    for verb in ("describe", "deprecate", "undeprecate", "delete"):
        with refused("UnknownResourceFault"):
            call(verb, **one)
    call("register", name="t", version="1")


# -- executions


@proves("StartWorkflowExecution", "DescribeWorkflowExecution")
def test_an_execution_is_started_once(story: Story) -> None:
    run_id = story.start(
        input="in",
        tagList=["x", "y"],
        taskPriority="-3",
        lambdaRole="arn:role",
        childPolicy="ABANDON",
    )
    with refused("WorkflowExecutionAlreadyStartedFault"):
        story.start()
    told = story.client.describe_workflow_execution(
        domain=DOMAIN, execution={"workflowId": "w", "runId": run_id}
    )
    assert told["executionConfiguration"] == {
        "taskStartToCloseTimeout": "100",
        "executionStartToCloseTimeout": "1000",
        "taskList": LIST,
        "taskPriority": "-3",
        "childPolicy": "ABANDON",
        "lambdaRole": "arn:role",
    }
    assert told["openCounts"] == {
        "openActivityTasks": 0,
        "openDecisionTasks": 1,
        "openTimers": 0,
        "openChildWorkflowExecutions": 0,
        "openLambdaFunctions": 0,
    }
    assert told["executionInfo"]["tagList"] == ["x", "y"]
    story.decide(COMPLETE)
    again = story.start()
    assert again != run_id


def test_what_a_start_needs(story: Story) -> None:
    client = story.client
    with refused("UnknownResourceFault"):
        client.start_workflow_execution(domain="no", workflowId="w", workflowType=WORKFLOW)
    with refused("UnknownResourceFault"):
        story.start(workflowType={"name": "flow", "version": "9"})
    for missing in WORKFLOW_DEFAULTS:
        rest = {key: value for key, value in WORKFLOW_DEFAULTS.items() if key != missing}
        client.register_workflow_type(domain=DOMAIN, name="less", version=missing, **rest)
        with refused("DefaultUndefinedFault"):
            story.start(workflowType={"name": "less", "version": missing})
    client.deprecate_workflow_type(domain=DOMAIN, workflowType=WORKFLOW)
    with refused("TypeDeprecatedFault"):
        story.start()


@proves("SignalWorkflowExecution", "RequestCancelWorkflowExecution", "TerminateWorkflowExecution")
def test_executions_are_spoken_to(story: Story) -> None:
    client, run_id = story.client, story.start()
    named = {"domain": DOMAIN, "workflowId": "w"}
    client.signal_workflow_execution(**named, signalName="s", input="i")
    client.request_cancel_workflow_execution(**named, runId=run_id)
    client.terminate_workflow_execution(**named, reason="r", details="d", childPolicy="ABANDON")
    assert story.kinds() == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
        "WorkflowExecutionTerminated",
    ]
    signaled = story.find("WorkflowExecutionSignaled")
    assert signaled == {"signalName": "s", "input": "i", "externalInitiatedEventId": 0}
    assert story.find("WorkflowExecutionTerminated") == {
        "reason": "r",
        "details": "d",
        "childPolicy": "ABANDON",
        "cause": "OPERATOR_INITIATED",
    }
    for call in (
        client.request_cancel_workflow_execution,
        client.terminate_workflow_execution,
    ):
        with refused("UnknownResourceFault"):
            call(**named)
        with refused("UnknownResourceFault"):
            call(domain=DOMAIN, workflowId="other")
        with refused("UnknownResourceFault"):
            call(domain="other", workflowId="w")


@proves("GetWorkflowExecutionHistory")
def test_a_history_is_read_in_pages(story: Story) -> None:
    run_id = story.start()
    for n in range(7):
        story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName=str(n))
    given = {"domain": DOMAIN, "execution": {"workflowId": "w", "runId": run_id}}
    pager = story.client.get_paginator("get_workflow_execution_history")
    for backwards in (False, True):
        pages = list(
            pager.paginate(**given, reverseOrder=backwards, PaginationConfig={"PageSize": 4})
        )
        assert [len(page["events"]) for page in pages] == [4, 4, 1]
        ids = [event["eventId"] for page in pages for event in page["events"]]
        assert ids == (list(range(9, 0, -1)) if backwards else list(range(1, 10)))
    with refused("UnknownResourceFault"):
        story.client.get_workflow_execution_history(
            domain=DOMAIN, execution={"workflowId": "w", "runId": "0" * 32}
        )


# -- tasks


@proves("PollForDecisionTask", "RespondDecisionTaskCompleted")
def test_a_decision_task(story: Story) -> None:
    run_id = story.start(input="in")
    task = story.poll(identity="me")
    assert (task["startedEventId"], task["previousStartedEventId"]) == (3, 0)
    assert task["workflowExecution"] == {"workflowId": "w", "runId": run_id}
    assert task["workflowType"] == WORKFLOW
    assert [event["eventId"] for event in task["events"]] == [1, 2, 3]
    assert attributes(task["events"][2]) == {"identity": "me", "scheduledEventId": 2}
    answer = {"taskToken": task["taskToken"], "executionContext": "so far"}
    story.client.respond_decision_task_completed(**answer)
    with refused("UnknownResourceFault"):
        story.client.respond_decision_task_completed(**answer)
    told = story.client.describe_workflow_execution(
        domain=DOMAIN, execution={"workflowId": "w", "runId": run_id}
    )
    assert told["latestExecutionContext"] == "so far"
    assert told["openCounts"]["openDecisionTasks"] == 0


@proves(
    "PollForActivityTask",
    "RecordActivityTaskHeartbeat",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed",
    "RespondActivityTaskCanceled",
)
def test_activity_tasks(story: Story) -> None:
    client, run_id = story.client, story.start()
    schedule = [
        decision("ScheduleActivityTask", activityType=ACTIVITY, activityId=id, input=f"in {id}")
        for id in "abc"
    ]
    story.decide(*schedule)
    tasks = {task["activityId"]: task for task in (story.poll_activity() for _ in range(3))}
    assert tasks["a"]["input"] == "in a"
    assert tasks["a"]["activityType"] == ACTIVITY
    assert tasks["a"]["workflowExecution"]["runId"] == run_id
    beat = client.record_activity_task_heartbeat
    assert beat(taskToken=tasks["a"]["taskToken"], details="half")["cancelRequested"] is False
    client.respond_activity_task_completed(taskToken=tasks["a"]["taskToken"], result="out")
    client.respond_activity_task_failed(
        taskToken=tasks["b"]["taskToken"], reason="why", details="how"
    )
    story.decide(decision("RequestCancelActivityTask", activityId="c"))
    assert beat(taskToken=tasks["c"]["taskToken"])["cancelRequested"] is True
    client.respond_activity_task_canceled(taskToken=tasks["c"]["taskToken"], details="stopped")
    assert story.find("ActivityTaskCompleted")["result"] == "out"
    assert story.find("ActivityTaskFailed")["reason"] == "why"
    asked = next(e for e in story.history() if e["eventType"] == "ActivityTaskCancelRequested")
    canceled = story.find("ActivityTaskCanceled")
    assert canceled["details"] == "stopped"
    assert canceled["latestCancelRequestedEventId"] == asked["eventId"]
    for task in tasks.values():
        with refused("UnknownResourceFault"):
            client.respond_activity_task_completed(taskToken=task["taskToken"])
        with refused("UnknownResourceFault"):
            beat(taskToken=task["taskToken"])


# -- visibility


@proves(
    "ListOpenWorkflowExecutions",
    "CountOpenWorkflowExecutions",
    "ListClosedWorkflowExecutions",
    "CountClosedWorkflowExecutions",
)
def test_executions_are_listed_and_counted(story: Story) -> None:
    client = story.client
    client.register_workflow_type(domain=DOMAIN, name="flow", version="2", **WORKFLOW_DEFAULTS)
    story.start("a", tagList=["red"])
    story.start("b", workflowType={"name": "flow", "version": "2"})
    story.start("c")
    story.decide(COMPLETE)
    story.decide(decision("FailWorkflowExecution", reason="r"))

    def ids(verb: str, **given: Any) -> list[str]:
        infos = getattr(client, f"list_{verb}_workflow_executions")(domain=DOMAIN, **given)
        found = [info["execution"]["workflowId"] for info in infos["executionInfos"]]
        free = {key: value for key, value in given.items() if key != "reverseOrder"}
        count = getattr(client, f"count_{verb}_workflow_executions")(domain=DOMAIN, **free)
        assert count["count"] == len(found)
        assert not count["truncated"]
        return found

    start = {"startTimeFilter": SINCE}
    close = {"closeTimeFilter": SINCE}
    assert ids("open", **start) == ["c"]
    assert ids("closed", **start) == ["b", "a"]
    assert ids("closed", **close, reverseOrder=True) == ["a", "b"]
    assert ids("closed", **start, tagFilter={"tag": "red"}) == ["a"]
    assert ids("closed", **start, typeFilter={"name": "flow"}) == ["b", "a"]
    assert ids("closed", **close, typeFilter={"name": "flow", "version": "2"}) == ["b"]
    assert ids("closed", **start, executionFilter={"workflowId": "a"}) == ["a"]
    assert ids("closed", **start, closeStatusFilter={"status": "FAILED"}) == ["b"]
    assert ids("open", **start, typeFilter={"name": "flow", "version": "2"}) == []
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert ids("open", startTimeFilter={"oldestDate": tomorrow}) == []
    assert ids("closed", closeTimeFilter={**SINCE, "latestDate": tomorrow}) == ["b", "a"]
    with refused("ValidationException"):
        client.list_closed_workflow_executions(domain=DOMAIN, **start, **close)
    with refused("ValidationException"):
        client.count_closed_workflow_executions(domain=DOMAIN)
    with refused("ValidationException"):
        client.list_open_workflow_executions(
            domain=DOMAIN,
            **start,
            tagFilter={"tag": "red"},
            typeFilter={"name": "flow"},
        )


@proves("CountPendingActivityTasks", "CountPendingDecisionTasks")
def test_what_waits_is_counted(story: Story) -> None:
    client = story.client
    story.start("a")
    story.start("b")
    waiting = client.count_pending_decision_tasks(domain=DOMAIN, taskList=LIST)
    assert (waiting["count"], waiting["truncated"]) == (2, False)
    story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
    assert client.count_pending_activity_tasks(domain=DOMAIN, taskList=LIST)["count"] == 1
    story.poll_activity()
    assert client.count_pending_activity_tasks(domain=DOMAIN, taskList=LIST)["count"] == 0
    other = client.count_pending_activity_tasks(domain=DOMAIN, taskList={"name": "other"})
    assert other["count"] == 0
    with refused("UnknownResourceFault"):
        client.count_pending_activity_tasks(domain="no", taskList=LIST)
