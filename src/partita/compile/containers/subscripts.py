"""Lower indices, keys and slices; a missing one raises as in Python."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import key_text, list_value, looked_up, made, member, wrapped
from partita.compile.operators.conditions import choose
from partita.compile.texts.representations import as_repr
from partita.compile.tree import Check, Value
from partita.compile.types import ANY, BOOL, INT, NEVER, NONE, STR, Type, dict_of, join, list_of
from partita.compile.values.dicts import takes_key, with_member
from partita.compile.values.dynamic import is_open, narrowed, present
from partita.compile.values.sequences import as_list, characters, sliced, tuple_slice


def lower_subscript(node: Any, context: Context) -> Value:
    """Lower `container[index]`."""
    owner = context.read(node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(node, owner, context)
    if owner.type.kind == "record":
        return _field(node, owner, context)
    index = context.read(node.slice)
    owner = present(node, owner, context, TypeError, "'NoneType' object is not subscriptable")
    if owner.type is NEVER:
        return Value("null", NEVER)
    if owner.type is ANY or (owner.type.kind in ("list", "str", "dict") and is_open(index)):
        return _open_item(node, owner, index, context)
    if owner.type.kind == "row":
        owner = as_list(node, owner, context)
    if index.type is BOOL and owner.type.kind in ("list", "str"):
        index = made(f"({index.text} ? 1 : 0)", INT, index)
    found = _item(node, owner, index, context)
    if found is not None:
        return found
    raise context.refuse(
        node,
        f"index of {owner.type}",
        "only lists, tuples, dicts of str and records have indices here",
        "give a type hint; for a str, cut it in an activity",
    )


def _item(node: Any, owner: Value, index: Value, context: Context) -> Value | None:
    """Return an item of a value of a known type; None: it has none of this index."""
    kind, fields = owner.type.kind, dict(owner.type.fields)
    if owner.type is STR and index.type is INT:
        return _character(node, owner, index, context)
    if kind == "tuple":
        return _part(node, owner, index, context)
    if kind == "dict" and index.is_constant and index.constant in fields:
        return member(owner, index.constant, fields[index.constant])
    is_item = kind == "list" and index.type is INT
    if not is_item and not (kind == "dict" and takes_key(owner.type, index.type)):
        return None
    owner, index = context.simple(node, owner), context.simple(node, index)
    if is_item:
        check_index(node, owner, index, context)
        return element(owner, index, owner.type.item)
    check_key(node, owner, index, context)
    return looked_up(owner, index)


def _character(node: Any, owner: Value, index: Value, context: Context) -> Value:
    items = context.simple(node, characters(node, owner, context))
    index = context.simple(node, index)
    check_index(node, items, index, context, "string")
    return element(items, index, STR)


def _open_item(node: Any, owner: Value, index: Value, context: Context) -> Value:
    """Lower an index of a value whose type is seen at run time, or with such an index."""
    owner, index = context.simple(node, owner), context.simple(node, index)
    what = "'{}' object is not subscriptable, or not by this index"
    message = what.format("value")
    if owner.type.kind == "dict":
        return _open_key(node, owner, index, context)
    if owner.type.kind in ("list", "str"):
        index = narrowed(node, index, INT, context, TypeError, message)
        if owner.type is STR:
            return _character(node, owner, index, context)
        check_index(node, owner, index, context)
        return element(owner, index, owner.type.item)
    if index.type is STR:
        owner = narrowed(node, owner, dict_of(ANY), context, TypeError, message)
        check_key(node, owner, index, context)
        return made(f"$lookup({owner.text}, {index.text})", ANY, owner, index)
    return choose(
        node,
        Value(f'$type({owner.text}) = "object"', BOOL, False),
        context,
        lambda: _open_item(node, Value(owner.text, dict_of(ANY)), index, context),
        lambda: _open_place(node, owner, index, context),
    )


def _open_key(node: Any, owner: Value, index: Value, context: Context) -> Value:
    """Return a member of a dict by a key that may be no text."""
    if index.type is not STR:
        message = context.text("unhashable type")
        test = f'$not($type({index.text}) in ["array", "object"])'
        context.check(node, test, TypeError, message, index)
        text = f'$type({index.text}) = "string"'
        context.check(node, text, KeyError, as_repr(node, index, context), index)
        index = Value(index.text, STR)
    check_key(node, owner, index, context)
    return made(f"$lookup({owner.text}, {index.text})", owner.type.item, owner, index)


def _open_place(node: Any, owner: Value, index: Value, context: Context) -> Value:
    message = "the object is not subscriptable by this index"
    if index.type not in (INT, ANY):
        index = narrowed(node, Value(index.text, ANY), INT, context, TypeError, message)
    items = as_list(node, _subscriptable(node, owner, context), context)
    items = context.simple(node, items)
    index = narrowed(node, index, INT, context, TypeError, message)
    check_index(node, items, context.simple(node, index), context)
    return element(items, index, ANY)


def _subscriptable(node: Any, owner: Value, context: Context) -> Value:
    message = context.text("the object is not subscriptable")
    context.check(node, f'$type({owner.text}) in ["string", "array"]', TypeError, message, owner)
    return owner


def element(owner: Value, index: Value, type: Type) -> Value:
    """Return an element that is known to be there."""
    is_variable = owner.text.startswith("$") and owner.text[1:].isidentifier()
    whole = owner.text if is_variable else f"({owner.text})"  # x[0][1] is not (x[0])[1]
    return made(f"{whole}[{index.text}]", type, owner, index)


def check_index(
    node: ast.AST,
    owner: Value,
    index: Value,
    context: Context,
    kind: str = "list",
) -> None:
    """Raise IndexError if a list has no such element."""
    count = f"$count({owner.text})"
    if index.is_constant:
        least = index.constant + 1 if index.constant >= 0 else -index.constant
        condition = f"{count} >= {least}"
    else:
        condition = f"{index.atom} < {count} and {index.atom} >= -{count}"
    message = context.text(f"{kind} index out of range")
    context.check(node, condition, IndexError, message, owner, index)


def check_key(node: ast.AST, owner: Value, key: Value, context: Context) -> None:
    """Raise KeyError if a dict has no such key."""
    condition = f"$exists($lookup({owner.text}, {key_text(key)}))"
    test = Value(condition, BOOL, False, is_guarded=owner.is_guarded or key.is_guarded)
    shown = as_repr(node, key, context)
    given = list_value([key]), made(f'"KeyError(" & {shown.atom} & ")"', STR, shown, is_atom=False)
    error = context.error(KeyError, shown, args=given)
    context.block.append(Check(node.lineno, test, error))  # type: ignore[attr-defined]


def _field(node: Any, owner: Value, context: Context) -> Value:
    name = node.slice.value if isinstance(node.slice, ast.Constant) else None
    fields = dict(owner.type.fields)
    if name not in fields or hasattr(owner.type.cls, "__dataclass_fields__"):
        raise context.refuse(
            node,
            f"index of {owner.type}",
            f"it has no such key; it has {', '.join(fields)}",
            "write one of its keys as a constant; of a dataclass, the attribute",
        )
    if name in owner.type.missing:
        owner = context.simple(node, owner)
        check_key(node, owner, context.text(name), context)
    return member(owner, name, fields[name])


def _part(node: ast.AST, owner: Value, index: Value, context: Context) -> Value:
    parts = owner.type.parts
    if not index.is_constant:
        raise context.refuse(
            node,
            "index of a tuple",
            f"it must be a constant within its {len(parts)} elements",
            "unpack the tuple, or use a list",
        )
    if not -len(parts) <= index.constant < len(parts):
        context.check(node, "false", IndexError, context.text("tuple index out of range"))
        return Value("null", NEVER)
    return element(context.simple(node, owner), index, parts[index.constant])


def _slice(node: Any, owner: Value, context: Context) -> Value:
    owner = present(node, owner, context, TypeError, "'NoneType' object is not subscriptable")
    if owner.type.kind == "tuple":
        found = tuple_slice(context.simple(node, owner), node.slice)
        if found is not None:
            return found
    if owner.type is ANY:
        return _open_slice(node, context.simple(node, owner), context)
    if owner.type.kind not in ("list", "str"):
        raise context.refuse(
            node,
            f"slice of {owner.type}",
            "only lists, texts and tuples with constant bounds have slices",
            "give a type hint",
        )
    return sliced(node, owner, _bounds(node, context), context)


def _bounds(node: Any, context: Context) -> list[Value | None]:
    parts = (node.slice.lower, node.slice.upper, node.slice.step)
    bounds = [None if one is None else _bound(node, one, context) for one in parts]
    step = bounds[2]
    if step is not None and step.type is not NONE and not (step.is_constant and step.constant):
        raise context.refuse(
            node, "step of a slice", "it must be a constant, and not 0", "write a number"
        )
    return bounds


def _open_slice(node: Any, owner: Value, context: Context) -> Value:
    """Lower the slice of a value that is a text or a list: which of them is seen at run time."""
    bounds = _bounds(node, context)
    message = context.text("the object is not subscriptable")
    context.check(node, f'$type({owner.text}) in ["string", "array"]', TypeError, message, owner)
    simple = [None if one is None else context.simple(node, one) for one in bounds]
    return choose(
        node,
        Value(f'$type({owner.text}) = "string"', BOOL, False),
        context,
        lambda: sliced(node, Value(owner.text, STR), simple, context),
        lambda: sliced(node, Value(owner.text, list_of(ANY)), simple, context),
    )


def _bound(node: ast.AST, bound: ast.expr, context: Context) -> Value:
    value = context.read(bound)
    if value.type is ANY:
        return narrowed(node, value, INT, context, TypeError, "slice indices must be integers")
    if value.type is BOOL:
        return made(f"({value.text} ? 1 : 0)", INT, value)
    if value.type not in (INT, NONE, NEVER):
        raise context.refuse(node, f"bound of type {value.type}", "it is no int", "use an int")
    return value


def with_key(owner: Value, key: Value, value: Value) -> Value:
    """Return a dict with one more member, or another value of one."""
    type = with_member(owner.type, key.type, value.type)
    text = f"$merge([{owner.text}, {{{key_text(key)}: {value.text}}}])"
    return made(text, type, owner, key, value)


def from_start(owner: Value, index: Value) -> str:
    """Return an index of a list as counted from its start."""
    return f"({index.atom} < 0 ? {index.atom} + $count({owner.text}) : {index.atom})"


def with_element(owner: Value, index: Value, value: Value, context: Context) -> Value:
    """Return a list with another element at an index that it has."""
    item = join(owner.type.item, value.type)
    acc, old, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    counted = from_start(owner, index)
    kept = wrapped(Value(f"${old}", owner.type.item))
    text = (
        f"$reduce({owner.text}, function(${acc}, ${old}, ${number}) {{$append(${acc}, "
        f"${number} = {counted} ? {wrapped(value)} : {kept})}}, [])"
    )
    return made(text, Type("list", (item,)), owner, index, value)
