"""Check how executions are signalled, ended, described, listed and counted."""

from __future__ import annotations

from partita import history as h
from partita.client.fallbacks import waits_of
from partita.errors import ExecutionNotFoundError, TaskLostError
from partita.ports.service import Service
from partita.ports.state import ExecutionFilter, Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a


@a.check
def signals_and_cancel_requests_are_recorded(service: Service, _: Clock) -> None:
    execution = a.start(service)
    service.signal_workflow_execution(a.DOMAIN, execution, "hello", '"you"')
    service.request_cancel_workflow_execution(a.DOMAIN, execution)
    service.request_cancel_workflow_execution(a.DOMAIN, execution)
    assert a.kinds(service, execution)[2:] == [
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
    ]
    assert service.describe(a.DOMAIN, execution).info.cancel_requested


@a.check
def a_closed_execution_takes_nothing_more(service: Service, _: Clock) -> None:
    execution = a.started(service, a.charge())
    task = a.activity_task(service)
    service.terminate_workflow_execution(a.DOMAIN, execution, "enough")
    assert a.status(service, execution) is Status.TERMINATED
    with a.refused(TaskLostError):
        service.complete_activity(task.token, "1")
    with a.refused(ExecutionNotFoundError):
        service.signal_workflow_execution(a.DOMAIN, execution, "s", None)
    with a.refused(ExecutionNotFoundError):
        service.terminate_workflow_execution(a.DOMAIN, execution, None)
    a.no_decision_task(service)


@a.check
def what_is_not_there_is_not_found(service: Service, _: Clock) -> None:
    nobody = h.WorkflowExecution("nobody", "")
    for look in (service.describe, service.history, service.request_cancel_workflow_execution):
        with a.refused(ExecutionNotFoundError):
            look(a.DOMAIN, nobody)
    with a.refused(ExecutionNotFoundError):
        waits_of(service).wait_closed(a.DOMAIN, nobody, 0)


@a.check
def the_execution_timeout_closes_it(service: Service, clock: Clock) -> None:
    execution = a.start(service, execution_start_to_close=60.0)
    clock.advance(61)
    a.no_decision_task(service)
    assert a.status(service, execution) is Status.TIMED_OUT


@a.check
def timers_fire(service: Service, clock: Clock) -> None:
    execution = a.started(service, h.StartTimer(timer_id="t", start_to_fire=30.0))
    assert service.describe(a.DOMAIN, execution).timers[0].id == "t"
    clock.advance(29)
    a.no_decision_task(service)
    clock.advance(1)
    assert a.decision_task(service).events[-3].event_type == "TimerFired"


@a.check
def waiting_for_the_end_gives_up_in_time(service: Service, _: Clock) -> None:
    execution = a.start(service)
    assert waits_of(service).wait_closed(a.DOMAIN, execution, 0.01) is None
    a.answer(service, h.CompleteWorkflowExecution(result="1"))
    info = waits_of(service).wait_closed(a.DOMAIN, execution, 10)
    assert info is not None
    assert info.status is Status.COMPLETED
    assert info.closed_at is not None


@a.check
def executions_are_described_listed_and_counted(service: Service, _: Clock) -> None:
    first = a.start(service, tag_list=("t",))
    task = a.decision_task(service)
    service.complete_decision(
        task.token, [a.charge("a"), h.StartTimer(timer_id="t", start_to_fire=9)]
    )
    second = a.start(service)
    detail = service.describe(a.DOMAIN, first)
    assert [item.id for item in detail.activities] == ["a"]
    assert [item.id for item in detail.timers] == ["t"]
    assert detail.decision is None
    assert service.describe(a.DOMAIN, second).decision is not None
    assert detail.info.event_count == len(service.history(a.DOMAIN, first))
    page = service.list_executions(ExecutionFilter(limit=1))
    assert [info.run_id for info in page.executions] == [second.run_id]
    rest = service.list_executions(ExecutionFilter(limit=1, before_run=page.next_page))
    assert [info.run_id for info in rest.executions] == [first.run_id]
    assert service.count_executions(ExecutionFilter()) == 2
    assert service.count_executions(ExecutionFilter(tag="t")) == 1
    assert service.history(a.DOMAIN, first, after=2)[0].event_id == 3
