"""Lower match statements over constants, alternatives and captures to choices."""

from __future__ import annotations

import ast
from typing import Any

from partita.compile.conditions import choose, lower_test
from partita.compile.context import Context, joined
from partita.compile.jsonata import literal, made
from partita.compile.tree import If, Let, Value
from partita.compile.types import BOOL, NONE, comparable


def lower_match(node: Any, context: Context) -> None:
    """Lower a `match` statement."""
    subject = context.simple(node.subject, context.read(node.subject))
    _cases(node, subject, node.cases, context)


def _cases(node: Any, subject: Value, cases: list[ast.match_case], context: Context) -> None:
    if not cases:
        return
    case = cases[0]
    test = _test(case.pattern, subject, context)
    _capture(case.pattern, subject, context)
    narrowed = {}
    if case.guard is not None:
        guard = lower_test(case.guard, context) if test is None else None
        if guard is None:
            assert test is not None
            test = _guarded(case.guard, test, context)
        else:
            test, narrowed = guard.value, guard.when_true
    if test is None:
        context.lower_body(case.body, context)
        return
    before = context.variables
    with context.captured() as body:
        context.variables = {**before, **narrowed}
        context.lower_body(case.body, context)
        then = context.variables if context.is_reachable else None
    context.is_reachable, context.variables = True, before
    with context.captured() as orelse:
        _cases(node, subject, cases[1:], context)
        other = context.variables if context.is_reachable else None
    context.block.append(If(case.pattern.lineno, test, body, orelse))
    merged = joined(then, other)
    context.is_reachable = merged is not None
    context.variables = before if merged is None else merged


def _guarded(guard: ast.expr, test: Value, context: Context) -> Value:
    def holds() -> Value:
        return lower_test(guard, context).value

    return choose(guard, test, context, holds, lambda: Value("false", BOOL))


def _capture(pattern: ast.pattern, subject: Value, context: Context) -> None:
    """Assign the name of a pattern that takes everything."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is not None:
        if pattern.name in context.mutated and subject.type.is_mutable:
            raise _refused(pattern, context)
        name = context.bind(pattern.name, subject.type)
        context.block.append(Let(pattern.lineno, {name: subject}))


def _test(pattern: ast.pattern, subject: Value, context: Context) -> Value | None:
    """Return whether a pattern matches; None: always."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        return None
    if isinstance(pattern, ast.MatchOr):
        tests = [_test(one, subject, context) for one in pattern.patterns]
        found = [one for one in tests if one is not None]
        text = " or ".join(one.atom for one in found)
        is_always = len(found) < len(tests)
        return None if is_always else made(text, BOOL, subject, *found, is_atom=False)
    if isinstance(pattern, ast.MatchSingleton):
        constant = literal(pattern.value)
    elif isinstance(pattern, ast.MatchValue):
        constant = context.lower(pattern.value)
    else:
        raise _refused(pattern, context)
    is_none = constant is not None and constant.type is NONE
    if constant is None or not (is_none or comparable(subject.type, constant.type)):
        raise _refused(pattern, context)
    return made(f"{subject.atom} = {constant.atom}", BOOL, subject, constant, is_atom=False)


def _refused(pattern: ast.AST, context: Context) -> Exception:
    return context.refuse(
        pattern,
        "pattern",
        "only constants of the subject's type, alternatives of them and one name are compiled",
        "use if and elif",
    )
