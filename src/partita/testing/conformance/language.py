"""Check what the workflow language needs of a service beyond Amazon SWF's own operations."""

from __future__ import annotations

from msgspec.structs import replace

from partita import errors
from partita import history as h
from partita.client.fallbacks import starts_of, waits_of
from partita.ports.capabilities import SupportsForks, SupportsLimits, SupportsQueries, supported
from partita.ports.service import ForkRequest, Service, StartRequest, TaskListLimits
from partita.ports.state import ExecutionFilter, Status
from partita.testing.clock import Clock
from partita.testing.conformance import arrange as a

REQUEST = StartRequest(workflow_id="w", workflow_type=a.FLOW, input="[1]")


@a.check
def signal_with_start_starts_or_signals(service: Service, _: Clock) -> None:
    first = starts_of(service).signal_with_start(REQUEST, "s", "1")
    assert starts_of(service).signal_with_start(replace(REQUEST, input="[2]"), "s", "2") == first
    events = a.decision_task(service).events
    signals = [event for event in events if isinstance(event, h.WorkflowExecutionSignaled)]
    assert [signal.input for signal in signals] == ["1", "2"]
    service.terminate_workflow_execution(a.DOMAIN, first, None)
    assert starts_of(service).signal_with_start(REQUEST, "s", "3").run_id != first.run_id


@a.check
def a_child_of_an_unknown_type_does_not_start(service: Service, _: Clock) -> None:
    kind = h.WorkflowType("nowhere")
    parent = a.started(service, h.StartChildWorkflowExecution(workflow_id="c", workflow_type=kind))
    assert "StartChildWorkflowExecutionFailed" in a.kinds(service, parent)
    with a.refused(errors.ExecutionNotFoundError):
        service.describe(a.DOMAIN, h.WorkflowExecution("c", ""))


@a.check
def unread_signals_go_on_to_the_next_run(service: Service, _: Clock) -> None:
    a.started(
        service,
        h.SignalExternalWorkflowExecution(workflow_id="w", signal_name="self"),
        h.ContinueAsNewWorkflowExecution(
            input="[2]", unread_signals=(h.SignalInput("a", "1"), h.SignalInput("b"))
        ),
        workflow_id="w",
    )
    events = service.history(a.DOMAIN, h.WorkflowExecution("w", ""))
    names = [e.signal_name for e in events if isinstance(e, h.WorkflowExecutionSignaled)]
    assert names == ["a", "b", "self"]


@a.check
def a_repeated_start_means_the_first_of_the_runs(service: Service, _: Clock) -> None:
    first = service.start_workflow_execution(REQUEST)
    a.answer(service, h.ContinueAsNewWorkflowExecution(input="[2]"))
    newest = service.describe(a.DOMAIN, h.WorkflowExecution("w", "")).info.run_id
    again = service.start_workflow_execution(REQUEST)
    assert again.run_id == newest != first.run_id
    with a.refused(errors.ExecutionAlreadyStartedError):
        service.start_workflow_execution(replace(REQUEST, input="[3]"))


@a.check
def search_attributes_are_set_merged_and_found(service: Service, _: Clock) -> None:
    execution = a.start(service, search_attributes={"size": 1, "kind": "x"})
    details = '{"size":null,"big":true}'
    a.answer(service, h.RecordMarker(marker_name="$search_attributes", details=details))
    info = service.describe(a.DOMAIN, execution).info
    assert info.search_attributes == {"kind": "x", "big": True}
    for attributes, count in (
        ((("kind", "x"),), 1),
        ((("kind", "x"), ("big", True)), 1),
        ((("size", 1),), 0),
        ((("big", 1),), 0),
    ):
        assert service.count_executions(ExecutionFilter(attributes=attributes)) == count


@a.check
def events_are_waited_for(service: Service, _: Clock) -> None:
    execution = a.start(service)
    assert waits_of(service).wait_history(a.DOMAIN, execution, 2, 0.01) == []
    a.answer(service, h.StartTimer(timer_id="t", start_to_fire=60.0))
    events = waits_of(service).wait_history(a.DOMAIN, execution, 2, 10)
    assert [event.event_id for event in events] == [3, 4, 5]
    service.terminate_workflow_execution(a.DOMAIN, execution, None)
    last = service.describe(a.DOMAIN, execution).info.event_count
    assert waits_of(service).wait_history(a.DOMAIN, execution, last, 10) == []


@a.check_for(SupportsQueries)
def a_query_without_a_worker_says_so(service: Service, _: Clock) -> None:
    queries = supported(service, SupportsQueries, "ask workers")
    with a.refused(errors.NoWorkerError):
        queries.query_workflow(a.DOMAIN, a.start(service), "state", None, 0.01)
    with a.refused(errors.ExecutionNotFoundError):
        queries.query_workflow(a.DOMAIN, h.WorkflowExecution("none", ""), "state", None)


@a.check_for(SupportsLimits)
def limits_are_kept_and_lifted(service: Service, clock: Clock) -> None:
    limits = supported(service, SupportsLimits, "limit")
    a.started(service, a.charge("a"), a.charge("b"), a.charge("c"))
    limits.set_limits(a.DOMAIN, a.TASK_LIST, TaskListLimits(concurrency=1))
    first = a.activity_task(service)
    a.no_activity_task(service)
    service.complete_activity(first.token, None)
    limits.set_limits(a.DOMAIN, a.TASK_LIST, TaskListLimits(per_second=1, burst=1))
    second = a.activity_task(service)
    a.no_activity_task(service)
    clock.advance(1.5)
    assert a.activity_task(service).activity_id != second.activity_id
    assert limits.limits(a.DOMAIN) == {a.TASK_LIST: TaskListLimits(per_second=1, burst=1)}
    limits.set_limits(a.DOMAIN, a.TASK_LIST, TaskListLimits())
    assert limits.limits(a.DOMAIN) == {}


def _two_done(service: Service) -> h.WorkflowExecution:
    """Leave a closed execution that has done two activities, one after the other."""
    execution = a.started(service, a.charge("a"))
    service.complete_activity(a.activity_task(service).token, '"one"')
    a.answer(service, a.charge("b"))
    service.complete_activity(a.activity_task(service).token, '"two"')
    a.answer(service, h.CompleteWorkflowExecution(result="1"))
    return execution


def _fork(service: Service, request: ForkRequest) -> h.WorkflowExecution:
    return supported(service, SupportsForks, "fork").fork_workflow_execution(request)


@a.check_for(SupportsForks)
def a_fork_reuses_results_up_to_its_event(service: Service, _: Clock) -> None:
    source = _two_done(service)
    events = service.history(a.DOMAIN, source)
    ends = [event.event_id for event in events if isinstance(event, h.ActivityTaskCompleted)]
    request = ForkRequest(workflow_id=source.workflow_id, new_workflow_id="f", event_id=ends[0])
    fork = _fork(service, request)
    assert fork.workflow_id == "f"
    a.answer(service, a.charge("a"))
    a.no_activity_task(service)
    task = a.decision_task(service)
    reused = [event for event in task.events if isinstance(event, h.ActivityTaskStarted)]
    assert [event.identity for event in reused] == [f"reused from run {source.run_id}"]
    service.complete_decision(task.token, [a.charge("b")])
    assert a.activity_task(service).activity_id == "b"
    begun = service.history(a.DOMAIN, fork)[0]
    assert isinstance(begun, h.WorkflowExecutionStarted)
    assert (begun.input, begun.original_run_id) == ("[1]", source.run_id)
    assert service.history(a.DOMAIN, source) == events


@a.check_for(SupportsForks)
def what_differs_is_done_again(service: Service, _: Clock) -> None:
    source = _two_done(service)
    _fork(
        service,
        ForkRequest(workflow_id=source.workflow_id, new_workflow_id="f", results={"a": "7"}),
    )
    a.answer(service, a.charge("a"), a.charge("b", input="[3]"))
    assert a.activity_task(service).activity_id == "b"
    results = [
        event.result
        for event in service.history(a.DOMAIN, h.WorkflowExecution("f", ""))
        if isinstance(event, h.ActivityTaskCompleted)
    ]
    assert results == ["7"]


@a.check_for(SupportsForks)
def a_reset_replaces_the_open_run(service: Service, _: Clock) -> None:
    source = a.started(service, a.charge("a"))
    service.signal_workflow_execution(a.DOMAIN, source, "s", "1")
    reset = _fork(service, ForkRequest(workflow_id=source.workflow_id, event_id=1))
    assert a.status(service, source) is Status.TERMINATED
    a.answer(service)
    assert "WorkflowExecutionSignaled" in a.kinds(service, reset)


@a.check_for(SupportsForks)
def a_fork_goes_to_its_sources_task_list_or_another(service: Service, _: Clock) -> None:
    source = _two_done(service)
    for given, has in ((None, a.TASK_LIST), ("another", "another")):
        request = ForkRequest(
            workflow_id=source.workflow_id, new_workflow_id=f"fork to {has}", task_list=given
        )
        fork = _fork(service, request)
        task = service.poll_decision_task(a.DOMAIN, has)
        assert task is not None
        assert task.workflow_execution == fork
        assert service.describe(a.DOMAIN, fork).info.task_list == has


@a.check_for(SupportsForks)
def fork_points_must_be_there(service: Service, _: Clock) -> None:
    source = _two_done(service)
    other = a.start(service, "other")
    for wrong in (0, 99):
        with a.refused(errors.UnknownForkPointError):
            _fork(service, ForkRequest(workflow_id=source.workflow_id, event_id=wrong))
    with a.refused(errors.UnknownForkPointError):
        _fork(service, ForkRequest(workflow_id=source.workflow_id, results={"z": "1"}))
    with a.refused(errors.ExecutionNotFoundError):
        _fork(service, ForkRequest(workflow_id="none"))
    with a.refused(errors.ExecutionAlreadyStartedError):
        _fork(service, ForkRequest(workflow_id=source.workflow_id, new_workflow_id="other"))
    assert a.status(service, other) is Status.OPEN
