"""Show what happens: traces, metrics, logs, health. Each part is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from partita.errors import InvalidOptionError

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from prometheus_client import CollectorRegistry

    from partita.ports.service import Service
    from partita.telemetry.gauges import Measured
    from partita.telemetry.metrics import Metrics


def use_tracing(provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make OpenTelemetry spans of what this process does; return what ends it.

    Spans go to `provider`, or to the global tracer provider, which may also be set later.
    Whatever else made spans for Partita in this process ends to do so.

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
    worker: Measured | None = None,
    *,
    registry: CollectorRegistry | None = None,
) -> Metrics:
    """Measure a service of this process, and the worker that it serves, for Prometheus.

    Without `registry` it is a new one, `metrics.registry`, with the process's own figures.

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
