"""How a child execution begins, how it ends, and what its parent hears of it."""

from __future__ import annotations

from typing import Any

from partita import history as h
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    FLOW,
    TASK_LIST,
    E,
    check,
    every,
    holds,
    kinds,
    last_id,
    only,
    start,
    started,
    status,
)

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


def _parent(service: Service, *more: h.AnyDecision, **options: Any) -> h.WorkflowExecution:
    """Start a parent whose child waits in a task list of its own."""
    service.register_workflow_type(DOMAIN, FLOW)
    plain = h.StartChildWorkflowExecution(
        workflow_id="child",
        workflow_type=FLOW,
        input="[9]",
        control='"mine"',
        **{"task_list": "children"} | options,
    )
    return started(service, plain, *more)


def _answer_child(service: Service, *decisions: h.AnyDecision) -> None:
    task = service.poll_decision_task(DOMAIN, "children")
    assert task is not None, "the child has no decision task"
    service.complete_decision(task.token, decisions)


def _run_of_child(service: Service) -> h.WorkflowExecution:
    return h.WorkflowExecution("child", service.describe(DOMAIN, CHILD).info.run_id)


@check
def a_child_is_initiated_as_it_was_decided(service: Service, _: Clock) -> None:
    parent = _parent(service, **OPTIONS)
    initiated = only(service, parent, h.StartChildWorkflowExecutionInitiated)
    holds(initiated, workflow_id="child", workflow_type=FLOW, input="[9]", control='"mine"')
    holds(initiated, **OPTIONS)
    completed = last_id(service, parent, h.DecisionTaskCompleted)
    holds(initiated, decision_task_completed_event_id=completed)


@check
def a_child_knows_its_parent_and_its_parent_the_run(service: Service, _: Clock) -> None:
    parent = _parent(service, **OPTIONS)
    initiated = only(service, parent, h.StartChildWorkflowExecutionInitiated).event_id
    begun = only(service, CHILD, h.WorkflowExecutionStarted)
    holds(begun, workflow_type=FLOW, input="[9]", **OPTIONS)
    holds(begun, parent_workflow_execution=parent, parent_initiated_event_id=initiated)
    holds(
        only(service, parent, h.ChildWorkflowExecutionStarted),
        workflow_execution=_run_of_child(service),
        workflow_type=FLOW,
        initiated_event_id=initiated,
    )
    assert service.describe(DOMAIN, parent).open_children == 1


def _heard(service: Service, parent: h.WorkflowExecution, kind: type[E]) -> E:
    """Return how the child ended, told to its parent, which must be awake."""
    ended = only(service, parent, kind)
    holds(
        ended,
        workflow_type=FLOW,
        initiated_event_id=only(service, parent, h.StartChildWorkflowExecutionInitiated).event_id,
        started_event_id=only(service, parent, h.ChildWorkflowExecutionStarted).event_id,
    )
    assert service.describe(DOMAIN, parent).open_children == 0
    assert service.describe(DOMAIN, parent).decision is not None
    return ended


@check
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
        holds(_heard(service, parent, kind), workflow_execution=child, **attributes)
        service.terminate_workflow_execution(DOMAIN, parent, None)


@check
def a_parent_hears_that_its_child_was_terminated(service: Service, _: Clock) -> None:
    parent = _parent(service)
    child = _run_of_child(service)
    service.terminate_workflow_execution(DOMAIN, child, "enough")
    holds(_heard(service, parent, h.ChildWorkflowExecutionTerminated), workflow_execution=child)


@check
def a_parent_hears_that_its_child_ran_out_of_time(service: Service, clock: Clock) -> None:
    parent = _parent(service, execution_start_to_close=30.0)
    child = _run_of_child(service)
    clock.advance(31)
    assert service.poll_decision_task(DOMAIN, "children") is None
    holds(
        _heard(service, parent, h.ChildWorkflowExecutionTimedOut),
        workflow_execution=child,
        timeout_type=h.TimeoutType.START_TO_CLOSE,
    )


@check
def a_parent_hears_the_end_of_its_childs_last_run(service: Service, _: Clock) -> None:
    parent = _parent(service)
    _answer_child(service, h.ContinueAsNewWorkflowExecution(input="[8]"))
    assert service.describe(DOMAIN, parent).open_children == 1
    begun = only(service, CHILD, h.WorkflowExecutionStarted)
    holds(begun, input="[8]", parent_workflow_execution=parent)
    _answer_child(service, h.CompleteWorkflowExecution(result="6"))
    told = [name for name in kinds(service, parent) if name.startswith("Child")]
    assert told == ["ChildWorkflowExecutionStarted", "ChildWorkflowExecutionCompleted"]
    holds(only(service, parent, h.ChildWorkflowExecutionCompleted), result="6")


@check
def a_child_whose_id_is_taken_is_refused(service: Service, _: Clock) -> None:
    start(service, "child", task_list="children")
    parent = _parent(service)
    holds(
        only(service, parent, h.StartChildWorkflowExecutionFailed),
        workflow_id="child",
        workflow_type=FLOW,
        control='"mine"',
        cause="WORKFLOW_ALREADY_RUNNING",
        initiated_event_id=last_id(service, parent, h.StartChildWorkflowExecutionInitiated),
        decision_task_completed_event_id=last_id(service, parent, h.DecisionTaskCompleted),
    )
    assert every(service, parent, h.ChildWorkflowExecutionStarted) == []
    assert service.describe(DOMAIN, parent).decision is not None


@check
def a_child_of_no_known_type_is_refused(service: Service, _: Clock) -> None:
    kind = h.WorkflowType("nowhere")
    parent = started(
        service, h.StartChildWorkflowExecution(workflow_id="c", workflow_type=kind, control='"x"')
    )
    holds(
        only(service, parent, h.StartChildWorkflowExecutionFailed),
        workflow_id="c",
        workflow_type=kind,
        control='"x"',
        cause="WORKFLOW_TYPE_DOES_NOT_EXIST",
        decision_task_completed_event_id=last_id(service, parent, h.DecisionTaskCompleted),
    )


@check
def a_childs_id_is_free_again_at_its_end(service: Service, _: Clock) -> None:
    first = _parent(service)
    _answer_child(service, h.CompleteWorkflowExecution())
    service.terminate_workflow_execution(DOMAIN, first, None)
    second = _parent(service)
    holds(only(service, CHILD, h.WorkflowExecutionStarted), parent_workflow_execution=second)


@check
def a_terminated_parents_policy_reaches_its_children(service: Service, clock: Clock) -> None:
    for timed_out in (False, True):
        for policy in h.ChildPolicy:
            _end_parent(service, clock, policy, timed_out)
            told = kinds(service, CHILD)
            ended = every(service, CHILD, h.WorkflowExecutionTerminated)
            asked = every(service, CHILD, h.WorkflowExecutionCancelRequested)
            assert [event.cause for event in ended] == (
                ["CHILD_POLICY_APPLIED"] if policy is h.ChildPolicy.TERMINATE else []
            ), told
            assert [event.cause for event in asked] == (
                ["CHILD_POLICY_APPLIED"] if policy is h.ChildPolicy.REQUEST_CANCEL else []
            ), told
            if not ended:
                service.terminate_workflow_execution(DOMAIN, CHILD, None)


def _end_parent(service: Service, clock: Clock, policy: h.ChildPolicy, timed_out: bool) -> None:
    """Leave a child whose parent, with that policy, ran out of time or was terminated."""
    service.register_workflow_type(DOMAIN, FLOW)
    parent = started(
        service,
        h.StartChildWorkflowExecution(
            workflow_id="child", workflow_type=FLOW, task_list="children"
        ),
        child_policy=policy,
        execution_start_to_close=60.0,
    )
    if timed_out:
        clock.advance(61)
        assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    else:
        service.terminate_workflow_execution(DOMAIN, parent, None)
    assert status(service, parent) is (Status.TIMED_OUT if timed_out else Status.TERMINATED)


@check
def a_parent_that_completes_leaves_its_child_running(service: Service, _: Clock) -> None:
    parent = _parent(service, h.CompleteWorkflowExecution())
    assert status(service, parent) is Status.COMPLETED
    assert status(service, CHILD) is Status.OPEN
    _answer_child(service, h.CompleteWorkflowExecution(result="5"))
    assert kinds(service, parent)[-1] == "WorkflowExecutionCompleted"


@check
def of_two_children_with_one_id_the_first_starts(service: Service, _: Clock) -> None:
    twin = h.StartChildWorkflowExecution(workflow_id="child", workflow_type=FLOW)
    parent = _parent(service, twin)
    first, second = every(service, parent, h.StartChildWorkflowExecutionInitiated)
    begun = only(service, parent, h.ChildWorkflowExecutionStarted)
    holds(begun, initiated_event_id=first.event_id)
    refusal = only(service, parent, h.StartChildWorkflowExecutionFailed)
    holds(refusal, initiated_event_id=second.event_id, cause="WORKFLOW_ALREADY_RUNNING")
