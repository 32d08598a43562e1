"""Find the functions that are workflow code, and those that run elsewhere.

Knows Partita's decorators, base classes and functions, under whatever name a file imports them.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from partita.source.file import File
from partita.source.meaning import bases, paths, resolve, subscripted
from partita.source.scope import Assigned, Binding, Defined, Function, Names, Scope

_HOMES = {
    "workflow": "workflow",
    "activity": "activity",
    "program": "programs.program",
    "python": "programs.program",
    "side_effect": "determinism",
    "Workflow": "workflow_classes",
    "Hooks": "hooks",
    "remote_activity": "remote",
    "lambda_function": "remote",
    "child_workflow": "remote",
    "query": "messages",
    "update": "messages",
}
"""The names of Partita that matter here, and the module of `partita.authoring` of each."""

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
"""Methods that only observe, so that a replay need not repeat them."""


@dataclass(frozen=True)
class Root:
    """A function at which workflow code begins."""

    function: Defined
    workflow: str  # its name, for messages
    is_decider: bool = False  # written by hand: it cannot wait


def ours(node: ast.expr, scope: Scope, depth: int = 0) -> str | None:
    """Return the name of Partita that a decorator or a called function stands for."""
    if isinstance(node, ast.Call):
        return ours(node.func, scope, depth)
    for path in paths(node, scope):
        if path.removesuffix("()") in _OURS:
            return _OURS[path.removesuffix("()")]
    if isinstance(node, ast.Name) and depth < 4:  # `flow = workflow(version="2")`
        found = scope.lookup(node.id)
        for bound in [b for b in (found[1] if found else []) if isinstance(b, Assigned)]:
            value, at = bound.value, bound.scope
            if isinstance(value, ast.Call) and not _functions(value, at):
                return ours(value.func, at, depth + 1)
    return None


def _functions(call: ast.Call, scope: Scope) -> list[Defined]:
    """Return the project's functions among a call's arguments."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    found = [meaning for part in given for meaning in resolve(part, scope)]
    return [m for m in found if isinstance(m, Defined) and isinstance(m.node, Function)]


def marks(defined: Defined) -> set[str]:
    """Return the decorators of Partita that a function has."""
    decorators = defined.node.decorator_list
    return {name for part in decorators if (name := ours(part, defined.scope))}


def is_effect(call: ast.Call, scope: Scope) -> bool:
    """Return whether this call runs the function that it is passed only once."""
    by_name = isinstance(call.func, ast.Attribute) and call.func.attr == "invoke_once"
    return by_name or ours(call.func, scope) == "side_effect"


def workflow_class(defined: Defined, depth: int = 0) -> str | None:
    """Return "Workflow" or "Decider" for a class derived from one of these, else None."""
    if not isinstance(defined.node, ast.ClassDef) or depth > 12:
        return None
    named = [ours(subscripted(base), defined.scope) for base in defined.node.bases]
    found = next((one for one in named if one in ("Workflow", "Decider")), None)
    if found is not None:
        return found
    below = (workflow_class(base, depth + 1) for base in bases(defined))
    return next((one for one in below if one is not None), None)


_Marked: TypeAlias = defaultdict[Scope, set[ast.AST]]
"""Functions, by file."""


class WorkflowCode:
    """The functions of some files that begin workflow code, or must not be visited.

    `files` are indexed by their module scopes; more may be added to them later.
    """

    def __init__(self, files: Mapping[Scope, File]) -> None:
        self._files = files
        self._roots: dict[Scope, list[Root]] = {}
        self._elsewhere: _Marked = defaultdict(set)  # activities, and workflows of their own
        self._once: _Marked = defaultdict(set)  # passed to `side_effect`

    def roots(self, module: Scope) -> list[Root]:
        """Return the functions at which the workflow code of a file begins."""
        if module not in self._roots:
            self._roots[module] = list(self._find_roots(self._files[module].names))
        return [root for root in self._roots[module] if not self.runs_once(root.function)]

    def forget(self, module: Scope) -> None:
        """Drop a file."""
        for known in (self._roots, self._elsewhere, self._once):
            known.pop(module, None)

    def file(self, scope: Scope) -> File:
        """Return the file that a scope is in."""
        return self._files[scope.module]

    def is_elsewhere(self, defined: Defined) -> bool:
        """Return whether it is an activity, or a workflow of its own."""
        self.roots(defined.scope.module)
        return _is_marked(defined, self._elsewhere)

    def runs_once(self, defined: Defined) -> bool:
        """Return whether it is called by `side_effect`."""
        return _is_marked(defined, self._once)

    def _find_roots(self, names: Names) -> Iterator[Root]:
        for defined in names.definitions:
            found = marks(defined)
            if found & _WORK:
                _mark(defined, self._elsewhere)
            elif isinstance(defined.node, ast.ClassDef):
                yield from self._methods(defined)
            elif "workflow" in found:
                yield self._root(defined)
        for call, scope in names.calls:
            yield from self._by_call(call, scope)

    def _root(self, function: Defined) -> Root:
        _mark(function, self._elsewhere)
        return Root(function, function.node.name)

    def _methods(self, defined: Defined) -> Iterator[Root]:
        kind = workflow_class(defined)
        if kind is not None:
            for method in _inherited(defined, defined.scope.module):
                if method.node.name not in _OBSERVERS and not marks(method) & _WORK:
                    yield Root(method, defined.node.name, kind == "Decider")

    def _by_call(self, call: ast.Call, scope: Scope) -> Iterator[Root]:
        """Yield or mark the functions that a call passes to Partita."""
        if is_effect(call, scope):
            for function in _functions(call, scope):
                _mark(function, self._once)
        elif (called := ours(call.func, scope)) in {"workflow", "Hooks"}:
            for function in _functions(call, scope):
                if function.node.name not in _OBSERVERS and not _is_marked(
                    function, self._elsewhere
                ):
                    yield (
                        self._root(function)
                        if called == "workflow"
                        else Root(function, function.node.name)
                    )
        elif called in _WORK:
            for function in _functions(call, scope):
                _mark(function, self._elsewhere)


def _mark(defined: Defined, marked: _Marked) -> None:
    marked[defined.scope.module].add(defined.node)


def _is_marked(defined: Defined, marked: _Marked) -> bool:
    return defined.node in marked[defined.scope.module]


def _inherited(owner: Defined, home: Scope, depth: int = 0) -> Iterator[Defined]:
    """Yield the methods of a class: its own, and those of its bases in other files than home."""
    for bindings in owner.inner.names.values():
        yield from _only_functions(bindings)
    for base in bases(owner) if depth < 12 else []:
        if base.scope.module is not home:  # where it is a root itself
            for method in _inherited(base, home, depth + 1):
                if method.node.name not in owner.inner.names:
                    yield method


def _only_functions(bindings: Sequence[Binding]) -> list[Defined]:
    found = [binding for binding in bindings if isinstance(binding, Defined)]
    return [binding for binding in found if isinstance(binding.node, Function)]
