"""Record starts, executions, decision tasks and activities as OpenTelemetry spans.

An execution's span is emitted when it closes, by whichever process closes it, but earlier spans
already refer to it. So its ids are computed instead of drawn at random: the span id from the run
id, the trace id from the trace context in the history or, if the start was not traced, from the
run id. Decisions and executions are emitted once, after their commit; replays emit nothing.

Spans contain no payload, argument or error message: these may hold secrets.

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
from partita.telemetry.spans import Decide, ReportAnswer, Start, use_recorder

SCOPE = "partita"
"""The name of the instrumentation scope."""

INTERNAL_PREFIX = "partita."
"""Workflow types with this prefix are Partita's own; they are not traced."""

MAX_UNCOMMITTED_DECISIONS = 1_000
"""Answers to decision tasks that are remembered until their commit."""

_PROPAGATOR = TraceContextTextMapPropagator()
_RUN_ID = re.compile("[0-9a-f]{32}")
_ERRORS = {"FAILED", "TIMED_OUT", "TERMINATED"}


class _Decision(Struct, frozen=True):
    """When a decision task was answered, and what with; kept until its commit."""

    started: int  # nanoseconds since the epoch
    ended: int
    decisions: int
    events: int


class Tracing:
    """Make spans with one tracer provider; also the listener that emits spans after a commit."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer: trace.Tracer | None = None
        self._decided: OrderedDict[tuple[str, int], _Decision] = OrderedDict()

    def start(self, request: StartRequest, start: Start) -> h.WorkflowExecution:
        """Start an execution within a span that its history refers to."""
        if request.workflow_type.name.startswith(INTERNAL_PREFIX):
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
        """Answer a decision task; children that it starts refer to the execution's span."""
        started = time.time_ns()
        decisions: list[h.AnyDecision] = []
        try:
            decisions = decide(task)
        finally:
            self._keep(task, _Decision(started, time.time_ns(), len(decisions), len(task.events)))
        if task.workflow_type.name.startswith(INTERNAL_PREFIX):
            return decisions
        if not any(isinstance(one, h.StartChildWorkflowExecution) for one in decisions):
            return decisions  # spares the computation of a span
        parent = traceparent(self._span_of(task.workflow_execution, task.trace_context))
        return [
            replace(one, trace_context=parent)
            if isinstance(one, h.StartChildWorkflowExecution) and parent is not None
            else one
            for one in decisions
        ]

    def _keep(self, task: DecisionTask, decision: _Decision) -> None:
        self._decided[task.workflow_execution.run_id, task.started_event_id] = decision
        while len(self._decided) > MAX_UNCOMMITTED_DECISIONS:
            self._decided.popitem(last=False)

    @contextmanager
    def run(self, task: ActivityTask) -> Iterator[ReportAnswer]:
        """Make a span that is current while the block runs an activity."""
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

            def report(answer: ActivityAnswer | None) -> None:
                outcome = "late" if answer is None else answer.outcome
                span.set_attribute("partita.outcome", outcome)
                if outcome in ("failed", "late"):
                    _fail(span, "START_TO_CLOSE" if answer is None else answer.reason)

            yield report

    def current(self) -> str | None:
        """Return the current span as a traceparent."""
        return traceparent(trace.get_current_span().get_span_context())

    def __call__(self, notice: Notice) -> None:
        """Emit the span of the decision task or execution that the notice's event closes."""
        event = notice.event
        if notice.workflow_type.name.startswith(INTERNAL_PREFIX):
            return
        if isinstance(event, (h.DecisionTaskCompleted, h.DecisionTaskFailed)):
            self._emit_decision(notice, event)
        elif type(event) in CLOSING:
            self._emit_execution(notice)

    def _emit_decision(
        self, notice: Notice, event: h.DecisionTaskCompleted | h.DecisionTaskFailed
    ) -> None:
        run_id = notice.execution.run_id
        started = event.started_event_id or event.event_id  # 0 if it was refused before its start
        decision = self._decided.pop((run_id, started), None)
        if decision is None:  # another process decided
            return
        span = self.tracer.start_span(
            f"decide {notice.workflow_type.name}",
            context=_context(self._span_of(notice.execution, notice.trace_context)),
            start_time=decision.started,
            attributes={
                **_attributes_of(notice),
                "partita.decisions": decision.decisions,
                "partita.events": decision.events,
            },
        )
        if isinstance(event, h.DecisionTaskFailed):
            _fail(span, event.cause)
        span.end(decision.ended)

    def _emit_execution(self, notice: Notice) -> None:
        tracer = self.tracer
        ids = getattr(tracer, "id_generator", None)
        if not isinstance(ids, _Ids):  # no span refers to this one, since its ids cannot be set
            return
        own = self._span_of(notice.execution, notice.trace_context)
        assert own is not None
        with ids.preset(own):
            span = tracer.start_span(
                f"workflow {notice.workflow_type.name}",
                context=_context(_parsed(notice.trace_context)),
                kind=SpanKind.CONSUMER,
                start_time=_ns(notice.started_at),
                attributes=_attributes_of(notice),
            )
        status = CLOSING[type(notice.event)]
        span.set_attribute("partita.status", status)
        if status in _ERRORS:
            failed = isinstance(notice.event, h.WorkflowExecutionFailed)
            _fail(span, notice.event.reason if failed else status)  # type: ignore[union-attr]
        span.end(_ns(notice.time))

    @property
    def tracer(self) -> trace.Tracer:
        """The tracer; kept once it is one of the SDK, as a provider may be set later."""
        if self._tracer is not None:
            return self._tracer
        tracer: Any = trace.get_tracer(SCOPE, tracer_provider=self._provider)
        ids = getattr(tracer, "id_generator", None)
        if ids is not None:  # a tracer of the SDK, which will not change any more
            if not isinstance(ids, _Ids):
                tracer.id_generator = _Ids(ids)
            self._tracer = tracer
        found: trace.Tracer = tracer
        return found

    def _span_of(
        self, execution: h.WorkflowExecution, trace_context: str | None
    ) -> SpanContext | None:
        """Return the span of an execution, which may not have been emitted yet."""
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
    """An id generator for the SDK: preset ids where there are some, else the ids of another one."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        self._local = threading.local()

    @contextmanager
    def preset(self, span: SpanContext) -> Iterator[None]:
        """Use the ids of `span` for spans that this thread begins in the block."""
        self._local.span = span
        try:
            yield
        finally:
            self._local.span = None

    @property
    def _preset(self) -> SpanContext | None:
        return getattr(self._local, "span", None)

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        span = self._preset
        return int(self._generator.generate_trace_id() if span is None else span.trace_id)

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        span = self._preset
        return int(self._generator.generate_span_id() if span is None else span.span_id)

    def is_trace_id_random(self) -> bool:
        """Return whether the ids of new traces are random."""
        is_random = getattr(self._generator, "is_trace_id_random", None)
        return bool(self._preset is None and is_random is not None and is_random())


_stop_current: Callable[[], None] | None = None


def use_tracing(provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make spans from now on; see `partita.telemetry.use_tracing`."""
    global _stop_current
    if _stop_current is not None:
        _stop_current()
    tracing = Tracing(provider)
    stop_spans, stop_notices = use_recorder(tracing), use_listener(tracing)

    def stop() -> None:  # does nothing the second time
        stop_spans()
        stop_notices()

    _stop_current = stop
    return stop


def traceparent(span: SpanContext | None) -> str | None:
    """Return a span as a W3C traceparent; None if there is no valid span."""
    if span is None or not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags & 1:02x}"


def _fail(span: trace.Span, reason: str | None) -> None:
    """Mark a span as failed; `reason` is a code or the name of an error type."""
    span.set_attribute("error.type", reason or "unknown")
    span.set_status(Status(StatusCode.ERROR, reason))


def _parsed(text: str | None) -> SpanContext | None:
    if text is None:
        return None
    context = _PROPAGATOR.extract({"traceparent": text}, context=Context())
    span = trace.get_current_span(context).get_span_context()
    return span if span.is_valid else None


def _context(span: SpanContext | None) -> Context:
    """Return a context whose current span is `span`, or an empty one."""
    empty = Context()
    return empty if span is None else trace.set_span_in_context(NonRecordingSpan(span), empty)


def _remote(trace_id: int, span_id: int, flags: TraceFlags) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def _digest(text: str, size: int) -> int:
    """Return a hash of a text as a number of `size` bytes; never 0, which is not a valid id."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest()) or 1


def _attributes_of(notice: Notice) -> dict[str, str]:
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
