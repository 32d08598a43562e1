"""Tell which expressions only compute, so that they can be steps of their own.

They call no activities, change nothing, and read neither clocks nor files nor chance, as far as
their own code and that of the module's functions in them tells.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from partita.compile.analysis.mutation import bound_names
from partita.compile.analysis.names import loaded, stored
from partita.replay.lint import rules

_NO_WORK = (ast.Constant, ast.Name, ast.Attribute, ast.Dict, ast.List, ast.Tuple)
_IMPURE = (
    ast.Await,
    ast.Yield,
    ast.YieldFrom,
    ast.NamedExpr,
    ast.Starred,
    ast.Global,
    ast.Nonlocal,
)
_BUILTINS = frozenset(
    {
        *("open", "input", "print", "exec", "eval", "compile", "globals"),
        *("locals", "vars", "__import__", "setattr", "delattr", "id", "hash"),
        *("object", "super", "breakpoint", "exit", "quit"),
    }
)
_CHANGES = frozenset(
    {
        *("append", "extend", "insert", "remove", "pop", "popitem", "clear"),
        *("sort", "reverse", "update", "setdefault", "add", "discard", "heappush"),
        *("heappop", "heapify", "insort", "insort_left", "insort_right", "appendleft", "popleft"),
    }
)


def free_names(node: ast.expr) -> frozenset[str]:
    """Return the names that an expression reads and does not bind."""
    bound = stored([node])
    for one in ast.walk(node):
        if isinstance(one, ast.Lambda):
            bound |= {part.arg for part in ast.walk(one.args) if isinstance(part, ast.arg)}
    return frozenset(loaded([node]) - bound)


@dataclass(frozen=True)
class Purity:
    """What is known of a module: what its names stand for, and its functions' definitions."""

    namespace: Mapping[str, Any]
    functions: Mapping[str, Any]

    def is_pure(self, node: ast.expr, local: frozenset[str]) -> bool:
        """Return whether an expression only computes; `local` are the function's own names."""
        if isinstance(node, _NO_WORK):
            return False  # there is nothing to compute, or only in its parts
        return self._only_computes([*ast.walk(node)], local, frozenset())

    def is_pure_function(self, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Return whether a function of the module only computes."""
        definition = self.functions.get(name)
        if name in seen:
            return True
        if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
            return False
        parts = [part for one in definition.body for part in ast.walk(one)]
        return self._only_computes(parts, bound_names(definition), seen | {name}, inside=True)

    def _only_computes(
        self,
        parts: list[ast.AST],
        local: frozenset[str],
        seen: frozenset[str],
        *,
        inside: bool = False,
    ) -> bool:
        if any(isinstance(one, _IMPURE) for one in parts):
            return False
        for one in parts:
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and not inside:
                owner = _path(one.func.value, local, self.namespace)
                is_module = owner is not None and isinstance(owner[1], ModuleType)
                if one.func.attr in _CHANGES and not is_module:
                    return False
            found = _path(one, local, self.namespace)
            if found is not None and not self._computes(*found, seen):
                return False
        return True

    def _computes(self, path: str, value: Any, seen: frozenset[str]) -> bool:
        path = path.removeprefix("builtins.")
        if path in _BUILTINS or path == "partita" or path.startswith("partita."):
            return False
        if type(value).__module__.startswith("partita."):  # activities, workflows and the like
            return False
        if rules.called(path, 1) or rules.mentioned(path):
            return False
        is_own = isinstance(value, FunctionType) and value.__name__ in self.functions
        if is_own and value.__module__ == self.namespace.get("__name__"):
            return self.is_pure_function(value.__name__, seen)
        return True


def _path(
    node: ast.AST, local: frozenset[str], namespace: Mapping[str, Any]
) -> tuple[str, Any] | None:
    """Return what a name or attribute of the module stands for, and its dotted path."""
    if isinstance(node, ast.Name):
        if node.id in local or isinstance(node.ctx, ast.Store):
            return None
        found = namespace.get(node.id, getattr(builtins, node.id, None))
        return _dotted(node.id, found), found
    if isinstance(node, ast.Attribute):
        owner = _path(node.value, local, namespace)
        if owner is None or not isinstance(owner[1], ModuleType | type):
            return None
        found = getattr(owner[1], node.attr, None)
        return f"{owner[0]}.{node.attr}", found
    return None


def _dotted(name: str, found: Any) -> str:
    if isinstance(found, ModuleType):
        return found.__name__
    name = getattr(found, "__qualname__", name)
    if found is not None and getattr(builtins, name, None) is found:
        return name  # whichever module it says that it is of: open, `io` or `_io`
    module = getattr(found, "__module__", None)
    return f"{module}.{name}" if module else name
