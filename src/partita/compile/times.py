"""Lower what waits for a time."""

from __future__ import annotations

from typing import Any

from partita.compile.context import Context
from partita.compile.tree import Sleep, Value
from partita.compile.types import NONE
from partita.errors import InvalidOptionError


def lower_sleep(node: Any, context: Context) -> Value:
    """Lower `sleep(...)`."""
    if len(node.args) != 1 or node.keywords:
        raise context.refuse(node, "sleep", "it takes seconds", "give one argument")
    seconds = context.read(node.args[0])
    if not seconds.type.is_number:
        raise context.refuse(
            node, "sleep", "its argument is no number", "give seconds as int or float"
        )
    seconds = context.simple(node, seconds)
    if not seconds.is_constant:
        message = context.text("the time is negative")
        context.check(node, f"{seconds.atom} >= 0", InvalidOptionError, message, seconds)
    elif seconds.constant < 0:
        raise context.refuse(node, "sleep", "the time is negative", "give seconds from 0 on")
    context.block.append(Sleep(node.lineno, seconds))
    return Value("null", NONE)
