"""Take calls of what runs elsewhere out of expressions, in the order of Python's evaluation.

What is left can run in one step.
"""

from __future__ import annotations

import ast
import asyncio
from types import FunctionType
from typing import Any, Protocol

from partita.authoring.activity import AsyncActivityFunction
from partita.authoring.determinism import sleep
from partita.openwhisk.emitter.calls import call_activity, gather, mapped, submit, wait
from partita.openwhisk.emitter.comprehensions import (
    dict_comprehension,
    generator,
    list_comprehension,
    named,
    set_comprehension,
    with_generator,
)
from partita.openwhisk.emitter.rewriting import placed
from partita.openwhisk.emitter.scope import ACTIVITIES, Scope
from partita.openwhisk.emitter.steps import Block

_SIMPLE = (ast.Constant, ast.Name)


class Lower(Protocol):
    """Lowers statements into a block."""

    def statements(self, nodes: list[ast.stmt], block: Block, scope: Scope) -> None:
        """Lower statements."""

    def inline(self, node: ast.Call, function: Any, block: Block, scope: Scope) -> ast.expr:
        """Lower the body of a function in the place of its call; return its result."""

    def inline_inner(self, node: ast.Call, name: str, block: Block, scope: Scope) -> ast.expr:
        """Lower the body of a function in this one in the place of its call."""


def hoisted(node: ast.expr, block: Block, scope: Scope, lower: Lower) -> ast.expr:
    """Return an expression that can run in one step; what it calls elsewhere runs before."""
    if not scope.is_remote(node):
        return node
    return _Hoister(block, scope, lower).expression(node)


class _Hoister:
    """Lowers the parts of one expression."""

    def __init__(self, block: Block, scope: Scope, lower: Lower) -> None:
        self.block = block
        self.scope = scope
        self.lower = lower

    def expression(self, node: ast.expr) -> ast.expr:
        if not self.scope.is_remote(node):
            return node
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        return method(node) if method else self.parts(node)

    def keep(self, node: ast.expr, stem: str = "value") -> ast.expr:
        """Evaluate an expression now; return what stands for its value."""
        is_fixed = isinstance(node, ast.Constant) or not self.scope.program.has_nonlocal
        if isinstance(node, _SIMPLE) and is_fixed:
            return node
        name = self.scope.program.new(stem)
        self.statements(ast.Assign([ast.Name(name, ast.Store())], node), at=node)
        return named(name, node)

    def statements(self, *nodes: ast.stmt, at: ast.AST) -> None:
        for one in nodes:
            for part in ast.walk(one):
                if "lineno" in part._attributes and not hasattr(part, "lineno"):
                    ast.copy_location(part, at)
        self.lower.statements(list(nodes), self.block, self.scope)

    def parts(self, node: ast.expr) -> ast.expr:
        """Lower the parts of an expression; those before the last remote one are kept."""
        places = list(_places(node))
        remote = [n for n, (_, _, one) in enumerate(places) if self.scope.is_remote(one)]
        for number, (owner, key, part) in enumerate(places):
            if number > remote[-1]:
                break
            found = self.expression(part) if number in remote else part
            if number < remote[-1]:
                found = self._kept_part(found)
            _set(owner, key, found)
        return node

    def _kept_part(self, node: Any) -> Any:
        if isinstance(node, ast.FormattedValue | ast.Starred):
            node.value = self.keep(node.value)
            return node
        if isinstance(node, ast.Slice):
            for field in ("lower", "upper", "step"):
                if getattr(node, field) is not None:
                    setattr(node, field, self.keep(getattr(node, field)))
            return node
        return self.keep(node)

    # -- calls

    def _call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id in self.scope.inner:
            if self.scope.is_remote_inner(node.func.id):
                ready = self._arguments(node)
                return self.lower.inline_inner(ready, node.func.id, self.block, self.scope)
            return with_generator(self, node) or self.parts(node)
        found = self.scope.target(node.func)
        if isinstance(found, AsyncActivityFunction) and self._is_async:
            raise self.scope.refuse(
                node,
                f"call of {ast.unparse(node.func)[:40]} without await",
                "it makes a coroutine, which cannot be kept",
                "write await before it",
            )
        if isinstance(found, ACTIVITIES):
            return self._result(call_activity, node, found)
        if found is sleep:
            return self._sleep(node)
        if isinstance(node.func, ast.Attribute):
            owner = self.scope.target(node.func.value)
            if isinstance(owner, ACTIVITIES):
                return self._method(node, owner)
        if isinstance(found, FunctionType) and self.scope.is_remote_function(found):
            self._check_sync(node, found)
            return self.lower.inline(self._arguments(node), found, self.block, self.scope)
        return with_generator(self, node) or self.parts(node)

    @property
    def _is_async(self) -> bool:
        return self.scope.program.is_async

    def _check_sync(self, node: ast.Call, function: FunctionType) -> None:
        if asyncio.iscoroutinefunction(function):
            raise self.scope.refuse(
                node, f"call of {function.__name__}", "it is async", "write await before it"
            )

    def _arguments(self, node: ast.Call) -> ast.Call:
        for number, one in enumerate(node.args):
            node.args[number] = self.keep(self.expression(one))
        for keyword in node.keywords:
            keyword.value = self.keep(self.expression(keyword.value))
        return node

    def _result(self, emit: Any, node: ast.Call, activity: Any) -> ast.expr:
        ready = self._remote_arguments(node)
        return named(emit(ready, activity, self.block, self.scope), node)

    def _remote_arguments(self, node: ast.Call) -> ast.Call:
        """Lower the arguments of a call that runs elsewhere."""
        values = [*node.args, *(one.value for one in node.keywords)]
        last = max((n for n, one in enumerate(values) if self.scope.is_remote(one)), default=-1)
        made = []
        for number, one in enumerate(values):
            found = self.expression(one)
            made.append(self.keep(found) if number < last else found)
        node.args = made[: len(node.args)]
        for keyword, one in zip(node.keywords, made[len(node.args) :], strict=True):
            keyword.value = one
        return node

    def _sleep(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            raise self.scope.refuse(node, "sleep", "it takes seconds", "give one argument")
        wait(self.keep(self.expression(node.args[0]), "seconds"), node, self.block, self.scope)
        return ast.copy_location(ast.Constant(None), node)

    def _method(self, node: ast.Call, activity: Any) -> ast.expr:
        assert isinstance(node.func, ast.Attribute)
        if node.func.attr == "submit":
            return self._result(submit, node, activity)
        if node.func.attr == "map" and len(node.args) == 1 and not node.keywords:
            node.args = [self.expression(node.args[0])]
            item = self.scope.program.new("item")
            call = placed(ast.Call(node.func, [named(item, node)], []), node)
            part = ast.comprehension(ast.Name(item, ast.Store()), node.args[0], [], 0)
            return named(mapped(call, activity, [part], self.block, self.scope), node)
        raise self.scope.refuse(
            node,
            f"activity.{node.func.attr}",
            "it is not compiled",
            "call the activity, or use submit or map; options belong to the decorator",
        )

    def _await(self, node: ast.Await) -> ast.expr:
        call = node.value
        found = self.scope.target(call.func) if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call):
            if isinstance(found, AsyncActivityFunction):
                return self._result(call_activity, call, found)
            if found in (asyncio.sleep, sleep):
                return self._sleep(call)
            if found is asyncio.gather:
                return self._gather(call)
            if isinstance(found, FunctionType) and self.scope.is_remote_function(found):
                return self.lower.inline(self._arguments(call), found, self.block, self.scope)
        raise self.scope.refuse(
            node,
            "await",
            "only calls of activities, of functions of the module, asyncio.sleep and "
            "asyncio.gather are awaited in a composition",
            "await a call directly",
        )

    def _gather(self, node: ast.Call) -> ast.expr:
        calls = []
        for one in node.args:
            found = self.scope.target(one.func) if isinstance(one, ast.Call) else None
            if not isinstance(found, AsyncActivityFunction) or node.keywords:
                raise self.scope.refuse(
                    one, "gather", "only calls of async activities are compiled", "await them alone"
                )
            assert isinstance(one, ast.Call)
            calls.append((self._arguments(one), found))
        return named(gather(calls, node, self.block, self.scope), node)

    # -- what is evaluated in part only

    def _assign(self, name: str, value: ast.expr) -> ast.stmt:
        return ast.Assign([ast.Name(name, ast.Store())], value)

    def _boolop(self, node: ast.BoolOp) -> ast.expr:
        name = self.scope.program.new("value")
        body = [self._assign(name, node.values[-1])]
        for one in reversed(node.values[:-1]):
            test: ast.expr = ast.Name(name, ast.Load())
            if isinstance(node.op, ast.Or):
                test = ast.UnaryOp(ast.Not(), test)
            body = [self._assign(name, one), ast.If(test, body, [])]
        self.statements(*body, at=node)
        return named(name, node)

    def _ifexp(self, node: ast.IfExp) -> ast.expr:
        name = self.scope.program.new("value")
        body, orelse = (self._assign(name, one) for one in (node.body, node.orelse))
        self.statements(ast.If(node.test, [body], [orelse]), at=node)
        return named(name, node)

    def _compare(self, node: ast.Compare) -> ast.expr:
        if len(node.ops) == 1:
            return self.parts(node)
        name = self.scope.program.new("value")
        left = self.keep(self.expression(node.left))
        body: list[ast.stmt] = []
        pairs = list(zip(node.ops, node.comparators, strict=True))
        names = [self.scope.program.new("value") for _ in pairs]
        for number in range(len(pairs) - 1, -1, -1):
            operator, right = pairs[number]
            before = left if number == 0 else named(names[number - 1], node)
            test = ast.Compare(before, [operator], [ast.Name(names[number], ast.Load())])
            rest = [ast.If(ast.Name(name, ast.Load()), body, [])] if body else []
            body = [self._assign(names[number], right), self._assign(name, test), *rest]
        self.statements(*body, at=node)
        return named(name, node)

    def _namedexpr(self, node: ast.NamedExpr) -> ast.expr:
        self.statements(ast.Assign([ast.Name(node.target.id, ast.Store())], node.value), at=node)
        return named(node.target.id, node)

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        raise self.scope.refuse(
            node,
            "lambda",
            "it calls an activity, which a step of a composition cannot",
            "write a loop, or a function of the module that the workflow calls",
        )

    # -- comprehensions

    def _listcomp(self, node: ast.ListComp) -> ast.expr:
        return list_comprehension(self, node)

    def _setcomp(self, node: ast.SetComp) -> ast.expr:
        return set_comprehension(self, node)

    def _dictcomp(self, node: ast.DictComp) -> ast.expr:
        return dict_comprehension(self, node)

    def _generatorexp(self, node: ast.GeneratorExp) -> ast.expr:
        return generator(self, node)


def _places(node: Any) -> Any:
    """Return the parts of an expression in the order of evaluation: owner, key, part."""
    if isinstance(node, ast.Dict):
        for number, key in enumerate(node.keys):
            if key is not None:
                yield node, ("keys", number), key
            yield node, ("values", number), node.values[number]
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield node.func, ("value", None), node.func.value
        for number, one in enumerate(node.args):
            yield node, ("args", number), one
        for keyword in node.keywords:
            yield keyword, ("value", None), keyword.value
        return
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.expr):
            yield node, (field, None), value
        elif isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, ast.expr):
                    yield node, (field, number), one
                elif isinstance(one, ast.keyword):
                    yield one, ("value", None), one.value


def _set(owner: Any, key: tuple[str, int | None], value: ast.expr) -> None:
    field, number = key
    if number is None:
        setattr(owner, field, value)
    else:
        getattr(owner, field)[number] = value
