"""Lower comparisons of two values by their types.

Texts are compared by code points: JSONata compares UTF-16 units, which differ where a character
beyond U+FFFF meets one from U+E000 on. Where types are not known, the machine finds them out.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import key_text, made
from partita.compile.templates import fill, within
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, INT, NEVER, NONE, NUMBER, STR, Type, comparable
from partita.compile.values.dicts import takes_key
from partita.compile.values.dynamic import is_open, narrowed, opened, present
from partita.compile.values.moments import compare_times, is_time
from partita.compile.values.sets import contains_all, has

ORDER: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_SIGNS = {**ORDER, ast.Eq: "=", ast.NotEq: "!="}
_UNFIT = "the comparison is not supported between instances of these types"


def compared(node: Any, op: ast.cmpop, left: Value, right: Value, context: Context) -> Value:
    """Lower one comparison."""
    if NEVER in (left.type, right.type):  # it is never evaluated
        return Value("false", BOOL)
    left, right = opened(left), opened(right)
    if isinstance(op, ast.In | ast.NotIn):
        found = contains(node, left, right, context)
        return found if isinstance(op, ast.In) else _not(found)
    if isinstance(op, ast.Is | ast.IsNot):
        if NONE not in (left.type, right.type) and not _is_bool(left, right):
            raise context.refuse(node, "`is`", "only None can be compared by identity", "use ==")
        test = made(f"{left.atom} = {right.atom}", BOOL, left, right, is_atom=False)
        return test if isinstance(op, ast.Is) else _not(test)
    if is_time(left) and is_time(right):
        time = compare_times(node, _SIGNS[type(op)], left, right, context)
        if time is not None:
            return time
    if isinstance(op, ast.Eq | ast.NotEq):
        test = equal(node, left, right, context)
        if isinstance(op, ast.Eq):
            return test
        is_direct = test.text == f"{left.atom} = {right.atom}"
        return replace(test, text=f"{left.atom} != {right.atom}") if is_direct else _not(test)
    return _in_order(node, ORDER[type(op)], left, right, context)


def _is_bool(left: Value, right: Value) -> bool:
    """Return whether `x is True` means that x is the bool."""
    return any(one.is_constant and one.type is BOOL for one in (left, right))


def _not(value: Value) -> Value:
    return made(f"$not({value.text})", BOOL, value)


def _incomparable(node: ast.AST, left: Value, right: Value, context: Context) -> Exception:
    return context.refuse(
        node,
        f"comparison of {left.type} with {right.type}",
        "a state machine does not compare them as Python does",
        "compare their parts, or compare them in an activity",
    )


# -- equality

_NORMAL = (  # a value with 1 for true and 0 for false, at any depth
    '(~norm := function(~x) {$type(~x) = "boolean" ? (~x ? 1 : 0) : $type(~x) = "array" ? '
    '$reduce(~x, function(~acc, ~i) {$append(~acc, [$type(~i) = "array" ? [~norm(~i)] : '
    '~norm(~i)])}, []) : $type(~x) = "object" ? $merge($append([], $map($append([], $keys(~x)), '
    "function(~k) {{~k: ~norm($lookup(~x, ~k))}}))) : ~x}; ~norm(@a) = ~norm(@b))"
)
_AS_NUMBER = "(@x = true ? 1 : @x = false ? 0 : @x)"


def _item_or_self(type: Type) -> Type:
    type = type.item if type.kind == "optional" else type
    return ANY if type.is_plain_union else type


def same(node: ast.AST, one: Value, other: Value, context: Context) -> Value | None:
    """Return whether two values are equal, as one expression; None if that needs a check."""
    way = _way(_item_or_self(one.type), _item_or_self(other.type))
    if way == "numbers":
        sides = [_AS_NUMBER.replace("@x", part.text) for part in (one, other)]
        return Value(f"{sides[0]} = {sides[1]}", BOOL, False)
    return None if way in ("sets", "refused") else equal(node, one, other, context)


def equal(node: ast.AST, left: Value, right: Value, context: Context) -> Value:
    """Return whether two values are equal."""
    one, other = _item_or_self(left.type), _item_or_self(right.type)
    way = _way(one, other)
    if way == "refused":
        raise _incomparable(node, left, right, context)
    if way == "direct":
        return made(f"{left.atom} = {right.atom}", BOOL, left, right, is_atom=False)
    if way == "never" and left.type.kind == right.type.kind == "optional":
        return made(f"({left.atom} = null and {right.atom} = null)", BOOL, left, right)
    if way == "never":
        return Value("false", BOOL)
    if way == "numbers":
        sides = [
            made(_AS_NUMBER.replace("@x", part.atom), NUMBER, part)
            for part in (context.simple(node, left), context.simple(node, right))
        ]
        return made(f"{sides[0].text} = {sides[1].text}", BOOL, *sides, is_atom=False)
    if way == "sets":
        return _equal_sets(node, context.simple(node, left), context.simple(node, right), context)
    return fill(node, context, _NORMAL, BOOL, a=left, b=right)


def _way(one: Type, other: Type) -> str:
    """Return how values of two types, neither of which may be None, are compared."""
    scalars = ("int", "float", "number", "bool")
    if one.kind in scalars and other.kind in scalars:
        return "numbers" if (one is BOOL) != (other is BOOL) else "direct"
    if ANY in (one, other):
        third = other if one is ANY else one
        if third in (STR, NONE):
            return "direct"
        if third.kind in scalars:
            return "numbers"
        return "refused" if third.holds_tuples else "normal"
    if one.kind == other.kind == "set":
        return "sets"
    if one.kind == other.kind == "tuple":
        return _way_of_parts(one, other)
    if one.kind == other.kind and one.kind in ("list", "dict"):
        inner = _way(_item_or_self(one.item), _item_or_self(other.item))
        if NEVER in (one.item, other.item) or NONE in (one.item, other.item):
            return "direct"
        return {"numbers": "normal", "sets": "refused", "never": "direct"}.get(inner, inner)
    if comparable(one, other):
        return "direct"
    plain = ("list", "dict", "tuple", "set", *scalars, "str")
    return "never" if one.kind in plain and other.kind in plain else "refused"


def _way_of_parts(one: Type, other: Type) -> str:
    if len(one.parts) != len(other.parts):
        return "never"
    ways = {
        _way(_item_or_self(a), _item_or_self(b))
        for a, b in zip(one.parts, other.parts, strict=True)
    }
    if ways & {"refused", "sets"}:
        return "refused"
    if "never" in ways:
        return "direct"
    return "normal" if ways & {"numbers", "normal"} else "direct"


def _equal_sets(node: ast.AST, left: Value, right: Value, context: Context) -> Value:
    inner = contains_all(node, left, right, context)
    text = f"($count({left.text}) = $count({right.text}) and {inner.atom})"
    return made(text, BOOL, left, right, inner)


# -- order

_HIGH = r"/[\ue000-\uffff]/"
_KEY = '$replace(@x, /[^\\u0000-\\uffff]/, function(~m) {"\\uffff" & ~m.match})'
_TEXTS = (
    f"($contains(@a & @b, {_HIGH}) ? "
    f"{_KEY.replace('@x', '@a')} SIGN {_KEY.replace('@x', '@b').replace('~m', '~n')} : @a SIGN @b)"
)


def _in_order(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    if is_open(left) or is_open(right):
        left, right = (present(node, one, context, TypeError, _UNFIT) for one in (left, right))
        if ANY in (left.type, right.type):
            return _open(node, sign, left, right, context)
    found = ordered(node, sign, left, right, context)
    if found is not None:
        return found
    plain = ("str", "int", "float", "number", "bool", "list", "dict", "none", "tuple")
    kinds = {left.type.kind, right.type.kind}
    if kinds <= set(plain) and (len(kinds) > 1 or kinds & {"none", "dict"}):
        context.check(node, "false", TypeError, context.text(_UNFIT))
        return Value("false", BOOL)
    raise _incomparable(node, left, right, context)


def ordered(
    node: ast.AST,
    sign: str,
    left: Value,
    right: Value,
    context: Context,
    *,
    is_part: bool = False,
) -> Value | None:
    """Return whether two values are in an order; None if it is not compiled for their types.

    Values of type Any are compared as parts of tuples only: others are checked before.
    """
    if ANY in (left.type, right.type):
        return _guarded_order(node, sign, left, right, context) if is_part else None
    scalars = ("int", "float", "number", "bool", "never")
    one, other = left.type.kind, right.type.kind
    if one in scalars and other in scalars:
        sides = [_number(left), _number(right)]
        text = f"{sides[0].atom} {sign} {sides[1].atom}"
        return made(text, BOOL, left, right, is_atom=False)
    if one in ("str", "never") and other in ("str", "never"):
        return _texts(node, sign, left, right, context)
    if one == other == "tuple":
        return _tuples(node, sign, left, right, context)
    if one == other == "list":
        return _lists(node, sign, left, right, context)
    if one == other == "set" and sign in ("<=", ">=", "<", ">"):
        return _subset(node, sign, left, right, context)
    return None


def _number(value: Value) -> Value:
    return made(f"({value.text} ? 1 : 0)", INT, value) if value.type is BOOL else value


def _texts(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    for one in (left, right):
        if one.is_constant and all(ord(letter) < 0xD800 for letter in one.constant):
            return made(f"{left.atom} {sign} {right.atom}", BOOL, left, right, is_atom=False)
    return fill(node, context, _TEXTS.replace("SIGN", sign), BOOL, a=left, b=right)


def _tuples(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value | None:
    sizes = len(left.type.parts), len(right.type.parts)
    strict = sign[0]

    def decided(one: Value, other: Value) -> Value | None:
        ends = {"<": sizes[0] < sizes[1], ">": sizes[0] > sizes[1]}[strict]
        ends = ends or (sizes[0] == sizes[1] and "=" in sign)
        value = Value("true" if ends else "false", BOOL)
        for number in reversed(range(min(sizes))):
            a = made(f"{one.text}[{number}]", left.type.parts[number], one)
            b = made(f"{other.text}[{number}]", right.type.parts[number], other)
            before = ordered(node, strict, a, b, context, is_part=True)
            if before is None or _way(a.type, b.type) == "refused":
                return None
            same = equal(node, a, b, context)
            text = f"({same.atom} ? {value.atom} : {before.atom})"
            value = made(text, BOOL, before, same, value)
        return value

    return within(left, context, lambda a: within(right, context, lambda b: decided(a, b)))


_LISTS = (
    "(~n := $min([$count(@a), $count(@b)]); ~first := $reduce([0..~n - 1], function(~acc, ~i) "
    "{~acc = -1 and $not(SAME) ? ~i : ~acc}, -1); "
    "~first = -1 ? $count(@a) SIGN $count(@b) : (~i := ~first; BEFORE))"
)


def _lists(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value | None:
    one = Value("@a[~i]", left.type.item)
    other = Value("@b[~i]", right.type.item)
    if not (
        one.type.kind in ("int", "float", "number", "str")
        and _way(one.type, other.type) == "direct"
    ):
        return None
    before = ordered(node, sign[0], one, other, context)
    if before is None:
        return None
    template = _LISTS.replace("SAME", "@a[~i] = @b[~i]").replace("BEFORE", before.text)
    return fill(node, context, template.replace("SIGN", sign), BOOL, a=left, b=right)


def _subset(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    left, right = context.simple(node, left), context.simple(node, right)
    whole, part = (right, left) if sign[0] == "<" else (left, right)
    inner = contains_all(node, whole, part, context)
    if "=" in sign:
        return inner
    text = f"($count({part.text}) < $count({whole.text}) and {inner.atom})"
    return made(text, BOOL, left, right, inner)


_OPEN = (
    '($type(@a) = "string" ? TEXTS : '
    + _AS_NUMBER.replace("@x", "@a")
    + " SIGN "
    + _AS_NUMBER.replace("@x", "@b")
    + ")"
)
_OPEN_TEST = (
    '($type(@a) = "array" and $type(@b) = "array" ? @guard : '
    '$type(@a) in ["number", "boolean"] ? $type(@b) in ["number", "boolean"] : '
    '$type(@a) = "string" and $type(@b) = "string")'
)


def ordered_at_run_time(
    node: ast.AST, sign: str, left: Value, right: Value, context: Context
) -> Value:
    """Return whether two values are in an order, which are known to be texts or numbers."""
    template = _OPEN.replace("TEXTS", _TEXTS).replace("SIGN", sign)
    return fill(node, context, template, BOOL, a=left, b=right)


def _guarded_order(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    """Return whether two values are in an order, or end the execution if they have none."""
    known = _OPEN_TEST.replace("@guard", "false")
    template = f"({known} ? {_OPEN} : @guard)".replace("TEXTS", _TEXTS).replace("SIGN", sign)
    return fill(node, context, template, BOOL, "the order of such values", a=left, b=right)


def _open(node: ast.AST, sign: str, left: Value, right: Value, context: Context) -> Value:
    third = right if left.type is ANY else left
    if third.type is not ANY and (third.type.is_number or third.type in (STR, BOOL)):
        wanted = STR if third.type is STR else NUMBER
        left, right = (
            narrowed(node, one, wanted, context, TypeError, _UNFIT) for one in (left, right)
        )
        found = ordered(node, sign, left, right, context)
        assert found is not None
        return found
    if third.type is not ANY and third.type.kind not in ("list",):
        context.check(node, "false", TypeError, context.text(_UNFIT))
        return Value("false", BOOL)
    left, right = context.simple(node, left), context.simple(node, right)
    guard = "the order of lists without hints"
    test = fill(node, context, _OPEN_TEST, BOOL, guard, a=left, b=right)
    context.check(node, test.text, TypeError, context.text(_UNFIT), test)
    return ordered_at_run_time(node, sign, left, right, context)


# -- membership


def contains(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    """Return whether a container has an item."""
    container = present(node, container, context, TypeError, "'NoneType' is not iterable")
    kind = container.type.kind
    if kind == "any":
        return _open_contains(node, item, container, context)
    if kind == "dict":
        return _has_key(node, item, container, context)
    if kind == "str":
        if item.type is not STR:
            message = "'in <string>' requires string as left operand"
            item = narrowed(node, item, STR, context, TypeError, message)
        if item.type is STR:
            text = f'{item.atom} = "" ? true : $contains({container.text}, {item.text})'
            return made(text, BOOL, item, container, is_atom=False)
    if kind == "set":
        return has(node, container, item, context)
    if kind in ("list", "tuple"):
        found = _has_item(node, item, container, context)
        if found is not None:
            return found
    if kind == "record" and not hasattr(container.type.cls, "__dataclass_fields__"):
        return _has_key(node, item, container, context)
    raise context.refuse(
        node,
        f"{item.type} in {container.type}",
        "a state machine does not compare them as Python does",
        "use a loop with ==",
    )


def _has_key(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    if container.type.kind != "dict" or takes_key(container.type, item.type):
        if item.type.kind in ("str", "int", "enum"):
            text = f"$exists($lookup({container.text}, {key_text(item)}))"
            return made(text, BOOL, item, container)
    if is_open(item) and container.type.key == "str":
        item = context.simple(node, item)
        test = f"$not($type({item.text}) in {_UNHASHABLE})"
        context.check(node, test, TypeError, context.text("unhashable type"), item)
        template = '($type(@i) = "string" ? $exists($lookup(@d, @i)) : false)'
        return fill(node, context, template, BOOL, i=item, d=container)
    if item.type.kind == "bool" or is_open(item):
        raise _incomparable(node, item, container, context)
    return Value("false", BOOL)


def _has_item(node: ast.AST, item: Value, container: Value, context: Context) -> Value | None:
    if container.type.kind == "list" and container.type.item is NEVER:
        return Value("false", BOOL)
    if container.type.kind == "tuple":
        return _in_tuple(node, item, container, context)
    element = container.type.item
    scalars = ("int", "float", "number")
    if (item.type.kind in scalars and element.kind in scalars) or item.type == element == STR:
        return made(f"{item.atom} in {container.atom}", BOOL, item, container, is_atom=False)
    if _way(_item_or_self(item.type), _item_or_self(element)) == "refused":
        return None
    test = same(node, Value("~one", element), Value("@i", item.type), context)
    if test is None:
        return None
    template = f"$reduce(@x, function(~has, ~one) {{~has ? true : {test.atom}}}, false)"
    return fill(node, context, template, BOOL, x=container, i=item)


def _in_tuple(node: ast.AST, item: Value, container: Value, context: Context) -> Value | None:
    """Return whether a tuple has an item; each of its parts has a type of its own."""
    kept, item = context.simple(node, container), context.simple(node, item)
    tests = []
    for number, type in enumerate(container.type.parts):
        part = made(f"{kept.text}[{number}]", type, kept)
        if _way(_item_or_self(item.type), _item_or_self(type)) == "refused":
            return None
        tests.append(equal(node, part, item, context))
    text = " or ".join(one.atom for one in tests) or "false"
    return made(f"({text})", BOOL, *tests)


_UNHASHABLE = '["array", "object"]'
_OPEN_CONTAINS = (
    '($type(@x) = "array" ? $reduce(@x, function(~has, ~one) {~has ? true : SAME}, false) : '
    '$type(@x) = "object" ? ($type(@i) = "string" ? $exists($lookup(@x, @i)) : false) : '
    '@i = "" ? true : $contains(@x, @i))'
)


def _open_contains(node: ast.AST, item: Value, container: Value, context: Context) -> Value:
    container, item = context.simple(node, container), context.simple(node, item)
    message = context.text("the argument is not iterable")
    test = f'$type({container.text}) in ["array", "object"]'
    test += f' or ($type({container.text}) = "string" and $type({item.text}) = "string")'
    context.check(node, test, TypeError, message, container, item)
    if item.type is ANY:
        plain = f'$type({container.text}) = "array" or $not($type({item.text}) in {_UNHASHABLE})'
        context.check(node, plain, TypeError, context.text("unhashable type"), container, item)
    match = same(node, Value("~one", ANY), Value("@i", item.type), context)
    if match is None or _way(ANY, _item_or_self(item.type)) == "refused":
        raise _incomparable(node, item, container, context)
    template = _OPEN_CONTAINS.replace("SAME", match.atom)
    if item.type is not STR:
        template = template.replace("$contains(@x, @i)", "$contains(@x, $string(@i))")
    return fill(node, context, template, BOOL, x=container, i=item)
