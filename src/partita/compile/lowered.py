"""Put nodes into a syntax tree that the source does not have: at a place, or lowered by a function.

Python's statements and expressions often mean another one, which is built here and then lowered as
if the author had written it. Knows nothing of what is lowered.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.tree import Value


class Lowered(ast.expr):
    """An expression that a function lowers, where Python has another one."""

    _fields = ()

    def __init__(self, lower: Callable[[Context], Value]) -> None:
        super().__init__()
        self.lower = lower


def located(made: Any, node: ast.AST) -> Any:
    """Give a node that is made the place of another one."""
    return ast.fix_missing_locations(ast.copy_location(made, node))
