"""Find out whether another name for a value would see a change in place.

A state machine copies values: that is right as long as only one of the names is used.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.compile.analysis.liveness import Later, later
from partita.compile.analysis.mutation import MUTATORS, Changes, bound_names, own_nodes, walked


def depths(body: Iterable[ast.stmt], changes: Changes) -> dict[str, int]:
    """Return how deep in the value of each variable something is changed in place."""
    found: Counter[str] = Counter()
    for one in body:
        for node in walked(one):
            place = _changed_place(node, changes)
            if place is not None:
                name, depth = root_of(place)
                found[name] = max(found[name], depth)
    return dict(found)


def _changed_place(node: ast.AST, changes: Changes) -> ast.expr | None:
    """Return the container that a node changes."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        names, changed = changes.get(node.func.attr, ([], frozenset()))
        is_own = names[:1] == ["self"] and "self" in changed
        return node.func.value if node.func.attr in MUTATORS or is_own else None
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return node.target
    is_place = isinstance(node, ast.Subscript | ast.Attribute)
    is_changed = is_place and not isinstance(node.ctx, ast.Load)  # type: ignore[attr-defined]
    return node.value if is_changed else None  # type: ignore[attr-defined]


def root_of(node: ast.expr) -> tuple[str, int]:
    """Return the variable that a place is in, and how deep."""
    depth = 0
    while True:
        if isinstance(node, ast.Subscript | ast.Attribute):
            node, depth = node.value, depth + 1
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node, depth = node.func.value, depth + 1
        else:
            return (node.id if isinstance(node, ast.Name) else ""), depth


def sources(body: Iterable[ast.stmt], helpers: Collection[str]) -> dict[str, set[str]]:
    """Return for each name the others whose values, or parts of them, it may hold."""
    found: dict[str, set[str]] = {}
    for one in body:
        for node in walked(one):
            for target, value in _bindings(node):
                names = held_names(value, helpers)
                for name in _holders(target):
                    found.setdefault(name, set()).update(names)
            if isinstance(node, ast.stmt):
                name, depth = stored_depth(node)
                if name and depth:
                    found.setdefault(name, set()).update(held_names(node, helpers) - {name})
    return found


def _holders(target: ast.expr) -> list[str]:
    """Return the variables that a target puts a value into."""
    if isinstance(target, ast.Subscript | ast.Attribute):
        return [root_of(target)[0]]
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]


def held_depths(body: Iterable[ast.stmt], helpers: Collection[str]) -> dict[str, int]:
    """Return for each name how deep in its value those of others may be, at least."""
    found: dict[str, int] = {}
    for one in body:
        for node in walked(one):
            for target, value in _bindings(node):
                if held_names(value, helpers) and root_of(target)[1] == 0:
                    found |= dict.fromkeys(_holders(target), 0)
            if isinstance(node, ast.stmt):
                name, depth = stored_depth(node)
                if name and held_names(node, helpers) - {name}:
                    found[name] = min(depth, found.get(name, depth))
    return found


_GIVING_PARTS = ("min", "max", "next", "reduce", "reversed", "filter", "map", "chain", "tuple")


def held_names(node: ast.AST, helpers: Collection[str]) -> set[str]:
    """Return the names whose values, or parts of them, the value of an expression may hold."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Compare | ast.JoinedStr | ast.Constant | ast.Lambda):
        return set()
    if isinstance(node, ast.BinOp) and any(map(_is_number, (node.left, node.right))):
        return set()
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        return _held_by_comprehension(node, helpers)
    if isinstance(node, ast.Call):
        function = node.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        if name in ("pop", "popitem"):  # what it gives is not in the container any more
            return {one for part in node.args[1:] for one in held_names(part, helpers)}
        is_open = name in (*helpers, *MUTATORS, "get", "copy", "list", "dict", "sorted", "replace")
        is_open = is_open or name in (*_GIVING_PARTS, "items", "values", "zip", "enumerate")
        if not is_open and not name[:1].isupper():
            return set()
        parts = [*node.args, *(one.value for one in node.keywords)]
        parts += [function.value] if isinstance(function, ast.Attribute) else []
        return {one for part in parts for one in held_names(part, helpers)}
    return {one for part in ast.iter_child_nodes(node) for one in held_names(part, helpers)}


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _held_by_comprehension(
    node: ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp, helpers: Collection[str]
) -> set[str]:
    items = [node.value] if isinstance(node, ast.DictComp) else [node.elt]
    found = {name for one in items for name in held_names(one, helpers)}
    for one in reversed(node.generators):
        names = {part.id for part in ast.walk(one.target) if isinstance(part, ast.Name)}
        if found & names:
            found = (found - names) | held_names(one.iter, helpers)
    return found


def _of_comprehensions(statement: ast.stmt, name: str, helpers: Collection[str]) -> set[str]:
    """Return the names whose parts a variable of a comprehension in a statement may be."""
    found: set[str] = set()
    for part in ast.walk(statement):
        if isinstance(part, ast.comprehension):
            if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(part.target)):
                found |= held_names(part.iter, helpers)
    return found - {name}


def _bindings(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign():
            return [(target, node.value) for target in node.targets]
        case ast.AnnAssign() if node.value is not None:
            return [(node.target, node.value)]
        case ast.AugAssign(target=ast.Name()):
            return [(node.target, node.value)]
        case ast.NamedExpr():
            return [(node.target, node.value)]
        case ast.For():
            return [(node.target, node.iter)]
        case _:
            return []


_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp, ast.BinOp)


def stored_depth(node: ast.stmt) -> tuple[str, int]:
    """Return the variable that a statement puts values into, and how deep."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            name, depth = root_of(function.value)
            return name, depth + 1
    if isinstance(node, ast.Assign | ast.AugAssign):
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
        name, depth = root_of(target)
        return name, depth + isinstance(node.value, _DISPLAYS)
    return "", 0


_DEFINING = ("activity", "workflow", "partita.activity", "partita.workflow")


def returning_their_arguments(functions: Mapping[str, Any], changes: Changes) -> frozenset[str]:
    """Return the names of functions whose results may be, or hold, what others hold, too."""
    every = {name.rpartition(".")[2] for name in functions}
    found = set()
    for name, one in functions.items():
        if any(ast.unparse(each).partition("(")[0] in _DEFINING for each in one.decorator_list):
            continue
        aliases = aliases_of(one, one.body, changes, every)
        returned = [part.value for part in own_nodes(one) if isinstance(part, ast.Return)]
        held = {each for part in returned if part for each in held_names(part, every)}
        own = bound_names(one) - aliases.arguments
        if any(each not in own for known in held for each in aliases.of(known)):
            found.add(name.rpartition(".")[2])
    return frozenset(found)


@dataclass(frozen=True)
class Aliases:
    """What is known of the names of one function."""

    later: Later
    depths: Mapping[str, int]
    sources: Mapping[str, set[str]]
    held: Mapping[str, int]  # how deep what others hold, too, is in each
    capturing: frozenset[str]  # inner functions whose results may be what other names hold
    arguments: frozenset[str]
    caught: frozenset[str]  # names of exceptions being handled
    helpers: frozenset[str]

    def of(self, name: str) -> set[str]:
        """Return a name, and all names whose values, or parts of them, it may hold."""
        found, pending = {name}, [name]
        while pending:
            for one in self.sources.get(pending.pop(), ()):
                if one not in found:
                    found.add(one)
                    pending.append(one)
        return found

    def _near(self, names: set[str], can_change: Callable[[str], bool]) -> set[str]:
        """Return names, and all that may hold the same values, or parts of them."""
        found = set(names)
        while True:
            before = len(found)
            for name, held in self.sources.items():
                if can_change(name):
                    both = {one for one in held if can_change(one)}
                    if name in found:
                        found |= both
                    elif both & found:
                        found.add(name)
            if len(found) == before:
                return found

    def is_seen(
        self, name: str, steps: int, statement: ast.stmt, can_change: Callable[[str], bool]
    ) -> bool | None:
        """Return whether a value that a statement gives another name to is changed under one.

        `steps`: how deep in the variable the value is. None: the statement is not known.
        """
        changed = self.later.changed.get(id(statement))
        read = self.later.read.get(id(statement))
        if changed is None or read is None:
            return None
        if name in changed and self.depths.get(name, 9) >= steps:
            return True
        inner = _of_comprehensions(statement, name, self.helpers)
        others = {each for one in inner for each in self.of(one)} | self.of(name) - {name}
        others = {one for one in others if can_change(one)}
        goal, depth = stored_depth(statement)
        near = self._near({name} | others, lambda one: one != goal and can_change(one))
        if any(one in changed and self._changes_held(one) for one in near - {name}):
            return True
        is_deep = goal and depth and self.depths.get(goal, -1) >= depth
        held = ({name} | others) - {goal}
        return bool(is_deep) and bool(held & (read | self.arguments))

    def _changes_held(self, name: str) -> bool:
        """Return whether a name's value is changed as deep as what it holds of others."""
        return self.depths.get(name, 9) >= max(1, self.held.get(name, 0))

    def is_moved(self, statement: ast.stmt) -> bool:
        """Return whether nothing reads later what an assignment gives another name to."""
        read = self.later.read.get(id(statement))
        value = getattr(statement, "value", None)
        if read is None or value is None or not isinstance(statement, ast.Assign | ast.AnnAssign):
            return False
        if any(isinstance(one, ast.Name) and one.id in self.capturing for one in ast.walk(value)):
            return False
        held = {one for name in held_names(value, set(self.helpers)) for one in self.of(name)}
        return not held & (read | self.arguments)

    def changes_later(self, name: str, statement: ast.stmt) -> bool:
        """Return whether a name that a statement assigns is changed after it."""
        found = self.later.changed_then.get(id(statement))
        return found is None or name in found


def _capturing(body: Iterable[ast.stmt], helpers: Collection[str]) -> frozenset[str]:
    """Return the names of inner functions that may give what names around them hold."""
    found = set()
    inner: ast.AST
    for node in [part for one in body for part in walked(one)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, inner = node.name, node
            given = [one.value for one in own_nodes(node) if isinstance(one, ast.Return)]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            name, inner = getattr(node.targets[0], "id", ""), node.value
            given = [node.value.body]
        else:
            continue
        held = {one for part in given if part for one in held_names(part, helpers)}
        if held - bound_names(inner):
            found.add(name)
    return frozenset(found)


def aliases_of(
    definition: ast.AST, body: list[ast.stmt], changes: Changes, helpers: Iterable[str]
) -> Aliases:
    """Return what is known of the names of a function."""
    names = frozenset(helpers) | bound_names(ast.Module(body, []))
    arguments = getattr(definition, "args", None)
    inner = walked(arguments) if arguments else []
    handlers = [one for node in body for one in walked(node)]
    caught = [one.name for one in handlers if isinstance(one, ast.ExceptHandler) and one.name]
    given = [one.arg for one in inner if isinstance(one, ast.arg)]
    return Aliases(
        later(body, changes),
        depths(body, changes),
        sources(body, set(names)),
        held_depths(body, set(names)),
        _capturing(body, set(names)),
        frozenset(given),
        frozenset(caught),
        names,
    )
