"""Lower iterables to one list: ranges, views, zip, enumerate, map, filter, reversed.

Python makes their items one after another; as nothing sees that, the list is made at once.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import operator
from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, listed, literal, made, wrapped
from partita.compile.lowered import Lowered, located
from partita.compile.names.objects import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import (
    ANY,
    BOOL,
    INT,
    NEVER,
    STR,
    Type,
    dict_of,
    join,
    list_of,
    row_of,
    tuple_of,
)
from partita.compile.values.dicts import key_of
from partita.compile.values.dynamic import narrowed, present
from partita.compile.values.sequences import as_list

VIEWS = ("keys", "values", "items")


def is_lazy(node: ast.expr, context: Context) -> bool:
    """Return whether an expression makes its items one after another."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in VIEWS:
        return not node.args and not node.keywords
    return _special(node, context) is not None


def _special(node: ast.Call, context: Context) -> _Lower | None:
    found = target(node.func, context)
    if isinstance(found, type) and found in _ITERTOOLS:
        return _ITERTOOLS[found]
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    is_own = name in _SPECIAL and target(node.func, context) is getattr(builtins, name)
    return _SPECIAL[name] if is_own else None


def iterable(node: Any, source: ast.expr, context: Context) -> Value:
    """Return the items that an expression gives when it is gone over, as a list."""
    if isinstance(source, ast.Call) and is_lazy(source, context):
        special = _special(source, context)
        if special is not None:
            return special(source, context)
        assert isinstance(source.func, ast.Attribute)
        return view(source, context.read(source.func.value), source.func.attr, context)
    if isinstance(source, ast.Set):
        raise unordered(source, context)
    value = context.read(source)
    if value.type is NEVER:  # what it stands for is refused, or never there
        return list_value([])
    value = as_list(node, value, context)
    if value.type.kind == "set":
        raise unordered(source, context)
    if value.type.kind != "list":
        raise context.refuse(
            source,
            f"iteration over {value.type}",
            "only lists, tuples, texts, dicts and what Python makes of them are gone over",
            "give a type hint such as list[int]",
        )
    return value


def unordered(node: ast.AST, context: Context) -> Exception:
    """Return the refusal of what would show the order of a set."""
    return context.refuse(
        node, "iteration over a set", "its order is not defined", "go over sorted(...) of it"
    )


def view(node: Any, owner: Value, name: str, context: Context) -> Value:
    """Return the list of the keys, values or items of a dict."""
    message = f"the object has no attribute {name!r}"
    owner = present(node, owner, context, AttributeError, message)
    owner = narrowed(node, owner, dict_of(ANY), context, AttributeError, message)
    if owner.type.kind == "record" and not hasattr(owner.type.cls, "__dataclass_fields__"):
        owner = _as_dict(owner)
    if owner.type is NEVER:
        return list_value([])
    if owner.type.kind != "dict":
        raise context.refuse(
            node, f"method {name} of {owner.type}", "it is no dict", "give a type hint"
        )
    keys = made(f"$append([], $keys({owner.text}))", list_of(key_of(owner.type)), owner)
    key = Value("~key", key_of(owner.type))
    if owner.type.key == "int":
        key = Value("$number(~key)", INT)
    if name == "keys" and key.type is INT:
        return fill(
            node, context, "$append([], $map(@k, function(~v) {$number(~v)}))", list_of(INT), k=keys
        )
    if name == "keys":
        return keys
    owner = context.simple(node, owner)
    value = made(f"$lookup({owner.text}, ~key)", owner.type.item, owner)
    kept, type = wrapped(value), value.type
    if name == "items":
        kept, type = f"[{listed([key, value])}]", tuple_of(key.type, value.type)
    template = f"$reduce(@k, function(~acc, ~key) {{$append(~acc, {kept})}}, [])"
    keys = made(f"$append([], $keys({owner.text}))", list_of(STR), owner)
    return fill(node, context, template, list_of(type), k=keys)


def _as_dict(value: Value) -> Value:
    return Value(value.text, dict_of(ANY), value.is_atom, value.depth)


def whole(node: Any, argument: ast.expr, context: Context, what: str) -> Value:
    """Return an argument that must be an int."""
    value = context.read(argument)
    value = present(node, value, context, TypeError, f"{what} wants an integer")
    if value.type is ANY:
        return narrowed(node, value, INT, context, TypeError, f"{what} wants an integer")
    if value.type is BOOL:
        return made(f"({value.text} ? 1 : 0)", INT, value)
    if value.type not in (INT, NEVER):
        raise context.refuse(argument, what, f"it wants an int, not {value.type}", "give an int")
    return value


def _range(node: Any, context: Context) -> Value:
    values = [whole(node, one, context, "range") for one in node.args]
    if node.keywords or not 1 <= len(values) <= 3:
        raise context.refuse(node, "range", "it takes one to three ints", "give ints")
    start, stop = (zero(), values[0]) if len(values) == 1 else values[:2]
    if len(values) < 3:
        if start.is_constant and start.constant == 0:
            return fill(node, context, "[0..@b - 1]", list_of(INT), b=stop)
        return fill(node, context, "[@a..@b - 1]", list_of(INT), a=start, b=stop)
    step = context.simple(node, values[2])
    message = context.text("range() arg 3 must not be zero")
    if not step.is_constant:
        context.check(node, f"{step.atom} != 0", ValueError, message, step)
    elif not step.constant:
        context.check(node, "false", ValueError, message)
    template = "$append([], $map([0..$ceil((@b - @a) / @s) - 1], function(~i) {@a + ~i * @s}))"
    return fill(node, context, template, list_of(INT), a=start, b=stop, s=step)


def zero() -> Value:
    """Return the constant 0."""
    found = literal(0)
    assert found is not None
    return found


def _enumerate(node: Any, context: Context) -> Value:
    keywords = {one.arg: one.value for one in node.keywords}
    starts = [*node.args[1:], *keywords.values()]
    if not node.args or len(starts) > 1 or set(keywords) - {"start"}:
        raise context.refuse(node, "enumerate", "its arguments are not compiled", "add to it")
    items = iterable(node, node.args[0], context)
    start = whole(node, starts[0], context, "enumerate") if starts else zero()
    number = Value("(~i + @s)" if starts else "~i", INT)
    item = Value("~item", items.type.item)
    template = (
        f"$reduce(@x, function(~acc, ~item, ~i) {{$append(~acc, [{listed([number, item])}])}}, [])"
    )
    type = list_of(tuple_of(INT, items.type.item))
    values = {"x": items, "s": start} if starts else {"x": items}
    return fill(node, context, template, type, **values)


def _zip(node: Any, context: Context) -> Value:
    strict = {one.arg: one.value for one in node.keywords}
    constant = strict.get("strict")
    if set(strict) - {"strict"} or not isinstance(constant, ast.Constant | None):
        raise context.refuse(node, "zip", "its keywords are not compiled", "leave them out")
    if len(node.args) == 1 and isinstance(node.args[0], ast.Starred):
        return _columns(node, node.args[0].value, context)
    lists = [context.simple(node, iterable(node, one, context)) for one in node.args]
    if not lists:
        return list_value([])
    sizes = [f"$count({one.text})" for one in lists]
    if constant is not None and constant.value and len(lists) > 1:
        test = " and ".join(f"{one} = {sizes[0]}" for one in sizes[1:])
        message = context.text("zip() arguments have different lengths")
        context.check(node, test, ValueError, message, *lists)
    items = [Value(f"{one.text}[~i]", one.type.item) for one in lists]
    least = sizes[0] if len(sizes) == 1 else f"$min([{', '.join(sizes)}])"
    template = (
        f"$reduce([0..{least} - 1], function(~acc, ~i) {{$append(~acc, [{listed(items)}])}}, [])"
    )
    type = list_of(tuple_of(*(one.type for one in items)))
    found = fill(node, context, template, type)
    return made(found.text, type, *lists)


def _columns(node: Any, rows: ast.expr, context: Context) -> Value:
    """Lower `zip(*rows)`: its tuples are as long as there are rows."""
    items = context.simple(node, iterable(node, rows, context))
    if items.type.item.kind != "list":
        raise context.refuse(node, "zip of *", "only lists of lists are compiled", "use indices")
    type = list_of(row_of(items.type.item.item))
    value = wrapped(Value("~row[~i]", items.type.item.item))
    column = f"$reduce(@x, function(~column, ~row) {{$append(~column, {value})}}, [])"
    sizes = "$append([], $map(@x, function(~r) {$count(~r)}))"
    template = (
        f"(@x = [] ? [] : $reduce([0..$min({sizes}) - 1], function(~acc, ~i) "
        f"{{$append(~acc, [[{column}]])}}, []))"
    )
    return fill(node, context, template, type, x=items)


def _reversed(node: Any, context: Context) -> Value:
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "reversed", "it takes one argument", "give one list")
    items = iterable(node, node.args[0], context)
    return made(f"$reverse({items.text})", items.type, items)


def _map(node: Any, context: Context) -> Value:
    if len(node.args) < 2 or node.keywords:
        raise context.refuse(node, "map", "it takes a function and lists", "give both")
    function, *sources = node.args
    lists = [context.simple(node, iterable(node, one, context)) for one in sources]
    names = [f"item {number}" for number in range(len(lists))]
    zipped = lists[0] if len(lists) == 1 else None
    source: ast.expr
    if zipped is not None:
        source = lowered(zipped, node)
    else:
        arguments: list[ast.expr] = [lowered(one, node) for one in lists]
        source = located(ast.Call(ast.Name("zip", ast.Load()), arguments, []), node)
    return context.lower(applied(function, names, source, node, context))


def _getter(function: ast.expr, context: Context) -> ast.expr | None:
    """Return the lambda that itemgetter or attrgetter stands for; None: it is another function."""
    if not isinstance(function, ast.Call) or function.keywords or not function.args:
        return None
    found = target(function.func, context)
    if found not in (operator.itemgetter, operator.attrgetter):
        return None
    item = ast.Name("item 0", ast.Load())
    values: list[ast.expr] = []
    for one in function.args:
        if found is operator.itemgetter:
            values.append(ast.Subscript(item, one, ast.Load()))
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and "." not in one.value:
            values.append(ast.Attribute(item, one.value, ast.Load()))
        else:
            return None
    body = values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
    arguments = ast.arguments([], [ast.arg("item 0")], None, [], [], None, [])
    made_node: ast.expr = located(ast.Lambda(arguments, body), function)
    return made_node


def applied(
    function: ast.expr,
    names: list[str],
    source: ast.expr,
    node: ast.AST,
    context: Context,
    *,
    filters: bool = False,
) -> ast.expr:
    """Return the list comprehension that calls a function for each item."""
    function = _getter(function, context) or function
    is_plain = isinstance(function, ast.Lambda) and _is_plain(function.args, len(names))
    if is_plain:
        assert isinstance(function, ast.Lambda)
        names = [one.arg for one in function.args.args]
        value: ast.expr = function.body
    else:
        loads: list[ast.expr] = [ast.Name(name, ast.Load()) for name in names]
        value = ast.Call(function, loads, [])
    stores: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    store = stores[0] if len(stores) == 1 else ast.Tuple(stores, ast.Store())
    tests = [value] if filters else []
    elt = ast.Name(names[0], ast.Load()) if filters else value
    made_node = ast.ListComp(elt, [ast.comprehension(store, source, tests, 0)])
    found: ast.expr = located(made_node, node)
    return found


def _is_plain(arguments: ast.arguments, count: int) -> bool:
    others = (arguments.vararg, arguments.kwarg, arguments.kwonlyargs, arguments.posonlyargs)
    return len(arguments.args) == count and not any(others) and not arguments.defaults


def lowered(value: Value, node: ast.AST) -> ast.expr:
    """Return an expression that stands for a value."""
    found: ast.expr = located(Lowered(lambda _: value), node)
    return found


def _filter(node: Any, context: Context) -> Value:
    if len(node.args) != 2 or node.keywords:
        raise context.refuse(node, "filter", "it takes a function and a list", "give both")
    function, source = node.args
    items = context.simple(node, iterable(node, source, context))
    if isinstance(function, ast.Constant) and function.value is None:
        item = ast.arguments([], [ast.arg("item 0")], None, [], [], None, [])
        function = located(ast.Lambda(item, ast.Name("item 0", ast.Load())), node)
    comprehension = applied(function, ["item 0"], lowered(items, node), node, context, filters=True)
    return context.lower(comprehension)


_Lower = Callable[[Any, Context], Value]
_SPECIAL: dict[str, _Lower] = {
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "reversed": _reversed,
    "map": _map,
    "filter": _filter,
    "iter": lambda node, context: iterable(node, node.args[0], context),
}


# -- itertools


def _chain(node: Any, context: Context) -> Value:
    if node.keywords:
        raise context.refuse(node, "chain", "its arguments are not compiled", "give lists")
    lists = [iterable(node, one, context) for one in node.args]
    type: Type = NEVER
    for one in lists:
        type = join(type, one.type.item)
    text = "[]"
    for one in lists:
        text = f"$append({text}, {one.text})"
    return made(text, list_of(type), *lists)


def _accumulate(node: Any, context: Context) -> Value:
    items = iterable(node, node.args[0], context) if len(node.args) == 1 else None
    if items is None or node.keywords or items.type.item is not INT:
        raise context.refuse(
            node, "accumulate", "only sums of ints are compiled", "write a loop with append"
        )
    template = (
        "$reduce(@x, function(~acc, ~one, ~i) {(~n := ~i = 0 ? ~one : ~acc[-1] + ~one; "
        "$abs(~n) > 9007199254740991 ? @guard : $append(~acc, ~n))}, [])"
    )
    return fill(node, context, template, list_of(INT), "an integer beyond 2**53", x=items)


def _product(node: Any, context: Context) -> Value:
    if node.keywords or not node.args:
        raise context.refuse(node, "product", "its arguments are not compiled", "nest loops")
    names = [f"item {number}" for number in range(len(node.args))]
    generators = [
        ast.comprehension(ast.Name(name, ast.Store()), one, [], 0)
        for name, one in zip(names, node.args, strict=True)
    ]
    element = ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())
    return context.lower(located(ast.ListComp(element, generators), node))


_ITERTOOLS: dict[type, _Lower] = {
    itertools.chain: _chain,
    itertools.accumulate: _accumulate,
    itertools.product: _product,
}
