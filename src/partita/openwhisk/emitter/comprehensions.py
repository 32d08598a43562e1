"""Lower comprehensions that call what runs elsewhere: as loops, or as calls at the same time."""

from __future__ import annotations

import ast
from typing import Any, Protocol

from partita.openwhisk.emitter.calls import mapped
from partita.openwhisk.emitter.rewriting import parsed, placed
from partita.openwhisk.emitter.scope import ACTIVITIES, Scope
from partita.openwhisk.emitter.steps import Block

_EAGER = ("list", "tuple", "set", "sum", "sorted", "max", "min", "dict", "frozenset")


class Hoister(Protocol):
    """Lowers the parts of an expression."""

    block: Block
    scope: Scope

    def expression(self, node: ast.expr) -> ast.expr:
        """Lower an expression."""

    def parts(self, node: ast.expr) -> ast.expr:
        """Lower the parts of an expression in their order."""

    def statements(self, *nodes: ast.stmt, at: ast.AST) -> None:
        """Lower statements."""


def named(name: str, at: ast.AST) -> ast.expr:
    """Return a name as an expression."""
    made: ast.expr = placed(ast.Name(name, ast.Load()), at)
    return made


def list_comprehension(hoister: Hoister, node: ast.ListComp) -> ast.expr:
    """Lower a list comprehension."""
    fanned = _fan_out(hoister, node)
    return fanned or _collected(hoister, node, [node.elt], "[]", "NAME.append(ELT0)")


def set_comprehension(hoister: Hoister, node: ast.SetComp) -> ast.expr:
    """Lower a set comprehension."""
    return _collected(hoister, node, [node.elt], "set()", "NAME.add(ELT0)")


def dict_comprehension(hoister: Hoister, node: ast.DictComp) -> ast.expr:
    """Lower a dict comprehension."""
    return _collected(hoister, node, [node.key, node.value], "{}", "NAME[ELT0] = ELT1")


def generator(hoister: Hoister, node: ast.GeneratorExp) -> ast.expr:
    """Refuse a generator."""
    raise hoister.scope.refuse(
        node,
        "generator",
        "it calls activities while it is gone over, which cannot be kept",
        "write a list comprehension",
    )


def _fan_out(hoister: Hoister, node: ast.ListComp) -> ast.expr | None:
    """Lower `[activity.submit(x) for x in xs]`, whose calls run at the same time."""
    call = node.elt
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return None
    activity = hoister.scope.target(call.func.value)
    if not isinstance(activity, ACTIVITIES) or call.func.attr != "submit":
        return None
    inner = [*call.args, *(one.value for one in call.keywords)]
    rest = [part for one in node.generators for part in (*one.ifs, one.iter)]
    if any(
        hoister.scope.is_remote(one) for one in [*inner, *rest[len(node.generators[0].ifs) + 1 :]]
    ):
        return None
    if any(hoister.scope.is_remote(one) for one in node.generators[0].ifs):
        return None
    node.generators[0].iter = hoister.expression(node.generators[0].iter)
    return named(mapped(call, activity, node.generators, hoister.block, hoister.scope), node)


def _collected(
    hoister: Hoister, node: Any, parts: list[ast.expr], begin: str, add: str
) -> ast.expr:
    """Lower a comprehension as a loop, whose variables nothing else sees."""
    name = hoister.scope.program.new("items")
    made = parsed(f"{name} = {begin}", node)
    body = parsed(add.replace("NAME", name), node)
    elements = {f"ELT{number}": one for number, one in enumerate(parts)}
    body = [_Substituted(elements).visit(one) for one in body]
    hoister.statements(*made, *_loops(hoister, node, body), at=node)
    return named(name, node)


def _loops(
    hoister: Hoister, node: Any, body: list[ast.stmt], after: list[ast.stmt] | None = None
) -> Any:
    names = {
        part.id: hoister.scope.program.new(part.id)
        for one in node.generators
        for part in ast.walk(one.target)
        if isinstance(part, ast.Name)
    }
    first = node.generators[0].iter
    renaming = _Renamed(names)
    body = [renaming.visit(one) for one in body]
    for number in range(len(node.generators) - 1, -1, -1):
        one = node.generators[number]
        if one.is_async:
            raise hoister.scope.refuse(node, "async for", "it is not compiled", "use for")
        for test in reversed(one.ifs):
            body = [ast.If(renaming.visit(test), body, [])]
        source = first if number == 0 else renaming.visit(one.iter)
        loop = ast.For(renaming.visit(one.target), source, body, [])
        body = [loop, *(after or [])] if number else [loop]
    return body


def with_generator(hoister: Hoister, node: ast.Call) -> ast.expr | None:
    """Lower a call of a function of Python's on a generator; None if it is no such call."""
    if len(node.args) != 1 or not isinstance(node.args[0], ast.GeneratorExp):
        return None
    made = node.args[0]
    if hoister.scope.is_builtin(node.func, "any", "all"):
        return _any_all(hoister, made, hoister.scope.is_builtin(node.func, "any"))
    is_join = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    if hoister.scope.is_builtin(node.func, *_EAGER) or is_join:
        node.args[0] = placed(ast.ListComp(made.elt, made.generators), made)
        return hoister.parts(node)
    return None


def _any_all(hoister: Hoister, node: ast.GeneratorExp, is_any: bool) -> ast.expr:
    name = hoister.scope.program.new("value")
    negated = "" if is_any else "not "
    made = parsed(f"{name} = {not is_any}", node)
    body = parsed(f"if {negated}ELT:\n    {name} = {is_any}\n    break", node)
    body = [_Substituted({"ELT": node.elt}).visit(one) for one in body]
    after = parsed(f"if {negated}{name}:\n    break", node)
    hoister.statements(*made, *_loops(hoister, node, body, after), at=node)
    return named(name, node)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)


class _Substituted(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self._parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._parts.get(node.id, node)
