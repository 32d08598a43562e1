"""Collect statements into steps, which are functions of a composition, and compositions.

Neighbouring statements become one step. A step takes the variables that it names, and writes
them back; `_out` is what it returns, `_params` what came before it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from partita.compile.diagnostics import RefusedError
from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.emitter.definitions import Definitions
from partita.openwhisk.emitter.hints import add_classes
from partita.openwhisk.emitter.scope import Program, Scope
from partita.openwhisk.function_source import FUNCTION_KIND

OWN_NAMES = frozenset(["_step", "_out", "_kept", "_error", "_params", "_env"])


class Placed(NamedTuple):
    """A statement, and the scope whose names it uses."""

    node: ast.stmt
    scope: Scope


Call = tuple[ast.Call, Any]
"""A call, and its activity."""

Mark = tuple[int, int]
"""A place in a block: how many items it has, and how many statements the last one."""


@dataclass(frozen=True)
class Group:
    """Calls that were submitted together, and what they became in a block."""

    begin: Mark
    end: Mark
    calls: list[Call]
    names: list[str]  # of the variables of their futures


@dataclass
class Block:
    """What a block of statements becomes: steps and compositions in turn."""

    program: Program
    items: list[list[Placed] | Composition]
    group: Group | None = None  # the last one

    @classmethod
    def new(cls, program: Program) -> Block:
        """Return an empty block."""
        return cls(program, [])

    def add(self, node: ast.stmt, scope: Scope) -> None:
        """Add a statement."""
        if not self.items or isinstance(self.items[-1], Composition):
            self.items.append([])
        last = self.items[-1]
        assert isinstance(last, list)
        last.append(Placed(ast.fix_missing_locations(node), scope))

    def code(self, text: str, at: ast.AST, scope: Scope, **parts: ast.expr) -> None:
        """Add statements that are given as text, in which names stand for expressions."""
        for node in ast.parse(text).body:
            self.add(_placed(_Filled(parts).visit(node), at), scope)

    def part(self, composition: Composition) -> None:
        """Add a composition, which gets what the step before it returns."""
        self.items.append(composition)

    def test(self, test: ast.expr, scope: Scope) -> Composition:
        """Take off the last step and return it, extended by a test whose `value` it returns."""
        self.code("_out = {'value': bool(TEST)}", test, scope, TEST=test)
        return _function(self.items.pop(), self.program)

    def mark(self) -> Mark:
        """Return the place at the end."""
        last = self.items[-1] if self.items else None
        return len(self.items), len(last) if isinstance(last, list) else 0

    def cut(self, mark: Mark) -> None:
        """Take off what follows a place."""
        count, statements = mark
        del self.items[count:]
        last = self.items[-1] if self.items else None
        if isinstance(last, list):
            del last[statements:]

    def since(self, mark: Mark) -> list[Placed] | None:
        """Return the statements after a place; None if there is a composition, too."""
        last = self.items[-1] if self.items else None
        if len(self.items) != mark[0] or not isinstance(last, list):
            return None
        return last[mark[1] :]

    def composition(self) -> Composition:
        """Return the block as a composition."""
        made = [_function(one, self.program) for one in self.items]
        return made[0] if len(made) == 1 else composer.sequence(*made)


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self._parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._parts.get(node.id, node)


def _placed(node: Any, at: Any) -> Any:
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "source"):
            ast.copy_location(part, at)
    return node


def _function(item: list[Placed] | Composition, program: Program) -> Composition:
    if isinstance(item, Composition):
        return item
    return step(item, program)


def step(statements: Sequence[Placed], program: Program) -> Composition:
    """Return the function of neighbouring statements."""
    nodes = [one.node for one in statements]
    name = f"line_{min(node.lineno for node in nodes)}"
    closures = _closures(nodes, program)
    known = program.variables - set(program.closures)
    names = sorted(_names([*nodes, *closures]) & known)
    definitions = _definitions([*statements, *_placed_closures(statements, closures)], program)
    written = _written(name, names, _with_closures(nodes, program))
    text = f"{definitions}_step = StepValues(globals())\n\n\n{written}\n"
    return composer.function({"kind": FUNCTION_KIND, "code": text, "functionName": name})


def _closures(nodes: Sequence[ast.stmt], program: Program) -> list[ast.stmt]:
    """Return the functions that statements use, and those that these use."""
    found: dict[str, ast.stmt] = {}
    waiting = list(nodes)
    while waiting:
        for name in sorted(_names([waiting.pop()])):
            closure = program.closures.get(name)
            if closure is not None and name not in found:
                found[name] = closure
                waiting.append(closure)
    return list(found.values())


def _with_closures(nodes: Sequence[ast.stmt], program: Program) -> list[ast.stmt]:
    """Return statements, each behind the functions that it is the first to use."""
    made: list[ast.stmt] = []
    for node in nodes:
        made += [one for one in _closures([node], program) if one not in made]
        made.append(node)
    return made


def _placed_closures(statements: Sequence[Placed], closures: Sequence[ast.stmt]) -> list[Placed]:
    return [Placed(one, statements[0].scope) for one in closures]


def _names(nodes: Sequence[ast.stmt]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                found.add(part.id)
            for field in ("name", "rest"):
                bound = getattr(part, field, None)
                if isinstance(bound, str):
                    found.add(bound)
    return found


def _definitions(statements: Sequence[Placed], program: Program) -> str:
    """Return the source of what statements name outside of their functions."""
    at: Placed = statements[0]

    def refuse(what: str, why: str, way_out: str) -> Exception:
        return at.scope.refuse(at.node, what, why, way_out)

    definitions = Definitions(refuse)
    with suppress(RefusedError):
        for types, namespace in program.types:
            add_classes(definitions, types, namespace)
        for name, namespace in list(program.classes.items()):
            definitions.add(name, namespace)
    for at in statements:
        names = _names([at.node]) - program.variables - OWN_NAMES
        remote = [one for one in _names([at.node]) & set(at.scope.inner) if _is_lost(one, at)]
        for name in remote:
            refuse(f"use of {name}", "it calls activities, so it is no value", "call it by name")
        with suppress(RefusedError):
            definitions.add_all(sorted(names), at.scope.namespace)
    program.classes.update(definitions.classes)
    return definitions.text


def _is_lost(name: str, at: Placed) -> bool:
    return name not in at.scope.program.closures and at.scope.is_remote_inner(name)


def _written(name: str, names: Sequence[str], nodes: Sequence[ast.stmt]) -> str:
    taken = "".join(
        f"        if {one!r} in _kept:\n            {one} = _step.take(_kept, {one!r})\n"
        for one in names
    )
    frame = ast.parse(
        f"def {name}(_env, _params):\n"
        "    _kept = _step.open(_env)\n"
        "    _out = {}\n"
        "    try:\n"
        f"{taken}        pass\n"
        "    except BaseException as _error:\n"
        "        _out = _step.failure(_error)\n"
        f"    _step.close(_env, _kept, {tuple(names)!r}, locals())\n"
        "    return _out\n"
    )
    for part in ast.walk(frame):
        if isinstance(part, ast.Try):
            part.body[-1:] = nodes
            break
    return ast.unparse(frame)
