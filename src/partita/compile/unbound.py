"""Check that a variable has a value where only some paths through the code give it one."""

from __future__ import annotations

import ast
from dataclasses import replace

from partita.compile.context import Context
from partita.compile.variables import UNBOUND, Variable


def bound(node: ast.Name, known: Variable, context: Context) -> Variable:
    """Raise UnboundLocalError or NameError if a variable has no value; return it."""
    owner = _owner(node.id, known, context)
    if owner is None or not known.text[1:].isidentifier():
        raise context.refuse(
            node,
            f"variable {node.id}",
            "it may have no value here",
            "assign it on every way that leads here",
        )
    owner.bindings.unbound[known.text[1:]] = None
    kind, text = NameError, "cannot access free variable '{}' where it is not associated with a "
    text += "value in enclosing scope"
    if owner is context:
        kind = UnboundLocalError
        text = "cannot access local variable '{}' where it is not associated with a value"
    message = context.text(text.format(node.id))
    context.check(node, f"{known.text} != {UNBOUND}", kind, message)
    sure = replace(known, is_sure=True)
    context.variables = {**context.variables, node.id: sure}
    return sure


def _owner(name: str, known: Variable, context: Context) -> Context | None:
    """Return the function whose variable it is."""
    one: Context | None = context
    while one is not None:
        seen = one.variables.get(name)
        is_own = name in one.code.own and name not in one.frame.shared
        if is_own and seen and seen.text == known.text:
            return one
        one = one.frame.caller
    return None
