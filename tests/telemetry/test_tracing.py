"""From the start in a client to the last activity of a child: one trace, whoever dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import StatusCode

from partita import Retry, activity, continue_as_new, workflow
from partita.client import Client
from partita.engine import Engine
from partita.errors import InvalidOptionError, WorkflowFailedError
from partita.history import WorkflowExecutionStarted
from partita.ports.service import StartRequest
from partita.stores.sqlite.store import SqliteStore
from partita.telemetry import use_tracing
from partita.worker import PollingWorker, Worker
from tests.conftest import Rig, until
from tests.replay.conftest import ForgetfulWorker, worker
from tests.telemetry import killed_workflow
from tests.telemetry.conftest import Traced, id_of, trace_of
from tests.telemetry.span_activities import (
    in_a_process,
    on_a_loop,
    on_a_loop_in_a_process,
    on_a_thread,
)
from tests.worker import jobs

FLOW = Path(__file__).parent / "killed_workflow.py"


@activity(retry=Retry(max_attempts=2, initial_interval=0))
def pack(item: str) -> str:
    return f"{item} packed"


@workflow
def parcel(item: str) -> str:
    return pack(item)


@activity
def weigh(item: str) -> int:
    return len(item)


@workflow
def order(item: str) -> list[object]:
    return [weigh(item), parcel(item)]


@workflow
def countdown(left: int) -> str:
    weigh("x" * left)
    if left:
        continue_as_new(left - 1)
    return "lift-off"


@activity
def leak(secret: str) -> str:
    raise ValueError(f"the password is {secret}")


@workflow
def leaking(secret: str) -> str:
    return leak(secret)


@workflow
def broken_decider() -> str:
    return repr(object())


@workflow
def everywhere() -> list[str]:
    looped, processed = on_a_loop.submit(), on_a_loop_in_a_process.submit()
    return [on_a_thread(), looped.result(), in_a_process(), processed.result()]


@workflow
def hurried(path: str) -> str:
    try:
        jobs.stuck(path)
    except TimeoutError:
        return "late"
    return "in time"


ORDER: list[Any] = [order, parcel, pack, weigh]


def begun(events: list[Any]) -> WorkflowExecutionStarted:
    assert isinstance(events[0], WorkflowExecutionStarted)
    return events[0]


def test_a_start_its_execution_activities_and_children_are_one_trace(
    rig: Rig, traced: Traced
) -> None:
    with rig.worker(*ORDER), traced.tracer.start_as_current_span("checkout"):
        handle = rig.client.start(order, "tea")
        assert handle.result(timeout=20) == [3, "tea packed"]
    assert traced.parent("start order") == "checkout"
    assert traced.parent("workflow order") == "start order"
    assert traced.parent("activity weigh") == "workflow order"
    assert traced.parent("workflow parcel") == "workflow order"
    assert traced.parent("activity pack") == "workflow parcel"
    assert len({trace_of(span) for span in traced.spans}) == 1
    trace_context = begun(handle.history()).trace_context
    assert trace_context is not None
    assert trace_context.split("-")[2] == f"{id_of(traced.one('start order')):016x}"


def test_spans_say_which_execution_they_are_of(memory_rig: Rig, traced: Traced) -> None:
    with memory_rig.worker(*ORDER):
        handle = memory_rig.client.start_with(order, ["tea"], workflow_id="o-1")
        handle.result(timeout=20)
    for name in ("start order", "workflow order", "activity weigh"):
        attributes = traced.one(name).attributes or {}
        assert attributes["partita.workflow_id"] == "o-1"
        assert attributes["partita.run_id"] == handle.run_id
        assert attributes["partita.domain"] == "default"
    attributes = traced.one("activity weigh").attributes or {}
    assert (attributes["partita.attempt"], attributes["partita.outcome"]) == (1, "completed")
    ended = traced.one("workflow order")
    events = handle.history()
    assert ended.start_time == round(events[0].event_timestamp * 1e9)
    assert ended.end_time == round(events[-1].event_timestamp * 1e9)
    assert (ended.attributes or {})["partita.status"] == "COMPLETED"


def test_what_is_replayed_is_not_emitted_again(memory_rig: Rig, traced: Traced) -> None:
    with worker(memory_rig, *ORDER, kind=ForgetfulWorker):
        handle = memory_rig.client.start(order, "tea")
        handle.result(timeout=20)
        traced.one("workflow order")
    names = traced.names()
    decided = sum(
        event.event_type == "DecisionTaskCompleted"
        for one in (handle, memory_rig.client.handle(child_id(handle.history())))
        for event in one.history()
    )
    assert sum(name.startswith("decide ") for name in names) == decided
    others = [name for name in names if not name.startswith("decide ")]
    assert others == sorted(
        ["start order", "workflow order", "activity weigh", "workflow parcel", "activity pack"]
    )


def child_id(events: list[Any]) -> str:
    (found,) = [one for one in events if one.event_type == "ChildWorkflowExecutionStarted"]
    return str(found.workflow_execution.workflow_id)


def test_the_runs_that_a_workflow_continues_for_stay_in_its_trace(
    memory_rig: Rig, traced: Traced
) -> None:
    with memory_rig.worker(countdown, weigh):
        assert memory_rig.client.start(countdown, 2).result(timeout=20) == "lift-off"
    until(lambda: traced.names().count("workflow countdown") == 3)
    assert len({trace_of(span) for span in traced.spans}) == 1
    statuses = [
        (span.attributes or {})["partita.status"]
        for span in traced.spans
        if span.name == "workflow countdown"
    ]
    assert statuses == ["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "COMPLETED"]


def test_an_activity_runs_within_its_span_wherever_it_runs(memory_rig: Rig, traced: Traced) -> None:
    names = ["on_a_thread", "on_a_loop", "in_a_process", "on_a_loop_in_a_process"]
    works = [on_a_thread, on_a_loop, in_a_process, on_a_loop_in_a_process]
    with memory_rig.worker(everywhere, *works):
        found = memory_rig.client.start(everywhere).result(timeout=60)
    spans = [traced.one(f"activity {name}") for name in names]
    assert found == [f"{trace_of(span):032x}-{id_of(span):016x}" for span in spans]


def test_an_untraced_start_begins_a_trace_that_is_named_after_its_run(
    memory_rig: Rig, traced: Traced
) -> None:
    request = StartRequest(workflow_id="o-2", workflow_type=order.workflow_type, input='["tea"]')
    with memory_rig.worker(*ORDER):
        started = memory_rig.engine.start_workflow_execution(request)
        memory_rig.client.result("o-2", timeout=20)
    root = traced.one("workflow order")
    assert root.parent is None
    assert f"{trace_of(root):032x}" == started.run_id
    assert traced.parent("workflow parcel") == "workflow order"
    assert {trace_of(span) for span in traced.spans} == {trace_of(root)}


def test_an_untraced_worker_hands_the_trace_on(memory_rig: Rig) -> None:
    traced = Traced(TracerProvider(shutdown_on_exit=False))
    end = use_tracing(traced.provider)
    handle = memory_rig.client.start(order, "tea")
    end()
    with memory_rig.worker(*ORDER):
        handle.result(timeout=20)
    child = memory_rig.client.history(child_id(handle.history()))
    assert begun(child).trace_context == begun(handle.history()).trace_context is not None
    assert traced.names() == ["start order"]


def test_tracing_anew_ends_the_tracing_before(memory_rig: Rig, traced: Traced) -> None:
    after = Traced(TracerProvider(shutdown_on_exit=False))
    end = use_tracing(after.provider)
    with memory_rig.worker(*ORDER):
        memory_rig.client.start(order, "tea").result(timeout=20)
        after.one("workflow order")
    end()
    assert traced.names() == []


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(TraceIdRatioBased(0.0))])
def test_what_is_not_sampled_is_not_emitted(memory_rig: Rig, sampler: Any) -> None:
    quiet = Traced(TracerProvider(sampler=sampler, shutdown_on_exit=False))
    end = use_tracing(quiet.provider)
    untraced = StartRequest(workflow_id="o", workflow_type=order.workflow_type, input='["tea"]')
    with memory_rig.worker(*ORDER):
        memory_rig.client.start(order, "tea").result(timeout=20)
        memory_rig.engine.start_workflow_execution(untraced)
        memory_rig.client.result("o", timeout=20)
    memory_rig.engine.close()
    end()
    assert quiet.names() == []


def test_a_failure_marks_its_spans_and_tells_no_secret(memory_rig: Rig, traced: Traced) -> None:
    with memory_rig.worker(leaking, leak), pytest.raises(WorkflowFailedError):
        memory_rig.client.start(leaking, "s3cret").result(timeout=20)
    for name in ("activity leak", "workflow leaking"):
        span = traced.one(name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "ValueError"
    assert all("s3cret" not in span.to_json() for span in traced.spans)


def test_an_activity_that_is_killed_for_being_late_is_an_error(
    memory_rig: Rig, traced: Traced, tmp_path: Path
) -> None:
    with memory_rig.worker(hurried, jobs.stuck):
        assert memory_rig.client.start(hurried, str(tmp_path / "pid")).result(timeout=60) == "late"
    assert traced.one("activity stuck").status.description == "START_TO_CLOSE"


def test_a_start_with_a_signal_is_traced_as_any_other(memory_rig: Rig, traced: Traced) -> None:
    handle = memory_rig.client.start_with(order, ["tea"], workflow_id="o", signal=("go", 1))
    memory_rig.client.start_with(order, ["tea"], workflow_id="o", signal=("go", 2))
    assert traced.names() == ["start order", "start order"]
    first = f"{id_of(traced.spans[0]):016x}"
    assert (begun(handle.history()).trace_context or "").split("-")[2] == first


def test_a_refused_start_is_an_error_without_its_message(memory_rig: Rig, traced: Traced) -> None:
    memory_rig.client.start_with(order, ["tea"], workflow_id="o")
    with pytest.raises(Exception, match="belongs to a start"):
        memory_rig.client.start_with(order, ["coffee"], workflow_id="o")
    status = traced.spans[-1].status
    assert status.description == "ExecutionAlreadyStartedError"
    assert [span.name for span in traced.spans] == ["start order"] * 2


def test_a_worker_that_polls_makes_the_same_spans(memory_rig: Rig, traced: Traced) -> None:
    polling = PollingWorker(memory_rig.engine, workflows=[order, parcel], activities=[pack, weigh])
    handle = memory_rig.client.start(order, "tea")
    while polling.step():
        pass
    assert handle.result(timeout=20) == [3, "tea packed"]
    assert traced.parent("workflow order") == "start order"
    assert traced.parent("activity pack") == "workflow parcel"
    assert traced.parent("workflow parcel") == "workflow order"


def test_what_is_no_trace_context_is_refused(memory_rig: Rig) -> None:
    request = StartRequest(
        workflow_id="o", workflow_type=order.workflow_type, trace_context="00-abc"
    )
    with pytest.raises(InvalidOptionError, match="trace_context"):
        memory_rig.engine.start_workflow_execution(request)
    assert memory_rig.client.list().executions == ()


def test_without_opentelemetry_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "partita.telemetry.tracing", None)
    with pytest.raises(InvalidOptionError, match=re.escape("pip install 'partita[otel]'")):
        use_tracing()


def test_the_trace_goes_on_after_a_crash(tmp_path: Path, traced: Traced) -> None:
    """One process starts it and dies in the first activity; this one takes over."""
    file = tmp_path / "x.db"
    dead = subprocess.run(
        [sys.executable, str(FLOW), str(file)], capture_output=True, text=True, timeout=60
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    trace_id, span_id = dead.stdout.split()
    engine = Engine(SqliteStore(file))
    works: list[Any] = [killed_workflow.die_once, killed_workflow.pay]
    flows: list[Any] = [killed_workflow.shop, killed_workflow.till]
    with Worker(engine, workflows=flows, activities=works), Client(engine) as client:
        assert client.result("s", timeout=30) == "paid by pid " + str(os.getpid())
    above = traced.one("workflow shop").parent
    assert above is not None
    assert (f"{above.trace_id:032x}", f"{above.span_id:016x}") == (trace_id, span_id)
    assert traced.parent("activity die_once") == "workflow shop"
    assert traced.parent("workflow till") == "workflow shop"
    assert traced.parent("activity pay") == "workflow till"
    assert {trace_of(span) for span in traced.spans} == {int(trace_id, 16)}
