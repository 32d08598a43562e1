"""Lower `for` and `while`: again and again, until the types of all rounds are known.

What a loop iterates over is lowered by `iteration`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.compile.analysis.mutation import mutated_names
from partita.compile.context import Context
from partita.compile.enclosing import Loop
from partita.compile.loops.comprehensions import targets
from partita.compile.loops.iteration import iteration
from partita.compile.operators.conditions import lower_test
from partita.compile.tree import Let, Node, Value
from partita.compile.tree import Loop as LoopNode
from partita.compile.variables import Variables, joined

_MAX_ROUNDS = 8


def lower_while(node: Any, context: Context) -> None:
    """Lower a `while` statement."""
    is_endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    if is_endless and not isinstance(node.test.value, bool | int):
        is_endless = False

    def test() -> tuple[Value, Variables, Variables]:
        found = lower_test(node.test, context)
        return found.value, found.when_true, found.when_false

    _lower_loop(node, context, test, lambda: None, is_endless)


def lower_for(node: Any, context: Context) -> None:
    """Lower a `for` statement."""
    changed = mutated_names(node.body)
    for part in _gone_over(node.iter):
        if part.id in changed and part.id in context.variables:
            if context.variables[part.id].type.is_mutable:
                raise context.refuse(
                    part,
                    f"loop over {part.id}",
                    "it is changed in the loop, which Python's loop would see",
                    f"go over a copy: list({part.id})",
                )
    over = iteration(node, node.iter, context)

    def begin() -> None:
        values = {}
        for name, value in targets(node.target, over, context):
            if name in context.code.mutated and value.type.is_mutable:
                raise context.refuse(
                    node.target,
                    f"second name {name}",
                    "its value is changed in place, which the list would see",
                    "change the list itself by its index, as in rows[i][key] = value, or copy it",
                )
            values[context.bind(name, value.type)] = value
        context.block.append(Let(node.lineno, {**values, **over.advance}))

    _lower_loop(node, context, lambda: (over.test, {}, {}), begin, False)


def _gone_over(node: ast.expr) -> list[ast.Name]:
    """Return the names whose own values a loop goes over, not copies of them."""
    if isinstance(node, ast.Name):
        return [node]
    if not isinstance(node, ast.Call):
        return []
    if isinstance(node.func, ast.Attribute):
        return _gone_over(node.func.value)
    is_lazy = getattr(node.func, "id", "") in ("enumerate", "zip", "reversed", "iter")
    return [name for one in node.args for name in _gone_over(one)] if is_lazy else []


@dataclass(frozen=True)
class _Round:
    """What a round of a loop is lowered to, and what is known when it ends."""

    head: list[Node]
    test: Value
    body: list[Node]
    loop: Loop
    at_end: Variables  # when the test fails
    again: Variables  # when the next round begins


def _lower_loop(
    node: Any,
    context: Context,
    test: Callable[[], tuple[Value, Variables, Variables]],
    begin: Callable[[], None],
    is_endless: bool,
) -> None:
    context.enclosing.rounds += 1
    last = _settled(node, context, test, begin)
    context.enclosing.rounds -= 1
    ended: Variables | None = None
    with context.captured() as orelse:
        if not is_endless:
            context.variables = last.at_end
            context.lower_body(node.orelse)
            ended = context.variables if context.is_reachable else None
    context.block.append(LoopNode(node.lineno, last.head, last.test, last.body, orelse))
    after = joined(ended, *last.loop.breaks)
    context.is_reachable = after is not None
    context.variables = last.again if after is None else after


def _settled(
    node: Any,
    context: Context,
    test: Callable[[], tuple[Value, Variables, Variables]],
    begin: Callable[[], None],
) -> _Round:
    """Lower rounds until their variables have the types that the round before left them."""
    entry = context.variables
    found = context.compilation.diagnostics.noted()
    for _ in range(_MAX_ROUNDS):
        made = _round(node, context, entry, test, begin)
        if made.again == entry:
            return made
        entry = made.again
        context.compilation.diagnostics.restore(found)
    context.refuse(
        node,
        "loop",
        "the types of its variables are others after each round",
        "give the variables one type, for example by a hint",
    )
    return made


def _round(
    node: Any,
    context: Context,
    entry: Variables,
    test: Callable[[], tuple[Value, Variables, Variables]],
    begin: Callable[[], None],
) -> _Round:
    context.variables = entry
    loop = Loop()
    with context.captured() as head:
        value, when_true, when_false = test()
    after_test = context.variables
    context.variables = {**after_test, **when_true}
    body = _body(node, context, loop, begin)
    again = context.variables if context.is_reachable else None
    context.is_reachable = True
    merged = joined(entry, again, *loop.continues)
    assert merged is not None
    at_end = {**after_test, **when_false}
    return _Round(head, value, body, loop, at_end, _without_stand_ins(merged, entry))


def _without_stand_ins(found: Variables, entry: Variables) -> Variables:
    """Return variables without those of this round that are no names of Python."""
    return {
        name: one
        for name, one in found.items()
        if name in entry or name.isidentifier() or "." in name
    }


def _body(node: Any, context: Context, loop: Loop, begin: Callable[[], None]) -> list[Node]:
    context.enclosing.loops.append(loop)
    try:
        with context.captured() as body:
            begin()
            context.lower_body(node.body)
    finally:
        context.enclosing.loops.pop()
    return body
