"""Traces, metrics, logs and probes of a process. Each part is imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from partita.errors import InvalidOptionError

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from prometheus_client import CollectorRegistry

    from partita.ports.service import Service
    from partita.telemetry.gauges import MeasuredWorker
    from partita.telemetry.metrics import Metrics


def use_tracing(provider: TracerProvider | None = None) -> Callable[[], None]:
    """Record what this process does as OpenTelemetry spans; return a function that stops it.

    Spans go to `provider`, or to the global tracer provider, which may also be set later.
    A second call replaces the first.

    Raises:
        InvalidOptionError: OpenTelemetry is not installed.
    """
    try:
        from partita.telemetry.tracing import use_tracing as use
    except ImportError as error:
        raise InvalidOptionError(
            f"tracing needs OpenTelemetry, which is not installed ({error}); "
            "pip install 'partita[otel]'"
        ) from error
    return use(provider)


def use_metrics(
    service: Service,
    worker: MeasuredWorker | None = None,
    *,
    registry: CollectorRegistry | None = None,
) -> Metrics:
    """Measure a service of this process, and the worker that polls it, for Prometheus.

    By default the metrics get a registry of their own, `metrics.registry`, which also has the
    process's memory and CPU.

    Raises:
        InvalidOptionError: prometheus-client is not installed.
    """
    try:
        from partita.telemetry.metrics import use_metrics as use
    except ImportError as error:
        raise InvalidOptionError(
            f"metrics need prometheus-client, which is not installed ({error}); "
            "pip install 'partita[metrics]'"
        ) from error
    return use(service, worker, registry=registry)


__all__ = ["use_metrics", "use_tracing"]
