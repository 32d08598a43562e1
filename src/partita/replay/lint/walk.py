"""Walk through workflow code, and what it calls, and collect what is found.

Reads the source alone: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from partita.replay.lint.file import too_deep
from partita.replay.lint.judge import Fault, Faults, Judge, asks_type
from partita.replay.lint.reach import Reach, Root, is_effect, ours
from partita.replay.lint.report import Report
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


class Walk(ast.NodeVisitor):
    """From roots, through every function that they reach, once."""

    def __init__(self, reach: Reach, report: Report, seen: set[Seen]) -> None:
        """Leave out what was seen, and add to it."""
        self._reach = reach
        self._judge = Judge()
        self._report = report
        self._seen = seen
        self._waiting: deque[tuple[Scope, Sequence[ast.AST], str]] = deque()

    def begin(self, root: Root) -> None:
        """Walk through all that a root reaches and that none before has reached."""
        self._root = root
        self._scope, self._place = root.function.scope, ""
        self._function(root.function)
        while self._waiting:  # and not function within function: chains of calls may be long
            self._scope, parts, self._place = self._waiting.popleft()
            try:
                for part in parts:
                    self.visit(part)
            except (RecursionError, MemoryError) as error:
                self._report.give_up(self._reach.file(self._scope), too_deep(error))

    def _add(self, faults: Faults) -> None:
        for fault in faults:
            file, in_decider = self._reach.file(self._scope), self._root.is_decider
            self._report.add(fault, file, self._place, in_decider=in_decider)

    # -- from function to function

    def _function(self, defined: Defined) -> None:
        """Note that a function is to be walked through."""
        if not isinstance(defined.node, Function) or self._is_seen(defined):
            return
        self._waiting.append((defined.inner, defined.node.body, self._where(defined)))
        for decorator in defined.node.decorator_list:
            self._wrapped(decorator, defined.scope)

    def _wrapped(self, decorator: ast.expr, scope: Scope) -> None:
        """Note the functions that a decorator of the project puts around another."""
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        for meaning in resolve(made, scope):
            if isinstance(meaning, Defined) and not self._reach.is_elsewhere(meaning):
                for node in ast.walk(meaning.node):
                    if isinstance(node, Function) and node is not meaning.node:
                        self._function(Defined(node, meaning.inner.around(node)))

    def _is_seen(self, defined: Defined) -> bool:
        node, before = defined.node, len(self._seen)
        self._seen.add((self._reach.file(defined.scope).filename, node.lineno, node.col_offset))
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
        """Note what a name stands for: in this file, or in another of the project."""
        for meaning in resolve(node, self._scope):
            if isinstance(meaning, Defined) and not self._reach.is_elsewhere(meaning):
                if isinstance(meaning.node, ast.ClassDef):
                    self._made(meaning)
                else:
                    self._function(meaning)

    def _made(self, defined: Defined) -> None:
        """Note what making an instance of a class does."""
        if not isinstance(defined.node, ast.ClassDef) or self._is_seen(defined):
            return
        for name in ("__new__", "__init__", "__post_init__"):
            for binding in defined.inner.names.get(name, []):
                if isinstance(binding, Defined):
                    self._function(binding)
        factories = default_factories(defined.node)
        self._waiting.append((defined.inner, factories, self._where(defined)))
        for base in bases(defined):
            self._made(base)

    # -- definitions

    def visit_FunctionDef(self, node: Function) -> None:
        for part in evaluated_outside(node):
            self.visit(part)
        defined = Defined(node, self._scope)
        if not self._reach.is_elsewhere(defined) and not self._reach.is_handed(defined):
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
        self._add(self._judge.write(node.target, self._scope))
        for part in (node.target, node.value):
            if part is not None:
                self.visit(part)

    # -- what is judged

    def visit_Call(self, node: ast.Call) -> None:
        if is_effect(node, self._scope):
            self.visit(node.func)
            return
        self._add(self._judge.call(node, self._scope))
        if asks_type(node, self._scope):  # and makes no instance of it
            self.visit(node.args[0])
            return
        elsewhere = ours(node.func, self._scope) is not None
        for part in (node.func, *node.args):
            self.visit(part)
        for keyword in node.keywords:
            if not (elsewhere and keyword.arg == "local"):  # stands in for what runs elsewhere
                self.visit(keyword.value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._judge.name(node, self._scope))
            self._follow(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._judge.name(node, self._scope))
            self._follow(node)
        self.visit(node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        self._add(self._judge.entered(node.context_expr, self._scope))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        for part in node.body:
            self.visit(part)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for part in (*node.patterns, *node.kwd_patterns):
            self.visit(part)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._add(self._judge.iterated(node.iter, self._scope))
        self.generic_visit(node)

    visit_AsyncFor = visit_For

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._add(self._judge.iterated(node.value, self._scope))
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load):
            self._add(self._judge.iterated(node.value, self._scope))
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        for part in node.elts:  # `{*these, *those}` is a set again
            self.visit(part.value if isinstance(part, ast.Starred) else part)

    def _comprehension(self, node: Comprehension) -> None:
        first, inner = node.generators[0], self._scope.blocks[node]
        for generator in node.generators:
            where = self._scope if generator is first else inner
            self._add(self._judge.comprehension(node, generator, where))
        self.visit(first.iter)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(inner, first.target, *first.ifs, *node.generators[1:], *parts)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # -- what is written to

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                self._add(self._judge.iterated(node.value, self._scope))
                for part in target.elts:
                    self._add(self._judge.write(part, self._scope))
            else:
                self._add(self._judge.write(target, self._scope))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(self._judge.write(node.target, self._scope))
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._add(self._judge.write(target, self._scope))
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self._add(iter([Fault(node, "PAR503", f"global {', '.join(node.names)}")]))
