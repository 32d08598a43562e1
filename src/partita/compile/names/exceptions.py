"""Find the names by which state machines know a class of exceptions and those derived from it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from typing import Any

from partita import errors as partita_errors
from partita.compile.context import Context
from partita.compile.names.objects import target


def classes_of(node: ast.expr, context: Context) -> list[type] | None:
    """Return the classes of exceptions that an expression names; None if one is none."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    found = [target(one, context) for one in parts]
    is_all = all(isinstance(one, type) and issubclass(one, BaseException) for one in found)
    return found if is_all else None


def named_error(error: str, node: ast.AST, kinds: list[type], context: Context) -> str:
    """Return the condition that an error is of one of several classes."""
    names: dict[str, None] = {}
    for kind in kinds:
        names.update(dict.fromkeys(names_below(node, kind, context)))
    listed = ", ".join(f'"{name}"' for name in names)
    bases = [f'"{kind.__name__}" in {error}.bases' for kind in kinds]
    return " or ".join([f"{error}.type in [{listed}]", *bases])


def names_below(node: ast.AST, kind: type, context: Context) -> list[str]:
    """Return the names of a class and of the classes derived from it that the module reaches."""
    names = [*getattr(kind, "state_names", (kind.__name__,))]  # those of AWS's services are others
    for one in reachable(context.module.namespace):
        if issubclass(one, kind):
            names.append(one.__name__)
        elif one.__name__ == kind.__name__:
            raise context.refuse(
                node,
                f"except {kind.__name__}",
                "another class of exceptions has the same name",
                "rename one of them: state machines know errors by names",
            )
    return names


def reachable(namespace: Mapping[str, Any]) -> list[type]:
    """Return the classes of exceptions that a module, its imports and Python have."""
    places = [namespace, vars(builtins), vars(partita_errors)]
    places += [vars(one) for one in namespace.values() if type(one).__name__ == "module"]
    found: dict[type, None] = {}
    for place in places:
        for one in list(place.values()):
            if isinstance(one, type) and issubclass(one, BaseException):
                found[one] = None
    return list(found)
