"""Lower methods of texts by the table of templates; bounds, tuples and keywords are done here."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import literal, made
from partita.compile.methods.text_templates import KEYWORDS, METHODS, NAMES, Row
from partita.compile.templates import fill
from partita.compile.texts.formats import lower_format
from partita.compile.tree import Value
from partita.compile.types import BOOL, INT, NEVER, NONE, STR, list_of
from partita.compile.values.dynamic import narrowed, opened
from partita.compile.values.iterables import is_lazy, iterable
from partita.compile.values.sequences import as_list, sliced

_BOUNDED = ("find", "rfind", "index", "rindex", "count", "startswith", "endswith")
_EITHER = ("startswith", "endswith")
TEXT_METHODS = NAMES | {"format"}


def lower_text_method(node: Any, owner: Value, context: Context) -> Value | None:
    """Lower a method of a text; None if it is not compiled with these arguments."""
    name = node.func.attr
    if name == "format":
        return lower_format(node, owner, context)
    if name not in NAMES:
        return None
    args = _arguments(node, name, context)
    if args is None:
        return None
    if name in _BOUNDED and len(args) > 1:
        return _bounded(node, name, owner, args, context)
    if name in _EITHER and args and args[0].type.kind == "tuple":
        return _either(node, name, owner, args[0], context)
    return _called(node, name, owner, args, context)


def _arguments(node: Any, name: str, context: Context) -> list[Value] | None:
    """Return the arguments by position; None if they are not compiled."""
    read = _joined_items if name == "join" else _argument
    args = [read(node, one, context) for one in node.args]
    names = KEYWORDS.get(name, ())
    given = {one.arg: context.read(one.value) for one in node.keywords}
    if name == "splitlines" and set(given) <= {"keepends"}:
        return [*args, *given.values()]
    if name == "replace" and set(given) == {"count"} and len(args) == 2:
        return [*args, given["count"]]
    if not set(given) <= set(names[len(args) :]):
        return None
    none = literal(None)
    assert none is not None
    return args + [given.get(one, none) for one in names[len(args) :] if given]


def _argument(_: Any, argument: ast.expr, context: Context) -> Value:
    return opened(context.read(argument))


def _joined_items(node: Any, argument: ast.expr, context: Context) -> Value:
    """Return what `join` goes over."""
    if is_lazy(argument, context):
        return iterable(node, argument, context)
    return opened(context.read(argument))


def _called(
    node: Any, name: str, owner: Value, args: list[Value], context: Context
) -> Value | None:
    if name == "splitlines" and args:
        if not args[0].is_constant:
            return None
        name, args = ("splitlines keepends" if args[0].constant else name), []
    if name == "join" and len(args) == 1:
        args = [_texts(node, args[0], context)]
    values, letters = {}, ""
    for value in args:
        if value.type is NONE:
            continue
        letter, value = _letter(node, name, value, letters, context)
        letters += letter
        values[letter] = value
    row = METHODS.get((name, letters))
    if row is None:
        return None
    return _filled(node, row, {"s": owner, **values}, context)


def _letter(node: Any, name: str, value: Value, before: str, context: Context) -> tuple[str, Value]:
    """Return how the table names an argument, and the argument as that."""
    if value.type == list_of(STR):
        return "l", value
    if value.type.kind == "any":
        wanted = STR if any((name, before + one) in METHODS for one in "ab") else INT
        value = narrowed(node, value, wanted, context)
    if value.type is BOOL:
        value = made(f"({value.text} ? 1 : 0)", INT, value)
    letter = {"str": "b" if "a" in before else "a", "int": "n"}.get(value.type.kind, "?")
    return letter, value


def _filled(node: Any, row: Row, values: dict[str, Value], context: Context) -> Value:
    if row.error is not None:
        values = {key: context.simple(node, one) for key, one in values.items()}
        condition, kind, message = row.error
        if not (values["a"].is_constant and _is_known(condition, values["a"].constant)):
            test = fill(node, context, condition, BOOL, **values)
            context.check(node, test.text, kind, context.text(message), test)
    return fill(node, context, row.template, row.result, row.guard, **values)


def _is_known(condition: str, constant: str) -> bool:
    if condition.startswith("$length"):
        return len(constant) == 1
    return condition == '@a != ""' and constant != ""


def _texts(node: Any, value: Value, context: Context) -> Value:
    """Return what `join` joins, as a list of texts."""
    value = as_list(node, value, context)
    if value.type == list_of(NEVER):
        return Value(value.text, list_of(STR))
    if value.type.kind != "list" or value.type.item.kind not in ("any", "optional"):
        return value
    value = context.simple(node, value)
    item = context.names.new("item")
    acc = context.names.new("acc")
    test = (
        f"$reduce({value.text}, function(${acc}, ${item}) "
        f'{{${acc} and $type(${item}) = "string"}}, true)'
    )
    message = context.text("sequence item: expected str instance")
    context.check(node, test, TypeError, message, value)
    return Value(value.text, list_of(STR))


def _either(node: Any, name: str, owner: Value, parts: Value, context: Context) -> Value | None:
    """Lower startswith and endswith with a tuple of texts."""
    owner = context.simple(node, owner)
    parts = context.simple(node, parts)
    tests = []
    for number, type in enumerate(parts.type.parts):
        if type is not STR:
            return None
        one = made(f"{parts.text}[{number}]", STR, parts)
        tests.append(_called(node, name, owner, [one], context))
    found = [one for one in tests if one is not None]
    text = " or ".join(one.atom for one in found) or "false"
    return made(f"({text})", BOOL, *found)


def _bounded(
    node: Any, name: str, owner: Value, args: list[Value], context: Context
) -> Value | None:
    """Lower a method that looks at a part of the text, from a start to an end."""
    bounds = [one for one in args[1:] if one.type.kind in ("int", "none")]
    if len(bounds) < len(args) - 1 or len(args) > 3 or args[0].type is not STR:
        return None
    owner, needle = context.simple(node, owner), context.simple(node, args[0])
    start = context.simple(node, bounds[0])
    end = context.simple(node, bounds[1]) if len(bounds) > 1 else None
    part = context.simple(node, sliced(node, owner, [start, end, None], context))
    found = _called(node, name, part, [needle], context)
    if found is None:
        return None
    begin = literal(0) if start.type is NONE else start
    assert begin is not None
    size = "$length(@s)"
    at = f"(@n < 0 ? $max([0, @n + {size}]) : @n)"
    last = f"(@m < 0 ? @m + {size} : $min([@m, {size}]))"
    past = f'@a = "" and {at} > $max([0, {last}])'
    until = made(f"$length({owner.text})", INT) if end is None or end.type is NONE else end
    if name in ("index", "rindex"):
        test = fill(node, context, f"$not({past})", BOOL, a=needle, s=owner, n=begin, m=until)
        message = context.text("substring not found")
        context.check(node, test.text, ValueError, message, found)
    if name == "count" or found.type is BOOL:
        nothing = "0" if name == "count" else "false"
        template = f"({past} ? {nothing} : @f)"
    else:
        template = f"({past} or @f < 0 ? -1 : @f + {at})"
    return fill(node, context, template, found.type, s=owner, a=needle, n=begin, m=until, f=found)
