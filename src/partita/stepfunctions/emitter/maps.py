"""Write what a Map state is given: a list or a data set, its items or batches of them."""

from __future__ import annotations

from typing import Any

from partita.compile.jsonata import wrapped
from partita.compile.tree import ItemSource, Map, Value
from partita.compile.types import ANY
from partita.stepfunctions.emitter import states as s

_BATCH = (
    "$reduce($states.input.Items, function($all, $one) "
    f"{{$append($all, {wrapped(Value('$one.item', ANY))})}}, [])"
)
"""The items of a batch, each of which was selected as `item`."""


def given(node: Map) -> Value:
    """Return what a branch is given: an item, or a batch."""
    return Value("$states.input.item" if node.batch is None else _BATCH, ANY)


def map_state(node: Map, processor: dict[str, Any]) -> dict[str, Any]:
    """Return the Map state whose branches are those states, without what it assigns."""
    mode = {"Mode": "INLINE"}
    if node.is_distributed:
        mode = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    state: dict[str, Any] = {"Type": "Map", **_items(node)}
    state["ItemSelector"] = {"item": s.expression("$states.context.Map.Item.Value")}
    if node.batch is not None:
        state["ItemBatcher"] = {"MaxItemsPerBatch": node.batch}
    state["ItemProcessor"] = {"ProcessorConfig": mode, **processor}
    if node.concurrency is not None:
        state["MaxConcurrency"] = s.field(node.concurrency)
    return state


def _items(node: Map) -> dict[str, Any]:
    if node.source is None:
        return {"Items": s.expression(node.items.text)}
    return {"ItemReader": _reader(node.source)}


def _reader(source: ItemSource) -> dict[str, Any]:
    config = {"ReaderConfig": _fields(source.config)} if source.config else {}
    return {"Resource": source.resource, **config, "Arguments": _fields(source.arguments)}


def _fields(values: dict[str, Value]) -> dict[str, Any]:
    return {name: s.field(value) for name, value in values.items()}
