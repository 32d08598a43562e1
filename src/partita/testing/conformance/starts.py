"""Check how executions start, and which execution a repeated start returns."""

from __future__ import annotations

from partita import history as h
from partita.errors import ExecutionAlreadyStartedError
from partita.ports.service import ReusePolicy, Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


@a.check
def a_start_opens_a_decision_task_with_the_whole_history(service: Service, _: Clock) -> None:
    execution = a.start(service)
    task = a.decision_task(service)
    assert task.workflow_execution == execution
    assert task.workflow_type == a.FLOW
    assert [event.event_id for event in task.events] == [1, 2, 3]
    assert [event.event_type for event in task.events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert (task.started_event_id, task.previous_started_event_id) == (3, 0)


@a.check
def the_same_start_returns_the_same_execution(service: Service, _: Clock) -> None:
    first = a.start(service, "same")
    assert a.start(service, "same") == first
    a.answer(service, h.CompleteWorkflowExecution(result="1"))
    assert a.start(service, "same") == first
    assert a.kinds(service, first).count("WorkflowExecutionStarted") == 1


@a.check
def another_start_with_the_same_id_is_refused(service: Service, _: Clock) -> None:
    a.start(service, "taken")
    with a.refused(ExecutionAlreadyStartedError):
        a.start(service, "taken", input="[2]")
    with a.refused(ExecutionAlreadyStartedError):
        a.start(service, "taken", workflow_type=h.WorkflowType("other"))


@a.check
def every_reuse_policy_keeps_its_word(service: Service, _: Clock) -> None:
    first = a.start(service, "p")
    for policy in (ReusePolicy.ALLOW, ReusePolicy.ALLOW_AFTER_FAILURE, ReusePolicy.REJECT):
        with a.refused(ExecutionAlreadyStartedError):
            a.start(service, "p", reuse_policy=policy)
    second = a.start(service, "p", reuse_policy=ReusePolicy.TERMINATE_EXISTING)
    assert second.run_id != first.run_id
    assert a.status(service, first) is Status.TERMINATED
    a.answer(service, h.CompleteWorkflowExecution())
    with a.refused(ExecutionAlreadyStartedError):
        a.start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    third = a.start(service, "p", reuse_policy=ReusePolicy.ALLOW)
    a.answer(service, h.FailWorkflowExecution(reason="x"))
    with a.refused(ExecutionAlreadyStartedError):
        a.start(service, "p", reuse_policy=ReusePolicy.REJECT)
    fourth = a.start(service, "p", reuse_policy=ReusePolicy.ALLOW_AFTER_FAILURE)
    assert len({first.run_id, second.run_id, third.run_id, fourth.run_id}) == 4
    newest = h.WorkflowExecution("p", "")
    assert service.describe(a.DOMAIN, newest).info.run_id == fourth.run_id
