"""Tell what the code of one function says by itself: which names it binds and changes.

Knows no types and no callers.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from partita.compile.analysis.aliases import Aliases
from partita.compile.analysis.modules import Module
from partita.compile.analysis.mutation import (
    bound_once,
    local_names,
    mutated_names,
    reassigned_names,
)


@dataclass(frozen=True)
class Code:
    """What is known of a function's code before it is lowered."""

    body: list[ast.stmt]
    own: frozenset[str]  # names that this function binds, and no other
    mutated: frozenset[str]  # names whose values it changes in place, or functions around it do
    reassigned: frozenset[str]  # names that it gives other values
    once: frozenset[str]  # names that are bound in one place only
    aliases: Aliases | None  # of its names
    is_async: bool  # calls of async activities make coroutines


def code_of(
    definition: Any,
    body: list[ast.stmt],
    module: Module,
    aliases: Aliases | None,
    *,
    is_async: bool,
    around: frozenset[str] = frozenset(),
) -> Code:
    """Return what a function's code says; `around` are names that functions around it change."""
    own = local_names(definition)
    mutated = mutated_names(body, module.changes) | (around - own)
    once = bound_once(definition)
    return Code(body, own, mutated, reassigned_names(definition), once, aliases, is_async)
