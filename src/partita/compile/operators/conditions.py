"""Lower conditions: Python's truth, comparisons, and what they tell of types."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.names.exceptions import classes_of, named_error
from partita.compile.names.objects import target
from partita.compile.number_kinds import chosen
from partita.compile.operators.comparisons import compared
from partita.compile.templates import fill
from partita.compile.tree import If, Let, Value
from partita.compile.types import ANY, BOOL, ERROR, FUTURE_SET, NEVER, NONE, NUMBER, join, union_of
from partita.compile.values.enumerations import plain
from partita.compile.values.iterables import is_lazy, iterable
from partita.compile.values.special_methods import by_method, has_own, special
from partita.compile.values.type_tests import classes_named, declared, split
from partita.compile.variables import Variable, Variables, joined


@dataclass(frozen=True)
class Test:
    """A condition, and what is known of variables where it holds and where it does not."""

    value: Value
    when_true: Variables
    when_false: Variables


def choose(
    node: ast.expr,
    test: Value,
    context: Context,
    then: Callable[[], Value],
    other: Callable[[], Value],
) -> Value:
    """Return one of two values, of which only that one is computed."""
    before, mark = context.variables, len(context.bindings.order)
    with context.captured() as first:
        one = then()
    after_first = context.merged(before, mark)
    context.variables, mark = before, len(context.bindings.order)
    with context.captured() as second:
        two = other()
    context.variables = _both(before, after_first, context.merged(before, mark))
    type = join(one.type, two.type)
    if not first and not second:
        if one == two:
            return one
        text = f"{test.atom} ? {one.atom} : {two.atom}"
        found = made(text, type, test, one, two, is_atom=False)
        return replace(found, floating=chosen(test.atom, one, two)) if type is NUMBER else found
    name = context.names.new("value")
    first.append(Let(node.lineno, {name: one}))
    second.append(Let(node.lineno, {name: two}))
    context.block.append(If(node.lineno, test, first, second))
    return Value(f"${name}", type)


def _both(before: Variables, one: Variables, two: Variables) -> Variables:
    """Return what is known after one of two branches, each of which may have bound names."""
    if one is before and two is before:
        return before
    found = joined(one, two)
    assert found is not None
    return found


_TRUTH_OF_ANY = '$not(@x = null or @x = false or @x = 0 or @x = "" or @x = [] or @x = {})'


_EMPTY = {"int": "0", "float": "0", "number": "0", "timedelta": "0", "str": '""', "dict": "{}"}
"""What is false of values that a machine compares with it."""
_COUNTED = (FUTURE_SET.kind, "list", "tuple", "row", "set")


def truth(node: ast.AST, value: Value, context: Context) -> Value:
    """Return whether Python takes a value for true."""
    value = plain(value)
    for name in ("__bool__", "__len__"):
        if has_own(value, name):
            return truth(node, special(node, value, name, [], context), context)
    found = _known_truth(value)
    if found is not None:
        return found
    if value.type is ANY or value.type.is_plain_union:
        return fill(node, context, _TRUTH_OF_ANY, BOOL, x=value)
    if value.type.kind == "optional" and value.type.item.kind != "any":
        inner = truth(node, Value(value.text, value.type.item, value.is_atom), context)
        text = f"{value.atom} != null ? {inner.atom} : false"
        return made(text, BOOL, value, inner, is_atom=False)
    raise context.refuse(
        node,
        f"truth of {value.type}",
        "its type is not known, and JSONata's truth is not Python's",
        "give a type hint, or compare it",
    )


def _known_truth(value: Value) -> Value | None:
    """Return the truth of a value that its type and its emptiness tell; None for others."""
    kind = value.type.kind
    if kind == "bool":
        return value
    if kind in _EMPTY:
        return made(f"{value.atom} != {_EMPTY[kind]}", BOOL, value, is_atom=False)
    if kind in _COUNTED:
        return made(f"$count({value.text}) > 0", BOOL, value, is_atom=False)
    if kind in ("none", "never"):
        return Value("false", BOOL)
    is_dict = kind == "record" and not hasattr(value.type.cls, "__dataclass_fields__")
    may_be_empty = is_dict and len(value.type.missing) == len(value.type.fields)
    if kind in ("enum", "function", "error") or (kind == "record" and not may_be_empty):
        return Value("true", BOOL)
    return None


def lower_test(node: ast.expr, context: Context) -> Test:
    """Lower a condition."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = lower_test(node.operand, context)
        return Test(negated(inner.value), inner.when_false, inner.when_true)
    if isinstance(node, ast.BoolOp):
        return _operands(node, node.values, isinstance(node.op, ast.And), context)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        found = _none_test(node, context)
        if found is not None:
            return found
    found = isinstance_test(node, context) if isinstance(node, ast.Call) else None
    if found is not None:
        return found
    value = context.read(node)
    narrowed: Variables = {}
    path = path_of(node)
    if path and value.type.kind == "optional":
        narrowed = {path: Variable(value.type.item, value.text)}
    return Test(truth(node, value, context), narrowed, {} if path else fulfilled(node, context))


def negated(value: Value) -> Value:
    """Return the opposite."""
    return made(f"$not({value.text})", BOOL, value)


def path_of(node: ast.expr) -> str:
    """Return a name, or a path of attributes such as `order.coupon`; else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.NamedExpr):
        return path_of(node.target)
    if isinstance(node, ast.Attribute):
        owner = path_of(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _none_test(node: ast.Compare, context: Context) -> Test | None:
    op, right = node.ops[0], node.comparators[0]
    is_none = isinstance(right, ast.Constant) and right.value is None
    if not is_none or not isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
        return None
    value = context.read(node.left)
    path = path_of(node.left)
    known: Variables = {}
    unknown: Variables = {}
    if path and value.type is NONE:
        known = {path: Variable(NEVER, value.text)}
    elif path and value.type.kind == "optional":
        known = {path: Variable(value.type.item, value.text)}
        unknown = {path: Variable(NONE, value.text)}
    elif not path:
        unknown = fulfilled(node.left, context)
    elif path in context.variables:
        full = declared(node.left, value, context, path).type
        if full.kind == "union" and NONE in full.parts:
            rest = union_of([one for one in full.parts if one is not NONE])
            known = {path: Variable(rest, value.text)}
            unknown = {path: Variable(NONE, value.text)}
    if isinstance(op, ast.Is | ast.Eq):
        return Test(made(f"{value.atom} = null", BOOL, value, is_atom=False), unknown, known)
    return Test(made(f"{value.atom} != null", BOOL, value, is_atom=False), known, unknown)


def fulfilled(node: ast.expr, context: Context) -> Variables:
    """Return what is known of a future if `future.exception()` is None: it has a result."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return {}
    owner = node.func.value
    known = context.variables.get(owner.id) if isinstance(owner, ast.Name) else None
    if known is None or known.type.kind != "future" or node.func.attr != "exception":
        return {}
    return {ast.unparse(node): Variable(NONE, known.text)}


def _operands(node: ast.expr, parts: list[ast.expr], is_and: bool, context: Context) -> Test:
    first = lower_test(parts[0], context)
    if len(parts) == 1:
        return first
    narrowed = first.when_true if is_and else first.when_false
    found: list[Test] = []

    def rest() -> Value:
        with context.assuming(narrowed):
            found.append(_operands(node, parts[1:], is_and, context))
        return found[0].value

    decided = Value("false" if is_and else "true", BOOL)
    branches = (rest, lambda: decided) if is_and else (lambda: decided, rest)
    value = choose(node, first.value, context, *branches)
    if is_and:
        return Test(value, {**first.when_true, **found[0].when_true}, {})
    return Test(value, {}, {**first.when_false, **found[0].when_false})


def compare(node: ast.Compare, context: Context) -> Value:
    """Lower a comparison, which may be chained."""
    return _chain(node, context.read(node.left), 0, context)


def _chain(node: ast.Compare, left: Value, number: int, context: Context) -> Value:
    op, source = node.ops[number], node.comparators[number]
    is_member = isinstance(op, ast.In | ast.NotIn)
    right = iterable(node, source, context) if is_member and is_lazy(source, context) else None
    right = right or context.read(source)
    if number + 1 == len(node.ops):
        return compared_by(node, op, left, right, context)
    kept = context.simple(node, right)
    value = compared_by(node, op, left, kept, context)
    return choose(
        node,
        value,
        context,
        lambda: _chain(node, kept, number + 1, context),
        lambda: Value("false", BOOL),
    )


def compared_by(node: Any, op: ast.cmpop, left: Value, right: Value, context: Context) -> Value:
    """Lower one comparison, also of members of enums and by special methods."""
    is_unequal = isinstance(op, ast.NotEq)
    found = by_method(node, ast.Eq() if is_unequal else op, left, right, context)
    if found is not None:
        found = truth(node, found, context)
        return negated(found) if is_unequal or isinstance(op, ast.NotIn) else found
    found = _of_enums(op, left, right)
    if found is not None:
        return found
    if not isinstance(op, ast.Is | ast.IsNot):
        left, right = _plain(left, right)
    return compared(node, op, left, right, context)


def _of_enums(op: ast.cmpop, left: Value, right: Value) -> Value | None:
    """Compare members of enums, which equal nothing but themselves; None: it is another case."""
    kinds = [one.type.item if one.type.kind == "optional" else one.type for one in (left, right)]
    if not isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
        return None
    enums = [one for one in kinds if one.kind == "enum"]
    if not enums or NONE in kinds:
        return None
    is_same = isinstance(op, ast.Is | ast.Eq)
    if len(enums) == 2 and kinds[0] == kinds[1]:
        sign = "=" if is_same else "!="
        return made(f"{left.atom} {sign} {right.atom}", BOOL, left, right, is_atom=False)
    is_mixed = any(issubclass(one.cls, str | int) for one in enums)
    if is_mixed and isinstance(op, ast.Eq | ast.NotEq):
        return None
    return None if ANY in kinds else Value("false" if is_same else "true", BOOL)


def _plain(left: Value, right: Value) -> tuple[Value, Value]:
    """Return members of enums that are texts or numbers as those, if they are compared to such."""
    inner = [part.kind for one in (left, right) for part in one.type.parts]
    inner += ["enum" for one in (left, right) if isinstance(one.type.key, type)]
    return (left, right) if "enum" in inner else (plain(left), plain(right))


def isinstance_test(node: ast.Call, context: Context) -> Test | None:
    """Lower `isinstance(...)`; None: it is another call."""
    if target(node.func, context) is not isinstance or len(node.args) != 2:
        return None
    path = path_of(node.args[0])
    known = context.variables.get(path)
    if known is not None and known.type.kind == "optional" and known.type.item.kind == "error":
        return _error_test(node, path, known, context)
    if known is None or known.type.kind != "outcome":
        return _instance_test(node, path, context)
    result = {path: Variable(known.type.item, f"{known.text}.value")}
    kinds = classes_of(node.args[1], context)
    if kinds is None:
        return None
    is_error = f"$exists({known.text}.error)"
    if any(kind in (Exception, BaseException) for kind in kinds):
        error = {path: Variable(ERROR, f"{known.text}.error")}
        return Test(Value(is_error, BOOL), error, result)
    narrowed = replace(ERROR, cls=kinds[0]) if len(kinds) == 1 else ERROR
    named = named_error(f"{known.text}.error", node, kinds, context)
    text = f"{is_error} ? ({named}) : false"
    error = {path: Variable(narrowed, f"{known.text}.error")}
    return Test(Value(text, BOOL, False), error, {})


def _error_test(node: ast.Call, path: str, known: Variable, context: Context) -> Test | None:
    """Lower `isinstance(future.exception(), Error)`."""
    kinds = classes_of(node.args[1], context)
    if kinds is None:
        return None
    is_there = f"{known.text} != null"
    if any(kind in (Exception, BaseException) for kind in kinds):
        missing = {path: Variable(NONE, known.text)}
        return Test(Value(is_there, BOOL, False), {path: Variable(ERROR, known.text)}, missing)
    narrowed = replace(ERROR, cls=kinds[0]) if len(kinds) == 1 else ERROR
    text = f"{is_there} ? ({named_error(known.text, node, kinds, context)}) : false"
    return Test(Value(text, BOOL, False), {path: Variable(narrowed, known.text)}, {})


def _instance_test(node: ast.Call, path: str, context: Context) -> Test:
    value = declared(node.args[0], context.read(node.args[0]), context, path)
    if value.type is NEVER:
        return Test(Value("false", BOOL), {}, {})
    if not path:
        value = context.simple(node, value)
    classes = classes_named(node.args[1], context)
    found = split(node, value, classes, context) if classes is not None else None
    if found is None:
        raise context.refuse(
            node,
            f"isinstance of {value.type}",
            "JSON does not tell such classes apart, as 1 from 1.0, or a list from a tuple",
            "give a hint such as int | str, or test for (int, float)",
        )
    inside, outside = ({path: one} if path else {} for one in (found.inside, found.outside))
    return Test(Value(found.text, BOOL, " " not in found.text), inside, outside)
