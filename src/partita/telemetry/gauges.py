"""Tell Prometheus how things stand at the moment when it asks: what waits, and what runs.

Reads the database once for each time that the registry is read, and never waits for it for
long. What has happened is counted in `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from partita.errors import StoreError
from partita.ports.service import Watchable
from partita.ports.state import Backlog
from partita.telemetry.bounded_call import Patient

LIMIT = 200
"""Values of one label; those beyond are counted together as `OTHER`."""

OTHER = "(other)"


class Measured(Protocol):
    """What of a worker is measured."""

    domain: str
    lost_tasks: int

    @property
    def slots(self) -> int:
        """Activities that run at a time, at most."""

    @property
    def running_activities(self) -> int:
        """Activities that run now."""

    @property
    def live_runs(self) -> int:
        """Workflows that are kept alive between their decisions."""


class Waiting:
    """Ask the database what waits, whenever the registry is read."""

    def __init__(self, service: Watchable, domain: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ask = Patient(lambda: service.backlogs(domain))

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield how much waits, and whether the database said so."""
        backlogs: list[Backlog] = []
        reachable = 1
        try:
            backlogs = self._ask()
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
        for where, count, since in _bounded(backlogs):
            depth.add_metric(where, count)
            age.add_metric(where, max(0.0, self._clock() - since))
        yield depth
        yield age


def _bounded(backlogs: Iterable[Backlog]) -> Iterator[tuple[tuple[str, str], int, float]]:
    """Yield the deepest task lists by name, and all others as one of each kind."""
    deepest = sorted(backlogs, key=lambda one: -one.count)
    others: dict[str, tuple[int, float]] = {}
    for place, one in enumerate(deepest):
        if place < LIMIT:
            yield (one.kind, one.task_list), one.count, one.since
        else:
            count, since = others.get(one.kind, (0, one.since))
            others[one.kind] = count + one.count, min(since, one.since)
    for kind, (count, since) in others.items():
        yield (kind, OTHER), count, since


class Standing:
    """Ask a worker how it stands, whenever the registry is read."""

    def __init__(self, worker: Measured) -> None:
        self._worker = worker

    def describe(self) -> Iterable[Metric]:
        """Return what there is, without values."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Yield what the worker says."""
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
