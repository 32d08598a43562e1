"""Find which names a function changes in place, and which expressions make new values.

A state machine copies values: changing one in place is compiled where no other name can see it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

MUTATORS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "remove",
        "clear",
        "update",
        "setdefault",
        "sort",
        "reverse",
        "popitem",
        "add",
        "discard",
        "difference_update",
        "intersection_update",
    ]
)
_FRESH = (ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.Constant, ast.BinOp, ast.Call)


def walked(node: ast.AST) -> list[ast.AST]:
    """Return a node with all nodes in it, which are found once."""
    found: list[ast.AST] | None = getattr(node, "partita_nodes", None)
    if found is None:
        found = list(ast.walk(node))
        node.partita_nodes = found  # type: ignore[attr-defined]
    return found


Changes = Mapping[str, tuple[list[str], frozenset[str]]]
"""Functions by name: their parameters in order, and those that they change in place."""


_CHANGING = (ast.Call, ast.AugAssign, ast.Subscript, ast.Attribute)


def mutated_names(nodes: Iterable[ast.AST], changes: Changes | None = None) -> frozenset[str]:
    """Return the names whose values statements change in place, or may."""
    found: set[str] = set()
    for node in nodes:
        for part in walked(node):
            if isinstance(part, _CHANGING):
                found.update(_mutated(part, changes or {}))
    return frozenset(found)


def changes_of(tree: ast.AST) -> Changes:
    """Return which parameters each function of a module changes, also through other functions."""
    definitions = [
        one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found: dict[str, tuple[list[str], frozenset[str]]] = {}
    while True:
        before = dict(found)
        for one in definitions:
            names = [each.arg for each in (*one.args.posonlyargs, *one.args.args)]
            names += [each.arg for each in one.args.kwonlyargs]
            changed = mutated_names(one.body, before) & set(names)
            changed -= {name for name in changed if is_replaced(name, one.body)}
            known = found.get(one.name, (names, frozenset()))
            found[one.name] = (names, changed | known[1])
        if found == before:
            return found


def _mutated(node: ast.AST, changes: Changes) -> list[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        found = [_root(node.func.value)] if node.func.attr in MUTATORS else []
        names, changed = changes.get(node.func.attr, ([], frozenset()))
        if names[:1] == ["self"] and "self" in changed:
            found.append(_root(node.func.value))
        return [*found, *_changed_arguments(node, names[1:], changed)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _changed_arguments(node, *changes.get(node.func.id, ([], frozenset())))
    if isinstance(node, ast.AugAssign):
        return [_root(node.target)]
    is_place = isinstance(node, ast.Subscript | ast.Attribute)
    return [_root(node.value)] if is_place and not isinstance(node.ctx, ast.Load) else []  # type: ignore[attr-defined]


def _changed_arguments(node: ast.Call, names: list[str], changed: frozenset[str]) -> list[str]:
    pairs = [*zip(names, node.args, strict=False)]
    pairs += [(one.arg, one.value) for one in node.keywords if one.arg is not None]
    return [_root(one) for name, one in pairs if name in changed]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_fresh(node: ast.expr, helpers: Collection[str]) -> bool:
    """Return whether an expression makes a value that nothing else holds.

    `helpers` are functions whose results may be what they are given.
    """
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in helpers:
        return False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr not in ("get", "setdefault", "reduce", *helpers)
    if isinstance(node, ast.IfExp):
        return is_fresh(node.body, helpers) and is_fresh(node.orelse, helpers)
    is_slice = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
    is_extreme = name in ("min", "max", "next", "reduce")
    return (isinstance(node, _FRESH) and not is_extreme) or is_slice


_COPYING = ("dict", "list", "set", "sorted")


def is_replaced(name: str, body: list[ast.stmt]) -> bool:
    """Return whether a function copies a parameter before it does anything else with it."""
    for one in body:
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            if [getattr(target, "id", "") for target in targets] == [name]:
                return _copies(one.value)
        if any(isinstance(part, ast.Name) and part.id == name for part in walked(one)):
            return False
    return False


def _copies(node: ast.expr) -> bool:
    """Return whether an expression makes a new value, whatever is in it."""
    if isinstance(node, ast.IfExp):
        return _copies(node.body) and _copies(node.orelse)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _COPYING
    is_slice = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    return is_slice or isinstance(node, ast.List | ast.Dict | ast.ListComp | ast.DictComp)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def local_names(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function binds, other than in comprehensions."""
    nodes = own_nodes(definition)
    targets = [part.target for part in nodes if isinstance(part, ast.comprehension)]
    return _bound(definition, {id(one) for target in targets for one in ast.walk(target)})


def bound_names(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function binds, also in comprehensions."""
    return _bound(definition, set())


def _bound(definition: ast.AST, but: set[int]) -> frozenset[str]:
    found: set[str | None] = set()
    outer: set[str] = set()
    arguments = getattr(definition, "args", None)
    if arguments is not None:
        found.update(one.arg for one in ast.walk(arguments) if isinstance(one, ast.arg))
    for part in own_nodes(definition):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            if id(part) not in but:
                found.add(part.id)
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            found.add(part.name)
        elif isinstance(part, ast.MatchMapping):
            found.add(part.rest)
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(part.name)
        elif isinstance(part, ast.Nonlocal | ast.Global):
            outer.update(part.names)
    return frozenset(name for name in found if name is not None) - outer


def own_nodes(definition: ast.AST) -> list[ast.AST]:
    """Return the nodes of a function, but not those of the functions defined in it."""
    known: list[ast.AST] | None = getattr(definition, "partita_own_nodes", None)
    if known is not None:
        return known
    body: Any = getattr(definition, "body", [])
    pending: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    found = []
    while pending:
        node = pending.pop()
        found.append(node)
        if isinstance(node, _FUNCTIONS):
            pending += [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
        elif not isinstance(node, ast.ClassDef):
            pending += ast.iter_child_nodes(node)
    definition.partita_own_nodes = found  # type: ignore[attr-defined]
    return found


def outer_names(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function declares nonlocal."""
    declared = [one for one in own_nodes(definition) if isinstance(one, ast.Nonlocal)]
    return frozenset(name for one in declared for name in one.names)


def bound_once(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function, with those in it, binds in one place only."""
    found: Counter[str] = Counter()
    for part in walked(definition):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            found[part.id] += 1
        elif isinstance(part, ast.arg):
            found[part.arg] += 1
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part is not definition:
            found[part.name] += 1
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            found[part.name or ""] += 1
    return frozenset(name for name, number in found.items() if number == 1)


def reassigned_names(definition: ast.AST) -> frozenset[str]:
    """Return the names that a function gives other values, other than by `+=` and the like."""
    places = [id(one.target) for one in own_nodes(definition) if isinstance(one, ast.AugAssign)]
    return frozenset(
        one.id
        for one in own_nodes(definition)
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load) and id(one) not in places
    )
