"""How decision tasks are handed out, answered and refused."""

from __future__ import annotations

from partita.errors import (
    DecisionRefusedError,
    TaskLostError,
)
from partita.history import (
    CompleteWorkflowExecution,
    RecordMarker,
)
from partita.ports.service import Service
from partita.ports.state import Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    TASK_LIST,
    answer,
    check,
    decision_task,
    kinds,
    refused,
    start,
    status,
)


@check
def a_decision_task_is_held_by_one(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    service.signal_workflow_execution(DOMAIN, execution, "s", None)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    service.complete_decision(task.token, [])
    again = decision_task(service)
    assert again.previous_started_event_id == task.started_event_id
    with refused(TaskLostError):
        service.complete_decision(task.token, [])


@check
def decisions_that_contradict_themselves_change_nothing(service: Service, _: Clock) -> None:
    execution = start(service)
    task = decision_task(service)
    before = service.history(DOMAIN, execution)
    with refused(DecisionRefusedError):
        service.complete_decision(
            task.token, [CompleteWorkflowExecution(), RecordMarker(marker_name="m")]
        )
    assert service.history(DOMAIN, execution) == before
    service.complete_decision(task.token, [CompleteWorkflowExecution()])


@check
def a_failed_decision_is_tried_again_later(service: Service, clock: Clock) -> None:
    execution = start(service)
    service.fail_decision(decision_task(service).token, "BROKEN", "no such function")
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    clock.advance(60)
    answer(service, CompleteWorkflowExecution())
    assert status(service, execution) is Status.COMPLETED
    assert "DecisionTaskFailed" in kinds(service, execution)


@check
def a_late_decision_is_refused(service: Service, clock: Clock) -> None:
    start(service, task_start_to_close=10.0)
    task = decision_task(service)
    clock.advance(11)
    with refused(TaskLostError):
        service.complete_decision(task.token, [])
    assert decision_task(service).started_event_id > task.started_event_id
