"""Texts of faults that clients of Amazon SWF parse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.swf.conftest import ACTIVITY, DOMAIN, WORKFLOW, Story, decision

NOWHERE = "Unknown execution, workflowId = x"
FLOW = "WorkflowType=[name=flow, version=1]"
WORK = "ActivityType=[name=work, version=1]"

ADDRESSED: dict[str, dict[str, str]] = {
    "signal_workflow_execution": {"signalName": "s"},
    "request_cancel_workflow_execution": {},
    "terminate_workflow_execution": {},
}


def text_of(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    """Return the code and the whole message of the fault that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def unknown(text: str) -> tuple[str, str]:
    return "UnknownResourceFault", text


def named(workflow_id: str, run_id: str) -> str:
    return f"Unknown execution: WorkflowExecution=[workflowId={workflow_id}, runId={run_id}]"


@pytest.mark.parametrize("operation", ADDRESSED)
def test_an_execution_that_is_not_there_or_closed(story: Story, operation: str) -> None:
    def told(workflow_id: str, **run: str) -> tuple[str, str]:
        call = getattr(story.client, operation)
        return text_of(call, domain=DOMAIN, workflowId=workflow_id, **ADDRESSED[operation], **run)

    assert told("x") == unknown(NOWHERE)
    assert told("x", runId="r") == unknown(named("x", "r"))
    run_id = story.start()
    story.decide(decision("CompleteWorkflowExecution"))
    assert told("w") == unknown("Unknown execution, workflowId = w")
    assert told("w", runId=run_id) == unknown(named("w", run_id))


@pytest.mark.parametrize(
    "operation", ["describe_workflow_execution", "get_workflow_execution_history"]
)
def test_an_execution_that_is_read(story: Story, operation: str) -> None:
    execution = {"workflowId": "x", "runId": "r"}
    call = getattr(story.client, operation)
    assert text_of(call, domain=DOMAIN, execution=execution) == unknown(named("x", "r"))


ANSWERS = [
    "respond_activity_task_completed",
    "respond_activity_task_failed",
    "respond_activity_task_canceled",
    "record_activity_task_heartbeat",
]


@pytest.mark.parametrize("operation", ANSWERS)
def test_an_activity_that_is_over(story: Story, operation: str) -> None:
    run_id = story.start()
    story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId="1"))
    token = story.poll_activity()["taskToken"]
    story.client.respond_activity_task_completed(taskToken=token)
    call = getattr(story.client, operation)
    assert text_of(call, taskToken=token) == unknown("Unknown activity, scheduledEventId = 5")
    story.decide(decision("CompleteWorkflowExecution"))
    assert text_of(call, taskToken=token) == unknown(named("w", run_id))


def test_an_activity_whose_id_does_not_fit_into_its_token(story: Story) -> None:
    story.start()
    long = "é" * 200
    story.decide(decision("ScheduleActivityTask", activityType=ACTIVITY, activityId=long))
    token = story.poll_activity()["taskToken"]
    complete = story.client.respond_activity_task_completed
    complete(taskToken=token)
    assert text_of(complete, taskToken=token) == unknown("Unknown activity, scheduledEventId = 5")


def test_a_late_decision(story: Story) -> None:
    run_id = story.start()
    token = story.decide()["taskToken"]
    answer = story.client.respond_decision_task_completed
    assert text_of(answer, taskToken=token) == unknown(
        "Unknown decision task, scheduledEventId = 2"
    )
    story.client.terminate_workflow_execution(domain=DOMAIN, workflowId="w")
    assert text_of(answer, taskToken=token) == unknown(named("w", run_id))


def test_types(story: Story) -> None:
    swf = story.client
    for type, label in ((WORKFLOW, "Workflow"), (ACTIVITY, "Activity")):
        lower = label.lower()
        member, kind = f"{lower}Type", f"{label}Type=[name={type['name']}, version=1]"
        other = f"{label}Type=[name=w, version=1]"

        def told(verb: str, given: dict[str, Any], *, lower: str = lower) -> tuple[str, str]:
            return text_of(getattr(swf, f"{verb}_{lower}_type"), domain=DOMAIN, **given)

        missing = {member: {"name": "w", "version": "1"}}
        for verb in ("describe", "deprecate", "undeprecate", "delete"):
            assert told(verb, missing) == unknown(f"Unknown type: {other}")
        assert told("register", type) == ("TypeAlreadyExistsFault", kind)
        assert told("undeprecate", {member: type}) == ("TypeAlreadyExistsFault", kind)
        assert told("delete", {member: type}) == ("TypeNotDeprecatedFault", kind)
        getattr(swf, f"deprecate_{lower}_type")(domain=DOMAIN, **{member: type})
        assert told("deprecate", {member: type}) == ("TypeDeprecatedFault", kind)


def test_a_start_of_an_unknown_or_deprecated_type(story: Story) -> None:
    start = story.client.start_workflow_execution
    given: dict[str, Any] = {"domain": DOMAIN, "workflowId": "w"}
    type = {"name": "w", "version": "1"}
    assert text_of(start, **given, workflowType=type) == unknown(
        "Unknown type: WorkflowType=[name=w, version=1]"
    )
    story.client.deprecate_workflow_type(domain=DOMAIN, workflowType=WORKFLOW)
    assert text_of(start, **given, workflowType=WORKFLOW) == ("TypeDeprecatedFault", FLOW)


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("StartTimer", "startTimerDecisionAttributes"),
        ("RecordMarker", "recordMarkerDecisionAttributes"),
        ("ScheduleActivityTask", "scheduleActivityTaskDecisionAttributes"),
        ("SignalExternalWorkflowExecution", "signalExternalWorkflowExecutionDecisionAttributes"),
    ],
)
def test_a_decision_without_its_attributes(story: Story, kind: str, member: str) -> None:
    story.start()
    token = story.poll()["taskToken"]
    answer = story.client.respond_decision_task_completed
    marker = decision("RecordMarker", markerName="m")
    for place, before in ((1, []), (2, [marker])):
        assert text_of(answer, taskToken=token, decisions=[*before, {"decisionType": kind}]) == (
            "ValidationException",
            f"1 validation error detected: Value null at 'decisions.{place}.member.{member}' "
            "failed to satisfy constraint: Member must not be null",
        )


def test_a_decision_whose_attributes_break_a_constraint(story: Story) -> None:
    story.start()
    token = story.poll()["taskToken"]
    timer = decision("StartTimer", timerId="t" * 300, startToFireTimeout="1")
    code, text = text_of(
        story.client.respond_decision_task_completed, taskToken=token, decisions=[timer]
    )
    assert code == "ValidationException"
    assert "at 'decisions.1.member.startTimerDecisionAttributes.timerId'" in text
