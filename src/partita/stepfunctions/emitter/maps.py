"""Write what a Map state is given: a list or a data set, its items or batches of them."""

from __future__ import annotations

import re
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


def failure(node: Map) -> tuple[list[str], Value] | None:
    """Return the names by which the whole state fails, and the error that is raised then."""
    names = ["States.ItemReaderFailed"] if node.source is not None else []
    if node.files is not None:
        names += ["States.ExceedToleratedFailureThreshold", "States.ResultWriterFailed"]
    found = node.files or node.source
    return None if found is None else (names, found.error)


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
    if node.files is not None:
        state["ResultWriter"] = {
            "Resource": "arn:aws:states:::s3:putObject",
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"},
            "Arguments": _fields(node.files.arguments),
        }
    if node.concurrency is not None:
        state["MaxConcurrency"] = s.field(node.concurrency)
    return state


def label(name: str) -> str:
    """Return the label of a distributed Map state, by which its runs have their names."""
    return re.sub(r"\W+", "-", name).strip("-")[:40]


def _items(node: Map) -> dict[str, Any]:
    if node.source is None:
        return {"Items": s.expression(node.items.text)}
    return {"ItemReader": _reader(node.source)}


def _reader(source: ItemSource) -> dict[str, Any]:
    config = {"ReaderConfig": _fields(source.config)} if source.config else {}
    return {"Resource": source.resource, **config, "Arguments": _fields(source.arguments)}


def _fields(values: dict[str, Value]) -> dict[str, Any]:
    return {name: s.field(value) for name, value in values.items()}


def replaced(fields: Any, variable: str, text: str) -> Any:
    """Return fields whose expressions have a text in place of a variable."""
    if isinstance(fields, dict):
        return {name: replaced(one, variable, text) for name, one in fields.items()}
    if isinstance(fields, str) and fields.startswith("{%"):
        return re.sub(rf"\${variable}\b", text, fields)
    return fields
