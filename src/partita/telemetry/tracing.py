"""Make OpenTelemetry spans of starts, executions, decision tasks and activities.

The span of an execution is emitted when it closes, by whichever process closes it; until
then others refer to it. So its ids are not drawn but derived: the span's from the run id, the
trace's from the context that the history keeps or, if nobody was traced, from the run id, too.
What a history records is emitted after its commit and once; what is replayed is not.

No payload, no argument and no error's message is in any span: they may hold secrets.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/; OpenTelemetry SDK for Python.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TracerProvider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from partita import history as h
from partita.history.references import CLOSING
from partita.ports.notices import Notice, use_listener
from partita.ports.service import ActivityAnswer, ActivityTask, DecisionTask, StartRequest
from partita.telemetry.spans import Decide, Ended, Start, use_spans

SCOPE = "partita"
"""The name of the instrumentation scope."""

OWN = "partita."
"""How the names of workflows begin that are part of Partita; they are in no trace."""

UNCOMMITTED = 1_000
"""Decisions whose commit has not been heard of that are remembered, at most."""

_PROPAGATOR = TraceContextTextMapPropagator()
_RUN_ID = re.compile("[0-9a-f]{32}")
_ERRORS = {"FAILED", "TIMED_OUT", "TERMINATED"}


class _Decided(Struct, frozen=True):
    """A decision task's answer, until it is known to be committed."""

    began: int  # nanoseconds since the epoch
    ended: int
    decisions: int
    events: int


class Tracing:
    """Spans by one tracer provider; and a listener, for what is emitted once it is committed."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer: trace.Tracer | None = None
        self._decided: OrderedDict[tuple[str, int], _Decided] = OrderedDict()

    # -- starts, decisions, activities -----------------------------------------------------

    def start(self, request: StartRequest, start: Start) -> h.WorkflowExecution:
        """Start an execution, whose history will name the span that this is."""
        if request.workflow_type.name.startswith(OWN):
            return start(request)
        attributes = _attributes(request.domain, request.workflow_id, None, request.workflow_type)
        with self.tracer.start_as_current_span(
            f"start {request.workflow_type.name}",
            kind=SpanKind.PRODUCER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                execution = start(replace(request, trace_context=self.current()))
            except BaseException as error:
                _fail(span, type(error).__name__)
                raise
            span.set_attribute("partita.run_id", execution.run_id)
            return execution

    def decide(self, task: DecisionTask, decide: Decide) -> list[h.AnyDecision]:
        """Answer a decision task; the children that it asks for will know where they belong."""
        began = time.time_ns()
        decisions: list[h.AnyDecision] = []
        try:
            decisions = decide(task)
        finally:
            self._keep(task, _Decided(began, time.time_ns(), len(decisions), len(task.events)))
        if task.workflow_type.name.startswith(OWN):
            return decisions
        if not any(isinstance(one, h.StartChildWorkflowExecution) for one in decisions):
            return decisions
        here = traceparent(self._span_of(task.workflow_execution, task.trace_context))
        return [
            replace(one, trace_context=here)
            if isinstance(one, h.StartChildWorkflowExecution) and here is not None
            else one
            for one in decisions
        ]

    def _keep(self, task: DecisionTask, decided: _Decided) -> None:
        self._decided[task.workflow_execution.run_id, task.started_event_id] = decided
        while len(self._decided) > UNCOMMITTED:
            self._decided.popitem(last=False)

    @contextmanager
    def run(self, task: ActivityTask) -> Iterator[Ended]:
        """Let an activity run within its span, which becomes the current one."""
        execution = task.workflow_execution
        attributes: dict[str, str | int] = {
            "partita.domain": task.domain,
            "partita.workflow_id": execution.workflow_id,
            "partita.run_id": execution.run_id,
            "partita.activity_id": task.activity_id,
            "partita.activity_type": task.activity_type.name,
            "partita.attempt": task.attempt,
        }
        parent = _context(self._span_of(execution, task.trace_context))
        with self.tracer.start_as_current_span(
            f"activity {task.activity_type.name}",
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def ended(answer: ActivityAnswer | None) -> None:
                outcome = "late" if answer is None else answer.outcome
                span.set_attribute("partita.outcome", outcome)
                if outcome in ("failed", "late"):
                    _fail(span, "START_TO_CLOSE" if answer is None else answer.reason)

            yield ended

    def current(self) -> str | None:
        """Return the current span as a traceparent."""
        return traceparent(trace.get_current_span().get_span_context())

    # -- what was committed ----------------------------------------------------------------

    def __call__(self, notice: Notice) -> None:
        """Emit the span of what a notice ends."""
        event = notice.event
        if notice.workflow_type.name.startswith(OWN):
            return
        if isinstance(event, (h.DecisionTaskCompleted, h.DecisionTaskFailed)):
            self._emit_decision(notice, event)
        elif type(event) in CLOSING:
            self._emit_execution(notice)

    def _emit_decision(
        self, notice: Notice, event: h.DecisionTaskCompleted | h.DecisionTaskFailed
    ) -> None:
        run_id = notice.execution.run_id
        started = event.started_event_id or event.event_id  # a refused one never started
        decided = self._decided.pop((run_id, started), None)
        if decided is None:  # by a decider elsewhere
            return
        span = self.tracer.start_span(
            f"decide {notice.workflow_type.name}",
            context=_context(self._span_of(notice.execution, notice.trace_context)),
            start_time=decided.began,
            attributes={
                **_of(notice),
                "partita.decisions": decided.decisions,
                "partita.events": decided.events,
            },
        )
        if isinstance(event, h.DecisionTaskFailed):
            _fail(span, event.cause)
        span.end(decided.ended)

    def _emit_execution(self, notice: Notice) -> None:
        tracer = self.tracer
        ids = getattr(tracer, "id_generator", None)
        if not isinstance(ids, _Ids):  # this tracer draws its ids, so nobody refers to the span
            return
        mine = self._span_of(notice.execution, notice.trace_context)
        assert mine is not None
        with ids.given(mine):
            span = tracer.start_span(
                f"workflow {notice.workflow_type.name}",
                context=_context(_parsed(notice.trace_context)),
                kind=SpanKind.CONSUMER,
                start_time=_ns(notice.started_at),
                attributes=_of(notice),
            )
        status = CLOSING[type(notice.event)]
        span.set_attribute("partita.status", status)
        if status in _ERRORS:
            failed = isinstance(notice.event, h.WorkflowExecutionFailed)
            _fail(span, notice.event.reason if failed else status)  # type: ignore[union-attr]
        span.end(_ns(notice.time))

    # -- ids -------------------------------------------------------------------------------

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer, whose provider may be set at any time."""
        if self._tracer is not None:
            return self._tracer
        tracer: Any = trace.get_tracer(SCOPE, tracer_provider=self._provider)
        ids = getattr(tracer, "id_generator", None)
        if ids is not None:  # the SDK's own; from now on
            if not isinstance(ids, _Ids):
                tracer.id_generator = _Ids(ids)
            self._tracer = tracer
        found: trace.Tracer = tracer
        return found

    def _span_of(
        self, execution: h.WorkflowExecution, trace_context: str | None
    ) -> SpanContext | None:
        """Return the span of an execution, be it emitted or still to come."""
        parent = _parsed(trace_context)
        tracer: Any = self.tracer
        if not isinstance(getattr(tracer, "id_generator", None), _Ids):
            return parent
        run_id = execution.run_id
        if parent is not None:
            return _remote(parent.trace_id, _digest(run_id, 8), parent.trace_flags)
        trace_id = int(run_id, 16) if _RUN_ID.fullmatch(run_id) else _digest(run_id, 16)
        sampled = tracer.sampler.should_sample(Context(), trace_id, "workflow")
        flags = TraceFlags.SAMPLED if sampled.decision.is_sampled() else TraceFlags.DEFAULT
        return _remote(trace_id, _digest(run_id, 8), TraceFlags(flags))


class _Ids:
    """Draw ids as the SDK was told to, but for spans whose ids are given."""

    def __init__(self, drawn: Any) -> None:
        self._drawn = drawn
        self._given = threading.local()

    @contextmanager
    def given(self, span: SpanContext) -> Iterator[None]:
        """Give these ids to the spans that this thread begins."""
        self._given.span = span
        try:
            yield
        finally:
            self._given.span = None

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        span = getattr(self._given, "span", None)
        return int(self._drawn.generate_trace_id() if span is None else span.trace_id)

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        span = getattr(self._given, "span", None)
        return int(self._drawn.generate_span_id() if span is None else span.span_id)

    def is_trace_id_random(self) -> bool:
        """Return whether traces begin with ids that were drawn at random."""
        is_random = getattr(self._drawn, "is_trace_id_random", None)
        given = getattr(self._given, "span", None) is not None
        return bool(not given and is_random is not None and is_random())


def use_tracing(provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make spans by `provider`, or the global one; return what ends it.

    What else makes spans for Partita ends to do so.
    """
    while _ends:
        _ends.pop()()
    tracing = Tracing(provider)
    ends = [use_spans(tracing), use_listener(tracing)]
    _ends.extend(ends)

    def end() -> None:
        for one in ends:  # each does nothing the second time
            one()

    return end


_ends: list[Callable[[], None]] = []
"""What ends the tracing that was asked for last."""


def traceparent(span: SpanContext | None) -> str | None:
    """Return a span as a W3C traceparent; None if it is none."""
    if span is None or not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 1:02x}"


def _fail(span: trace.Span, reason: str | None) -> None:
    """Mark a span as failed, with a code or the name of a type."""
    span.set_attribute("error.type", reason or "unknown")
    span.set_status(Status(StatusCode.ERROR, reason))


def _parsed(text: str | None) -> SpanContext | None:
    if text is None:
        return None
    context = _PROPAGATOR.extract({"traceparent": text}, context=Context())
    span = trace.get_current_span(context).get_span_context()
    return span if span.is_valid else None


def _context(span: SpanContext | None) -> Context:
    """Return a context in which a span, or none, is the current one."""
    empty = Context()
    return empty if span is None else trace.set_span_in_context(NonRecordingSpan(span), empty)


def _remote(trace_id: int, span_id: int, flags: TraceFlags) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def _digest(text: str, size: int) -> int:
    """Return a number of `size` bytes that stands for a text; never 0, which is no id."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest()) or 1


def _of(notice: Notice) -> dict[str, str]:
    execution = notice.execution
    return _attributes(notice.domain, execution.workflow_id, execution.run_id, notice.workflow_type)


def _attributes(
    domain: str, workflow_id: str, run_id: str | None, workflow_type: h.WorkflowType
) -> dict[str, str]:
    return {
        "partita.domain": domain,
        "partita.workflow_id": workflow_id,
        "partita.workflow_type": workflow_type.name,
        "partita.workflow_version": workflow_type.version,
        **({} if run_id is None else {"partita.run_id": run_id}),
    }


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
