"""How executions begin, and which start means which."""

from __future__ import annotations

from partita.errors import (
    ExecutionAlreadyStartedError,
)
from partita.history import (
    CompleteWorkflowExecution,
    FailWorkflowExecution,
    WorkflowExecution,
    WorkflowType,
)
from partita.ports.service import ReusePolicy, Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    FLOW,
    answer,
    check,
    decision_task,
    kinds,
    refused,
    start,
    status,
)


@check
def a_start_opens_a_decision_task_with_the_whole_history(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    assert task.workflow_execution == execution
    assert task.workflow_type == FLOW
    assert [event.event_id for event in task.events] == [1, 2, 3]
    assert [event.event_type for event in task.events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert (task.started_event_id, task.previous_started_event_id) == (3, 0)


@check
def the_same_start_returns_the_same_execution(service: Service, _: Clock) -> None:
    first = start(service, "same")
    assert start(service, "same") == first
    answer(service, CompleteWorkflowExecution(result="1"))
    assert start(service, "same") == first
    assert kinds(service, first).count("WorkflowExecutionStarted") == 1


@check
def another_start_with_the_same_id_is_refused(service: Service, _: Clock) -> None:
    start(service, "taken")
    with refused(ExecutionAlreadyStartedError):
        start(service, "taken", input="[2]")
    with refused(ExecutionAlreadyStartedError):
        start(service, "taken", workflow_type=WorkflowType("other"))


@check
def every_reuse_policy_keeps_its_word(service: Service, _: Clock) -> None:
    first = start(service, "p")
    for policy in (ReusePolicy.ALLOW, ReusePolicy.ALLOW_AFTER_FAILURE, ReusePolicy.REJECT):
        with refused(ExecutionAlreadyStartedError):
            start(service, "p", reuse_policy=policy)
    second = start(service, "p", reuse_policy=ReusePolicy.TERMINATE_EXISTING)
    assert second.run_id != first.run_id
    assert status(service, first) is Status.TERMINATED
    answer(service, CompleteWorkflowExecution())
    with refused(ExecutionAlreadyStartedError):
        start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    third = start(service, "p", reuse_policy=ReusePolicy.ALLOW)
    answer(service, FailWorkflowExecution(reason="x"))
    with refused(ExecutionAlreadyStartedError):
        start(service, "p", reuse_policy=ReusePolicy.REJECT)
    fourth = start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    assert len({first.run_id, second.run_id, third.run_id, fourth.run_id}) == 4
    newest = WorkflowExecution("p", "")
    assert service.describe(DOMAIN, newest).info.run_id == fourth.run_id
