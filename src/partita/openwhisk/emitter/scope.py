"""Keep what lowering knows of a program and of the function whose statements it lowers."""

from __future__ import annotations

import ast
import asyncio
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.determinism import sleep
from partita.compile.diagnostics import Diagnostics, RefusedError
from partita.compile.types import Type
from partita.openwhisk.emitter.modules import Namespace, bindings, is_own

ACTIVITIES = (ActivityFunction, AsyncActivityFunction)


@dataclass
class Program:
    """What is known of the whole program."""

    variables: set[str] = field(default_factory=set)  # of the functions and of the lowering
    types: list[tuple[dict[str, Type], Namespace]] = field(default_factory=list)  # of functions
    classes: dict[str, Namespace] = field(default_factory=dict)  # that steps name
    actions: dict[str, Any] = field(
        default_factory=dict
    )  # activities, by the names of their actions
    definitions: dict[str, Any] = field(default_factory=dict)  # of the actions
    remote: dict[Any, bool] = field(default_factory=dict)  # by functions
    closures: dict[str, ast.FunctionDef] = field(default_factory=dict)  # that steps define
    is_async: bool = False
    has_nonlocal: bool = False  # functions in functions may assign to variables around them
    numbers: int = 0

    def new(self, stem: str) -> str:
        """Return a variable that nothing else uses."""
        self.numbers += 1
        name = f"_{stem}_{self.numbers}"
        self.variables.add(name)
        return name


@dataclass(frozen=True)
class Loop:
    """A loop that is a combinator: its number, and in which ways it is left."""

    number: int
    ways: set[str]


@dataclass(frozen=True)
class Scope:
    """A function whose statements are lowered."""

    program: Program
    diagnostics: Diagnostics
    namespace: Namespace  # of its module
    local: frozenset[str]
    result: str  # the variable of its result
    path: tuple[str, ...] = ()  # of the functions that are lowered in place
    loop: Loop | None = None
    error: str | None = None  # the variable of the error that is handled
    inner: Mapping[str, ast.FunctionDef] = field(default_factory=dict)  # functions in it

    def refuse(self, node: ast.AST, what: str, why: str, way_out: str) -> RefusedError:
        """Record that a node is not compiled; return the error to raise."""
        return self.diagnostics.add(node, what, why, way_out)

    def target(self, node: ast.expr) -> Any:
        """Return what a name, or a member of a module, stands for outside the function."""
        if isinstance(node, ast.Name):
            if node.id in self.local:
                return None
            return self.namespace.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute):
            owner = self.target(node.value)
            return getattr(owner, node.attr, None) if type(owner).__name__ == "module" else None
        return None

    def is_builtin(self, node: ast.expr, *names: str) -> bool:
        """Return whether an expression is one of these functions of Python's."""
        return (
            isinstance(node, ast.Name)
            and node.id in names
            and self.target(node) is getattr(builtins, node.id)
        )

    def is_remote(self, node: ast.AST) -> bool:
        """Return whether code calls what runs elsewhere."""
        return any(self._is_remote_part(part) for part in ast.walk(node))

    def _is_remote_part(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name) and node.func.id in self.inner:
            return self.is_remote_inner(node.func.id)
        found = self.target(node.func)
        if isinstance(found, ACTIVITIES) or found in (sleep, asyncio.sleep, asyncio.gather):
            return True
        if isinstance(node.func, ast.Attribute):
            if isinstance(self.target(node.func.value), ACTIVITIES):
                return True
        return isinstance(found, FunctionType) and self.is_remote_function(found)

    def is_remote_inner(self, name: str) -> bool:
        """Return whether a function in this one calls what runs elsewhere."""
        node = self.inner[name]
        if node not in self.program.remote:
            self.program.remote[node] = False  # while it is looked at: recursion adds nothing
            inside = replace(self, inner={**self.inner, **inner_functions(node.body)})
            self.program.remote[node] = any(inside.is_remote(one) for one in node.body)
        return self.program.remote[node]

    def is_remote_function(self, function: FunctionType) -> bool:
        """Return whether a function of the user's own modules calls what runs elsewhere."""
        known = self.program.remote
        if function not in known:
            known[function] = False  # while it is looked at: recursion adds nothing
            node = definition_of(function)
            if node is not None:
                inner = Scope(
                    self.program, self.diagnostics, function.__globals__, names_of(node), ""
                )
                inner = replace(inner, inner=inner_functions(node.body))
                known[function] = any(inner.is_remote(one) for one in node.body)
        return known[function]


def names_of(node: ast.AST) -> frozenset[str]:
    """Return the names that a function binds, and functions in it."""
    found = {name for part in ast.walk(node) for name in names_of_one(part)}
    return frozenset(found - {getattr(node, "name", "")})


def names_of_one(part: ast.AST) -> set[str]:
    """Return the names that one node binds, without those in it."""
    found: str | None = None
    if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
        found = part.id
    elif isinstance(part, ast.arg):
        found = part.arg
    elif isinstance(part, ast.FunctionDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        found = part.name
    elif isinstance(part, ast.MatchMapping):
        found = part.rest
    return set() if found is None else {found}


def inner_functions(nodes: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    """Return the functions that statements define, by name."""
    return {one.name: one for one in nodes if isinstance(one, ast.FunctionDef)}


def definition_of(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the definition of a function at the top of one of the user's own modules."""
    namespace = function.__globals__
    if namespace.get(function.__name__) is not function or not _is_own(namespace):
        return None
    for node in bindings(namespace, function.__name__):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            return node
    return None


def _is_own(namespace: Namespace) -> bool:
    module = type(ast)(str(namespace.get("__name__")))
    module.__file__ = namespace.get("__file__")
    return is_own(module)
