"""Lower methods that change a list or a dict: they give the variable a new value."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.containers.places import (
    Place,
    declared_at,
    is_place,
    place_of,
    read,
    refreshed,
    without,
    write,
)
from partita.compile.containers.subscripts import check_index, check_key, element, with_key
from partita.compile.context import Context
from partita.compile.jsonata import list_value, listed, literal, looked_up, made, wrapped
from partita.compile.lowered import located
from partita.compile.texts.representations import as_repr
from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    INT,
    NEVER,
    NONE,
    Type,
    comparable,
    dict_of,
    join,
    list_of,
    set_of,
)
from partita.compile.values.counters import added, counted
from partita.compile.values.definitions import named_value
from partita.compile.values.dicts import key_of, takes_key
from partita.compile.values.dynamic import is_open, narrowed, present, text_key
from partita.compile.values.hints import as_declared
from partita.compile.values.sequences import as_list as items_of
from partita.compile.values.sets import combined, has, set_from

Changed = tuple[Value, Value] | None
"""The new container and the method's result; None: the arguments do not fit."""

Change = Callable[[Any, Value, list[Value], Context], Changed]


def lower_change(node: Any, context: Context) -> Value | None:
    """Lower a method that changes its object; None: it is no such method."""
    name = node.func.attr
    if name not in {method for _, method in CHANGES}:
        return None
    target = _set_default(node.func.value, context) or node.func.value
    if not is_place(target, context):
        return None
    method = ast.Attribute(target, name, ast.Load())
    return _changed(ast.copy_location(ast.Call(method, node.args, node.keywords), node), context)


def _changed(node: Any, context: Context) -> Value | None:
    """Lower a method of a value at a place, which gets the changed value."""
    name = node.func.attr
    place = place_of(node.func.value, context)
    owner = read(node.func.value, place, context)
    owner = _settled(node, owner, name, context)
    change = CHANGES.get((owner.type.kind, name))
    if change is None:
        return None
    if place.steps:
        owner = context.simple(node, owner)
    args = _arguments(node, owner, name, context)
    if args:
        args[-1] = _declared(node, args[-1], place, name, context)
    if args and owner.type.kind == "dict" and is_open(args[0]) and name in ("pop", "setdefault"):
        args[0] = text_key(node, args[0], context)
    again = refreshed(place, context)
    if again is not place:
        place, owner = again, read(node.func.value, again, context)
        owner = _settled(node, owner, name, context)
    found = None if args is None else change(node, owner, args, context)
    if found is None:
        raise context.refuse(
            node,
            f"method {name} of {owner.type}",
            "it is not compiled with these arguments, or for this type",
            "build a new value with +, a comprehension or d[key] = value",
        )
    changed, result = found
    write(node, place, changed, context)
    return result


def _declared(node: Any, value: Value, place: Place, name: str, context: Context) -> Value:
    """Return the last argument of a method as the hint of the variable says of what it holds."""
    wanted = declared_at(place, context)
    if wanted is None or name not in ("append", "insert", "setdefault", "extend"):
        return value
    if wanted.kind not in ("list", "dict"):
        return value
    return as_declared(node, value, wanted if name == "extend" else wanted.item, context)


def _settled(node: Any, owner: Value, name: str, context: Context) -> Value:
    """Return the object as of the type that has such a method, if its type is not known."""
    message = f"the object has no attribute {name!r}"
    owner = present(node, owner, context, AttributeError, message)
    if owner.type is not ANY:
        return owner
    kinds = [kind for kind, method in CHANGES if method == name and kind in ("list", "dict")]
    if name == "pop":
        kinds = ["list"] if not node.args or context.read(node.args[0]).type is INT else ["dict"]
    if len(kinds) != 1:
        return owner
    wanted = list_of(ANY) if kinds[0] == "list" else dict_of(ANY)
    return narrowed(node, owner, wanted, context, AttributeError, message)


def at_default(target: ast.expr, context: Context) -> ast.expr:
    """Return the target that `d.setdefault(key, ...)[...]` is, after setting the default."""
    if not isinstance(target, ast.Subscript | ast.Attribute):
        return target
    place = _set_default(target.value, context)
    if place is None:
        return target
    changed = copy.copy(target)
    changed.value = place
    return changed


def _set_default(node: ast.expr, context: Context) -> ast.expr | None:
    """Lower `d.setdefault(key, ...)` whose result is changed; return the place of the result."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if not is_call or node.func.attr != "setdefault" or not node.args:  # type: ignore[attr-defined]
        return None
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    if not is_place(node.func.value, context):
        return None
    key = context.simple(node, context.read(node.args[0]))
    named = named_value(node.args[0], key, context)
    call = ast.Call(node.func, [named, *node.args[1:]], node.keywords)
    if lower_change(ast.copy_location(call, node), context) is None:
        return None
    return ast.copy_location(ast.Subscript(node.func.value, named, ast.Load()), node)


def _arguments(node: Any, owner: Value, name: str, context: Context) -> list[Value] | None:
    if name == "sort":
        call = ast.Call(ast.Name("sorted", ast.Load()), [node.func.value], node.keywords)
        located(call, node)
        return [context.lower(call)]
    if name == "extend" and len(node.args) == 1:
        return [as_list(node.args[0], context)]
    args = [context.lower(one) for one in node.args]
    if name == "update" and all(one.arg is not None for one in node.keywords):
        for one in node.keywords:
            value = context.lower(one.value)
            text = f"{{{context.text(one.arg).text}: {value.text}}}"
            args.append(made(text, dict_of(value.type), value))
        return args
    return None if node.keywords else args


def as_list(node: ast.expr, context: Context) -> Value:
    """Return the elements that an expression gives, as a list."""
    if isinstance(node, ast.List | ast.ListComp | ast.GeneratorExp):
        return context.lower(node)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        value = context.read(node)
        if value.type.kind in ("list", "never"):
            return value
    call = ast.Call(ast.Name("list", ast.Load()), [node], [])
    return context.lower(located(call, node))


def _none() -> Value:
    return Value("null", NONE, constant=None, is_constant=True)


def _append(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1:
        return None
    type = list_of(join(owner.type.item, args[0].type))
    return made(f"$append({owner.text}, {wrapped(args[0])})", type, owner, args[0]), _none()


def _extend(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1 or args[0].type.kind not in ("list", "never"):
        return None
    item = args[0].type.item if args[0].type.kind == "list" else NEVER
    type = list_of(join(owner.type.item, item))
    return made(f"$append({owner.text}, {args[0].text})", type, owner, args[0]), _none()


def _insert(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 2 or args[0].type is not INT:
        return None
    at, value = context.simple(node, args[0]), context.simple(node, args[1])
    count = f"$count({owner.text})"
    acc, item, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    begin = f"({at.atom} < 0 ? $max([0, {at.atom} + {count}]) : {at.atom})"
    both = listed([value, Value(f"${item}", owner.type.item)])
    one = wrapped(Value(f"${item}", owner.type.item))
    grown = (
        f"$reduce({owner.text}, function(${acc}, ${item}, ${number}) "
        f"{{$append(${acc}, ${number} = {begin} ? {both} : {one})}}, [])"
    )
    text = f"{begin} < {count} ? {grown} : $append({owner.text}, {wrapped(value)})"
    type = list_of(join(owner.type.item, value.type))
    return made(text, type, owner, at, value, is_atom=False), _none()


def _pop(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) > 1 or (args and args[0].type is not INT):
        return None
    last = literal(-1)
    assert last is not None
    at = context.simple(node, args[0]) if args else last
    if not args:
        message = context.text("pop from empty list")
        context.check(node, f"$count({owner.text}) > 0", IndexError, message, owner)
    else:
        check_index(node, owner, at, context, "pop")
    result = context.let(node, "item", element(owner, at, owner.type.item))
    return without(owner, at, context), result


def _remove(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1 or not comparable(args[0].type, owner.type.item):
        return None
    value = context.simple(node, args[0])
    acc, item, number = (context.names.new(stem) for stem in ("acc", "item", "index"))
    text = (
        f"$reduce({owner.text}, function(${acc}, ${item}, ${number}) "
        f"{{${acc} < 0 and ${item} = {value.atom} ? ${number} : ${acc}}}, -1)"
    )
    at = context.let(node, "index", made(text, INT, owner, value))
    message = context.text("list.remove(x): x not in list")
    context.check(node, f"{at.text} >= 0", ValueError, message)
    return without(owner, at, context), _none()


def _reverse(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    return None if args else (reversed_list(owner, context), _none())


def reversed_list(owner: Value, context: Context) -> Value:
    """Return a list with its elements from the last to the first."""
    acc, item = context.names.new("acc"), context.names.new("item")
    one = wrapped(Value(f"${item}", owner.type.item))
    text = f"$reduce({owner.text}, function(${acc}, ${item}) {{$append({one}, ${acc})}}, [])"
    return made(text, owner.type, owner)


def _sort(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    return args[0], _none()


def _clear(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if args:
        return None
    return Value("{}" if owner.type.kind == "dict" else "[]", owner.type), _none()


def _update(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if owner.type.default == "counter":
        return _counted(node, owner, args, context)
    if any(one.type.kind != "dict" for one in args):
        return None
    item = owner.type.item
    for one in args:
        item = join(item, one.type.item)
    texts = ", ".join([owner.text, *(one.text for one in args)])
    key = next((one.type.key for one in (owner, *args) if one.type.item is not NEVER), "str")
    type = dict_of(item, key, owner.type.default)
    return made(f"$merge([{texts}])", type, owner, *args), _none()


def _counted(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    """Lower `update` of a Counter."""
    if len(args) != 1:
        return None
    kind = args[0].type.kind
    if kind == "dict":
        found = added(node, owner, args[0], context)
    else:
        items = items_of(node, args[0], context)
        found = counted(node, owner, items, context) if items.type.kind == "list" else None
    return None if found is None else (found, _none())


def _dict_pop(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if not 1 <= len(args) <= 2 or not takes_key(owner.type, args[0].type):
        return None
    key = context.simple(node, args[0])
    found = looked_up(owner, key).text
    if len(args) == 1:
        check_key(node, owner, key, context)
        value = made(found, owner.type.item, owner, key)
    else:
        type = join(owner.type.item, args[1].type)
        text = f"$exists({found}) ? {found} : {args[1].atom}"
        value = made(text, type, owner, key, args[1], is_atom=False)
    result = context.let(node, "item", value)
    return without(owner, key, context), result


def _setdefault(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if not 1 <= len(args) <= 2 or not takes_key(owner.type, args[0].type):
        return None
    key, default = context.simple(node, args[0]), args[1] if len(args) == 2 else _none()
    found = looked_up(owner, key).text
    type = join(owner.type.item, default.type)
    text = f"$exists({found}) ? {found} : {default.atom}"
    value = made(text, type, owner, key, default, is_atom=False)
    result = context.let(node, "item", value)
    return with_key(owner, key, result), result


def _popitem(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if args:
        return None
    message = context.text("'popitem(): dictionary is empty'")
    context.check(node, f"{owner.atom} != {{}}", KeyError, message, owner)
    last = f"($append([], $keys({owner.text})))[-1]"
    if owner.type.key == "int":
        last = f"$number({last})"
    key = context.let(node, "key", made(last, key_of(owner.type), owner))
    value = looked_up(owner, key)
    pair = made(listed([key, value]), Type("tuple", (key.type, value.type)), key, value)
    return without(owner, key, context), context.let(node, "pair", pair)


def _add(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1:
        return None
    kinds = {owner.type.item.kind, args[0].type.kind} - {"never"}
    if kinds <= {"str"} or kinds <= {"int"}:
        item = context.simple(node, args[0])
        test = has(node, owner, item, context)
        text = f"{test.atom} ? {owner.atom} : $append({owner.text}, {wrapped(item)})"
        return made(text, set_of(item.type), owner, item, test, is_atom=False), _none()
    both = made(f"$append({owner.text}, {wrapped(args[0])})", list_of(NEVER), owner, args[0])
    both = replace(both, type=list_of(join(owner.type.item, args[0].type)))
    found = set_from(node, both, context)
    return None if found is None else (found, _none())


def _discard(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1:
        return None
    one = set_from(node, list_value([args[0]]), context)
    rest = combined(node, ast.Sub(), owner, one, context) if one is not None else None
    return None if rest is None else (rest, _none())


def _remove_from_set(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
    if len(args) != 1 or args[0].type.kind not in ("str", "int", "bool"):
        return None
    item = context.simple(node, args[0])
    test = has(node, owner, item, context)
    context.check(node, test.text, KeyError, as_repr(node, item, context), test)
    return _discard(node, owner, [item], context)


def _operated(op: ast.operator) -> Change:
    """Return what changes a set by an operator with others."""

    def change(node: Any, owner: Value, args: list[Value], context: Context) -> Changed:
        found: Value | None = owner
        for one in args:
            items = items_of(node, one, context)
            other = set_from(node, items, context) if items.type.kind == "list" else items
            if found is None or other is None or other.type.kind != "set":
                return None
            found = combined(node, op, found, context.simple(node, other), context)
        return None if found is None else (found, _none())

    return change


CHANGES: dict[tuple[str, str], Change] = {
    ("list", "append"): _append,
    ("list", "extend"): _extend,
    ("list", "insert"): _insert,
    ("list", "pop"): _pop,
    ("list", "remove"): _remove,
    ("list", "reverse"): _reverse,
    ("list", "sort"): _sort,
    ("list", "clear"): _clear,
    ("dict", "update"): _update,
    ("dict", "pop"): _dict_pop,
    ("dict", "setdefault"): _setdefault,
    ("dict", "popitem"): _popitem,
    ("dict", "clear"): _clear,
    ("set", "add"): _add,
    ("set", "discard"): _discard,
    ("set", "remove"): _remove_from_set,
    ("set", "clear"): _clear,
    ("set", "update"): _operated(ast.BitOr()),
    ("set", "difference_update"): _operated(ast.Sub()),
    ("set", "intersection_update"): _operated(ast.BitAnd()),
}
