"""Tell which expressions only compute, so that they can be steps of their own.

They call no activities, change nothing, and read neither clocks nor files nor chance, as far as
their own code and that of the module's functions in them tells.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

from partita.replay.lint import rules

_NO_WORK = (ast.Constant, ast.Name, ast.Attribute, ast.Dict, ast.List, ast.Tuple)
_IMPURE = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Starred)
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
    names = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
    bound = {one.id for one in names if isinstance(one.ctx, ast.Store)}
    for one in ast.walk(node):
        if isinstance(one, ast.Lambda):
            bound |= {part.arg for part in ast.walk(one.args) if isinstance(part, ast.arg)}
    return frozenset(one.id for one in names if isinstance(one.ctx, ast.Load)) - bound


def is_pure(node: ast.expr, local: frozenset[str], namespace: Mapping[str, Any]) -> bool:
    """Return whether an expression only computes; `local` are the function's own names."""
    if isinstance(node, _NO_WORK):
        return False  # there is nothing to compute, or only in its parts
    parts = list(ast.walk(node))
    if any(isinstance(one, _IMPURE) for one in parts):
        return False
    for one in parts:
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute):
            if one.func.attr in _CHANGES and not _is_class(one.func, local, namespace):
                return False
    return all(
        _only_computes(found, namespace)
        for one in parts
        if (found := _path(one, local, namespace)) is not None
    )


def _is_class(node: ast.Attribute, local: frozenset[str], namespace: Mapping[str, Any]) -> bool:
    """Return whether the owner of a method is an operation on another object, as `re` is."""
    found = _path(node.value, local, namespace)
    return found is not None and isinstance(found[1], ModuleType)


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
    module = getattr(found, "__module__", None)
    return f"{module}.{getattr(found, '__qualname__', name)}" if module else name


def _only_computes(found: tuple[str, Any], namespace: Mapping[str, Any]) -> bool:
    path, value = found
    path = path.removeprefix("builtins.")
    if path in _BUILTINS or path == "partita" or path.startswith("partita."):
        return False
    if type(value).__module__.startswith("partita."):  # activities, workflows and the like
        return False
    if rules.called(path, 1) or rules.mentioned(path):
        return False
    if isinstance(value, FunctionType) and value.__module__ == namespace.get("__name__"):
        return _is_pure_function(value)
    return True


def _is_pure_function(function: FunctionType, seen: frozenset[Any] = frozenset()) -> bool:
    """Return whether what the code of a function of the module names only computes."""
    if function in seen or inspect.iscoroutinefunction(function):
        return not inspect.iscoroutinefunction(function)
    seen |= {function}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name, getattr(builtins, name, None))
        if value is None:
            continue
        if isinstance(value, FunctionType) and value.__globals__ is function.__globals__:
            if not _is_pure_function(value, seen):
                return False
        elif not _only_computes((_dotted(name, value), value), function.__globals__):
            return False
    return True
