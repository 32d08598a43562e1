"""Evaluate the ItemReader and ResultWriter of a distributed Map state.

What they read and write is in `item_readers` and `result_writers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl import numbers
from partita.asl.failures import StateFailure
from partita.asl.field_parsers import StateReader
from partita.asl.frame import Frame
from partita.asl.item_readers.data_sets import DataSet, parse_data_set
from partita.asl.result_writers import Writer, parse_writer
from partita.errors import TaskFailedError

Evaluated = Callable[[Frame], Any]

DataSetOf = Callable[[Frame], DataSet]
"""Returns the data set of a Map state, or raises StateFailure."""

WriterOf = Callable[[Frame], Writer]
"""Returns the writer of a Map state, or raises StateFailure."""


def data_set(state: StateReader) -> DataSetOf:
    """Return what evaluates the ItemReader of a state."""
    own = StateReader(state.reader.inner("ItemReader"), state.language)
    resource = own.reader.need("Resource", str)
    arguments = _arguments(own, "ItemReader")
    config = _reader_config(own)

    def evaluate(frame: Frame) -> DataSet:
        try:
            return parse_data_set(resource, arguments(frame), config(frame))
        except TaskFailedError as failed:
            raise StateFailure(failed.error, failed.cause) from failed

    return evaluate


def writer(state: StateReader) -> WriterOf | None:
    """Return what evaluates the ResultWriter of a state; None if it has none."""
    if "ResultWriter" not in state.reader:
        return None
    own = StateReader(state.reader.inner("ResultWriter"), state.language)
    arguments = _arguments(own, "ResultWriter")
    config = _member(own, "WriterConfig", "ResultWriter")
    has_resource = "Resource" in own.reader

    def evaluate(frame: Frame) -> Writer:
        try:
            return parse_writer(arguments(frame), config(frame), has_resource=has_resource)
        except TaskFailedError as failed:
            raise StateFailure(failed.error, failed.cause) from failed

    return evaluate


def _arguments(own: StateReader, field: str) -> Evaluated:
    if own.is_jsonata:
        return _member(own, "Arguments", field)
    template = own.template("Parameters")
    return _nothing if template is None else template


def _member(own: StateReader, field: str, outer: str) -> Evaluated:
    """Return what evaluates an object: an expression of JSONata, a constant of JSONPath."""
    if not own.is_jsonata:
        constant = own.reader.get(field, dict)
        return lambda _frame: constant
    fields = own.fields_if_given(field, f"{outer}/{field}")
    return _nothing if fields is None else lambda frame: fields.fill(frame)


def _reader_config(own: StateReader) -> Evaluated:
    """Return what evaluates ReaderConfig, whose MaxItems may be at a path."""
    config = _member(own, "ReaderConfig", "ItemReader")
    if own.is_jsonata or "ReaderConfig" not in own.reader:
        return config
    inner = StateReader(own.reader.inner("ReaderConfig"), own.language)
    limit = inner.number("MaxItems", numbers.not_negative("MaxItems"))

    def evaluate(frame: Frame) -> Any:
        found = {**config(frame)}
        if limit is not None:
            found["MaxItems"] = int(limit(frame))
        return found

    return evaluate


def _nothing(_frame: Frame) -> Any:
    return None
