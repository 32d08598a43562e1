"""Name what lowers each of Python's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.compile.builtins import aggregates, attributes, conversions, ordering
from partita.compile.context import Context
from partita.compile.operators.conditions import isinstance_test
from partita.compile.tree import Value
from partita.compile.values.iterables import iterable


def _made_at_once(node: Any, context: Context) -> Value:
    """Lower a range, whose items a list holds as well."""
    return iterable(node, node, context)


def _lazy(node: Any, context: Context) -> Value:
    raise context.refuse(
        node,
        f"value of {node.func.id}(...)",
        "it gives its items only once, as they are asked for",
        f"write list({node.func.id}(...)), or go over it at once",
    )


def _isinstance(node: Any, context: Context) -> Value:
    found = isinstance_test(node, context)
    if found is None:
        raise context.refuse(
            node, "isinstance", "the class is not known here", "test for str, list, dict and so on"
        )
    return found.value


Lower = Callable[[Any, Context], Value]
FUNCTIONS: dict[str, Lower] = {
    "len": aggregates.lower_len,
    "sum": aggregates.lower_sum,
    "any": aggregates.lower_any_all,
    "all": aggregates.lower_any_all,
    "list": aggregates.lower_list,
    "tuple": aggregates.lower_tuple,
    "dict": aggregates.lower_dict,
    "set": aggregates.lower_set,
    "frozenset": aggregates.lower_set,
    "min": ordering.lower_extreme,
    "max": ordering.lower_extreme,
    "sorted": ordering.lower_sorted,
    "abs": conversions.lower_abs,
    "round": conversions.lower_round,
    "divmod": conversions.lower_divmod,
    "pow": conversions.lower_pow,
    "str": conversions.lower_str,
    "repr": conversions.lower_repr,
    "format": conversions.lower_format,
    "int": conversions.lower_int,
    "float": conversions.lower_float,
    "bool": conversions.lower_bool,
    "ord": conversions.lower_ord,
    "chr": conversions.lower_chr,
    "hex": conversions.based(16, "0x"),
    "oct": conversions.based(8, "0o"),
    "bin": conversions.based(2, "0b"),
    "next": aggregates.lower_next,
    "isinstance": _isinstance,
    "getattr": attributes.lower_getattr,
    "hasattr": attributes.lower_hasattr,
    "range": _made_at_once,
    "zip": _lazy,
    "enumerate": _lazy,
    "map": _lazy,
    "filter": _lazy,
    "reversed": _lazy,
    "iter": _lazy,
}
