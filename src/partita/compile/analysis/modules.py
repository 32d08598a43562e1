"""Read the modules of a program: their functions, and what their code changes."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from partita.compile.analysis.aliases import returning_their_arguments
from partita.compile.analysis.mutation import Changes, changes_of, mutated_names
from partita.source.discovery import read

_KINDS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Module:
    """What lowering knows of a module."""

    namespace: Mapping[str, Any]
    functions: Mapping[str, Any]  # also methods, by qualified names
    changed: frozenset[str]  # names whose values its code changes
    changes: Changes  # parameters that functions change
    helpers: frozenset[str]  # functions whose results may be what they are given


def module_of(tree: ast.Module, namespace: Mapping[str, Any]) -> Module:
    """Return what a module's source tells."""
    changes = changes_of(tree)
    every = {one.name: one for one in ast.walk(tree) if isinstance(one, _KINDS)}
    helpers = returning_their_arguments(every, changes)
    functions = {**_functions(tree.body), **_lambdas(tree)}
    return Module(namespace, functions, _changed(tree), changes, helpers)


def imported(function: FunctionType) -> Module | None:
    """Return the module of an imported function; None if it is Python's or Partita's own."""
    name = function.__module__.partition(".")[0]
    if name in sys.stdlib_module_names or name == "partita":
        return None
    try:
        path = inspect.getsourcefile(function)
        tree = ast.parse(read(Path(path))) if path is not None else None
    except (OSError, TypeError, SyntaxError):
        return None
    return None if tree is None else module_of(tree, function.__globals__)


def moved(definition: Any, node: Any) -> Any:
    """Return a function's definition as if it was written at the place of a call."""
    made = copy.deepcopy(definition)
    for part in ast.walk(made):
        if hasattr(part, "lineno"):
            ast.copy_location(part, node)
    return made


def _functions(body: list[ast.stmt], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in body:
        if isinstance(one, _KINDS):
            found[f"{prefix}{one.name}"] = one
        elif isinstance(one, ast.ClassDef):
            found |= _functions(one.body, f"{prefix}{one.name}.")
        elif isinstance(one, ast.If | ast.Try):
            found |= _functions(one.body, prefix)
    return found


def _lambdas(tree: ast.Module) -> dict[str, Any]:
    """Return the lambdas outside of functions by the text of their code."""
    found: dict[str, Any] = {}
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Lambda):
            found[lambda_key(node.lineno, _code(node))] = node
        if not isinstance(node, (*_KINDS, ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return found


def _code(node: ast.Lambda) -> Any:
    whole = compile(ast.Expression(node), "<lambda>", "eval")
    return next(one for one in whole.co_consts if hasattr(one, "co_code"))


def lambda_key(row: int, code: Any) -> str:
    """Return what tells a lambda from the others of its module."""
    constants = [one for one in code.co_consts if not hasattr(one, "co_code")]
    return f"lambda {row} {code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"


def _changed(tree: ast.Module) -> frozenset[str]:
    declared = [part for part in ast.walk(tree) if isinstance(part, ast.Global)]
    return mutated_names(tree.body) | {name for one in declared for name in one.names}
