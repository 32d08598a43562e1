"""Find for each statement which variables are changed in place, or read, after it.

A variable counts until it gets another value. What inner functions change or read always counts.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from partita.compile.analysis.mutation import Changes, mutated_names, walked

Names = frozenset[str]
_NONE: Names = frozenset()
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Later:
    """By statement (its id): the names that are changed, or read, after its expressions."""

    changed: dict[int, Names]
    read: dict[int, Names]
    changed_then: dict[int, Names]  # also of the names that the statement itself assigns


def later(body: list[ast.stmt], changes: Changes) -> Later:
    """Analyse the statements of a function."""
    inner = [part for one in body for part in walked(one) if isinstance(part, _FUNCTIONS)]
    always = frozenset().union(*(mutated_names([one], changes) for one in inner))
    changed = _Flow(lambda node: mutated_names([node], changes) if node else _NONE, always)
    changed.block(body, always)
    read_always: Names = frozenset().union(*map(_loads, inner))
    read = _Flow(_loads, read_always)
    read.block(body, read_always)
    return Later(changed.after, read.after, changed.out)


def _loads(node: ast.AST | None) -> Names:
    return frozenset(one.id for one in _names(node) if isinstance(one.ctx, ast.Load))


def _stores(node: ast.AST | None) -> Names:
    return frozenset(one.id for one in _names(node) if not isinstance(one.ctx, ast.Load))


def _names(node: ast.AST | None) -> list[ast.Name]:
    parts = [] if node is None else walked(node)
    return [one for one in parts if isinstance(one, ast.Name)]


@dataclass
class _Flow:
    """Follow names through statements, from the last to the first."""

    uses: Callable[[ast.AST | None], Names]
    always: Names
    after: dict[int, Names] = field(default_factory=dict)
    out: dict[int, Names] = field(default_factory=dict)
    on_error: Names = _NONE
    on_break: Names = _NONE
    on_continue: Names = _NONE
    on_return: Names = _NONE
    known: dict[int, Names] = field(default_factory=dict)

    def used(self, node: ast.AST | None) -> Names:
        """Return what a node uses, which is found once."""
        if node is None:
            return _NONE
        if id(node) not in self.known:
            self.known[id(node)] = self.uses(node)
        return self.known[id(node)]

    def block(self, nodes: list[ast.stmt], out: Names) -> Names:
        """Return what counts before statements, given what counts after them."""
        for node in reversed(nodes):
            out = self._statement(node, out) | self.on_error | self.always
        return out

    def _note(self, node: ast.stmt, out: Names) -> Names:
        self.after[id(node)] = self.after.get(id(node), _NONE) | out | self.on_error | self.always
        return out

    def _statement(self, node: ast.stmt, out: Names) -> Names:
        match node:
            case ast.If():
                inner = self.block(node.body, out) | self.block(node.orelse, out)
                return self._note(node, inner) | self.used(node.test)
            case ast.While() | ast.For() | ast.AsyncFor():
                return self._loop(node, out)
            case ast.Try():
                return self._try(node, out)
            case ast.Match():
                return self._match(node, out)
            case ast.With() | ast.AsyncWith():
                inner = self._note(node, self.block(node.body, out))
                return inner.union(*(self.used(one.context_expr) for one in node.items))
            case ast.Return():
                return self._note(node, self.on_return) | self.used(node.value)
            case ast.Raise():
                return self._note(node, self.on_error) | self.used(node)
            case ast.Break():
                return self._note(node, self.on_break)
            case ast.Continue():
                return self._note(node, self.on_continue)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._note(node, out)
            case _:
                return self._simple(node, out)

    def _simple(self, node: ast.stmt, out: Names) -> Names:
        killed = _NONE if isinstance(node, ast.AugAssign) else _stores(node)
        self.out[id(node)] = self.out.get(id(node), _NONE) | out | self.on_error | self.always
        kept = self._note(node, out - killed)
        return kept | self.used(node)

    def _match(self, node: ast.Match, out: Names) -> Names:
        inner = out
        for case in node.cases:
            inner |= self.block(case.body, out) | self.used(case.guard)
        return self._note(node, inner) | self.used(node.subject)

    def _loop(self, node: ast.While | ast.For | ast.AsyncFor, out: Names) -> Names:
        before = self.on_break, self.on_continue
        self.on_break = out
        head = ended = self.block(node.orelse, out)
        goal = None if isinstance(node, ast.While) else node.target
        uses = self.used(node.test) if isinstance(node, ast.While) else _NONE
        while True:
            self.on_continue = head | uses
            again = (self.block(node.body, head | uses) - _stores(goal)) | ended | uses
            if again <= head:
                break
            head = head | again
        self.on_break, self.on_continue = before
        self._note(node, head)
        return head if isinstance(node, ast.While) else head | self.used(node.iter)

    def _try(self, node: ast.Try, out: Names) -> Names:
        outer = self.on_error, self.on_return, self.on_break, self.on_continue
        final = self.block(node.finalbody, out) if node.finalbody else out
        if node.finalbody:  # whatever way the block is left, it runs before
            ways = self.block(node.finalbody, frozenset().union(*outer)) | final
            self.on_error, self.on_return, self.on_break, self.on_continue = (ways,) * 4
        handled: Names = self.on_error
        for one in node.handlers:
            handled |= self.block(one.body, final)
        orelse = self.block(node.orelse, final)
        before, self.on_error = self.on_error, handled
        found = self.block(node.body, orelse)
        self.on_error = before
        self.on_error, self.on_return, self.on_break, self.on_continue = outer
        return self._note(node, found)
