"""How an execution as a whole is spoken to, ended and looked at."""

from __future__ import annotations

from partita.errors import (
    ExecutionNotFoundError,
    TaskLostError,
)
from partita.history import (
    CompleteWorkflowExecution,
    StartTimer,
    WorkflowExecution,
)
from partita.ports.service import Service
from partita.ports.state import ExecutionFilter, Status
from partita.testing.clock import Clock
from partita.testing.conformance.arrange import (
    DOMAIN,
    TASK_LIST,
    activity_task,
    answer,
    charge,
    check,
    decision_task,
    kinds,
    refused,
    start,
    started,
    status,
)


@check
def signals_and_cancel_requests_are_recorded(service: Service, _: Clock) -> None:
    execution = start(service)
    service.signal_workflow_execution(DOMAIN, execution, "hello", '"you"')
    service.request_cancel_workflow_execution(DOMAIN, execution)
    service.request_cancel_workflow_execution(DOMAIN, execution)
    assert kinds(service, execution)[2:] == [
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
    ]
    assert service.describe(DOMAIN, execution).info.cancel_requested


@check
def a_closed_execution_takes_nothing_more(service: Service, _: Clock) -> None:
    execution = started(service, charge())
    task = activity_task(service)
    service.terminate_workflow_execution(DOMAIN, execution, "enough")
    assert status(service, execution) is Status.TERMINATED
    with refused(TaskLostError):
        service.complete_activity(task.token, "1")
    with refused(ExecutionNotFoundError):
        service.signal_workflow_execution(DOMAIN, execution, "s", None)
    with refused(ExecutionNotFoundError):
        service.terminate_workflow_execution(DOMAIN, execution, None)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None


@check
def what_is_not_there_is_not_found(service: Service, _: Clock) -> None:
    nobody = WorkflowExecution("nobody", "")
    for look in (service.describe, service.history, service.request_cancel_workflow_execution):
        with refused(ExecutionNotFoundError):
            look(DOMAIN, nobody)
    with refused(ExecutionNotFoundError):
        service.wait_closed(DOMAIN, nobody, 0)


@check
def the_execution_timeout_closes_it(service: Service, clock: Clock) -> None:
    execution = start(service, execution_start_to_close=60.0)
    clock.advance(61)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    assert status(service, execution) is Status.TIMED_OUT


@check
def timers_fire(service: Service, clock: Clock) -> None:
    execution = started(service, StartTimer(timer_id="t", start_to_fire=30.0))
    assert service.describe(DOMAIN, execution).timers[0].id == "t"
    clock.advance(29)
    assert service.poll_decision_task(DOMAIN, TASK_LIST) is None
    clock.advance(1)
    assert decision_task(service).events[-3].event_type == "TimerFired"


@check
def waiting_for_the_end_gives_up_in_time(service: Service, _: Clock) -> None:
    execution = start(service)
    assert service.wait_closed(DOMAIN, execution, 0.01) is None
    answer(service, CompleteWorkflowExecution(result="1"))
    info = service.wait_closed(DOMAIN, execution, 10)
    assert info is not None
    assert info.status is Status.COMPLETED
    assert info.closed_at is not None


@check
def executions_are_described_listed_and_counted(service: Service, _: Clock) -> None:
    first = start(service, tag_list=("t",))
    task = decision_task(service)
    service.complete_decision(task.token, [charge("a"), StartTimer(timer_id="t", start_to_fire=9)])
    second = start(service)
    detail = service.describe(DOMAIN, first)
    assert [item.id for item in detail.activities] == ["a"]
    assert [item.id for item in detail.timers] == ["t"]
    assert detail.decision is None
    assert service.describe(DOMAIN, second).decision is not None
    assert detail.info.event_count == len(service.history(DOMAIN, first))
    page = service.list_executions(ExecutionFilter(limit=1))
    assert [info.run_id for info in page.executions] == [second.run_id]
    rest = service.list_executions(ExecutionFilter(limit=1, before_run=page.next_page))
    assert [info.run_id for info in rest.executions] == [first.run_id]
    assert service.count_executions(ExecutionFilter()) == 2
    assert service.count_executions(ExecutionFilter(tag="t")) == 1
    assert service.history(DOMAIN, first, after=2)[0].event_id == 3
