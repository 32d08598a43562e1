"""Lower calls that read data sets: what a distributed Map state reads by itself, and batches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import literal, made
from partita.compile.lowered import located
from partita.compile.names.objects import target
from partita.compile.tree import ItemSource, Value
from partita.compile.types import ANY, STR, dict_of, list_of
from partita.compile.variables import Variable
from partita.errors import TaskFailedError
from partita.integrations.data_sets import ItemReader

MOST_IN_BATCH = 1_000
"""Items of a batch; the pages that the interpreter reads have as many."""

OUTSIDE_OF_MAPS = (
    "only a distributed Map state reads a data set",
    "write activity.map(s3.read_...(...), distributed=True)",
)

_OBJECTS = frozenset({"CSV", "PARQUET", None})  # forms whose items are dicts


def item_source(node: ast.expr, context: Context) -> ItemSource | None:
    """Return what a call reads; None: it is another expression."""
    found = target(node.func, context) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or not isinstance(found, ItemReader):
        return None
    shown = f"s3.{found.name}"
    if node.args or any(one.arg is None for one in node.keywords):
        raise context.refuse(node, shown, "its arguments have names", "write name=value for each")
    given = {str(one.arg): one.value for one in node.keywords}
    problem = found.problem(given)
    if problem is not None:
        raise context.refuse(node, shown, problem, "correct the arguments")
    arguments = {
        name: text_argument(one, name, context)
        for name, one in given.items()
        if name in found.arguments
    }
    fixed = {name: _literal(one) for name, one in found.fixed(given).items()}
    settings = {
        name: _constant(one, name, found, context)
        for name, one in given.items()
        if name in found.settings
    }
    return ItemSource(found.resource, {**fixed, **settings}, arguments, failed_state(context))


def failed_state(context: Context) -> Value:
    """Return the error of a Map state that fails as a whole."""
    name, cause = "$states.errorOutput.Error", "$states.errorOutput.Cause"
    message = made(f'{name} & ": " & {cause}', STR, is_atom=False)
    attributes = {"error": Value(name, STR), "cause": Value(cause, STR)}
    return context.error(TaskFailedError, message, attributes)


def _literal(constant: Any) -> Value:
    found = literal(constant)
    assert found is not None
    return found


def text_argument(node: ast.expr, name: str, context: Context) -> Value:
    """Return the value of an argument that is a text."""
    value = context.read(node)
    if value.type.kind not in ("str", "any"):
        raise context.refuse(node, f"argument {name}", f"it is {value.type}", "give a str")
    return value


def _constant(node: ast.expr, name: str, reader: ItemReader, context: Context) -> Value:
    """Return the value of a member of ReaderConfig, which is fixed when it is deployed."""
    try:
        constant = ast.literal_eval(node)
    except ValueError:
        raise context.refuse(
            node,
            f"argument {name}",
            "how a data set is read is fixed when it is compiled",
            "write a constant",
        ) from None
    problem = reader.unfit(name, constant)
    if problem is not None:
        raise context.refuse(node, f"argument {name}", problem, "correct it")
    return _literal(constant)


@contextmanager
def given_items(
    items: ast.expr, source: ItemSource | None, batch: int | None, context: Context
) -> Iterator[ast.expr]:
    """Yield the expression of the list that a map is over: of items, or of batches of them."""
    if source is None and batch is None:
        yield items
        return
    value = Value("[]", list_of(_item_type(source))) if source else context.lower(items)
    if value.type.kind != "list":
        raise context.refuse(items, f"batches of {value.type}", "it is no list", "give a list")
    value = context.simple(items, value)
    type = value.type if batch is None else list_of(value.type)
    name = "whole items"
    variables, local = context.variables, context.local
    context.variables = {**variables, name: Variable(type, value.text)}
    context.local = local | {name}
    try:
        yield located(ast.Name(name, ast.Load()), items)
    finally:
        context.local = local
        context.variables = {k: v for k, v in context.variables.items() if k != name}


def _item_type(source: ItemSource | None) -> Any:
    config = {} if source is None else source.config
    kind = config["InputType"].constant if "InputType" in config else None
    return dict_of(STR if kind == "CSV" else ANY) if kind in _OBJECTS else ANY
