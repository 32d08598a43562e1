"""Count and measure what this process commits, and what waits for it, for Prometheus.

Fed by notices, so each process counts what it has committed itself, once; sums over all
processes are the whole. What only the database knows is asked when somebody looks. Labels are
names from code, never ids, and each label has at most `LIMIT` values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

from partita import history as h
from partita.history.references import CLOSING
from partita.ports.notices import Notice
from partita.ports.service import Service, Watchable
from partita.ports.state import DEFAULT_DOMAIN
from partita.telemetry.gauges import LIMIT, OTHER, Measured, Standing, Waiting

FIRST_TASK = 2
"""The event that schedules an execution's first decision task; event 1 is the start."""

SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LONG = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 21600, 86400, 604800, 2592000)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Bounds of histograms: seconds, seconds, requests."""

_ACTIVITY_ENDED: dict[type[Any], str] = {
    h.ActivityTaskCompleted: "completed",
    h.ActivityTaskFailed: "failed",
    h.ActivityTaskTimedOut: "timed_out",
    h.ActivityTaskCanceled: "canceled",
}
_DECISION_ENDED: dict[type[Any], str] = {
    h.DecisionTaskCompleted: "completed",
    h.DecisionTaskFailed: "failed",
    h.DecisionTaskTimedOut: "timed_out",
}


class Metrics:
    """The metrics of one process. A listener, and what hears of commits."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
        self.registry = registry
        self._labels: dict[str, set[str]] = {}
        self._make_counters()
        self._make_histograms()

    def _make_counters(self) -> None:
        def counter(name: str, help: str, *labels: str) -> Counter:
            return Counter(name, help, labels, namespace="partita", registry=self.registry)

        self._started = counter(
            "executions_started", "Executions whose first decision was made.", "workflow_type"
        )
        self._closed = counter(
            "executions_closed", "Executions that ended.", "workflow_type", "status"
        )
        self._decisions = counter(
            "decision_tasks", "Decision tasks that ended.", "workflow_type", "outcome"
        )
        self._activities = counter(
            "activities", "Activities that ended for good.", "activity_type", "outcome"
        )
        self._retries = counter(
            "activity_retries", "Attempts that are made again.", "activity_type", "cause"
        )

    def _make_histograms(self) -> None:
        def histogram(name: str, help: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(
                name,
                help,
                labels,
                namespace="partita",
                registry=self.registry,
                buckets=tuple(buckets),
            )

        self._lifetimes = histogram(
            "execution_seconds", "From start to end.", LONG, "workflow_type", "status"
        )
        self._waits = histogram(
            "activity_schedule_to_start_seconds",
            "How long an attempt waited in its task list.",
            LONG,
            "activity_type",
        )
        self._runs = histogram(
            "activity_run_seconds", "How long an attempt ran.", LONG, "activity_type", "outcome"
        )
        self._commits = histogram(
            "commit_seconds", "A transaction, with the decisions made in it.", SHORT
        )
        self._sizes = histogram("commit_requests", "Requests that shared a transaction.", SIZES)

    # -- what happens ----------------------------------------------------------------------

    def committed(self, requests: int, seconds: float) -> None:
        """Hear of a commit."""
        self._commits.observe(seconds)
        self._sizes.observe(requests)

    def __call__(self, notice: Notice) -> None:
        """Count what a notice tells of."""
        event = notice.event
        if notice.activity is not None:
            self._count_activity(notice, event)
        elif type(event) in _DECISION_ENDED:
            self._count_decision(notice, event)
        elif type(event) in CLOSING:
            name = self._label("workflow_type", notice.workflow_type.name)
            status = CLOSING[type(event)].lower()
            self._closed.labels(name, status).inc()
            self._lifetimes.labels(name, status).observe(max(0.0, notice.time - notice.started_at))

    def _count_decision(self, notice: Notice, event: h.AnyEvent | None) -> None:
        name = self._label("workflow_type", notice.workflow_type.name)
        self._decisions.labels(name, _DECISION_ENDED[type(event)]).inc()
        if isinstance(event, h.DecisionTaskCompleted) and event.scheduled_event_id == FIRST_TASK:
            self._started.labels(name).inc()

    def _count_activity(self, notice: Notice, event: h.AnyEvent | None) -> None:
        activity = notice.activity
        assert activity is not None
        name = self._label("activity_type", activity.activity_type.name)
        ran = max(0.0, notice.time - activity.started_at) if activity.started_event_id else None
        outcome = _ACTIVITY_ENDED.get(type(event))
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
        """Return a label's value, or what stands for one value too many."""
        known = self._labels.setdefault(label, set())
        if value not in known:
            if len(known) >= LIMIT:
                return OTHER
            known.add(value)
        return value

    # -- what is asked when somebody looks -------------------------------------------------

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics in the format that an `Accept` header asks for, and its name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def use_metrics(
    service: Service,
    worker: Measured | None = None,
    *,
    registry: CollectorRegistry | None = None,
    clock: Callable[[], float] = time.time,
) -> Metrics:
    """Measure a service of this process, and the worker that it serves, from now on.

    Without `registry` it is a new one, with the process's own memory and CPU beside it.
    """
    metrics = Metrics(registry)
    service.listen(metrics)
    if isinstance(service, Watchable):
        service.on_commit(metrics.committed)
        domain = DEFAULT_DOMAIN if worker is None else worker.domain
        metrics.registry.register(Waiting(service, domain, clock))
    if worker is not None:
        metrics.registry.register(Standing(worker))
    return metrics
