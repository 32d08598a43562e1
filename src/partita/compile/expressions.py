"""Lower expressions to JSONata; what may fail or call an activity becomes nodes before it.

Sub-expressions are lowered in Python's order. Calls are in `calls`, comprehensions in
`loops.comprehensions`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.analysis.mutation import is_fresh
from partita.compile.assignments import store
from partita.compile.calls.dispatch import lower_call
from partita.compile.classes.enum_lookups import by_name
from partita.compile.classes.members import attribute_of
from partita.compile.classes.names import type_name
from partita.compile.concurrency.branches import Beginning, begin
from partita.compile.concurrency.coroutines import lower_await
from partita.compile.concurrency.futures import waited_attribute
from partita.compile.containers.displays import dict_display, list_display, tuple_display
from partita.compile.context import Context
from partita.compile.exceptions.attributes import attribute
from partita.compile.jsonata import (
    literal,
    member,
)
from partita.compile.library.chance import uuid_attribute
from partita.compile.library.collections_module import lower_item
from partita.compile.loops.comprehensions import (
    dict_comprehension,
    list_comprehension,
    made_set,
    set_comprehension,
)
from partita.compile.lowered import Lowered
from partita.compile.names.objects import target
from partita.compile.operators.conditions import choose, compare, lower_test, path_of, truth
from partita.compile.operators.dispatch import operand, operate, signed
from partita.compile.texts.displays import read_shown
from partita.compile.texts.formats import converted, formatted, joined_texts, with_open_width
from partita.compile.texts.representations import as_text
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER
from partita.compile.unbound import bound
from partita.compile.values.definitions import defined, object_value_of
from partita.compile.values.enumerations import is_enum, plain
from partita.compile.values.moments import constant_time, time_attribute
from partita.compile.values.special_methods import OPERATORS, has_own, special
from partita.compile.values.type_tests import of_union

_UNSUPPORTED = {
    ast.Yield: ("yield", "a workflow is no generator", "return a list"),
    ast.YieldFrom: ("yield", "a workflow is no generator", "return a list"),
    ast.Slice: ("slice", "it is not compiled here", "slice a list"),
}


def lower(node: ast.expr, context: Context) -> Value:
    """Lower an expression."""
    kept = context.point.is_kept
    if not isinstance(node, ast.Name | ast.NamedExpr):
        context.point.is_kept = True
    try:
        value = _LOWER.get(type(node), _refused)(node, context)
        if value.type.is_plain_union and not value.type.is_scalar_union:
            value = replace(value, type=ANY)
        if kept and isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            check_part(node, value, context)
        return context.shallow(node, value)
    finally:
        context.point.is_kept = kept


def _refused(node: ast.expr, context: Context) -> Value:
    found = _UNSUPPORTED.get(type(node))
    what, why, way_out = found or (type(node).__name__, "it is not compiled", "use an activity")
    raise context.refuse(node, what, why, way_out)


def _constant(node: Any, context: Context) -> Value:
    value = literal(node.value)
    if value is None:
        raise context.refuse(
            node,
            f"constant {ast.unparse(node)[:20]}",
            "JSON has no such value, or its numbers are not exact beyond 2**53",
            "pass it to an activity in another form",
        )
    return value


def _name(node: Any, context: Context) -> Value:
    if node.id in context.local or node.id in context.variables:
        return _variable(node, context)
    is_known = node.id in context.module.namespace or hasattr(builtins, node.id)
    if is_known and node.id not in context.module.changed:
        found = target(node, context)
        value = constant_time(found) or object_value_of(found, context)
        if value is not None:
            return value
    raise context.refuse(
        node,
        f"name {node.id}",
        "it is neither a variable of this function nor a constant of the module that JSON can hold",
        "pass it as an argument, or use it in an activity",
    )


def _variable(node: ast.Name, context: Context) -> Value:
    known = context.variables.get(node.id)
    if known is None:
        raise context.refuse(
            node,
            f"variable {node.id}",
            "it has no value here",
            "assign it on every way that leads here, for example before the loop or the try",
        )
    if not known.is_sure:
        known = bound(node, known, context)
    if context.point.is_kept and context.is_seen(node.id, known.type):
        raise context.refuse(
            node,
            f"second name for {node.id}",
            f"{node.id} is changed in place, which both names would see",
            f"copy it: list({node.id}), or build a new value instead of changing it",
        )
    if known.text == f"${known.text[1:]}" and _is_rebound(node, context):
        return context.let(node, node.id, Value(known.text, known.type))
    return Value(known.text, known.type)


def _is_rebound(node: ast.Name, context: Context) -> bool:
    """Return whether the statement assigns the variable after it has read it here."""
    last = context.point.rebound.get(node.id)
    return last is not None and (node.lineno, node.col_offset) < last


_GIVING_PARTS = ("get", "setdefault")
"""Methods whose results are parts of their objects."""


def check_part(node: ast.expr, value: Value, context: Context) -> None:
    """Refuse another name for a part of a value that is changed in place."""
    root, steps = node, 0
    while isinstance(root, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(root, ast.Call):
            function = root.func
            if not isinstance(function, ast.Attribute) or function.attr not in _GIVING_PARTS:
                return
            root = function.value
            steps += 1
            continue
        steps += 1
        if isinstance(root, ast.Subscript) and isinstance(root.slice, ast.Slice):
            return
        root = root.value
    if isinstance(root, ast.Name) and root.id in context.variables:
        if context.is_seen(root.id, value.type, steps):
            raise context.refuse(
                node,
                f"second name for a part of {root.id}",
                f"{root.id} is changed in place, which both names would see",
                "copy the part: list(...), dict(...)",
            )


def _attribute(node: Any, context: Context) -> Value:
    known = context.variables.get(path_of(node))
    if known is not None:
        return Value(known.text, known.type)
    constant = literal(target(node, context)) if target(node, context) is not None else None
    if constant is not None:
        return constant
    special = constant_time(target(node, context)) or type_name(node, context)
    if special is not None:
        return special
    return _attribute_of_value(node, context.read(node.value), context)


def _attribute_of_value(node: Any, value: Value, context: Context) -> Value:
    """Lower an attribute of a value, by its type."""
    if value.type is NEVER:
        return Value("null", NEVER)
    own = attribute_of(node, value, context)
    if own is not None:
        return own
    if value.type.kind == "record" and node.attr in dict(value.type.fields):
        if not hasattr(value.type.cls, "__dataclass_fields__"):
            raise context.refuse(node, f"attribute {node.attr}", "it is a dict", "use [...]")
        return member(value, node.attr, dict(value.type.fields)[node.attr])
    found = attribute(node, value, context) if value.type.kind == "error" else None
    if value.type.kind == "workflow":
        found = literal(getattr(value.type.cls, node.attr, value))
    found = found or waited_attribute(node, value) or uuid_attribute(node, value)
    found = found or time_attribute(node, value, context)
    if found is not None:
        return found
    raise context.refuse(
        node,
        f"attribute {node.attr} of {value.type}",
        "the compiler knows no such attribute",
        "give a dataclass as type hint, and use its fields; check for None before",
    )


def _subscript(node: Any, context: Context) -> Value:
    cls = target(node.value, context)
    return by_name(node, cls, context) if is_enum(cls) else lower_item(node, context)


def _named(node: Any, context: Context) -> Value:
    kept, context.point.is_kept = context.point.is_kept, True
    value = context.lower(node.value)
    context.point.is_kept = kept
    store(node.target, value, is_fresh(node.value, context.returning), context)
    known = context.variables[node.target.id]
    if context.point.is_kept and context.is_seen(node.target.id, known.type):
        return _variable(node.target, context)  # which refuses it
    last = context.point.rebound.get(node.target.id)
    if last is not None and (node.lineno, node.col_offset) < last:
        return context.let(node, node.target.id, Value(known.text, known.type))
    return Value(known.text, known.type)


def _unary(node: Any, context: Context) -> Value:
    if isinstance(node.op, ast.Not):
        return lower_test(node, context).value
    return signed(node, context.read(node.operand), context)


def _binary(node: Any, context: Context) -> Value:
    left = operand(node.left, context)
    right = operand(node.right, context)
    own = OPERATORS.get(type(node.op), "")
    if has_own(left, own):
        return special(node, left, own, [right], context)
    return operate(node, plain(left), plain(right), context)


def _bool_op(node: Any, context: Context) -> Value:
    return _operand(node, node.values, context)


def _operand(node: ast.BoolOp, parts: list[ast.expr], context: Context) -> Value:
    if len(parts) == 1:
        return context.lower(parts[0])
    with context.captured():  # only for what it tells of types
        test = lower_test(parts[0], context)
    is_and = isinstance(node.op, ast.And)
    narrowed = test.when_true if is_and else test.when_false

    def rest() -> Value:
        with context.assuming(narrowed):
            return _operand(node, parts[1:], context)

    first = context.lower(parts[0])
    if first.type is not BOOL:
        first = context.simple(node, first)
    condition = truth(node, first, context)
    if is_and:
        return choose(node, condition, context, rest, lambda: _false(first))
    return choose(node, condition, context, lambda: _true(first), rest)


def _false(value: Value) -> Value:
    return Value("false", BOOL) if value.type is BOOL else value


def _true(value: Value) -> Value:
    if value.type is BOOL:
        return Value("true", BOOL)
    if value.type.kind == "optional":
        return Value(value.text, value.type.item, value.is_atom)
    return value


def _ternary(node: Any, context: Context) -> Value:
    test = lower_test(node.test, context)

    def branch(part: ast.expr, narrowed: Any) -> Callable[[], Value]:
        def lowered() -> Value:
            with context.assuming(narrowed):
                return context.lower(part)

        return lowered

    return choose(
        node,
        test.value,
        context,
        branch(node.body, test.when_true),
        branch(node.orelse, test.when_false),
    )


def _set(node: Any, context: Context) -> Value:
    items = context.lower(ast.copy_location(ast.List(node.elts, ast.Load()), node))
    return made_set(node, items, context)


def _f_string(node: Any, context: Context) -> Value:
    return joined_texts([_text_part(part, context) for part in node.values])


def _text_part(node: Any, context: Context) -> Value:
    if isinstance(node, ast.Constant):
        return _constant(node, context)
    value = read_shown(node.value, context)
    if node.conversion != -1:
        value = converted(node.value, value, chr(node.conversion), context)
    if node.format_spec is None:
        if node.conversion == -1:
            value = of_union(node.value, value, context)
        return as_text(node.value, value, context)
    parts = [_text_part(one, context) for one in node.format_spec.values]
    if not all(one.is_constant for one in parts):
        return with_open_width(node.value, value, parts, context)
    spec = "".join(one.constant for one in parts)
    return formatted(node.value, value, spec, context)


_LOWER: dict[type, Callable[[Any, Context], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _bool_op,
    ast.Compare: compare,
    ast.IfExp: _ternary,
    ast.List: list_display,
    ast.Tuple: tuple_display,
    ast.Dict: dict_display,
    ast.JoinedStr: _f_string,
    ast.Subscript: _subscript,
    ast.Call: lower_call,
    ast.Await: lower_await,
    Beginning: lambda node, context: begin(node, node.work, context),
    Lowered: lambda node, context: node.lower(context),
    ast.ListComp: list_comprehension,
    ast.GeneratorExp: list_comprehension,
    ast.DictComp: dict_comprehension,
    ast.SetComp: set_comprehension,
    ast.Set: _set,
    ast.Lambda: defined,
    ast.NamedExpr: _named,
}
