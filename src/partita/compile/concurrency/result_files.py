"""Lower `s3.write_results(activity, items, ...)`: a distributed map whose results are files."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.concurrency.futures import lower_map
from partita.compile.concurrency.item_sources import failed_state, text_argument
from partita.compile.context import Context
from partita.compile.lowered import located
from partita.compile.tree import Map, ResultFiles, Value
from partita.compile.types import STR, dict_of


def lower_results(node: Any, context: Context) -> Value:
    """Map an activity; return where the manifest of its results is."""
    given = {str(one.arg): one.value for one in node.keywords}
    batch = [ast.keyword("batch", given.pop("batch"))] if "batch" in given else []
    if len(node.args) != 2 or "Bucket" not in given or given.keys() - {"Bucket", "Prefix"}:
        raise context.refuse(
            node,
            "s3.write_results",
            "its arguments are an activity and items, Bucket, Prefix and batch",
            'write s3.write_results(activity, items, Bucket="...", Prefix="...")',
        )
    arguments = {name: text_argument(one, name, context) for name, one in given.items()}
    distributed = ast.keyword("distributed", located(ast.Constant(True), node))
    method = located(ast.Attribute(node.args[0], "map", ast.Load()), node)
    call = located(ast.Call(method, [node.args[1]], [distributed, *batch]), node)
    before = len(context.block)
    lower_map(call, context)
    maps = [at for at, one in enumerate(context.block) if at >= before and isinstance(one, Map)]
    if not maps:
        raise context.refuse(node, "s3.write_results", "it maps no activity", "give an activity")
    one = context.block[maps[-1]]
    assert isinstance(one, Map)
    files = ResultFiles(arguments, failed_state(context))
    context.block[maps[-1]] = replace(one, files=files)
    return Value(f"${one.branch.variable}", dict_of(STR))
