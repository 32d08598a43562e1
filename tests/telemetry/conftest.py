"""A tracer that keeps its spans, and traces this process while a test runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from partita.telemetry import use_tracing
from tests.conftest import until


class Traced:
    """The spans that were emitted."""

    def __init__(self, provider: TracerProvider) -> None:
        self._exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.provider = provider
        self.tracer = provider.get_tracer("test")

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    def one(self, name: str) -> ReadableSpan:
        """Wait for the span of that name, which is the only one."""
        until(lambda: name in self.names())
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def parent(self, name: str) -> str:
        """Return the name of the span above the only one of that name."""
        parent = self.one(name).parent
        assert parent is not None
        (found,) = [span for span in self.spans if id_of(span) == parent.span_id]
        assert trace_of(found) == parent.trace_id == trace_of(self.one(name))
        return found.name


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


@pytest.fixture
def traced() -> Iterator[Traced]:
    """A tracer of this process."""
    made = Traced(TracerProvider(shutdown_on_exit=False))
    end = use_tracing(made.provider)
    yield made
    end()
    made.provider.shutdown()
