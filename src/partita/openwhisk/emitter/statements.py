"""Lower statements: what calls nothing elsewhere joins a step, the rest becomes combinators.

A block is left by an error object that says how, `{"error": {"exit": "break 3"}}`, up to the
handler that knows it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from partita.compile.diagnostics import RefusedError
from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from partita.openwhisk.emitter.comprehensions import named
from partita.openwhisk.emitter.expressions import hoisted
from partita.openwhisk.emitter.inlining import bound_body, inner_body, placed_assign
from partita.openwhisk.emitter.inner_functions import defaults, without_annotations
from partita.openwhisk.emitter.iteration import iterator
from partita.openwhisk.emitter.matching import as_ifs
from partita.openwhisk.emitter.rewriting import in_step, parsed, placed
from partita.openwhisk.emitter.scope import Loop, Scope
from partita.openwhisk.emitter.steps import Block
from partita.openwhisk.function_source import FUNCTION_KIND

_CAUGHT = """def caught(env, params):
    is_here = params["error"] == {{"exit": {way!r}}}
    return {{}} if is_here else {{"error": params["error"]}}
"""


class Lowering:
    """Lowers statements into blocks."""

    def statements(self, nodes: list[ast.stmt], block: Block, scope: Scope) -> None:
        """Lower statements; those that cannot be are recorded, and left out."""
        for node in nodes:
            try:
                self._statement(node, block, scope)
            except RefusedError:
                continue

    def _statement(self, node: ast.stmt, block: Block, scope: Scope) -> None:
        if isinstance(node, ast.FunctionDef):
            self._define(node, block, scope)
            return
        if not scope.is_remote(node):
            for one in in_step(node, scope):
                block.add(one, scope)
            return
        method: Callable[[Any, Block, Scope], None] | None = getattr(
            self, f"_{type(node).__name__.lower()}", None
        )
        if method is None:
            raise scope.refuse(
                node,
                type(node).__name__.lower(),
                "it is not compiled around calls of activities",
                "do it in an activity",
            )
        method(node, block, scope)

    def block(self, nodes: list[ast.stmt], scope: Scope) -> Block:
        """Return a new block of statements."""
        made = Block.new(scope.program)
        self.statements(nodes, made, scope)
        return made

    def _value(self, node: ast.expr, block: Block, scope: Scope) -> ast.expr:
        return hoisted(node, block, scope, self)

    # -- simple statements

    def _expr(self, node: ast.Expr, block: Block, scope: Scope) -> None:
        value = self._value(node.value, block, scope)
        if not isinstance(value, ast.Name | ast.Constant):
            block.add(placed(ast.Expr(value), node), scope)

    def _assign(self, node: ast.Assign, block: Block, scope: Scope) -> None:
        node.value = self._value(node.value, block, scope)
        if any(scope.is_remote(one) for one in node.targets):
            self._assign_each(node, block, scope)
        else:
            block.add(node, scope)

    def _assign_each(self, node: ast.Assign, block: Block, scope: Scope) -> None:
        """Lower an assignment whose targets call what runs elsewhere, after the value."""
        value = scope.program.new("value")
        block.code(f"{value} = VALUE", node, scope, VALUE=node.value)
        for target in node.targets:
            if not isinstance(target, ast.Name | ast.Subscript | ast.Attribute):
                raise scope.refuse(
                    target,
                    "call in a target",
                    "it is not compiled",
                    "call it in a statement before",
                )
            place = self._value(target, block, scope)
            block.add(placed_assign(place, named(value, node), node), scope)

    def _annassign(self, node: ast.AnnAssign, block: Block, scope: Scope) -> None:
        assert node.value is not None
        self._assign(placed(ast.Assign([node.target], node.value), node), block, scope)

    def _augassign(self, node: ast.AugAssign, block: Block, scope: Scope) -> None:
        target: Any = node.target
        if isinstance(target, ast.Name) and scope.program.has_nonlocal:
            old = scope.program.new("old")
            block.code(f"{old} = {target.id}", node, scope)
            value = self._value(node.value, block, scope)
            block.add(
                placed(ast.AugAssign(ast.Name(old, ast.Store()), node.op, value), node), scope
            )
            block.code(f"{target.id} = {old}", node, scope)
            return
        if isinstance(target, ast.Name):
            node.value = self._value(node.value, block, scope)
            block.add(node, scope)
            return
        target = self._value(target, block, scope)
        owner, key, old = (scope.program.new(one) for one in ("owner", "key", "old"))
        block.code(f"{owner} = OWNER", node, scope, OWNER=target.value)
        if isinstance(target, ast.Subscript):
            block.code(f"{key} = KEY", node, scope, KEY=target.slice)
            place: Any = ast.Subscript(named(owner, node), named(key, node), ast.Load())
        else:
            place = ast.Attribute(named(owner, node), target.attr, ast.Load())
        block.code(f"{old} = PLACE", node, scope, PLACE=placed(place, node))
        value = self._value(node.value, block, scope)
        add = ast.AugAssign(ast.Name(old, ast.Store()), node.op, value)
        block.add(placed(add, node), scope)
        stored = copy.deepcopy(place)
        stored.ctx = ast.Store()
        block.add(placed(ast.Assign([stored], named(old, node)), node), scope)

    def _return(self, node: ast.Return, block: Block, scope: Scope) -> None:
        assert node.value is not None
        node.value = self._value(node.value, block, scope)
        for one in in_step(node, scope):
            block.add(one, scope)

    def _raise(self, node: ast.Raise, block: Block, scope: Scope) -> None:
        assert node.exc is not None
        node.exc = self._value(node.exc, block, scope)
        node.cause = None
        block.add(node, scope)

    def _assert(self, node: ast.Assert, block: Block, scope: Scope) -> None:
        failed = parsed("raise AssertionError", node)[0]
        assert isinstance(failed, ast.Raise)
        if node.msg is not None:
            failed.exc = placed(ast.Call(named("AssertionError", node), [node.msg], []), node)
        test = placed(ast.UnaryOp(ast.Not(), node.test), node)
        self._statement(placed_if(test, [failed], [], node), block, scope)

    # -- branches

    def _if(self, node: ast.If, block: Block, scope: Scope) -> None:
        test = block.test(self._value(node.test, block, scope), scope)
        body, orelse = self.block(node.body, scope), self.block(node.orelse, scope)
        block.part(composer.when_nosave(test, body.composition(), orelse.composition()))

    def _match(self, node: ast.Match, block: Block, scope: Scope) -> None:
        self.statements(as_ifs(node, scope), block, scope)

    # -- loops

    def _while(self, node: ast.While, block: Block, scope: Scope) -> None:
        head = Block.new(scope.program)
        test = head.test(self._value(node.test, head, scope), scope)
        head.part(test)
        self._loop(node, head.composition(), [], block, scope)

    def _for(self, node: ast.For, block: Block, scope: Scope) -> None:
        place = scope.program.new("place")
        source = iterator(node.iter, scope, lambda one: self._value(one, block, scope))
        block.code(f"{place} = PLACE", node, scope, PLACE=source)
        more: ast.expr = placed(ast.parse(f"_step.more({place})", mode="eval").body, node)
        test = Block.new(scope.program).test(more, scope)
        taken: ast.expr = placed(ast.parse(f"_step.taken({place})", mode="eval").body, node)
        first = placed(ast.Assign([node.target], taken), node)
        self._loop(node, test, [first], block, scope)

    def _loop(
        self, node: Any, test: Composition, first: list[ast.stmt], block: Block, scope: Scope
    ) -> None:
        scope.program.numbers += 1
        loop = Loop(scope.program.numbers, set())
        body = self.block([*first, *node.body], replace(scope, loop=loop)).composition()
        if "continue" in loop.ways:
            body = composer.do(body, caught(f"continue {loop.number}"))
        made: Composition = composer.loop_nosave(test, body)
        if node.orelse:
            made = composer.sequence(made, self.block(node.orelse, scope).composition())
        if "break" in loop.ways:
            made = composer.do(made, caught(f"break {loop.number}"))
        block.part(made)

    # -- errors

    def _try(self, node: ast.Try, block: Block, scope: Scope) -> None:
        made = self._handled(node, scope)
        body = made.composition()
        block.part(self._finally(node, body, scope) if node.finalbody else body)

    def _handled(self, node: ast.Try, scope: Scope) -> Block:
        """Return the block of a `try` statement without what follows `finally`."""
        made = Block.new(scope.program)
        if not node.handlers:
            self.statements([*node.body, *node.orelse], made, scope)
            return made
        is_ok = scope.program.new("ok")
        body = self.block(node.body, scope)
        if node.orelse:
            made.code(f"{is_ok} = False", node, scope)
            body.code(f"{is_ok} = True", node, scope)
        made.part(composer.do(body.composition(), self._handlers(node, scope)))
        if node.orelse:
            test = named(is_ok, node)
            orelse = self.block(node.orelse, scope).composition()
            chosen = Block.new(scope.program).test(test, scope)
            made.part(composer.when_nosave(chosen, orelse))
        return made

    def _handlers(self, node: ast.Try, scope: Scope) -> Composition:
        error, which = scope.program.new("error"), scope.program.new("which")
        inner = replace(scope, error=error)
        made = Block.new(scope.program)
        made.code(f"{error} = _step.raised(_params)", node.handlers[0], scope)
        choice = parsed(f"try:\n    raise {error}\nexcept Exception:\n    pass", node)[0]
        assert isinstance(choice, ast.Try)
        choice.handlers = [
            placed(
                ast.ExceptHandler(_error_type(one, scope), None, parsed(f"{which} = {n}", one)), one
            )
            for n, one in enumerate(node.handlers)
        ]
        made.add(placed(choice, node.handlers[0]), scope)
        branches: list[ast.stmt] = []
        for number in range(len(node.handlers) - 1, -1, -1):
            one = node.handlers[number]
            body = list(one.body)
            if one.name is not None:
                body = [
                    *parsed(f"{one.name} = {error}", one),
                    *body,
                    *parsed(f"del {one.name}", one),
                ]
            test = parsed(f"{which} == {number}", one)[0]
            assert isinstance(test, ast.Expr)
            branches = [placed_if(test.value, body, branches, one)]
        self.statements(branches, made, inner)
        return made.composition()

    def _finally(self, node: ast.Try, body: Composition, scope: Scope) -> Composition:
        pending = scope.program.new("pending")
        at = node.finalbody[0]
        final = Block.new(scope.program)
        final.code(f"{pending} = _params.get('error')", at, scope)
        self.statements(node.finalbody, final, scope)
        final.code(f"if {pending} is not None:\n    raise _step.again({pending})", at, scope)
        return composer.ensure(body, final.composition())

    # -- functions

    def _define(self, node: ast.FunctionDef, block: Block, scope: Scope) -> None:
        """Keep the defaults of a function within the function; steps define it where it is used."""
        self.statements(defaults(node, scope), block, scope)
        if not scope.is_remote_inner(node.name):
            scope.program.closures[node.name] = without_annotations(node)

    def inline_inner(self, node: ast.Call, name: str, block: Block, scope: Scope) -> ast.expr:
        """Lower the body of a function in this one in the place of its call; return its result."""
        return self._inlined(node, *inner_body(node, name, scope), block, scope)

    def inline(self, node: ast.Call, function: Any, block: Block, scope: Scope) -> ast.expr:
        """Lower the body of a function in the place of its call; return its result."""
        return self._inlined(node, *bound_body(node, function, scope), block, scope)

    def _inlined(
        self, node: ast.Call, statements: list[ast.stmt], inner: Scope, block: Block, scope: Scope
    ) -> ast.expr:
        body = self.block(statements, inner)
        block.code(f"{inner.result} = None", node, scope)
        block.part(composer.do(body.composition(), caught(f"return {inner.result}")))
        return named(inner.result, node)


def caught(way: str) -> Composition:
    """Return the handler at which leaving in one way ends."""
    code = _CAUGHT.format(way=way)
    return composer.function({"kind": FUNCTION_KIND, "code": code, "functionName": "caught"})


def placed_if(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], at: ast.AST) -> ast.If:
    """Return an `if` statement at a place; its parts keep theirs."""
    made = ast.If(test, body, orelse)
    ast.copy_location(made, at)
    return made


def _error_type(node: ast.ExceptHandler, scope: Scope) -> ast.expr:
    if node.type is None or scope.is_builtin(node.type, "BaseException"):
        made: ast.expr = placed(ast.Name("Exception", ast.Load()), node)
        return made
    return node.type
