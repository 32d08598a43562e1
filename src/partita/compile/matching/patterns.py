"""Lower patterns: the condition that a value matches, and the names that it binds."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from partita.compile.classes.records import field_of
from partita.compile.containers.places import without
from partita.compile.containers.subscripts import element
from partita.compile.containers.unpacking import between
from partita.compile.context import Context
from partita.compile.jsonata import list_value, made, member
from partita.compile.names.objects import target
from partita.compile.operators.conditions import compared_by
from partita.compile.tree import Value
from partita.compile.types import ANY, BOOL, NEVER, NONE, STR, Type, dict_of, join, list_of
from partita.compile.values.type_tests import json_type, split
from partita.compile.variables import Variable

_TRUE = Value("true", BOOL)
_FALSE = Value("false", BOOL)
_SELF = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


@dataclass(frozen=True)
class Match:
    """The condition, the names bound, and what is known of the subject where it holds and not."""

    test: Value
    bindings: tuple[tuple[str, Value], ...] = ()
    inside: Variable | None = None
    outside: Variable | None = None
    members: frozenset[Any] = field(default_factory=frozenset)  # of an enum, all that match


def match_of(pattern: ast.pattern, value: Value, context: Context) -> Match:
    """Lower a pattern."""
    lower = _LOWER[type(pattern)]
    return lower(pattern, value, context)


def _all(tests: Sequence[Value]) -> Value:
    """Return whether all conditions hold; a later one is not looked at where one does not."""
    found = [one for one in tests if one.text != "true"]
    if any(one.text == "false" for one in found):
        return _FALSE
    if not found:
        return _TRUE
    text = found[-1].atom
    for one in reversed(found[:-1]):
        text = f"({one.atom} ? {text} : false)"
    return made(text, BOOL, *found, is_atom=len(found) > 1 or found[0].is_atom)


def _plain(value: Value) -> Value:
    """Return a value as expressions read it."""
    return replace(value, type=ANY) if value.type.is_plain_union else value


# -- constants and names


def _as(pattern: Any, value: Value, context: Context) -> Match:
    if pattern.pattern is None:
        names = () if pattern.name is None else ((pattern.name, value),)
        members = frozenset(value.type.cls) if value.type.kind == "enum" else frozenset()
        return Match(_TRUE, names, None, Variable(NEVER, value.text), members)
    found = match_of(pattern.pattern, value, context)
    known = found.inside
    whole = value if known is None else Value(known.text, known.type)
    return replace(found, bindings=(*found.bindings, (pattern.name, whole)))


def _singleton(pattern: Any, value: Value, context: Context) -> Match:
    if pattern.value is None:
        return _none(value)
    text = "true" if pattern.value else "false"
    if value.type is BOOL:
        test = value if pattern.value else made(f"$not({value.text})", BOOL, value)
        return Match(test)
    is_open = value.type.kind in ("any", "union", "optional")
    return Match(made(f"{value.atom} = {text}", BOOL, value, is_atom=False) if is_open else _FALSE)


def _none(value: Value) -> Match:
    if value.type is NONE:
        return Match(_TRUE, (), None, Variable(NEVER, value.text))
    test = made(f"{value.atom} = null", BOOL, value, is_atom=False)
    if value.type.kind == "optional":
        inside, outside = Variable(NONE, value.text), Variable(value.type.item, value.text)
        return Match(test, (), inside, outside)
    is_open = value.type.kind in ("any", "union")
    return Match(test if is_open else _FALSE)


def _constant(pattern: Any, value: Value, context: Context) -> Match:
    constant = context.lower(pattern.value)
    kind = value.type.item if value.type.kind == "optional" else value.type
    if kind.kind in ("union", "record", "tuple") and not kind.is_plain_union:
        return Match(_in_union(pattern, value, constant, context))
    with context.captured() as block:
        test = compared_by(pattern.value, ast.Eq(), _plain(value), constant, context)
    context.block.extend(block)
    found: frozenset[Any] = frozenset()
    if kind.kind == "enum" and constant.type == kind:
        found = frozenset(one for one in kind.cls if one.value == constant.constant)
    return Match(test, members=found)


def _in_union(pattern: Any, value: Value, constant: Value, context: Context) -> Value:
    """Return whether a value of a union of classes and others equals a constant."""
    kinds = value.type.parts if value.type.kind == "union" else ()
    if constant.type not in kinds:
        return _FALSE
    test = f'$type({value.text}) = "{json_type(constant.type)}"'
    same = made(f"{value.atom} = {constant.atom}", BOOL, value, constant, is_atom=False)
    return _all([Value(test, BOOL, False), same])


def _alternatives(pattern: Any, value: Value, context: Context) -> Match:
    found = [match_of(one, value, context) for one in pattern.patterns]
    members = frozenset().union(*(one.members for one in found))
    test = _any_of([one.test for one in found])
    names = dict.fromkeys(name for one in found for name, _ in one.bindings)
    bindings = tuple((name, _chosen(name, found)) for name in names)
    inside = found[0].inside if all(one.inside == found[0].inside for one in found) else None
    return Match(test, bindings, inside, _outside(pattern, value, context), members)


def _outside(pattern: Any, value: Value, context: Context) -> Variable | None:
    """Return what the value is if no alternative matches."""
    known: Variable | None = None
    for one in pattern.patterns:
        with context.captured():
            left = match_of(one, value, context).outside
        if left is not None:
            known, value = left, Value(left.text, left.type)
    return known


def _any_of(tests: list[Value]) -> Value:
    found = [one for one in tests if one.text != "false"]
    if any(one.text == "true" for one in found):
        return _TRUE
    text = " or ".join(one.atom for one in found)
    return made(text, BOOL, *found, is_atom=len(found) == 1) if found else _FALSE


def _chosen(name: str, found: list[Match]) -> Value:
    """Return the value of a name that each alternative binds."""
    result: Value | None = None
    for one in reversed(found):
        value = dict(one.bindings)[name]
        if result is None:
            result = value
        else:
            text = f"{one.test.atom} ? {value.atom} : {result.atom}"
            type = join(value.type, result.type)
            result = made(text, type, one.test, value, result, is_atom=False)
    assert result is not None
    return result


# -- sequences and mappings


def _sequence(pattern: Any, value: Value, context: Context) -> Match:
    kind = value.type.kind
    if kind == "tuple":
        return _of_tuple(pattern, value, context)
    known = _as_list(value)
    if known is None:
        return Match(_FALSE)
    is_list, items = known
    stars = [n for n, one in enumerate(pattern.patterns) if isinstance(one, ast.MatchStar)]
    count, size = len(pattern.patterns), f"$count({items.text})"
    sign = f">= {count - 1}" if stars else f"= {count}"
    tests = [is_list, Value(f"{size} {sign}", BOOL, False)]
    bindings: list[tuple[str, Value]] = []
    for number, one in enumerate(pattern.patterns):
        if isinstance(one, ast.MatchStar):
            if one.name is not None:
                end = f"{size} - {count - 1 - number}"
                bindings.append((one.name, between(items, str(number), end, context)))
            continue
        index = number - count if stars and number > stars[0] else number
        part = element(items, _number(index), items.type.item)
        inner = match_of(one, part, context)
        tests.append(inner.test)
        bindings += inner.bindings
    return Match(_all(tests), tuple(bindings))


def _number(number: int) -> Value:
    return Value(str(number), Type("int"), number >= 0, constant=number, is_constant=True)


def _as_list(value: Value) -> tuple[Value, Value] | None:
    return _as_kind(value, "list", "array", list_of(ANY))


def _as_kind(value: Value, kind: str, json_type: str, default: Type) -> tuple[Value, Value] | None:
    """Return the condition that a value is of a kind, and the value as such; None: it is none."""
    type = value.type.item if value.type.kind == "optional" else value.type
    test = Value(f'$type({value.text}) = "{json_type}"', BOOL, False)
    is_typed = type.kind == "record" and not hasattr(type.cls, "__dataclass_fields__")
    if type.kind == kind or (kind == "dict" and is_typed):
        return (_TRUE if type is value.type else test), replace(value, type=type)
    if type is ANY or type.kind == "union":
        found = [one for one in type.parts if one.kind == kind]
        if type is not ANY and not found:
            return None
        return test, replace(value, type=found[0] if found else default)
    return None


def _of_tuple(pattern: Any, value: Value, context: Context) -> Match:
    parts = [element(value, _number(n), one) for n, one in enumerate(value.type.parts)]
    stars = [n for n, one in enumerate(pattern.patterns) if isinstance(one, ast.MatchStar)]
    count = len(pattern.patterns)
    if (len(parts) < count - 1) if stars else (len(parts) != count):
        return Match(_FALSE)
    tests: list[Value] = []
    bindings: list[tuple[str, Value]] = []
    after = count - stars[0] - 1 if stars else 0
    for number, one in enumerate(pattern.patterns):
        if isinstance(one, ast.MatchStar):
            if one.name is not None:
                bindings.append((one.name, list_value(parts[number : len(parts) - after])))
            continue
        place = number if not stars or number < stars[0] else number - count
        inner = match_of(one, parts[place], context)
        tests.append(inner.test)
        bindings += inner.bindings
    outside = Variable(NEVER, value.text) if _all(tests).text == "true" else None
    return Match(_all(tests), tuple(bindings), None, outside)


def _mapping(pattern: Any, value: Value, context: Context) -> Match:
    known = _as_dict(value)
    if known is None:
        return Match(_FALSE)
    is_dict, owner = known
    tests: list[Value] = [is_dict]
    bindings: list[tuple[str, Value]] = []
    rest = owner
    for key, one in zip(pattern.keys, pattern.patterns, strict=True):
        name = context.lower(key)
        if name.type is not STR:
            return Match(_FALSE)
        part = _member(owner, name, context)
        if part is None:
            return Match(_FALSE)
        tests.append(made(f"$exists($lookup({owner.text}, {name.text}))", BOOL, owner, name))
        inner = match_of(one, part, context)
        tests.append(inner.test)
        bindings += inner.bindings
        if owner.type.kind == "dict":
            rest = without(rest, name, context)
    if pattern.rest is not None:
        if rest.type.kind != "dict":
            raise context.refuse(
                pattern, "** of a TypedDict", "it is not compiled", "name the keys"
            )
        bindings.append((pattern.rest, rest))
    return Match(_all(tests), tuple(bindings))


def _member(owner: Value, name: Value, context: Context) -> Value | None:
    if owner.type.kind == "dict":
        return made(f"$lookup({owner.text}, {name.text})", owner.type.item, owner, name)
    fields = dict(owner.type.fields)
    key = str(name.constant)
    return member(owner, key, fields[key]) if key in fields else None


def _as_dict(value: Value) -> tuple[Value, Value] | None:
    return _as_kind(value, "dict", "object", dict_of(ANY))


# -- classes


def _class(pattern: Any, value: Value, context: Context) -> Match:
    cls = target(pattern.cls, context)
    found = split(pattern.cls, value, [cls], context) if isinstance(cls, type) else None
    if found is None:
        raise context.refuse(
            pattern,
            f"class pattern {ast.unparse(pattern.cls)}",
            f"JSON does not tell it apart among values of {value.type}",
            "give a hint such as int | str, or compare what tells them apart",
        )
    owner = Value(found.inside.text, found.inside.type)
    tests = [Value(found.text, BOOL, " " not in found.text)]
    bindings: list[tuple[str, Value]] = []
    pairs = _attributes(pattern, cls, context)
    for name, one in pairs:
        part = owner if name is None else _field(pattern, owner, name, context)
        inner = match_of(one, part, context)
        tests.append(inner.test)
        bindings += inner.bindings
    is_whole = all(one.text == "true" for one in tests[1:])
    outside = found.outside if is_whole else None
    if is_whole and found.text == "true":
        outside = Variable(NEVER, value.text)
    return Match(_all(tests), tuple(bindings), found.inside, outside)


def _attributes(pattern: Any, cls: Any, context: Context) -> list[tuple[str | None, ast.pattern]]:
    """Return the names of the attributes that patterns ask of; None: the value itself."""
    names: list[str | None] = [None] if cls in _SELF else list(getattr(cls, "__match_args__", ()))
    if len(pattern.patterns) > len(names):
        raise context.refuse(
            pattern,
            f"class pattern {ast.unparse(pattern.cls)}",
            f"it takes at most {len(names)} positional patterns",
            "name the attributes",
        )
    found = [*zip(names, pattern.patterns, strict=False)]
    return [*found, *zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)]


def _field(pattern: Any, owner: Value, name: str, context: Context) -> Value:
    if owner.type is NEVER:
        return Value("null", NEVER)
    found = field_of(owner, name)
    if found is not None:
        return found
    fields = dict(owner.type.fields)
    if name in fields and dataclasses.is_dataclass(owner.type.cls):
        return member(owner, name, fields[name])
    raise context.refuse(
        pattern, f"attribute {name} in a pattern", "it is no field", "test it by a guard"
    )


_LOWER: dict[type, Callable[[Any, Value, Context], Match]] = {
    ast.MatchAs: _as,
    ast.MatchSingleton: _singleton,
    ast.MatchValue: _constant,
    ast.MatchOr: _alternatives,
    ast.MatchSequence: _sequence,
    ast.MatchMapping: _mapping,
    ast.MatchClass: _class,
}
