"""Rewrite statements that become part of a step: what leaves it, and what it raises again."""

from __future__ import annotations

import ast
from typing import Any

from partita.openwhisk.emitter.scope import Scope

_EXIT = "raise _step.exit({!r})"


def in_step(node: ast.stmt, scope: Scope) -> list[ast.stmt]:
    """Return a statement as it is in a step."""
    found = _Rewriter(scope).visit(node)
    return found if isinstance(found, list) else [found]


def leaving(way: str, at: ast.AST) -> ast.stmt:
    """Return the statement that leaves blocks up to the one that knows the way."""
    return parsed(_EXIT.format(way), at)[0]


def placed(node: Any, at: ast.AST) -> Any:
    """Give a statement the place of another one."""
    for part in ast.walk(node):
        if "lineno" in part._attributes:
            ast.copy_location(part, at)
    return node


def parsed(text: str, at: ast.AST) -> list[ast.stmt]:
    """Return the statements of a text, at the place of another one."""
    return [placed(node, at) for node in ast.parse(text).body]


class _Rewriter(ast.NodeTransformer):
    """Rewrites what a step cannot do by itself."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._loops = 0
        self._handlers = 0

    def visit_Return(self, node: ast.Return) -> Any:
        value = node.value or placed(ast.Constant(None), node)
        assign = placed(ast.Assign([ast.Name(self._scope.result, ast.Store())], value), node)
        return [assign, leaving(f"return {self._scope.result}", node)]

    def _way(self, node: ast.stmt, way: str) -> Any:
        loop = self._scope.loop
        if self._loops or loop is None:
            return node
        loop.ways.add(way)
        return leaving(f"{way} {loop.number}", node)

    def visit_Break(self, node: ast.Break) -> Any:
        return self._way(node, "break")

    def visit_Continue(self, node: ast.Continue) -> Any:
        return self._way(node, "continue")

    def visit_For(self, node: ast.For) -> Any:
        return self._visit_loop(node)

    def visit_While(self, node: ast.While) -> Any:
        return self._visit_loop(node)

    def _visit_loop(self, node: Any) -> Any:
        self._loops += 1
        node.body = self._block(node.body)
        self._loops -= 1
        node.orelse = self._block(node.orelse)
        return node

    def _block(self, nodes: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for node in nodes:
            found = self.visit(node)
            made.extend(found if isinstance(found, list) else [found])
        return made

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        self._handlers += 1
        if node.type is None or self._scope.is_builtin(node.type, "BaseException"):
            node.type = placed(ast.Name("Exception", ast.Load()), node)
        node.body = self._block(node.body)
        self._handlers -= 1
        return node

    def visit_Raise(self, node: ast.Raise) -> Any:
        if node.exc is not None or self._handlers:
            return node
        if self._scope.error is None:
            raise self._scope.refuse(
                node, "raise", "no error is being handled here", "name the error"
            )
        return placed(ast.Raise(ast.Name(self._scope.error, ast.Load()), None), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return placed(ast.Pass(), node)
        return placed(ast.Assign([node.target], node.value), node)

    def _refused(self, node: Any, what: str, way_out: str) -> Any:
        raise self._scope.refuse(node, what, "it is not compiled in a workflow", way_out)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._refused(node, f"def {node.name}", "define it at the top of the module")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._refused(node, f"def {node.name}", "define it at the top of the module")

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._refused(node, f"class {node.name}", "define it at the top of the module")

    def visit_Import(self, node: ast.Import) -> Any:
        return self._refused(node, "import", "import at the top of the module")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return self._refused(node, "import", "import at the top of the module")

    def visit_Global(self, node: ast.Global) -> Any:
        return self._refused(node, "global", "keep it in a variable, or in an activity")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        return self._refused(node, "nonlocal", "keep it in a variable, or in an activity")

    def visit_Yield(self, node: ast.Yield) -> Any:
        return self._refused(node, "yield", "return a list")

    def visit_YieldFrom(self, node: ast.YieldFrom) -> Any:
        return self._refused(node, "yield", "return a list")

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return node
