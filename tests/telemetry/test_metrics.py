"""What Prometheus is told: what was committed here, once; and what waits."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from partita import Retry, activity, activity_info, workflow
from partita.errors import InvalidOptionError, StoreUnavailableError, WorkflowFailedError
from partita.history import WorkflowExecution, WorkflowExecutionCompleted, WorkflowType
from partita.ports.notices import Notice
from partita.ports.service import StartRequest
from partita.ports.state import Backlog
from partita.telemetry import use_metrics
from partita.telemetry.gauges import MAX_LABEL_VALUES, OTHER, BacklogCollector
from partita.telemetry.metrics import Metrics
from tests.conftest import Rig, until


@activity(retry=Retry(max_attempts=3, initial_interval=0))
def flaky() -> int:
    if activity_info().attempt < 3:
        raise ValueError
    return activity_info().attempt


@activity
def hopeless() -> None:
    raise ValueError


@workflow
def lucky() -> int:
    return flaky()


@workflow
def unlucky() -> None:
    hopeless()


class Read:
    """The values of a registry."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"partita_{name}", labels)


def measured(rig: Rig, worker: Any = None) -> Read:
    return Read(use_metrics(rig.engine, worker, registry=CollectorRegistry()))


def test_executions_decisions_and_activities_are_counted(rig: Rig) -> None:
    worker = rig.worker(lucky, flaky, unlucky, hopeless)
    read = measured(rig, worker)
    with worker:
        assert rig.client.start(lucky).result(timeout=20) == 3
        with pytest.raises(WorkflowFailedError):
            rig.client.start(unlucky).result(timeout=20)
        until(lambda: read("executions_closed_total", workflow_type="unlucky", status="failed"))
    assert read("executions_started_total", workflow_type="lucky") == 1
    assert read("executions_closed_total", workflow_type="lucky", status="completed") == 1
    assert read("decision_tasks_total", workflow_type="lucky", outcome="completed") == 2
    assert read("activities_total", activity_type="flaky", outcome="completed") == 1
    assert read("activities_total", activity_type="hopeless", outcome="failed") == 1
    assert read("activity_retries_total", activity_type="flaky", cause="failed") == 2
    assert read("activity_schedule_to_start_seconds_count", activity_type="flaky") == 3
    for outcome, count in (("completed", 1), ("failed", 2)):
        runs = read("activity_run_seconds_count", activity_type="flaky", outcome=outcome)
        assert runs == count
    lived = read("execution_seconds_count", workflow_type="lucky", status="completed")
    assert lived == 1
    assert (read("commit_seconds_count") or 0) >= 5
    assert read("commit_seconds_count") == read("commit_requests_count")
    assert read("tasks_lost_total") == 0


def test_a_start_in_another_process_is_counted_where_it_is_decided(memory_rig: Rig) -> None:
    request = StartRequest(workflow_id="w", workflow_type=lucky.workflow_type)
    memory_rig.engine.start_workflow_execution(request)  # nobody measures yet
    read = measured(memory_rig)
    with memory_rig.worker(lucky, flaky):
        memory_rig.client.result("w", timeout=20)
        until(lambda: read("executions_started_total", workflow_type="lucky") == 1)


@activity
def slow(gate: str) -> str:
    Path(gate).touch()
    assert GATE.wait(20)
    return "late"


@workflow
def waits(gate: str) -> str:
    return slow(gate)


GATE = threading.Event()


def test_late_results_and_what_runs_are_told(memory_rig: Rig, tmp_path: Path) -> None:
    GATE.clear()
    worker = memory_rig.worker(waits, slow, slots=7)
    read = measured(memory_rig, worker)
    with worker:
        handle = memory_rig.client.start(waits, str(tmp_path / "begun"))
        until((tmp_path / "begun").exists)
        assert (read("running_activities"), read("live_runs"), read("slots")) == (1, 1, 7)
        handle.terminate()
        GATE.set()
        until(lambda: read("tasks_lost_total") == 1)
        closed = {"workflow_type": "waits", "status": "terminated"}
        until(lambda: read("executions_closed_total", **closed) == 1)


def test_task_lists_that_nobody_serves_grow(rig: Rig) -> None:
    read = measured(rig)
    for _ in range(3):
        rig.client.start_with(lucky, task_list="far")
    assert read("task_list_depth", kind="decision", task_list="far") == 3
    assert (read("task_list_oldest_seconds", kind="decision", task_list="far") or -1) >= 0
    assert read("store_up") == 1


class Backlogged:
    """A service whose database says what a test wants."""

    def __init__(self, say: Callable[[], list[Backlog]]) -> None:
        self._say = say

    def backlogs(self, domain: str) -> list[Backlog]:
        return self._say()


def gauges(say: Callable[[], list[Backlog]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    service: Any = Backlogged(say)
    registry.register(BacklogCollector(service, "default", lambda: 100.0))
    return registry


def test_a_database_out_of_reach_is_told_and_hides_nothing_else() -> None:
    def away() -> list[Backlog]:
        raise StoreUnavailableError("away")

    assert gauges(away).get_sample_value("partita_store_up") == 0


def test_label_values_are_bounded(memory_rig: Rig) -> None:
    many = [
        Backlog(kind="activity", task_list=f"t{n}", count=1000 - n, since=90.0 - n)
        for n in range(MAX_LABEL_VALUES + 5)
    ]
    registry = gauges(lambda: many)
    others = {"kind": "activity", "task_list": OTHER}
    assert registry.get_sample_value("partita_task_list_depth", others) == 5 * 1000 - sum(
        range(MAX_LABEL_VALUES, MAX_LABEL_VALUES + 5)
    )
    oldest = registry.get_sample_value("partita_task_list_oldest_seconds", others)
    assert oldest == 100.0 - (90.0 - MAX_LABEL_VALUES - 4)

    read = measured(memory_rig)
    for number in range(MAX_LABEL_VALUES + 5):
        read.metrics(closing(f"type {number}"))
    closed = {"status": "completed", "workflow_type": OTHER}
    assert read("executions_closed_total", **closed) == 5


def closing(name: str) -> Notice:
    event = WorkflowExecutionCompleted(
        event_id=9, event_timestamp=1.0, decision_task_completed_event_id=8
    )
    return Notice(
        name="process_completed",
        domain="default",
        execution=WorkflowExecution("w", "r"),
        workflow_type=WorkflowType(name),
        time=1.0,
        event=event,
    )


def test_metrics_of_its_own_registry_tell_of_the_process_too(memory_rig: Rig) -> None:
    body, content_type = use_metrics(memory_rig.engine).render()
    assert b"process_resident_memory_bytes" in body
    assert content_type.startswith("text/plain")
    opened, content_type = use_metrics(memory_rig.engine).render("application/openmetrics-text")
    assert opened.endswith(b"# EOF\n")
    assert content_type.startswith("application/openmetrics-text")


def test_without_prometheus_client_it_is_said_what_to_install(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "partita.telemetry.metrics", None)
    with pytest.raises(InvalidOptionError, match=r"pip install 'partita\[metrics\]'"):
        use_metrics(memory_rig.engine)


def test_every_metric_is_documented(memory_rig: Rig) -> None:
    page = (Path(__file__).parents[2] / "docs" / "observing.md").read_text("utf-8")
    read = measured(memory_rig, memory_rig.worker(lucky, flaky))
    for family in read.metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"`{name}`" in page, name
