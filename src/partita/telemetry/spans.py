"""Let a tracer see what begins and ends in this process; without one, cost nothing.

The seam between clients and workers, which say what they do, and `tracing`, which makes spans
of it. Of OpenTelemetry it knows no more than how to go on within somebody else's span.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

from partita.history import AnyDecision, WorkflowExecution
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask, StartRequest

Start = Callable[[StartRequest], WorkflowExecution]
Decide = Callable[[DecisionTask], list[AnyDecision]]
Ended = Callable[[ActivityAnswer | None], None]
"""Hear how an activity ended; None if it was killed for being late."""

log = logging.getLogger("partita.telemetry")


class Spans(Protocol):
    """What makes spans."""

    def start(self, request: StartRequest, start: Start) -> WorkflowExecution:
        """Start an execution, whose history will name the span that this is."""

    def decide(self, task: DecisionTask, decide: Decide) -> list[AnyDecision]:
        """Answer a decision task; the children that it asks for will know where they belong."""

    def run(self, task: ActivityTask) -> AbstractContextManager[Ended]:
        """Let an activity run within its span, which becomes the current one."""

    def current(self) -> str | None:
        """Return the current span as a traceparent."""


_spans: Spans | None = None
_is_within: ContextVar[bool] = ContextVar("partita_within_a_span", default=False)


def use_spans(spans: Spans) -> Callable[[], None]:
    """Have `spans` made from now on, instead of any others; return what ends it."""
    global _spans
    _spans = spans

    def end() -> None:
        global _spans
        if _spans is spans:
            _spans = None

    return end


def starting(request: StartRequest, start: Start) -> WorkflowExecution:
    """Start an execution."""
    return start(request) if _spans is None else _spans.start(request, start)


def deciding(task: DecisionTask, decide: Decide) -> list[AnyDecision]:
    """Answer a decision task."""
    return decide(task) if _spans is None else _spans.decide(task, decide)


def running(task: ActivityTask) -> AbstractContextManager[Ended]:
    """Let an activity run; tell what this gives how it ended."""
    if _spans is None or _is_within.get():  # the other process has made its span
        return nullcontext(_ignore)
    return _spans.run(task)


def _ignore(answer: ActivityAnswer | None) -> None:
    pass


def current() -> str | None:
    """Return the current span, for another process to go on within; None without one."""
    return None if _spans is None else _spans.current()


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Make another process's span the current one, as far as OpenTelemetry is here."""
    if traceparent is None:
        yield
        return
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:  # the other process has it, and this one's interpreter has not
        yield
        return
    carried = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    token, inside = context.attach(carried), _is_within.set(True)
    try:
        yield
    finally:
        _is_within.reset(inside)
        context.detach(token)
