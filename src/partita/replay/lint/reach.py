"""Tell which functions of a file are workflow code, and which are handed to others to run.

Knows Partita's decorators, base classes and functions, under whatever name a file has them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from partita.replay.lint.meaning import bases, paths, resolve, subscripted
from partita.replay.lint.scope import Assigned, Binding, Defined, Function, Names, Scope

_HOMES = {
    "workflow": "workflow",
    "activity": "activity",
    "program": "programs",
    "python": "programs",
    "side_effect": "determinism",
    "Workflow": "classes",
    "Hooks": "hooks",
    "remote_activity": "remote",
    "lambda_function": "remote",
    "child_workflow": "remote",
}
"""Partita's names that matter here, and the module of `partita.authoring` that has each."""

_OURS = {f"partita.{name}": name for name in _HOMES} | {
    f"partita.authoring.{module}.{name}": name for name, module in _HOMES.items()
}
_OURS |= {
    f"partita.deciders{module}.{name}": "Decider"
    for name, home in (("Decider", "decider"), ("Responder", "decider"), ("RuleSet", "rule_set"))
    for module in ("", f".{home}")
}

_WORK = {"activity", "program", "python", "side_effect"}
_OBSERVERS = {"before_replay", "after_replay"}
"""Methods that only watch a replay, and that a replay need not repeat."""


@dataclass(frozen=True)
class Root:
    """A function with which workflow code begins."""

    function: Defined
    workflow: str  # its name, to say which
    is_decider: bool = False  # written by hand: Python's ways of waiting are not open to it


def ours(node: ast.expr, scope: Scope, depth: int = 0) -> str | None:
    """Return which of Partita's names a decorator, or what is called, stands for."""
    if isinstance(node, ast.Call):
        return ours(node.func, scope, depth)
    for path in paths(node, scope):
        if path.removesuffix("()") in _OURS:
            return _OURS[path.removesuffix("()")]
    if isinstance(node, ast.Name) and depth < 4:  # `flow = workflow(version="2")`
        found = scope.lookup(node.id)
        for value in [b.value for b in (found[1] if found else []) if isinstance(b, Assigned)]:
            if isinstance(value, ast.Call) and not _functions(value, scope):
                return ours(value.func, scope, depth + 1)
    return None


def _functions(call: ast.Call, scope: Scope) -> list[Defined]:
    """Return the functions of the file among a call's arguments."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    found = [meaning for part in given for meaning in resolve(part, scope)]
    return [m for m in found if isinstance(m, Defined) and isinstance(m.node, Function)]


def marks(defined: Defined) -> set[str]:
    """Return which of Partita's decorators a function has."""
    decorators = defined.node.decorator_list
    return {name for part in decorators if (name := ours(part, defined.scope))}


def is_effect(call: ast.Call, scope: Scope) -> bool:
    """Return whether what is handed to this call happens only once."""
    by_name = isinstance(call.func, ast.Attribute) and call.func.attr == "invoke_once"
    return by_name or ours(call.func, scope) == "side_effect"


def workflow_class(defined: Defined, depth: int = 0) -> str | None:
    """Return what a class is below, "Workflow" or "Decider"; None if it is neither's."""
    if not isinstance(defined.node, ast.ClassDef) or depth > 12:
        return None
    named = [ours(subscripted(base), defined.scope) for base in defined.node.bases]
    found = next((one for one in named if one in ("Workflow", "Decider")), None)
    if found is not None:
        return found
    below = (workflow_class(base, depth + 1) for base in bases(defined))
    return next((one for one in below if one is not None), None)


class Reach:
    """Which functions of a file begin workflow code, and which must never be looked into."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.elsewhere: set[ast.AST] = set()  # activities, and workflows of their own
        self.handed: set[ast.AST] = set()  # given to `side_effect`: not workflow code by itself
        self.roots = list(self._roots())

    def _roots(self) -> Iterator[Root]:
        for defined in self._names.definitions:
            found = marks(defined)
            if found & _WORK:
                self.elsewhere.add(defined.node)
            elif isinstance(defined.node, ast.ClassDef):
                yield from self._methods(defined)
            elif "workflow" in found:
                yield self._root(defined)
        for call, scope in self._names.calls:
            yield from self._by_call(call, scope)

    def _root(self, function: Defined) -> Root:
        self.elsewhere.add(function.node)
        return Root(function, function.node.name)

    def _methods(self, defined: Defined) -> Iterator[Root]:
        kind = workflow_class(defined)
        if kind is not None:
            for bindings in defined.inner.names.values():
                for found in _only_functions(bindings):
                    if found.node.name not in _OBSERVERS and not marks(found) & _WORK:
                        yield Root(found, defined.node.name, kind == "Decider")

    def _by_call(self, call: ast.Call, scope: Scope) -> Iterator[Root]:
        """Look at functions that are handed to Partita by a call."""
        if is_effect(call, scope):
            self.handed |= {function.node for function in _functions(call, scope)}
        elif (called := ours(call.func, scope)) in {"workflow", "Hooks"}:
            for function in _functions(call, scope):
                if function.node.name not in _OBSERVERS and function.node not in self.elsewhere:
                    yield (
                        self._root(function)
                        if called == "workflow"
                        else Root(function, function.node.name)
                    )
        elif called in _WORK:
            self.elsewhere |= {function.node for function in _functions(call, scope)}


def _only_functions(bindings: Sequence[Binding]) -> list[Defined]:
    found = [binding for binding in bindings if isinstance(binding, Defined)]
    return [binding for binding in found if isinstance(binding.node, Function)]
