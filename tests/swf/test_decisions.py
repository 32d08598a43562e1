"""Every decision type, with what it brings about, and every cause for which it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from partita.swf.front.front import Limits
from partita.swf.wire_format import DECISIONS
from tests.swf.conftest import (
    ACTIVITY,
    ACTIVITY_DEFAULTS,
    DOMAIN,
    WORKFLOW,
    WORKFLOW_DEFAULTS,
    Story,
    decision,
    serving,
)
from tests.swf.test_operations import refused

SHAPES: dict[str, Any] = (
    botocore.session.get_session().get_service_model("swf")._service_description["shapes"]
)

CHILD = {"name": "child", "version": "1"}
CHILD_LIST = {"name": "children"}

NOT_HERE = {
    "ACTIVITY_CREATION_RATE_EXCEEDED": "nothing is throttled",
    "CHILD_CREATION_RATE_EXCEEDED": "nothing is throttled",
    "CONTINUE_AS_NEW_WORKFLOW_EXECUTION_RATE_EXCEEDED": "nothing is throttled",
    "LAMBDA_FUNCTION_CREATION_RATE_EXCEEDED": "nothing is throttled",
    "OPEN_WORKFLOWS_LIMIT_EXCEEDED": "open executions of a domain are not limited",
    "OPERATION_NOT_PERMITTED": "an access key may do everything, but begin what is deprecated",
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED": "nothing is throttled",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED": "nothing is throttled",
    "TIMER_CREATION_RATE_EXCEEDED": "nothing is throttled",
}
"""Amazon's causes that this endpoint never gives, and why."""


def amazons_causes() -> set[tuple[str, str]]:
    """Return each event that says that a decision failed, with each cause that it may have."""
    return {
        (event, cause)
        for event in SHAPES["EventType"]["enum"]
        if event.endswith("Failed")
        for shape in [SHAPES[f"{event}EventAttributes"]["members"].get("cause")]
        if shape is not None
        for cause in SHAPES[shape["shape"]]["enum"]
    }


def schedule(id: str = "1", **more: Any) -> dict[str, Any]:
    return decision("ScheduleActivityTask", **{"activityType": ACTIVITY, "activityId": id, **more})


def child(id: str = "c", **more: Any) -> dict[str, Any]:
    given = {"workflowType": CHILD, "workflowId": id, **more}
    return decision("StartChildWorkflowExecution", **given)


def function(id: str = "f", **more: Any) -> dict[str, Any]:
    return decision("ScheduleLambdaFunction", **{"id": id, "name": "double", **more})


@pytest.fixture
def family(story: Story) -> Story:
    """A started execution, and a type for children with a task list of their own."""
    defaults = {**WORKFLOW_DEFAULTS, "defaultTaskList": CHILD_LIST}
    story.client.register_workflow_type(domain=DOMAIN, **CHILD, **defaults)
    story.start()
    return story


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Story]:
    """The same, where little may be open."""
    limits = Limits(open_activities=1, open_timers=1, open_children=1, open_lambdas=1)
    with serving(
        tmp_path, limits=limits, functions={"double": lambda event, context: event}
    ) as made:
        story = Story(made)
        defaults = {**WORKFLOW_DEFAULTS, "defaultTaskList": CHILD_LIST}
        story.client.register_workflow_type(domain=DOMAIN, **CHILD, **defaults)
        story.start(lambdaRole="role")
        yield story


def fails(story: Story, event: str, *causes: str) -> list[dict[str, Any]]:
    """Assert the causes of all events of a type; return the attributes of the events."""
    name = f"{event[0].lower()}{event[1:]}EventAttributes"
    found = [each[name] for each in story.history() if each["eventType"] == event]
    assert [each["cause"] for each in found] == list(causes)
    return found


def test_every_decision_type_is_proven() -> None:
    named = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    wanted = {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in kind)[1:] for kind in DECISIONS
    }
    assert wanted <= named


def test_every_cause_is_proven_or_never_given() -> None:
    ours = {pair for pair in amazons_causes() if pair[1] not in NOT_HERE}
    assert ours == set(CAUSES) - {("StartChildWorkflowExecutionFailed", "OPERATION_NOT_PERMITTED")}


# -- activities


def test_schedule_activity_task(family: Story) -> None:
    whole = {
        "control": "c",
        "input": "i",
        "scheduleToCloseTimeout": "40",
        "taskList": {"name": "special"},
        "taskPriority": "7",
        "scheduleToStartTimeout": "10",
        "startToCloseTimeout": "NONE",
        "heartbeatTimeout": "5",
    }
    family.decide(schedule("1"), schedule("2", **whole))
    first, second = [
        event["activityTaskScheduledEventAttributes"]
        for event in family.history()
        if event["eventType"] == "ActivityTaskScheduled"
    ]
    assert first == {
        "activityType": ACTIVITY,
        "activityId": "1",
        "taskList": {"name": "list"},
        "scheduleToCloseTimeout": "NONE",
        "scheduleToStartTimeout": "NONE",
        "startToCloseTimeout": "NONE",
        "heartbeatTimeout": "NONE",
        "decisionTaskCompletedEventId": 4,
    }
    assert second == {**first, **whole, "activityId": "2"}
    assert family.poll_activity("special")["activityId"] == "2"


def test_activities_of_a_higher_priority_come_first(family: Story) -> None:
    family.decide(*(schedule(id, taskPriority=id) for id in ("-1", "3", "2")))
    assert [family.poll_activity()["activityId"] for _ in range(3)] == ["3", "2", "-1"]


def test_request_cancel_activity_task(family: Story) -> None:
    family.decide(schedule())
    family.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
    family.decide(decision("RequestCancelActivityTask", activityId="1"))
    assert family.kinds()[-3:] == [
        "ActivityTaskCancelRequested",
        "ActivityTaskCanceled",
        "DecisionTaskScheduled",
    ]
    assert family.find("ActivityTaskCanceled")["startedEventId"] == 0


# -- timers and markers


def test_start_timer(family: Story) -> None:
    family.decide(decision("StartTimer", timerId="t", startToFireTimeout="0", control="c"))
    task = family.poll()
    assert [event["eventType"] for event in task["events"][4:6]] == ["TimerStarted", "TimerFired"]
    assert family.find("TimerStarted") == {
        "timerId": "t",
        "control": "c",
        "startToFireTimeout": "0",
        "decisionTaskCompletedEventId": 4,
    }
    assert family.find("TimerFired") == {"timerId": "t", "startedEventId": 5}


def test_cancel_timer(family: Story) -> None:
    start = decision("StartTimer", timerId="t", startToFireTimeout="1000")
    family.decide(start, decision("CancelTimer", timerId="t"))
    assert family.find("TimerCanceled") == {
        "timerId": "t",
        "startedEventId": 5,
        "decisionTaskCompletedEventId": 4,
    }


def test_record_marker(family: Story) -> None:
    family.decide(decision("RecordMarker", markerName="m", details="d"))
    assert family.find("MarkerRecorded") == {
        "markerName": "m",
        "details": "d",
        "decisionTaskCompletedEventId": 4,
    }


# -- ends


def test_complete_workflow_execution(family: Story) -> None:
    family.decide(decision("CompleteWorkflowExecution", result="r"))
    assert family.find("WorkflowExecutionCompleted") == {
        "result": "r",
        "decisionTaskCompletedEventId": 4,
    }


def test_fail_workflow_execution(family: Story) -> None:
    family.decide(decision("FailWorkflowExecution", reason="r", details="d"))
    assert family.find("WorkflowExecutionFailed") == {
        "reason": "r",
        "details": "d",
        "decisionTaskCompletedEventId": 4,
    }


def test_cancel_workflow_execution(family: Story) -> None:
    family.decide(decision("CancelWorkflowExecution", details="d"))
    assert family.find("WorkflowExecutionCanceled")["details"] == "d"


def test_continue_as_new_workflow_execution(family: Story) -> None:
    client, old = family.client, family.newest("w")
    client.register_workflow_type(domain=DOMAIN, name="flow", version="2", **WORKFLOW_DEFAULTS)
    family.decide(
        decision(
            "ContinueAsNewWorkflowExecution",
            input="next",
            tagList=["again"],
            workflowTypeVersion="2",
            taskPriority="4",
            executionStartToCloseTimeout="77",
        )
    )
    new = family.newest("w")
    (ended,) = [event for event in family.history("w", old) if event["eventId"] == 5]
    assert ended["workflowExecutionContinuedAsNewEventAttributes"] == {
        "input": "next",
        "decisionTaskCompletedEventId": 4,
        "newExecutionRunId": new,
        "executionStartToCloseTimeout": "77",
        "taskList": {"name": "list"},
        "taskPriority": "4",
        "taskStartToCloseTimeout": "100",
        "childPolicy": "TERMINATE",
        "tagList": ["again"],
        "workflowType": {"name": "flow", "version": "2"},
    }
    started = family.find("WorkflowExecutionStarted")
    assert started["continuedExecutionRunId"] == old
    assert started["input"] == "next"
    assert family.poll()["workflowExecution"]["runId"] == new


def test_nothing_of_the_run_before_is_taken_over(family: Story) -> None:
    family.client.terminate_workflow_execution(domain=DOMAIN, workflowId="w")
    family.start(tagList=["old"], taskPriority="9", executionStartToCloseTimeout="55")
    family.decide(decision("ContinueAsNewWorkflowExecution"))
    started = family.find("WorkflowExecutionStarted")
    assert "tagList" not in started
    assert "taskPriority" not in started
    assert started["executionStartToCloseTimeout"] == "1000"


def test_a_next_run_may_do_without_what_the_run_before_had(family: Story) -> None:
    family.client.terminate_workflow_execution(domain=DOMAIN, workflowId="w")
    family.start(lambdaRole="role")
    family.decide(decision("ContinueAsNewWorkflowExecution", taskStartToCloseTimeout="NONE"))
    started = family.find("WorkflowExecutionStarted")
    assert started["taskStartToCloseTimeout"] == "NONE"
    assert "lambdaRole" not in started


# -- others


def test_start_child_workflow_execution(family: Story) -> None:
    family.decide(child(input="i", control="c", tagList=["t"], childPolicy="ABANDON"))
    assert family.find("StartChildWorkflowExecutionInitiated") == {
        "workflowId": "c",
        "workflowType": CHILD,
        "control": "c",
        "input": "i",
        "tagList": ["t"],
        "childPolicy": "ABANDON",
        "executionStartToCloseTimeout": "1000",
        "taskStartToCloseTimeout": "100",
        "taskList": CHILD_LIST,
        "decisionTaskCompletedEventId": 4,
    }
    started = family.find("ChildWorkflowExecutionStarted")
    assert started["initiatedEventId"] == 5
    began = family.find("WorkflowExecutionStarted", "c")
    assert began["parentWorkflowExecution"] == {"workflowId": "w", "runId": family.newest("w")}
    assert began["parentInitiatedEventId"] == 5
    family.decide(decision("CompleteWorkflowExecution", result="r"), task_list="children")
    ended = family.find("ChildWorkflowExecutionCompleted")
    assert ended["result"] == "r"
    assert (ended["initiatedEventId"], ended["startedEventId"]) == (5, 6)
    assert ended["workflowExecution"] == started["workflowExecution"]


@pytest.mark.parametrize(
    ("policy", "event"),
    [
        ("TERMINATE", "WorkflowExecutionTerminated"),
        ("REQUEST_CANCEL", "WorkflowExecutionCancelRequested"),
        ("ABANDON", None),
    ],
)
def test_what_becomes_of_children(family: Story, policy: str, event: str | None) -> None:
    family.decide(child())
    family.client.terminate_workflow_execution(domain=DOMAIN, workflowId="w", childPolicy=policy)
    if event is None:
        assert family.kinds("c") == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    else:
        assert family.find(event, "c")["cause"] == "CHILD_POLICY_APPLIED"


def test_signal_external_workflow_execution(family: Story) -> None:
    family.start("other", taskList={"name": "elsewhere"})
    family.decide(
        decision(
            "SignalExternalWorkflowExecution",
            workflowId="other",
            signalName="s",
            input="i",
            control="c",
        )
    )
    initiated = family.find("SignalExternalWorkflowExecutionInitiated")
    assert initiated["control"] == "c"
    told = family.find("ExternalWorkflowExecutionSignaled")
    assert told["initiatedEventId"] == 5
    heard = family.find("WorkflowExecutionSignaled", "other")
    assert heard == {
        "signalName": "s",
        "input": "i",
        "externalWorkflowExecution": {"workflowId": "w", "runId": family.newest("w")},
        "externalInitiatedEventId": 5,
    }


def test_request_cancel_external_workflow_execution(family: Story) -> None:
    run_id = family.start("other", taskList={"name": "elsewhere"})
    named = {"workflowId": "other", "runId": run_id}
    family.decide(decision("RequestCancelExternalWorkflowExecution", **named))
    told = family.find("ExternalWorkflowExecutionCancelRequested")
    assert told == {"workflowExecution": named, "initiatedEventId": 5}
    heard = family.find("WorkflowExecutionCancelRequested", "other")
    assert heard["externalInitiatedEventId"] == 5


def test_schedule_lambda_function(small: Story) -> None:
    small.decide(function(input='{"n": 2}', startToCloseTimeout="60"))
    task = small.poll()
    kinds = [event["eventType"] for event in task["events"]]
    assert kinds[4:7] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionCompleted",
    ]
    assert small.find("LambdaFunctionScheduled") == {
        "id": "f",
        "name": "double",
        "input": '{"n": 2}',
        "startToCloseTimeout": "60",
        "decisionTaskCompletedEventId": 4,
    }
    assert small.find("LambdaFunctionCompleted") == {
        "scheduledEventId": 5,
        "startedEventId": 6,
        "result": '{"n":2}',
    }


# -- what is refused

UNDEFINED_ACTIVITY = {
    "defaultTaskList": "DEFAULT_TASK_LIST_UNDEFINED",
    "defaultTaskHeartbeatTimeout": "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED",
    "defaultTaskScheduleToStartTimeout": "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED",
    "defaultTaskScheduleToCloseTimeout": "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED",
    "defaultTaskStartToCloseTimeout": "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED",
}
UNDEFINED_WORKFLOW = {
    "defaultTaskList": "DEFAULT_TASK_LIST_UNDEFINED",
    "defaultChildPolicy": "DEFAULT_CHILD_POLICY_UNDEFINED",
    "defaultExecutionStartToCloseTimeout": "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "defaultTaskStartToCloseTimeout": "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED",
}


def without(defaults: dict[str, Any], missing: str) -> dict[str, Any]:
    return {key: value for key, value in defaults.items() if key != missing}


@pytest.mark.parametrize("missing", UNDEFINED_ACTIVITY)
def test_an_activity_without_a_default(family: Story, missing: str) -> None:
    kind = {"name": "less", "version": "1"}
    family.client.register_activity_type(
        domain=DOMAIN, **kind, **without(ACTIVITY_DEFAULTS, missing)
    )
    family.decide(schedule(activityType=kind))
    (failed,) = fails(family, "ScheduleActivityTaskFailed", UNDEFINED_ACTIVITY[missing])
    assert failed["activityType"] == kind
    assert failed["activityId"] == "1"
    assert family.kinds()[-1] == "DecisionTaskScheduled"


def test_an_activity_of_no_type(family: Story) -> None:
    family.client.deprecate_activity_type(domain=DOMAIN, activityType=ACTIVITY)
    family.decide(schedule(), schedule(activityType={"name": "no", "version": "1"}))
    fails(
        family,
        "ScheduleActivityTaskFailed",
        "ACTIVITY_TYPE_DEPRECATED",
        "ACTIVITY_TYPE_DOES_NOT_EXIST",
    )


def test_ids_that_are_in_use(family: Story) -> None:
    timer = decision("StartTimer", timerId="t", startToFireTimeout="1000")
    family.decide(schedule(), schedule(), timer, timer)
    fails(family, "ScheduleActivityTaskFailed", "ACTIVITY_ID_ALREADY_IN_USE")
    fails(family, "StartTimerFailed", "TIMER_ID_ALREADY_IN_USE")


def test_ids_that_nobody_has(family: Story) -> None:
    family.decide(
        decision("CancelTimer", timerId="t"),
        decision("RequestCancelActivityTask", activityId="a"),
        decision("SignalExternalWorkflowExecution", workflowId="o", signalName="s"),
        decision("RequestCancelExternalWorkflowExecution", workflowId="o"),
    )
    fails(family, "CancelTimerFailed", "TIMER_ID_UNKNOWN")
    fails(family, "RequestCancelActivityTaskFailed", "ACTIVITY_ID_UNKNOWN")
    unknown = "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
    fails(family, "SignalExternalWorkflowExecutionFailed", unknown)
    fails(family, "RequestCancelExternalWorkflowExecutionFailed", unknown)


def test_what_there_may_be_of_each(small: Story) -> None:
    timers = [decision("StartTimer", timerId=id, startToFireTimeout="1000") for id in "ab"]
    functions = [function("f"), function("f"), function("g")]
    small.decide(schedule("1"), schedule("2"), *timers, child("c"), child("d"), *functions)
    fails(small, "ScheduleActivityTaskFailed", "OPEN_ACTIVITIES_LIMIT_EXCEEDED")
    fails(small, "StartTimerFailed", "OPEN_TIMERS_LIMIT_EXCEEDED")
    fails(small, "StartChildWorkflowExecutionFailed", "OPEN_CHILDREN_LIMIT_EXCEEDED")
    fails(
        small,
        "ScheduleLambdaFunctionFailed",
        "ID_ALREADY_IN_USE",
        "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
    )


def test_functions_where_nobody_invokes_them(family: Story) -> None:
    family.decide(function())
    fails(family, "ScheduleLambdaFunctionFailed", "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION")


def test_a_function_of_an_execution_without_a_role(small: Story) -> None:
    small.start("bare")
    small.decide()
    task = small.poll()
    assert task["workflowExecution"]["workflowId"] == "bare"
    small.client.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[function()]
    )
    small.poll()
    failed = small.find("StartLambdaFunctionFailed", "bare")
    assert failed["cause"] == "ASSUME_ROLE_FAILED"
    assert failed["scheduledEventId"] == 5


@pytest.mark.parametrize("missing", UNDEFINED_WORKFLOW)
def test_a_workflow_without_a_default(family: Story, missing: str) -> None:
    kind = {"name": "flow", "version": "less"}
    family.client.register_workflow_type(
        domain=DOMAIN, **kind, **without(WORKFLOW_DEFAULTS, missing)
    )
    family.decide(child(workflowType=kind, control="c"))
    (failed,) = fails(family, "StartChildWorkflowExecutionFailed", UNDEFINED_WORKFLOW[missing])
    assert (failed["initiatedEventId"], failed["control"]) == (0, "c")
    family.decide(decision("ContinueAsNewWorkflowExecution", workflowTypeVersion="less"))
    fails(family, "ContinueAsNewWorkflowExecutionFailed", UNDEFINED_WORKFLOW[missing])
    assert family.kinds()[-1] == "DecisionTaskScheduled"


def test_workflows_of_no_type(family: Story) -> None:
    family.client.deprecate_workflow_type(domain=DOMAIN, workflowType=CHILD)
    family.decide(child(), child(workflowType={"name": "no", "version": "1"}))
    fails(
        family,
        "StartChildWorkflowExecutionFailed",
        "WORKFLOW_TYPE_DEPRECATED",
        "WORKFLOW_TYPE_DOES_NOT_EXIST",
    )
    family.decide(decision("ContinueAsNewWorkflowExecution", workflowTypeVersion="9"))
    family.client.deprecate_workflow_type(domain=DOMAIN, workflowType=WORKFLOW)
    family.decide(decision("ContinueAsNewWorkflowExecution"))
    fails(
        family,
        "ContinueAsNewWorkflowExecutionFailed",
        "WORKFLOW_TYPE_DOES_NOT_EXIST",
        "WORKFLOW_TYPE_DEPRECATED",
    )


def test_a_child_whose_id_is_taken(family: Story) -> None:
    family.decide(child("w"))
    (failed,) = fails(family, "StartChildWorkflowExecutionFailed", "WORKFLOW_ALREADY_RUNNING")
    assert failed["initiatedEventId"] == 5


def test_nothing_begins_in_a_deprecated_domain(family: Story) -> None:
    family.client.deprecate_domain(name=DOMAIN)
    family.client.undeprecate_workflow_type(domain=DOMAIN, workflowType=CHILD)
    family.decide(child())
    fails(family, "StartChildWorkflowExecutionFailed", "OPERATION_NOT_PERMITTED")


@pytest.mark.parametrize("kind", ["Complete", "Fail", "Cancel", "ContinueAsNew"])
def test_an_end_that_has_not_heard_of_everything(family: Story, kind: str) -> None:
    task = family.poll()
    family.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
    family.client.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[decision(f"{kind}WorkflowExecution")]
    )
    fails(family, f"{kind}WorkflowExecutionFailed", "UNHANDLED_DECISION")
    assert family.kinds()[-4:-2] == ["WorkflowExecutionSignaled", "DecisionTaskScheduled"]
    assert family.kinds()[-2] == "DecisionTaskCompleted"
    assert family.poll()["taskToken"]


CAUSES: list[tuple[str, str]] = [
    *(("ScheduleActivityTaskFailed", cause) for cause in UNDEFINED_ACTIVITY.values()),
    ("ScheduleActivityTaskFailed", "ACTIVITY_TYPE_DEPRECATED"),
    ("ScheduleActivityTaskFailed", "ACTIVITY_TYPE_DOES_NOT_EXIST"),
    ("ScheduleActivityTaskFailed", "ACTIVITY_ID_ALREADY_IN_USE"),
    ("ScheduleActivityTaskFailed", "OPEN_ACTIVITIES_LIMIT_EXCEEDED"),
    ("StartTimerFailed", "TIMER_ID_ALREADY_IN_USE"),
    ("StartTimerFailed", "OPEN_TIMERS_LIMIT_EXCEEDED"),
    ("CancelTimerFailed", "TIMER_ID_UNKNOWN"),
    ("RequestCancelActivityTaskFailed", "ACTIVITY_ID_UNKNOWN"),
    ("SignalExternalWorkflowExecutionFailed", "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"),
    ("RequestCancelExternalWorkflowExecutionFailed", "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"),
    *(("StartChildWorkflowExecutionFailed", cause) for cause in UNDEFINED_WORKFLOW.values()),
    ("StartChildWorkflowExecutionFailed", "WORKFLOW_TYPE_DEPRECATED"),
    ("StartChildWorkflowExecutionFailed", "WORKFLOW_TYPE_DOES_NOT_EXIST"),
    ("StartChildWorkflowExecutionFailed", "WORKFLOW_ALREADY_RUNNING"),
    ("StartChildWorkflowExecutionFailed", "OPEN_CHILDREN_LIMIT_EXCEEDED"),
    ("StartChildWorkflowExecutionFailed", "OPERATION_NOT_PERMITTED"),
    *(("ContinueAsNewWorkflowExecutionFailed", cause) for cause in UNDEFINED_WORKFLOW.values()),
    ("ContinueAsNewWorkflowExecutionFailed", "WORKFLOW_TYPE_DEPRECATED"),
    ("ContinueAsNewWorkflowExecutionFailed", "WORKFLOW_TYPE_DOES_NOT_EXIST"),
    ("ContinueAsNewWorkflowExecutionFailed", "UNHANDLED_DECISION"),
    ("CompleteWorkflowExecutionFailed", "UNHANDLED_DECISION"),
    ("FailWorkflowExecutionFailed", "UNHANDLED_DECISION"),
    ("CancelWorkflowExecutionFailed", "UNHANDLED_DECISION"),
    ("ScheduleLambdaFunctionFailed", "ID_ALREADY_IN_USE"),
    ("ScheduleLambdaFunctionFailed", "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED"),
    ("ScheduleLambdaFunctionFailed", "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION"),
    ("StartLambdaFunctionFailed", "ASSUME_ROLE_FAILED"),
]
"""Every cause that the tests here bring about."""


# -- lists of decisions


def test_what_closes_must_come_last(family: Story) -> None:
    task = family.poll()
    complete = decision("CompleteWorkflowExecution")
    with refused("ValidationException"):
        family.client.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=[complete, schedule()]
        )
    family.client.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[schedule(), complete]
    )
    assert family.kinds()[-2:] == ["ActivityTaskScheduled", "WorkflowExecutionCompleted"]


def test_decisions_need_their_attributes(family: Story) -> None:
    task = family.poll()
    for bad in ({"decisionType": "StartTimer"}, {"decisionType": "Ponder"}):
        with refused("ValidationException"):
            family.client.respond_decision_task_completed(
                taskToken=task["taskToken"], decisions=[bad]
            )
    bare = [{"decisionType": "CompleteWorkflowExecution"}]
    family.client.respond_decision_task_completed(taskToken=task["taskToken"], decisions=bare)
    assert family.kinds()[-1] == "WorkflowExecutionCompleted"


def test_a_history_that_is_too_long_is_ended(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(events=20)) as made:
        story = Story(made)
        story.start()
        story.decide(*(decision("RecordMarker", markerName=str(n)) for n in range(20)))
        assert story.find("WorkflowExecutionTerminated")["cause"] == "EVENT_LIMIT_EXCEEDED"


def test_signals_that_nobody_reads_make_a_history_too_long(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(events=4)) as made:
        story = Story(made)
        story.start()
        for _ in range(2):
            story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
        assert story.find("WorkflowExecutionTerminated")["cause"] == "EVENT_LIMIT_EXCEEDED"
        with refused("UnknownResourceFault"):
            story.client.signal_workflow_execution(domain=DOMAIN, workflowId="w", signalName="s")
