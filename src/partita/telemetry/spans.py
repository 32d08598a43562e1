"""Hooks through which a tracer records starts, decisions and activities; without one, no-ops.

Clients and workers call them; `tracing` makes OpenTelemetry spans of the calls. OpenTelemetry is
imported here only to continue a trace that another process has begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from partita.history import AnyDecision, WorkflowExecution
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask, StartRequest

Start = Callable[[StartRequest], WorkflowExecution]
Decide = Callable[[DecisionTask], list[AnyDecision]]
ReportAnswer = Callable[[ActivityAnswer | None], None]
"""Takes how an activity ended; None if it was killed because it timed out."""


class SpanRecorder(Protocol):
    """What makes spans."""

    def start(self, request: StartRequest, start: Start) -> WorkflowExecution:
        """Start an execution within a span that its history refers to."""

    def decide(self, task: DecisionTask, decide: Decide) -> list[AnyDecision]:
        """Answer a decision task; children that it starts refer to the execution's span."""

    def run(self, task: ActivityTask) -> AbstractContextManager[ReportAnswer]:
        """Make a span that is current while the block runs an activity."""

    def current(self) -> str | None:
        """Return the current span as a traceparent."""


_recorder: SpanRecorder | None = None
_is_traced_by_parent: ContextVar[bool] = ContextVar("partita_traced_by_parent", default=False)


def use_recorder(recorder: SpanRecorder) -> Callable[[], None]:
    """Record spans with `recorder`, instead of any other; return a function that stops it."""
    global _recorder
    _recorder = recorder

    def stop() -> None:
        global _recorder
        if _recorder is recorder:
            _recorder = None

    return stop


def trace_start(request: StartRequest, start: Start) -> WorkflowExecution:
    """Start an execution."""
    return start(request) if _recorder is None else _recorder.start(request, start)


def trace_decision(task: DecisionTask, decide: Decide) -> list[AnyDecision]:
    """Answer a decision task."""
    return decide(task) if _recorder is None else _recorder.decide(task, decide)


def trace_activity(task: ActivityTask) -> AbstractContextManager[ReportAnswer]:
    """Return a context manager for running an activity; it yields what takes the answer."""
    if _recorder is None or _is_traced_by_parent.get():
        return nullcontext(lambda _answer: None)
    return _recorder.run(task)


def current_traceparent() -> str | None:
    """Return the current span, so that another process can continue its trace; None without one."""
    return None if _recorder is None else _recorder.current()


@contextmanager
def continue_trace(traceparent: str | None) -> Iterator[None]:
    """Make another process's span the current one, if OpenTelemetry is installed here."""
    if traceparent is None:
        yield
        return
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:  # this process may run another interpreter than its parent
        yield
        return
    carried = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    token, flag = context.attach(carried), _is_traced_by_parent.set(True)
    try:
        yield
    finally:
        _is_traced_by_parent.reset(flag)
        context.detach(token)
