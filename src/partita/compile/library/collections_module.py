"""Lower defaultdict and Counter of the module collections: dicts that know what is missing."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.builtins.ordering import in_order
from partita.compile.containers.places import is_place, or_default, place_of, write
from partita.compile.containers.subscripts import lower_subscript
from partita.compile.containers.unpacking import int_value
from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.names.objects import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import INT, NEVER, STR, dict_of, list_of, tuple_of
from partita.compile.values.counters import counted
from partita.compile.values.dicts import DEFAULTS
from partita.compile.values.iterables import iterable
from partita.compile.values.sequences import sliced


def lower_defaultdict(node: Any, context: Context) -> Value:
    """Lower `defaultdict(factory)`."""
    name = _factory(node.args[0], context) if len(node.args) == 1 and not node.keywords else None
    if name is None:
        raise context.refuse(
            node,
            "defaultdict",
            "only int, float, str, bool, list, dict, set and lambdas of their empty values are "
            "compiled",
            "use a dict and setdefault",
        )
    return Value("{}", dict_of(NEVER, default=name))


def _factory(node: ast.expr, context: Context) -> str | None:
    found = target(node, context)
    if isinstance(found, type):
        return found.__name__ if found.__name__ in DEFAULTS else None
    if isinstance(node, ast.Lambda):
        try:
            value = ast.literal_eval(node.body)
        except ValueError:
            return None
        kind = type(value)
        return kind.__name__ if kind.__name__ in DEFAULTS and value == kind() else None
    return None


def lower_item(node: Any, context: Context) -> Value:
    """Lower `container[index]`; of a defaultdict, a missing key is put in."""
    owner = node.value
    if not isinstance(owner, ast.Name) or isinstance(node.slice, ast.Slice):
        return lower_subscript(node, context)
    known = context.variables.get(owner.id)
    if known is None or known.type.kind != "dict" or known.type.default is None:
        return lower_subscript(node, context)
    if not is_place(node, context):
        return lower_subscript(node, context)
    place = place_of(node, context)
    step = place.steps[-1]
    if isinstance(step.key, str):
        return lower_subscript(node, context)
    value = or_default(step.owner, step.key)
    if known.type.default == "counter":
        return value
    value = context.let(node, "item", value)
    write(node, place, value, context)
    return value


# -- Counter


def lower_counter(node: Any, context: Context) -> Value:
    """Lower `Counter(items)`."""
    empty = Value("{}", dict_of(NEVER, default="counter"))
    if not node.args and not node.keywords:
        return empty
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "Counter", "its arguments are not compiled", "give one list")
    found = counted(node, empty, iterable(node, node.args[0], context), context)
    if found is None:
        raise context.refuse(
            node, "Counter", "only strs and ints are counted", "count in a dict of your own"
        )
    return found


def counter_method(node: Any, owner: Value, context: Context) -> Value | None:
    """Lower methods that only a Counter has."""
    name = node.func.attr
    if owner.type.default != "counter" or node.keywords:
        return None
    if name == "most_common" and len(node.args) <= 1:
        return _most_common(node, owner, context)
    if name == "total" and not node.args:
        template = "$reduce($append([], $keys(@d)), function(~acc, ~k) {~acc + $lookup(@d, ~k)}, 0)"
        return fill(node, context, template, INT, d=owner)
    if name in ("elements", "subtract"):
        raise context.refuse(
            node, f"method {name} of Counter", "it is not compiled", "count in a loop"
        )
    return None


def _most_common(node: Any, owner: Value, context: Context) -> Value:
    owner = context.simple(node, owner)
    key = Value("~k", STR) if owner.type.key == "str" else Value("$number(~k)", INT)
    template = (
        "$reduce($append([], $keys(@d)), function(~acc, ~k) "
        f"{{$append(~acc, [[{key.text}, $lookup(@d, ~k)]])}}, [])"
    )
    pairs = fill(node, context, template, list_of(tuple_of(key.type, INT)), d=owner)
    by_count = ast.parse("lambda pair: -pair[1]", mode="eval").body
    for one in ast.walk(by_count):
        ast.copy_location(one, node)
    found = in_order(node, pairs, by_count, None, context)
    if not node.args:
        return found
    most = context.simple(node, context.read(node.args[0]))
    if most.type is not INT:
        raise context.refuse(node, "most_common", "it takes an int", "give an int")
    return sliced(
        node, context.simple(node, found), [int_value(0), _from_zero(most), None], context
    )


def _from_zero(most: Value) -> Value:
    return most if most.is_constant else made(f"$max([0, {most.text}])", INT, most)
