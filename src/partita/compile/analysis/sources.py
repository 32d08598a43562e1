"""Read what a program consists of, each part once: modules, and what their code says.

Knows syntax trees only.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from partita.compile.analysis.aliases import Aliases, aliases_of
from partita.compile.analysis.modules import Module, imported, moved


@dataclass
class Sources:
    """What one compilation has read."""

    _modules: dict[str, Module | None] = field(default_factory=dict)  # imported ones, by names
    _moved: dict[tuple[int, int], Any] = field(default_factory=dict)  # with the nodes of the ids
    _aliases: dict[int, Aliases] = field(default_factory=dict)  # by definitions

    def module(self, function: FunctionType) -> Module | None:
        """Return the module of an imported function; None if it is none of the program's."""
        name = function.__module__
        if name not in self._modules:
            self._modules[name] = imported(function)
        return self._modules[name]

    def moved(self, definition: Any, node: ast.AST) -> Any:
        """Return a function's definition as if it was written at the place of a call."""
        key = (id(definition), id(node))
        if key not in self._moved:
            self._moved[key] = (node, moved(definition, node))
        return self._moved[key][1]

    def aliases(self, definition: Any, body: list[ast.stmt], module: Module) -> Aliases | None:
        """Return which names of a function are for the same value; None for a lambda."""
        if definition is None or isinstance(definition, ast.Lambda):
            return None
        key = id(definition)
        if key not in self._aliases:
            self._aliases[key] = aliases_of(definition, body, module.changes, module.helpers)
        return self._aliases[key]
