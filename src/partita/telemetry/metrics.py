"""Count and measure for Prometheus what this process commits.

Each process counts what it has committed itself, from its notices, so the sum over all processes
is the whole. Current values come from `gauges`. Labels are names from code, never ids, and each
label has at most `MAX_LABEL_VALUES` values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from partita import history as h
from partita.history.references import CLOSING
from partita.ports.capabilities import (
    SupportsFollowing,
    SupportsNotices,
    Watchable,
    supported,
    supports,
)
from partita.ports.notices import Notice
from partita.ports.service import Service
from partita.ports.state import DEFAULT_DOMAIN
from partita.telemetry.gauges import (
    MAX_LABEL_VALUES,
    OTHER,
    BacklogCollector,
    MeasuredWorker,
    WorkerCollector,
)

FIRST_DECISION_EVENT_ID = 2
"""The event that schedules an execution's first decision task; event 1 is the start."""

COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LONG_SECONDS = (
    0.005,
    0.025,
    0.1,
    0.5,
    1,
    5,
    15,
    60,
    300,
    1800,
    3600,
    21600,
    86400,
    604800,
    2592000,
)
COMMIT_REQUESTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Bucket bounds of histograms."""

_ACTIVITY_OUTCOMES: dict[type[Any], str] = {
    h.ActivityTaskCompleted: "completed",
    h.ActivityTaskFailed: "failed",
    h.ActivityTaskTimedOut: "timed_out",
    h.ActivityTaskCanceled: "canceled",
}
_DECISION_OUTCOMES: dict[type[Any], str] = {
    h.DecisionTaskCompleted: "completed",
    h.DecisionTaskFailed: "failed",
    h.DecisionTaskTimedOut: "timed_out",
}


class Metrics:
    """The metrics of one process: a listener for its notices and its commits."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
        self.registry = registry
        self._label_values: dict[str, set[str]] = {}
        workflow, activity = "workflow_type", "activity_type"
        count, measure = self._counter, self._histogram
        self._started = count(
            "executions_started", "Executions whose first decision was made.", workflow
        )
        self._closed = count("executions_closed", "Executions that ended.", workflow, "status")
        self._decisions = count("decision_tasks", "Decision tasks that ended.", workflow, "outcome")
        self._activities = count(
            "activities", "Activities that ended for good.", activity, "outcome"
        )
        self._retries = count(
            "activity_retries", "Attempts that are made again.", activity, "cause"
        )
        self._lifetimes = measure(
            "execution_seconds", "From start to end.", LONG_SECONDS, workflow, "status"
        )
        self._waits = measure(
            "activity_schedule_to_start_seconds",
            "How long an attempt waited in its task list.",
            LONG_SECONDS,
            activity,
        )
        self._runs = measure(
            "activity_run_seconds", "How long an attempt ran.", LONG_SECONDS, activity, "outcome"
        )
        self._commits = measure(
            "commit_seconds", "A transaction, with the decisions made in it.", COMMIT_SECONDS
        )
        self._commit_requests = measure(
            "commit_requests", "Requests that shared a transaction.", COMMIT_REQUESTS
        )

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(name, help, labels, namespace="partita", registry=self.registry)

    def _histogram(self, name: str, help: str, buckets: Sequence[float], *labels: str) -> Histogram:
        registry = self.registry
        return Histogram(
            name, help, labels, namespace="partita", registry=registry, buckets=buckets
        )

    def count_commit(self, requests: int, seconds: float) -> None:
        """Count a commit."""
        self._commits.observe(seconds)
        self._commit_requests.observe(requests)

    def __call__(self, notice: Notice) -> None:
        """Count the event of a notice."""
        event = notice.event
        if notice.activity is not None:
            self._count_activity(notice, event)
        elif type(event) in _DECISION_OUTCOMES:
            self._count_decision(notice, event)
        elif type(event) in CLOSING:
            name = self._label("workflow_type", notice.workflow_type.name)
            status = CLOSING[type(event)].lower()
            self._closed.labels(name, status).inc()
            self._lifetimes.labels(name, status).observe(max(0.0, notice.time - notice.started_at))

    def _count_decision(self, notice: Notice, event: h.AnyEvent | None) -> None:
        name = self._label("workflow_type", notice.workflow_type.name)
        self._decisions.labels(name, _DECISION_OUTCOMES[type(event)]).inc()
        if (
            isinstance(event, h.DecisionTaskCompleted)
            and event.scheduled_event_id == FIRST_DECISION_EVENT_ID
        ):
            self._started.labels(name).inc()

    def _count_activity(self, notice: Notice, event: h.AnyEvent | None) -> None:
        activity = notice.activity
        assert activity is not None
        name = self._label("activity_type", activity.activity_type.name)
        ran = max(0.0, notice.time - activity.started_at) if activity.started_event_id else None
        outcome = _ACTIVITY_OUTCOMES.get(type(event))
        if isinstance(event, h.ActivityTaskStarted):
            self._waits.labels(name).observe(max(0.0, notice.time - activity.since))
        elif isinstance(event, h.ActivityTaskRescheduled):
            outcome = event.cause.value.lower()
            self._retries.labels(name, outcome).inc()
        elif outcome is not None:
            self._activities.labels(name, outcome).inc()
        if outcome is not None and ran is not None:
            self._runs.labels(name, outcome).observe(ran)

    def _label(self, label: str, value: str) -> str:
        """Return a label's value, or `OTHER` if the label has too many values already."""
        known = self._label_values.setdefault(label, set())
        if value not in known:
            if len(known) >= MAX_LABEL_VALUES:
                return OTHER
            known.add(value)
        return value

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics as an `Accept` header asks for them, and their content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # it names a version that is none
            encode, content_type = choose_encoder("")
        return encode(self.registry), content_type


def use_metrics(
    service: Service,
    worker: MeasuredWorker | None = None,
    *,
    registry: CollectorRegistry | None = None,
    clock: Callable[[], float] = time.time,
) -> Metrics:
    """Measure a service and its worker from now on; see `partita.telemetry.use_metrics`."""
    metrics = Metrics(registry)
    if not supports(service, SupportsFollowing):  # it would count what other processes count, too
        supported(service, SupportsNotices, "be measured: it tells of nothing").listen(metrics)
    if supports(service, Watchable):
        service.on_commit(metrics.count_commit)
        domain = DEFAULT_DOMAIN if worker is None else worker.domain
        metrics.registry.register(BacklogCollector(service, domain, clock))
    if worker is not None:
        metrics.registry.register(WorkerCollector(worker))
    return metrics
