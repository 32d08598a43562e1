"""Walk through a file's workflow code, and what it calls, and collect what is found.

Reads the source alone: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

import ast
import re
import warnings

from partita.replay.lint.binder import bind
from partita.replay.lint.finding import Finding, Place, ignored, is_silenced
from partita.replay.lint.impure import RULES
from partita.replay.lint.judge import Fault, Faults, Judge, asks_type
from partita.replay.lint.meaning import bases, resolve
from partita.replay.lint.reach import Reach, Root, is_effect, ours
from partita.replay.lint.scope import (
    Comprehension,
    Defined,
    Function,
    Scope,
    default_factories,
    evaluated_outside,
)


def check_source(source: str, filename: str) -> list[Finding]:
    """Return what the workflow code in a Python source does that a replay would not repeat.

    In the order of rows and columns. Source that Python cannot parse is one finding, PAR001.
    Never raises for what the source says.
    """
    report = _Report(source, filename)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes and the like: others say these
            tree = ast.parse(source)
        _walk(tree, report)
    except SyntaxError as error:
        return [report.unreadable(error.msg, error.lineno or 1, error.offset or 1)]
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; absurdly deep
        return [report.unreadable(str(error) or "it is nested too deeply", 1, 1)]
    silenced = ignored(source)
    return sorted(found for found in report.findings if not is_silenced(found, silenced))


def _walk(tree: ast.Module, report: _Report) -> None:
    names = bind(tree)
    reach = Reach(names)
    seen: set[ast.AST] = set()
    judge = Judge()
    for root in reach.roots:
        if root.function.node not in reach.handed:
            _Walk(reach, judge, report, root, seen).function(root.function)


class _Report:
    """The findings of one file, with columns as people count them."""

    def __init__(self, source: str, filename: str) -> None:
        self.findings: set[Finding] = set()
        self._filename = filename
        self._lines = re.split(r"\r\n|\r|\n", source)

    def add(self, fault: Fault, place: str, *, in_decider: bool) -> None:
        node, rule = fault.node, RULES[fault.code]
        assert isinstance(node, (ast.expr, ast.stmt))
        start = self._place(node.lineno, node.col_offset)
        end = self._place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        instead = (rule.by_hand if in_decider else "") or rule.instead
        message = f"{fault.what} in {place}: {rule.why}; {instead}"
        self.findings.add(Finding(self._filename, start, end, fault.code, message))

    def _place(self, row: int, offset: int) -> Place:
        line = self._lines[row - 1] if row <= len(self._lines) else ""
        before = line.encode("utf-8", "surrogatepass")[:offset]
        return Place(row, len(before.decode("utf-8", "replace")) + 1)

    def unreadable(self, why: str, row: int, column: int) -> Finding:
        place = Place(row, max(column, 1))
        rule = RULES["PAR001"]
        message = f"{rule.why}: {' '.join(why.split())}; {rule.instead}"
        return Finding(self._filename, place, place, "PAR001", message)


class _Walk(ast.NodeVisitor):
    """From one root, through every function that it reaches and that no other has reached."""

    def __init__(
        self, reach: Reach, judge: Judge, report: _Report, root: Root, seen: set[ast.AST]
    ) -> None:
        self._reach = reach
        self._judge = judge
        self._report = report
        self._root = root
        self._seen = seen
        self._scope = root.function.scope
        self._place = ""

    def _add(self, faults: Faults) -> None:
        for fault in faults:
            self._report.add(fault, self._place, in_decider=self._root.is_decider)

    # -- from function to function

    def function(self, defined: Defined) -> None:
        """Walk through a function of the file, once."""
        if defined.node in self._seen or not isinstance(defined.node, Function):
            return
        self._seen.add(defined.node)
        outside, self._place = self._place, self._where(defined)
        self._within(defined.inner, *defined.node.body)
        self._place = outside
        for decorator in defined.node.decorator_list:
            self._wrapped(decorator, defined.scope)

    def _wrapped(self, decorator: ast.expr, scope: Scope) -> None:
        """Walk through the functions that a decorator of the file puts around another."""
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        for meaning in resolve(made, scope):
            if isinstance(meaning, Defined) and meaning.node not in self._reach.elsewhere:
                for node in ast.walk(meaning.node):
                    if isinstance(node, Function) and node is not meaning.node:
                        self.function(Defined(node, meaning.inner.around(node)))

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
        """Walk through what a name of the file stands for."""
        for meaning in resolve(node, self._scope):
            if isinstance(meaning, Defined) and meaning.node not in self._reach.elsewhere:
                if isinstance(meaning.node, ast.ClassDef):
                    self._made(meaning)
                else:
                    self.function(meaning)

    def _made(self, defined: Defined) -> None:
        """Walk through what making an instance of a class of the file does."""
        if defined.node in self._seen or not isinstance(defined.node, ast.ClassDef):
            return
        self._seen.add(defined.node)
        for name in ("__new__", "__init__", "__post_init__"):
            for binding in defined.inner.names.get(name, []):
                if isinstance(binding, Defined):
                    self.function(binding)
        outside, self._place = self._place, self._where(defined)
        self._within(defined.inner, *default_factories(defined.node))
        self._place = outside
        for base in bases(defined):
            self._made(base)

    # -- definitions

    def visit_FunctionDef(self, node: Function) -> None:
        for part in evaluated_outside(node):
            self.visit(part)
        if node not in self._reach.elsewhere and node not in self._reach.handed:
            self.function(Defined(node, self._scope))

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
