"""Activities that tell within which span they run; apart, for the child process."""

from __future__ import annotations

from opentelemetry import trace

from partita import activity


def here() -> str:
    """Return trace and span id of the current span."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}-{span.span_id:016x}"


@activity
def on_a_thread() -> str:
    return here()


@activity
async def on_a_loop() -> str:
    return here()


@activity(process=True)
def in_a_process() -> str:
    return here()


@activity(process=True)
async def on_a_loop_in_a_process() -> str:
    return here()
