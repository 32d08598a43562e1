"""Visit workflow code and the functions that it calls, and report violations.

Reads the source only: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from partita.replay.lint.findings import Report
from partita.replay.lint.node_checker import NodeChecker, Violation, Violations, asks_type
from partita.replay.lint.workflow_code import Root, WorkflowCode, is_effect, ours
from partita.source.file import too_deep
from partita.source.meaning import bases, resolve
from partita.source.scope import (
    Comprehension,
    Defined,
    Function,
    Scope,
    default_factories,
    evaluated_outside,
)

Seen: TypeAlias = tuple[str, int, int]
"""The file, row and offset of a function or a class."""


class Visitor(ast.NodeVisitor):
    """Visit every function that roots reach, once; those in `seen` were visited before."""

    def __init__(self, code: WorkflowCode, report: Report, seen: set[Seen]) -> None:
        self._code = code
        self._checker = NodeChecker()
        self._report = report
        self._seen = seen
        self._queue: deque[tuple[Scope, Sequence[ast.AST], str]] = deque()

    def begin(self, root: Root) -> None:
        """Visit all that a root reaches and that was not visited yet."""
        self._root = root
        self._scope, self._place = root.function.scope, ""
        self._function(root.function)
        while self._queue:  # a queue, not recursion: chains of calls may be long
            self._scope, parts, self._place = self._queue.popleft()
            try:
                for part in parts:
                    self.visit(part)
            except (RecursionError, MemoryError) as error:
                self._report.add_unreadable(self._code.file(self._scope), too_deep(error))

    def _add(self, violations: Violations) -> None:
        for violation in violations:
            file, in_decider = self._code.file(self._scope), self._root.is_decider
            self._report.add(violation, file, self._place, in_decider=in_decider)

    # -- from function to function

    def _function(self, defined: Defined) -> None:
        """Queue a function."""
        if not isinstance(defined.node, Function) or self._is_seen(defined):
            return
        self._queue.append((defined.inner, defined.node.body, self._where(defined)))
        for decorator in defined.node.decorator_list:
            self._wrapped(decorator, defined.scope)

    def _wrapped(self, decorator: ast.expr, scope: Scope) -> None:
        """Queue the functions that a decorator of the project wraps around another."""
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        for meaning in resolve(made, scope):
            if isinstance(meaning, Defined) and not self._code.is_elsewhere(meaning):
                for node in ast.walk(meaning.node):
                    if isinstance(node, Function) and node is not meaning.node:
                        self._function(Defined(node, meaning.inner.around(node)))

    def _is_seen(self, defined: Defined) -> bool:
        node, before = defined.node, len(self._seen)
        self._seen.add((self._code.file(defined.scope).filename, node.lineno, node.col_offset))
        return len(self._seen) == before

    def _where(self, defined: Defined) -> str:
        workflow = f"workflow {self._root.workflow}"
        if defined.node is self._root.function.node:
            return workflow
        if self._place and defined.scope is self._scope and not defined.scope.is_module:
            return self._place  # nested: of the same code
        return f"{defined.node.name}(), which {workflow} reaches"

    def _within(self, scope: Scope, *parts: ast.AST) -> None:
        outer, self._scope = self._scope, scope
        for part in parts:
            self.visit(part)
        self._scope = outer

    def _follow(self, node: ast.expr) -> None:
        """Queue what a name stands for, in this file or in another of the project."""
        for meaning in resolve(node, self._scope):
            if isinstance(meaning, Defined) and not self._code.is_elsewhere(meaning):
                if isinstance(meaning.node, ast.ClassDef):
                    self._made(meaning)
                else:
                    self._function(meaning)

    def _made(self, defined: Defined) -> None:
        """Queue what runs when an instance of a class is made."""
        if not isinstance(defined.node, ast.ClassDef) or self._is_seen(defined):
            return
        for name in ("__new__", "__init__", "__post_init__"):
            for binding in defined.inner.names.get(name, []):
                if isinstance(binding, Defined):
                    self._function(binding)
        factories = default_factories(defined.node)
        self._queue.append((defined.inner, factories, self._where(defined)))
        for base in bases(defined):
            self._made(base)

    # -- definitions

    def visit_FunctionDef(self, node: Function) -> None:
        for part in evaluated_outside(node):
            self.visit(part)
        defined = Defined(node, self._scope)
        if not self._code.is_elsewhere(defined) and not self._code.runs_once(defined):
            self._function(defined)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._within(self._scope.blocks[node], node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._within(self._scope.blocks[node], *node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._add(self._checker.write(node.target, self._scope))
        for part in (node.target, node.value):
            if part is not None:
                self.visit(part)

    # -- expressions and statements

    def visit_Call(self, node: ast.Call) -> None:
        if is_effect(node, self._scope):
            self.visit(node.func)
            return
        self._add(self._checker.call(node, self._scope))
        if asks_type(node, self._scope):  # it makes no instance
            self.visit(node.args[0])
            return
        elsewhere = ours(node.func, self._scope) is not None
        for part in (node.func, *node.args):
            self.visit(part)
        for keyword in node.keywords:
            if not (elsewhere and keyword.arg == "local"):  # runs only in plain Python
                self.visit(keyword.value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._checker.name(node, self._scope))
            self._follow(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._checker.name(node, self._scope))
            self._follow(node)
        self.visit(node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        self._add(self._checker.entered(node.context_expr, self._scope))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        for part in node.body:
            self.visit(part)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for part in (*node.patterns, *node.kwd_patterns):
            self.visit(part)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._add(self._checker.iterated(node.iter, self._scope))
        self.generic_visit(node)

    visit_AsyncFor = visit_For

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._add(self._checker.iterated(node.value, self._scope))
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._checker.iterated(node.value, self._scope))
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        for part in node.elts:  # `{*these, *those}` is a set again
            self.visit(part.value if isinstance(part, ast.Starred) else part)

    def _comprehension(self, node: Comprehension) -> None:
        first, inner = node.generators[0], self._scope.blocks[node]
        for generator in node.generators:
            where = self._scope if generator is first else inner
            self._add(self._checker.comprehension(node, generator, where))
        self.visit(first.iter)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(inner, first.target, *first.ifs, *node.generators[1:], *parts)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # -- assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                self._add(self._checker.iterated(node.value, self._scope))
                for part in target.elts:
                    self._add(self._checker.write(part, self._scope))
            else:
                self._add(self._checker.write(target, self._scope))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(self._checker.write(node.target, self._scope))
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._add(self._checker.write(target, self._scope))
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self._add(iter([Violation(node, "PAR503", f"global {', '.join(node.names)}")]))
