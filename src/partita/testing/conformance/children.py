"""Check how child executions start and end, and what their parents' histories record of it."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a

OPTIONS: dict[str, Any] = {
    "task_list": "children",
    "task_priority": 4,
    "task_start_to_close": 20.0,
    "execution_start_to_close": 300.0,
    "child_policy": h.ChildPolicy.ABANDON,
    "tag_list": ("t",),
    "lambda_role": "role",
}
CHILD = h.WorkflowExecution("child", "")


@a.check
def a_child_runs_and_its_parent_hears(service: Service, _: Clock) -> None:
    service.register_workflow_type(a.DOMAIN, a.FLOW)
    parent = a.started(
        service,
        h.StartChildWorkflowExecution(workflow_id="child", workflow_type=a.FLOW, input="[9]"),
    )
    child = service.describe(a.DOMAIN, h.WorkflowExecution("child", "")).info
    assert child.parent == parent
    tasks = [a.decision_task(service), a.decision_task(service)]
    tasks.sort(key=lambda task: task.workflow_execution.workflow_id == "child")  # it ends last
    for task in tasks:
        done = task.workflow_execution.workflow_id == "child"
        service.complete_decision(
            task.token, [h.CompleteWorkflowExecution(result="5")] if done else []
        )
    assert "ChildWorkflowExecutionStarted" in a.kinds(service, parent)
    assert a.decision_task(service).events[-3].event_type == "ChildWorkflowExecutionCompleted"


@a.check
def a_child_whose_id_is_taken_does_not_start(service: Service, _: Clock) -> None:
    service.register_workflow_type(a.DOMAIN, a.FLOW)
    a.start(service, "child")
    service.fail_decision(a.decision_task(service).token, "X", "out of the way")
    parent = a.started(
        service, h.StartChildWorkflowExecution(workflow_id="child", workflow_type=a.FLOW)
    )
    assert "StartChildWorkflowExecutionFailed" in a.kinds(service, parent)


@a.check
def terminating_a_parent_terminates_its_children(service: Service, _: Clock) -> None:
    service.register_workflow_type(a.DOMAIN, a.FLOW)
    parent = a.started(
        service, h.StartChildWorkflowExecution(workflow_id="child", workflow_type=a.FLOW)
    )
    service.terminate_workflow_execution(a.DOMAIN, parent, None)
    assert a.status(service, h.WorkflowExecution("child", "")) is Status.TERMINATED


def _parent(service: Service, *more: h.AnyDecision, **options: Any) -> h.WorkflowExecution:
    """Start a parent whose child waits in a task list of its own."""
    service.register_workflow_type(a.DOMAIN, a.FLOW)
    plain = h.StartChildWorkflowExecution(
        workflow_id="child",
        workflow_type=a.FLOW,
        input="[9]",
        control='"mine"',
        **{"task_list": "children"} | options,
    )
    return a.started(service, plain, *more)


def _answer_child(service: Service, *decisions: h.AnyDecision) -> None:
    task = service.poll_decision_task(a.DOMAIN, "children")
    assert task is not None, "the child has no decision task"
    service.complete_decision(task.token, decisions)


def _run_of_child(service: Service) -> h.WorkflowExecution:
    return h.WorkflowExecution("child", service.describe(a.DOMAIN, CHILD).info.run_id)


@a.check
def a_child_is_initiated_as_it_was_decided(service: Service, _: Clock) -> None:
    parent = _parent(service, **OPTIONS)
    a.decided(
        service,
        parent,
        h.StartChildWorkflowExecutionInitiated,
        workflow_id="child",
        workflow_type=a.FLOW,
        input="[9]",
        control='"mine"',
        **OPTIONS,
    )


@a.check
def a_child_knows_its_parent_and_its_parent_the_run(service: Service, _: Clock) -> None:
    parent = _parent(service, **OPTIONS)
    initiated = a.only(service, parent, h.StartChildWorkflowExecutionInitiated).event_id
    a.only(
        service,
        CHILD,
        h.WorkflowExecutionStarted,
        workflow_type=a.FLOW,
        input="[9]",
        **OPTIONS,
        parent_workflow_execution=parent,
        parent_initiated_event_id=initiated,
    )
    a.only(
        service,
        parent,
        h.ChildWorkflowExecutionStarted,
        workflow_execution=_run_of_child(service),
        workflow_type=a.FLOW,
        initiated_event_id=initiated,
    )
    assert service.describe(a.DOMAIN, parent).open_children == 1


def _heard(service: Service, parent: h.WorkflowExecution, kind: type[a.E]) -> a.E:
    """Return how the child ended, told to its parent, which must be awake."""
    ended = a.only(
        service,
        parent,
        kind,
        workflow_type=a.FLOW,
        initiated_event_id=a.only(service, parent, h.StartChildWorkflowExecutionInitiated).event_id,
        started_event_id=a.only(service, parent, h.ChildWorkflowExecutionStarted).event_id,
    )
    assert service.describe(a.DOMAIN, parent).open_children == 0
    assert service.describe(a.DOMAIN, parent).decision is not None
    return ended


@a.check
def a_parent_hears_of_each_way_that_its_child_closes_itself(service: Service, _: Clock) -> None:
    ways: tuple[tuple[h.AnyDecision, type[h.Event], dict[str, str]], ...] = (
        (
            h.CompleteWorkflowExecution(result="5"),
            h.ChildWorkflowExecutionCompleted,
            {"result": "5"},
        ),
        (
            h.FailWorkflowExecution(reason="Boom", details='"why"'),
            h.ChildWorkflowExecutionFailed,
            {"reason": "Boom", "details": '"why"'},
        ),
        (
            h.CancelWorkflowExecution(details='"gave in"'),
            h.ChildWorkflowExecutionCanceled,
            {"details": '"gave in"'},
        ),
    )
    for decision, kind, attributes in ways:
        parent = _parent(service)
        child = _run_of_child(service)
        _answer_child(service, decision)
        a.assert_fields(_heard(service, parent, kind), workflow_execution=child, **attributes)
        service.terminate_workflow_execution(a.DOMAIN, parent, None)


@a.check
def a_parent_hears_that_its_child_was_terminated(service: Service, _: Clock) -> None:
    parent = _parent(service)
    child = _run_of_child(service)
    service.terminate_workflow_execution(a.DOMAIN, child, "enough")
    a.assert_fields(
        _heard(service, parent, h.ChildWorkflowExecutionTerminated), workflow_execution=child
    )


@a.check
def a_parent_hears_that_its_child_ran_out_of_time(service: Service, clock: Clock) -> None:
    parent = _parent(service, execution_start_to_close=30.0)
    child = _run_of_child(service)
    clock.advance(31)
    assert service.poll_decision_task(a.DOMAIN, "children") is None
    a.assert_fields(
        _heard(service, parent, h.ChildWorkflowExecutionTimedOut),
        workflow_execution=child,
        timeout_type=h.TimeoutType.START_TO_CLOSE,
    )


@a.check
def a_parent_hears_the_end_of_its_childs_last_run(service: Service, _: Clock) -> None:
    parent = _parent(service)
    _answer_child(service, h.ContinueAsNewWorkflowExecution(input="[8]"))
    assert service.describe(a.DOMAIN, parent).open_children == 1
    a.only(
        service, CHILD, h.WorkflowExecutionStarted, input="[8]", parent_workflow_execution=parent
    )
    _answer_child(service, h.CompleteWorkflowExecution(result="6"))
    told = [name for name in a.kinds(service, parent) if name.startswith("Child")]
    assert told == ["ChildWorkflowExecutionStarted", "ChildWorkflowExecutionCompleted"]
    a.only(service, parent, h.ChildWorkflowExecutionCompleted, result="6")


@a.check
def a_child_whose_id_is_taken_is_refused(service: Service, _: Clock) -> None:
    a.start(service, "child", task_list="children")
    parent = _parent(service)
    a.decided(
        service,
        parent,
        h.StartChildWorkflowExecutionFailed,
        workflow_id="child",
        workflow_type=a.FLOW,
        control='"mine"',
        cause="WORKFLOW_ALREADY_RUNNING",
        initiated_event_id=a.last_id(service, parent, h.StartChildWorkflowExecutionInitiated),
    )
    assert a.every(service, parent, h.ChildWorkflowExecutionStarted) == []
    assert service.describe(a.DOMAIN, parent).decision is not None


@a.check
def a_child_of_no_known_type_is_refused(service: Service, _: Clock) -> None:
    kind = h.WorkflowType("nowhere")
    parent = a.started(
        service, h.StartChildWorkflowExecution(workflow_id="c", workflow_type=kind, control='"x"')
    )
    a.decided(
        service,
        parent,
        h.StartChildWorkflowExecutionFailed,
        workflow_id="c",
        workflow_type=kind,
        control='"x"',
        cause="WORKFLOW_TYPE_DOES_NOT_EXIST",
    )


@a.check
def a_childs_id_is_free_again_at_its_end(service: Service, _: Clock) -> None:
    first = _parent(service)
    _answer_child(service, h.CompleteWorkflowExecution())
    service.terminate_workflow_execution(a.DOMAIN, first, None)
    second = _parent(service)
    a.only(service, CHILD, h.WorkflowExecutionStarted, parent_workflow_execution=second)


@a.check
def a_terminated_parents_policy_reaches_its_children(service: Service, clock: Clock) -> None:
    for timed_out in (False, True):
        for policy in h.ChildPolicy:
            _end_parent(service, clock, policy, timed_out)
            told = a.kinds(service, CHILD)
            ended = a.every(service, CHILD, h.WorkflowExecutionTerminated)
            asked = a.every(service, CHILD, h.WorkflowExecutionCancelRequested)
            assert [event.cause for event in ended] == (
                ["CHILD_POLICY_APPLIED"] if policy is h.ChildPolicy.TERMINATE else []
            ), told
            assert [event.cause for event in asked] == (
                ["CHILD_POLICY_APPLIED"] if policy is h.ChildPolicy.REQUEST_CANCEL else []
            ), told
            if not ended:
                service.terminate_workflow_execution(a.DOMAIN, CHILD, None)


def _end_parent(service: Service, clock: Clock, policy: h.ChildPolicy, timed_out: bool) -> None:
    """Leave a child whose parent, with that policy, ran out of time or was terminated."""
    service.register_workflow_type(a.DOMAIN, a.FLOW)
    parent = a.started(
        service,
        h.StartChildWorkflowExecution(
            workflow_id="child", workflow_type=a.FLOW, task_list="children"
        ),
        child_policy=policy,
        execution_start_to_close=60.0,
    )
    if timed_out:
        clock.advance(61)
        a.no_decision_task(service)
    else:
        service.terminate_workflow_execution(a.DOMAIN, parent, None)
    assert a.status(service, parent) is (Status.TIMED_OUT if timed_out else Status.TERMINATED)


@a.check
def a_parent_that_completes_leaves_its_child_running(service: Service, _: Clock) -> None:
    parent = _parent(service, h.CompleteWorkflowExecution())
    assert a.status(service, parent) is Status.COMPLETED
    assert a.status(service, CHILD) is Status.OPEN
    _answer_child(service, h.CompleteWorkflowExecution(result="5"))
    assert a.kinds(service, parent)[-1] == "WorkflowExecutionCompleted"


@a.check
def of_two_children_with_one_id_the_first_starts(service: Service, _: Clock) -> None:
    twin = h.StartChildWorkflowExecution(workflow_id="child", workflow_type=a.FLOW)
    parent = _parent(service, twin)
    first, second = a.every(service, parent, h.StartChildWorkflowExecutionInitiated)
    a.only(service, parent, h.ChildWorkflowExecutionStarted, initiated_event_id=first.event_id)
    a.only(
        service,
        parent,
        h.StartChildWorkflowExecutionFailed,
        initiated_event_id=second.event_id,
        cause="WORKFLOW_ALREADY_RUNNING",
    )
