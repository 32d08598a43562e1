"""Write expressions with guards: those that end the execution if they cannot be exact.

A Pass cannot catch what its expressions raise, and a Choice cannot either. So guards of integers
become rules of a Choice, which assigns what the Pass would have; any other guarded expression is
evaluated in a Parallel state, which catches its failure. Both lead to one Fail state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from partita.compile.jsonata import LARGEST
from partita.compile.tree import Check, If, Let, Loop, Map, Node, Raise, Return, Sleep, Value
from partita.stepfunctions.emitter.states import States, expression, field

GUARD = "Partita.Guard"
"""The error that every guard raises; its cause is the place in the source, and what is wrong."""

_CAUSE = (
    f'($cause := $states.errorOutput.Cause; $contains($cause, "{GUARD} ") ? '
    f'$split($cause, "{GUARD} ")[-1] : "a value does not fit its type hint: " & $cause)'
)
_INTEGER = re.compile(
    rf"\(\$(\w+) := ((?:(?!:=).)*?); \$abs\(\$\1\) <= {LARGEST} \? \$\1 : \$error\((.*?)\)\)"
)
"""An integer that is guarded, as `compile.arithmetic` writes it: name, value, message."""
_CONDITIONAL = re.compile(r"\?|\bfunction\b|\band\b|\bor\b|:=")


def is_guarded(value: Value) -> bool:
    """Return whether evaluating a value may end the execution."""
    return "$error(" in value.text


def unguarded(value: Value) -> tuple[str, list[tuple[str, str]]] | None:
    """Return a value without its guards, and these: the largest number's text, the message.

    None: a guard is not for integers, or its operands are not always evaluated.
    """
    text, guards = value.text, []
    while found := _INTEGER.search(text):
        _, inner, message = found.groups()
        guards.append((inner, message.replace(f"{GUARD} ", "")))
        text = f"{text[: found.start()]}({inner}){text[found.end() :]}"
    return None if "$error(" in text or _CONDITIONAL.search(text) else (text, guards)


def checked(values: Mapping[str, Value], failed: str) -> dict[str, Any] | None:
    """Return a Choice that assigns guarded integers; None if these are other guards."""
    assigned: dict[str, Any] = {}
    rules = []
    for name, value in values.items():
        found = unguarded(value) if is_guarded(value) else None
        if found is None and is_guarded(value):
            return None
        assigned[name] = field(value) if found is None else expression(found[0])
        for tested, message in () if found is None else found[1]:
            condition = expression(f"$abs({tested}) > {LARGEST}")
            rules.append({"Condition": condition, "Output": expression(message), "Next": failed})
    return {"Type": "Choice", "Choices": rules, "Assign": assigned}


def caught(values: Mapping[str, Value], row: int, failed: str, states: States) -> dict[str, Any]:
    """Return a Parallel state that assigns guarded values."""
    inner = states.name("evaluate", row)
    output = {name: field(value) for name, value in values.items()}
    catch = {
        "ErrorEquals": ["States.QueryEvaluationError"],
        "Output": expression(_CAUSE),
        "Next": failed,
    }
    evaluate = {"Type": "Pass", "Output": output, "End": True}
    return {
        "Type": "Parallel",
        "Branches": [{"StartAt": inner, "States": {inner: evaluate}}],
        "Assign": {name: expression(f"$states.result[0].{name}") for name in values},
        "Catch": [catch],
    }


def failed(states: States, row: int) -> str:
    """Return the state that every guard leads to."""
    state = {"Type": "Fail", "Error": GUARD, "Cause": expression("$states.input")}
    return states.shared("guard", row, state)


def hoisted(node: Node, states: States) -> Iterator[Node]:
    """Return nodes that evaluate a guarded value of a node before it, and the node."""
    name = _guarded_field(node)
    if name is None:
        yield node
        return
    value: Value = getattr(node, name)
    if isinstance(node, Check) and name == "error":
        denied = Value(f"$not({node.condition.text})", node.condition.type)
        yield If(node.row, denied, [Raise(node.row, value)], [])
        return
    variable = states.variable("checked")
    before = Let(node.row, {variable: value})
    changes: dict[str, Any] = {name: Value(f"${variable}", value.type)}
    if isinstance(node, Loop):
        yield replace(node, head=[*node.head, before], **changes)
        return
    yield before
    yield from hoisted(replace(node, **changes), states)


_FIELDS: dict[type, tuple[str, ...]] = {
    If: ("test",),
    Loop: ("test",),
    Check: ("condition", "error"),
    Raise: ("error",),
    Return: ("value",),
    Sleep: ("seconds",),
    Map: ("items",),
}


def _guarded_field(node: Node) -> str | None:
    """Return the first field of a node whose evaluation may end the execution."""
    names = _FIELDS.get(type(node), ())
    return next((name for name in names if is_guarded(getattr(node, name))), None)
