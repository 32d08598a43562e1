"""Report current values to Prometheus: what waits in the database, what runs in the worker.

Values are read when the registry is scraped, the database once per scrape and with a time limit.
Events are counted in `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from partita.errors import StoreError
from partita.ports.capabilities import Watchable
from partita.ports.state import Backlog
from partita.telemetry.bounded_call import BoundedCall

MAX_LABEL_VALUES = 200
"""Values of one label; further ones are counted together as `OTHER`."""

OTHER = "(other)"


class MeasuredWorker(Protocol):
    """What is measured of a worker."""

    domain: str

    @property
    def lost_tasks(self) -> int:
        """Results that came too late to be used."""

    @property
    def tasks_given_back(self) -> int:
        """Activities that were given back because they did not run."""

    @property
    def slots(self) -> int:
        """The largest number of activities that run at a time."""

    @property
    def running_activities(self) -> int:
        """The number of activities that run now."""

    @property
    def live_runs(self) -> int:
        """The number of workflows that are kept in memory between their decisions."""


class BacklogCollector:
    """Report the open tasks of each task list, and whether the database answers."""

    def __init__(self, service: Watchable, domain: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._backlogs = BoundedCall(lambda: service.backlogs(domain))

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not query the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        backlogs: list[Backlog] = []
        reachable = 1
        try:
            backlogs = self._backlogs()
        except (StoreError, TimeoutError):
            reachable = 0
        yield GaugeMetricFamily("partita_store_up", "Whether the database answers.", reachable)
        labels = ("kind", "task_list")
        depth = GaugeMetricFamily(
            "partita_task_list_depth", "Tasks that wait to be taken.", labels=labels
        )
        age = GaugeMetricFamily(
            "partita_task_list_oldest_seconds", "How long the oldest has waited.", labels=labels
        )
        for values, count, since in _limit_labels(backlogs):
            depth.add_metric(values, count)
            age.add_metric(values, max(0.0, self._clock() - since))
        yield depth
        yield age


def _limit_labels(backlogs: Iterable[Backlog]) -> Iterator[tuple[tuple[str, str], int, float]]:
    """Yield the deepest task lists by name, and all others as one of each kind."""
    deepest = sorted(backlogs, key=lambda one: -one.count)
    others: dict[str, tuple[int, float]] = {}
    for one in deepest[:MAX_LABEL_VALUES]:
        yield (one.kind, one.task_list), one.count, one.since
    for one in deepest[MAX_LABEL_VALUES:]:
        count, since = others.get(one.kind, (0, one.since))
        others[one.kind] = count + one.count, min(since, one.since)
    for kind, (count, since) in others.items():
        yield (kind, OTHER), count, since


class WorkerCollector:
    """Report what a worker runs."""

    def __init__(self, worker: MeasuredWorker) -> None:
        self._worker = worker

    def describe(self) -> Iterable[Metric]:
        """Return the metrics, whose names the registry checks."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        worker = self._worker
        for name, help, value in (
            ("live_runs", "Workflows kept alive between decisions.", worker.live_runs),
            ("running_activities", "Activities that run now.", worker.running_activities),
            ("slots", "Activities that run at a time, at most.", worker.slots),
        ):
            yield GaugeMetricFamily(f"partita_{name}", help, value)
        yield CounterMetricFamily(
            "partita_tasks_lost", "Results that came too late to be used.", worker.lost_tasks
        )
        yield CounterMetricFamily(
            "partita_tasks_given_back",
            "Activities that were given back because they did not run.",
            worker.tasks_given_back,
        )
