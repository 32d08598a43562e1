"""Leave out calls of loggers: a state machine has no log of its own to write to."""

from __future__ import annotations

import ast
import logging
from types import FunctionType
from typing import Any

from partita.compile.context import Context
from partita.compile.names.callees import KINDS
from partita.compile.names.objects import target

_METHODS = frozenset(
    ["debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"]
)


def is_logger_call(node: ast.expr, context: Context) -> bool:
    """Return whether an expression is a call of a logger's method."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    if node.func.attr not in _METHODS:
        return False
    owner = node.func.value
    if isinstance(owner, ast.Call):
        return target(owner.func, context) is logging.getLogger
    found = target(owner, context)
    return found is logging or isinstance(found, logging.Logger | logging.LoggerAdapter)


def drop(node: Any, context: Context) -> None:
    """Leave out a call of a logger, with a warning."""
    for part in ast.walk(node):
        if part is not node and _has_effects(part, context):
            raise context.refuse(
                part,
                "call within a call of a logger",
                "calls of loggers are left out, with all that they would do",
                "call it before, and log its result",
            )
    context.compilation.diagnostics.warn(
        node,
        f"{ast.unparse(node.func)}(...) is left out",
        "a state machine writes no log",
        "log in an activity if the message must not be lost",
    )


def _has_effects(node: ast.AST, context: Context) -> bool:
    if isinstance(node, ast.Await | ast.NamedExpr):
        return True
    found = target(node.func, context) if isinstance(node, ast.Call) else None
    return isinstance(found, (FunctionType, *KINDS)) and found is not logging.getLogger
