"""Compile the fields that only Map states have."""

from __future__ import annotations

from typing import NoReturn

from partita.asl import numbers
from partita.asl.child_executions import Processor
from partita.asl.expressions import Fields
from partita.asl.failures import EvaluationFault
from partita.asl.field_parsers import StateReader
from partita.asl.frame import Frame
from partita.asl.item_reader import WriterOf, data_set, writer
from partita.asl.items import items_at, items_in
from partita.asl.map_runs import Batcher, DistributedRun, Tolerance
from partita.asl.page_runs import PagedRun
from partita.asl.queries import parse_query
from partita.asl.reader import Reader
from partita.asl.states.map import Items, Selector
from partita.asl.states.state import Program
from partita.asl.tasks import map_activities
from partita.asl.templates import Fill

_DISTRIBUTED_ONLY = ("ItemReader", "ItemBatcher", "ResultWriter")
"""Fields that AWS accepts in inline Map states, which then fail."""


def is_distributed(processor: Reader) -> bool:
    """Return whether a processor runs in executions of its own."""
    if "ProcessorConfig" not in processor:
        return False
    return processor.inner("ProcessorConfig").get("Mode", str) == "DISTRIBUTED"


def items(state: StateReader, *, is_distributed: bool) -> Items:
    """Return where a Map state's items come from."""
    if not is_distributed and any(field in state.reader for field in _DISTRIBUTED_ONLY):
        return _not_inline
    if state.is_jsonata:
        return items_in(state.fields_if_given("Items"), is_distributed=is_distributed)
    query = state.reader.query("ItemsPath", "$") or parse_query("$")
    return items_at(query, is_distributed=is_distributed)


def _not_inline(_frame: Frame) -> NoReturn:
    raise EvaluationFault(
        "The ItemReader, ItemBatcher and ResultWriter fields are not supported for INLINE maps"
    )


def selector(state: StateReader) -> Selector | None:
    """Return what makes the input of an iteration; None: the item itself."""
    if state.is_jsonata:
        return _filler(state.fields_if_given("ItemSelector"))
    return state.template("ItemSelector") or state.template("Parameters")


def _filler(fields: Fields | None) -> Fill | Selector | None:
    if fields is None:
        return None

    def fill(frame: Frame) -> object:
        return fields.fill(frame)

    return fill


def data_set_run(state: StateReader, map_run: DistributedRun | None) -> PagedRun | None:
    """Return how the items of an ItemReader are run; None if there is none."""
    if "ItemReader" not in state.reader or map_run is None:
        return None
    map_activities.prepare()
    return PagedRun(map_run, data_set(state), state.reader.location)


def map_run(name: str, state: StateReader, program: Program) -> DistributedRun:
    """Return how a distributed Map state runs its items."""
    limit = numbers.not_negative("MaxConcurrency")
    count = numbers.not_negative("ToleratedFailureCount")
    share = numbers.percentage("ToleratedFailurePercentage")
    return DistributedRun(
        Processor(program, state.reader.get("Label", str) or name, _is_express(state.reader)),
        state.number("MaxConcurrency", limit) or numbers.constant(0),
        _batcher(state),
        Tolerance(
            state.number("ToleratedFailureCount", count),
            state.number("ToleratedFailurePercentage", share, is_integral=False),
        ),
        _writer(state),
    )


def _is_express(state: Reader) -> bool:
    """Return whether a Map state's executions are express ones."""
    processor = state.inner("ItemProcessor" if "ItemProcessor" in state else "Iterator")
    return processor.inner("ProcessorConfig").get("ExecutionType", str) == "EXPRESS"


def _writer(state: StateReader) -> WriterOf | None:
    found = writer(state)
    if found is not None:
        map_activities.prepare()
    return found


def _batcher(state: StateReader) -> Batcher | None:
    if "ItemBatcher" not in state.reader:
        return None
    own = StateReader(state.reader.inner("ItemBatcher"), state.language)
    if own.is_jsonata:
        input = _filler(own.fields_if_given("BatchInput", "ItemBatcher/BatchInput"))
    else:
        input = own.template("BatchInput")
    return Batcher(
        own.number("MaxItemsPerBatch", numbers.positive("MaxItemsPerBatch")),
        own.number("MaxInputBytesPerBatch", numbers.positive("MaxInputBytesPerBatch")),
        input,
    )
