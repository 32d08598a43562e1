"""Lower match statements to choices; `patterns` lowers what a case asks of the subject."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from partita.compile.context import Context
from partita.compile.matching.patterns import Match, match_of
from partita.compile.operators.conditions import choose, lower_test, path_of
from partita.compile.tree import If, Let, Value
from partita.compile.types import BOOL, NEVER
from partita.compile.values.type_tests import declared
from partita.compile.variables import Variables


@dataclass(frozen=True)
class _Subject:
    """What is matched, the path of its variable, and the members of its enum that are left."""

    value: Value
    path: str
    members: frozenset[Any] | None


def lower_match(node: Any, context: Context) -> None:
    """Lower a `match` statement."""
    path = path_of(node.subject)
    value = declared(node.subject, context.read(node.subject), context, path)
    value = replace(context.simple(node.subject, value), type=value.type)
    kind = value.type.item if value.type.kind == "optional" else value.type
    members = frozenset(kind.cls) if kind.kind == "enum" else None
    _cases(node, _Subject(value, path, members), node.cases, context)


def _cases(node: Any, subject: _Subject, cases: list[ast.match_case], context: Context) -> None:
    if not cases or subject.value.type is NEVER:
        context.is_reachable = not cases and subject.value.type is not NEVER
        return
    case = cases[0]
    found = match_of(case.pattern, subject.value, context)
    left = _left(case, subject, found)
    before, mark = context.variables, len(context.bindings.order)
    narrowed = _narrowed(subject, found)
    test = Value("true", BOOL) if left.value.type is NEVER else found.test
    if case.guard is None:
        if test.text == "true":
            _body(case, found, narrowed, context)
            return
        guarded: Variables = {}
    else:
        test, guarded = _guarded(case.guard, found, narrowed, context)
    with context.captured() as body:
        context.variables = {**context.variables, **narrowed, **guarded}
        if case.guard is None:
            _bind(case, found, context)
        context.lower_body(case.body)
        then = context.variables if context.is_reachable else None
    context.is_reachable = True
    context.variables = before if case.guard is None else context.variables
    with context.captured() as orelse:
        if case.guard is not None:
            context.variables = {**before, **_unsure(before, context.variables)}
        elif subject.path and found.outside is not None:
            context.variables = {**context.variables, subject.path: found.outside}
        _cases(node, left, cases[1:], context)
        other = context.variables if context.is_reachable else None
    context.block.append(If(case.pattern.lineno, test, body, orelse))
    merged = context.after_branches(before, mark, then, other)
    context.is_reachable = merged is not None
    context.variables = before if merged is None else merged


def _unsure(before: Variables, after: Variables) -> Variables:
    """Return the names that a case may have bound whose guard did not hold."""
    return {
        name: replace(one, is_sure=name in before and before[name].is_sure)
        for name, one in after.items()
        if name not in before or before[name].text != one.text
    }


def _body(case: ast.match_case, found: Match, narrowed: Variables, context: Context) -> None:
    context.variables = {**context.variables, **narrowed}
    _bind(case, found, context)
    context.lower_body(case.body)


def _guarded(
    guard: ast.expr, found: Match, narrowed: Variables, context: Context
) -> tuple[Value, Variables]:
    """Return whether the pattern matches and the guard holds; names stay bound if it does not."""
    known: Variables = {}

    def holds() -> Value:
        with context.assuming(narrowed):
            _let(guard, found, context)
            test = lower_test(guard, context)
            bound = {one: context.variables[one] for one, _ in found.bindings}
            known.update({**bound, **test.when_true})
        return test.value

    if found.test.text == "true":
        return holds(), known
    value = choose(guard, found.test, context, holds, lambda: Value("false", BOOL))
    return value, known


def _bind(case: ast.match_case, found: Match, context: Context) -> None:
    _let(case.pattern, found, context)


def _let(node: Any, found: Match, context: Context) -> None:
    values = {}
    for name, value in found.bindings:
        if name in context.code.mutated and value.type.is_mutable:
            raise context.refuse(
                node,
                f"second name {name}",
                "its value is changed in place, which the subject would see",
                "copy it first: list(...), dict(...)",
            )
        values[context.bind(name, value.type)] = value
    if values:
        context.block.append(Let(node.lineno, values))


def _narrowed(subject: _Subject, found: Match) -> Variables:
    return {subject.path: found.inside} if subject.path and found.inside is not None else {}


def _left(case: ast.match_case, subject: _Subject, found: Match) -> _Subject:
    """Return what the next cases may still have to match."""
    if case.guard is not None:
        return subject
    members = None if subject.members is None else subject.members - found.members
    if members is not None and not members and subject.value.type.kind == "enum":
        return replace(subject, value=replace(subject.value, type=NEVER), members=members)
    if found.outside is None:
        return replace(subject, members=members)
    value = Value(found.outside.text, found.outside.type)
    return _Subject(value, subject.path, members)
