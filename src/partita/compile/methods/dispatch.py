"""Lower calls of methods: find by the type of the receiver what lowers each.

Knows the methods of dicts that change nothing; all others are in their own modules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.classes.members import lower_own_method
from partita.compile.concurrency.futures import future_method, is_future, result_of_signal
from partita.compile.concurrency.signals import channel_method
from partita.compile.containers.changes import lower_change
from partita.compile.context import Context
from partita.compile.jsonata import looked_up, made, member
from partita.compile.library.chance import random_method
from partita.compile.library.collections_module import counter_method
from partita.compile.library.encodings import lower_chain
from partita.compile.lowered import located
from partita.compile.methods.containers import METHODS
from partita.compile.methods.texts import TEXT_METHODS, lower_text_method
from partita.compile.operators.conditions import choose
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER, RANDOM, STR, dict_of, join, list_of, optional
from partita.compile.values.definitions import arguments_kept, named_value
from partita.compile.values.dicts import takes_key
from partita.compile.values.dynamic import has_type, is_open, narrowed, present, text_key
from partita.compile.values.enumerations import plain
from partita.compile.values.moments import is_time, time_method


def lower_method(node: Any, context: Context) -> Value:
    """Lower the call of a method."""
    for lower in (result_of_signal, lower_chain, lower_change):
        whole = lower(node, context)
        if whole is not None:
            return whole
    owner = context.read(node.func.value)
    special = _special(node, owner, context)
    if special is not None:
        return special
    owner = _plain(_settled(node, owner, node.func.attr, context), node.func.attr)
    if owner.type is ANY and node.func.attr in _OF_BOTH:
        return _of_both(node, owner, context)
    if owner.type is STR:
        text = lower_text_method(node, owner, context)
        if text is not None:
            return text
    for lower_own in (counter_method, lower_own_method):
        own = lower_own(node, owner, context)
        if own is not None:
            return own
    return _by_table(node, owner, context)


_OF_BOTH = ("count", "index")
"""Methods that texts and lists have."""


def _of_both(node: Any, owner: Value, context: Context) -> Value:
    """Lower a method of a text or a list: which of them it is, is seen at run time."""
    owner = context.simple(node, owner)
    test = has_type(owner, "str")

    def of(kept: ast.Call, value: Value) -> Value:
        function = ast.Attribute(named_value(node, value, context), node.func.attr, ast.Load())
        return context.lower(located(ast.Call(function, kept.args, kept.keywords), node))

    def of_list() -> Value:
        message = f"the object has no attribute {node.func.attr!r}"
        known = narrowed(node, owner, list_of(ANY), context, AttributeError, message)
        return of(kept, known)

    with arguments_kept(node, context) as kept:
        return choose(
            node, Value(test, BOOL), context, lambda: of(kept, replace(owner, type=STR)), of_list
        )


def _plain(owner: Value, name: str) -> Value:
    """Return a member of an enum of texts as a text, for a method that it has as such."""
    known = plain(owner)
    is_inherited = known is not owner and hasattr(str, name)
    is_inherited = is_inherited and getattr(owner.type.cls, name, None) is getattr(str, name)
    return known if is_inherited and known.type is STR else owner


def _special(node: Any, owner: Value, context: Context) -> Value | None:
    """Lower a method of a future, a channel, `random` or a time; None for other owners."""
    if owner.type is NEVER:
        return Value("null", NEVER)
    if is_future(owner.type):
        return future_method(node, owner, context)
    if owner.type.kind == "channel":
        return channel_method(node, owner, context)
    if owner.type is RANDOM:
        return random_method(node, context)
    return time_method(node, owner, context) if is_time(owner) else None


def _by_table(node: Any, owner: Value, context: Context) -> Value:
    """Lower a method of a dict, list, tuple or set."""
    name, kind = node.func.attr, owner.type.kind
    method = _METHODS.get((kind, name)) or METHODS.get((kind, name))
    if method is None or node.keywords:
        raise context.refuse(
            node,
            f"method {name} of {owner.type}",
            "it is not compiled, or not for a value of this type",
            "give a type hint, or use an activity",
        )
    keeps = name == "get"  # its result may be what is given
    args = [context.lower(one) if keeps else context.read(one) for one in node.args]
    found = method(node, owner, args, context)
    if found is None:
        raise context.refuse(
            node,
            f"arguments of {name}",
            "they are not compiled",
            "see the table of methods in docs/compiling.md",
        )
    return found


def _get(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    if not 1 <= len(args) <= 2:
        return None
    if is_open(args[0]):
        args = [text_key(node, args[0], context), *args[1:]]
    key, fields = args[0], dict(owner.type.fields)
    if key.is_constant and key.constant in fields:
        return member(owner, key.constant, fields[key.constant])
    if not takes_key(owner.type, key.type):
        return None
    found = looked_up(owner, key).text
    if len(args) == 1:
        text = f"$exists({found}) ? {found} : null"
        return made(text, optional(owner.type.item), owner, key, is_atom=False)
    text = f"$exists({found}) ? {found} : {args[1].atom}"
    type = join(owner.type.item, args[1].type)
    return made(text, type, owner, key, args[1], is_atom=False)


def _get_field(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    """Lower `get` of a TypedDict."""
    fields = dict(owner.type.fields)
    if not 1 <= len(args) <= 2 or not args[0].is_constant or args[0].constant not in fields:
        return None
    name = args[0].constant
    if hasattr(owner.type.cls, "__dataclass_fields__"):
        return None
    if name not in owner.type.missing:
        return member(owner, name, fields[name])
    as_dict = replace(owner, type=dict_of(fields[name]))
    return _get(node, as_dict, args, context)


def _copy(node: Any, owner: Value, args: list[Value], context: Context) -> Value | None:
    return None if args else owner


def _settled(node: Any, owner: Value, name: str, context: Context) -> Value:
    """Return the owner of a method as a value of the type that has such a method."""
    message = f"the object has no attribute {name!r}"
    owner = present(node, owner, context, AttributeError, message)
    if owner.type is not ANY:
        return owner
    kinds = [kind for kind, names in _OWNERS.items() if name in names]
    if len(kinds) == 1:
        wanted = {"str": STR, "dict": dict_of(ANY), "list": list_of(ANY)}[kinds[0]]
        return narrowed(node, owner, wanted, context, AttributeError, message)
    return owner


_METHODS: dict[tuple[str, str], Callable[..., Value | None]] = {
    ("dict", "get"): _get,
    ("record", "get"): _get_field,
    ("dict", "copy"): _copy,
    ("list", "copy"): _copy,
}
_OWNERS = {
    "str": TEXT_METHODS,
    "dict": {"get", "keys", "values", "items", "copy"},
    "list": {"index", "count", "copy"},
}
