"""Keep what lowering knows at a point of the program: variables, their types, the block it fills.

What a whole compilation knows is in `Compilation`, what the source says in `Code` and `Module`,
what the statements around a point mean in `Enclosing`. Knows no syntax but names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from partita.compile.analysis.code import Code
from partita.compile.analysis.modules import Module
from partita.compile.analysis.sources import Sources
from partita.compile.diagnostics import Diagnostics, RefusedError
from partita.compile.enclosing import Enclosing
from partita.compile.error_classes import ErrorClasses
from partita.compile.jsonata import Names, literal, object_value
from partita.compile.number_kinds import FloatFlags
from partita.compile.tree import Check, Let, Node, Value
from partita.compile.types import BOOL, ERROR, NEVER, Type, of_hint, without_fields
from partita.compile.variables import UNBOUND, Variable, Variables, both, joined

MAX_DEPTH = 10
"""Operators nested in one expression; deeper ones are split, since AWS's stack is small."""


@dataclass(frozen=True)
class Compilation:
    """What all functions of one compiled workflow have in common."""

    lower: Callable[[ast.expr, Context], Value]
    lower_body: Callable[[list[ast.stmt], Context], None]
    diagnostics: Diagnostics
    sources: Sources = field(default_factory=Sources)
    errors: ErrorClasses = field(default_factory=ErrorClasses)
    tags: dict[Any, str] = field(default_factory=dict)  # of functions that are values
    flags: FloatFlags = field(default_factory=FloatFlags)
    keeps_refused: bool = False  # statements that are refused become nodes of the tree, to be drawn


@dataclass
class Frame:
    """The call whose place a function's code takes, and what it shares with the callers."""

    caller: Context | None = None
    path: list[Any] = field(default_factory=list)  # functions whose code is being lowered
    shared: dict[str, tuple[Context, str]] = field(default_factory=dict)  # variables of others
    borrowed: frozenset[str] = frozenset()  # parameters whose values a caller changes later


@dataclass
class Signature:
    """What a function takes and gives."""

    parameters: dict[str, Type] = field(default_factory=dict)
    result_type: Type | None = None  # what the return hint says
    results: list[Type] = field(default_factory=list)  # of the returns


@dataclass
class Bindings:
    """Which names have been assigned, and which variables may still have no value."""

    order: list[str] = field(default_factory=list)  # of the assignments
    unbound: dict[str, None] = field(default_factory=dict)
    declared: dict[str, Type] = field(default_factory=dict)  # what hints say of them


@dataclass
class Point:
    """The statement and the expression that are being lowered."""

    statement: ast.stmt | None = None
    rebound: dict[str, tuple[int, int]] = field(default_factory=dict)  # by it, and where
    awaited: ast.AST | None = None  # the call that is awaited, which may be a coroutine's
    is_kept: bool = True  # the value of the name lowered next gets another name, too
    is_leaving: bool = False  # the function ends after this expression


@dataclass
class Context:
    """The state of the lowering of one function."""

    compilation: Compilation
    module: Module  # of the function
    code: Code
    local: frozenset[str]  # names that the function binds, and those around it
    names: Names = field(default_factory=Names)
    variables: Variables = field(default_factory=dict)
    bindings: Bindings = field(default_factory=Bindings)
    signature: Signature = field(default_factory=Signature)
    frame: Frame = field(default_factory=Frame)
    enclosing: Enclosing = field(default_factory=Enclosing)
    point: Point = field(default_factory=Point)
    block: list[Node] = field(default_factory=list)
    before: list[list[Node]] = field(default_factory=list)  # blocks that this one follows at once
    is_reachable: bool = True

    def lower(self, node: ast.expr) -> Value:
        """Lower an expression; what must happen before it is appended to the block."""
        return self.compilation.lower(node, self)

    def lower_body(self, body: list[ast.stmt]) -> None:
        """Lower statements to the end of the block."""
        self.compilation.lower_body(body, self)

    def is_seen(self, name: str, type: Type, steps: int = 0) -> bool:
        """Return whether changes in place would be seen by another name for a variable's value.

        `steps`: how deep in the variable the value is.
        """
        if not type.is_mutable:
            return False
        if self.point.is_leaving and name in self.code.own and name not in self.frame.borrowed:
            return name in self.frame.shared
        if name in self.frame.borrowed or name in self.point.rebound:
            return True
        aliases, statement = self.code.aliases, self.point.statement
        if name in self.code.own and aliases is not None and statement is not None:
            found = aliases.is_seen(name, steps, statement, self._can_change)
            if found is not None:
                return found
        return name in self.code.mutated

    def _can_change(self, name: str) -> bool:
        """Return whether a variable's value may be one that Python changes in place."""
        known = self.variables.get(name)
        return known is None or known.type is NEVER or known.type.is_mutable

    @property
    def returning(self) -> frozenset[str]:
        """The names of functions whose results may be what they are given."""
        held = [name for name, one in self.variables.items() if one.type.kind == "function"]
        return self.module.helpers | frozenset(held)

    def refuse(self, node: ast.AST, what: str, why: str, way_out: str) -> RefusedError:
        """Record that a node is not compiled; raise what it returns, or go on."""
        return self.compilation.diagnostics.add(node, what, why, way_out)

    def read(self, node: ast.expr) -> Value:
        """Lower an expression whose value is looked at, and not kept."""
        before, self.point.is_kept = self.point.is_kept, False
        try:
            return self.lower(node)
        finally:
            self.point.is_kept = before

    def hint(self, annotation: ast.expr) -> Type | None:
        """Return the type that an annotation means; None: none that is known."""
        try:
            code = compile(ast.Expression(annotation), "<hint>", "eval")
            return of_hint(eval(code, dict(self.module.namespace)))  # the user's module is loaded
        except Exception:
            return None

    # -- blocks

    @contextmanager
    def captured(self, *, is_next: bool = False) -> Iterator[list[Node]]:
        """Collect the nodes that the block makes; `is_next` if they run next in any case."""
        outer, self.block = self.block, []
        before, self.before = self.before, [*self.before, outer] if is_next else []
        try:
            yield self.block
        finally:
            self.block, self.before = outer, before

    def let(self, node: Any, stem: str, value: Value) -> Value:
        """Keep a value in a new variable."""
        name = self.names.new(stem)
        self.block.append(Let(node.lineno, {name: value}))
        return Value(f"${name}", value.type)

    def simple(self, node: Any, value: Value) -> Value:
        """Return the value as a variable or constant, so that it may be written repeatedly."""
        is_simple = value.is_constant or (
            value.text.startswith("$") and value.text[1:].isidentifier()
        )
        return value if is_simple else self.let(node, "value", value)

    def shallow(self, node: Any, value: Value) -> Value:
        """Return a value that can still be nested in others."""
        return value if value.depth <= MAX_DEPTH else self.let(node, "part", value)

    def check(self, node: Any, condition: str, error: type, message: Value, *parts: Value) -> None:
        """Raise an error of Python's own unless a condition holds."""
        is_guarded = any(one.is_guarded for one in parts)
        test = Value(condition, BOOL, False, is_guarded=is_guarded)
        self.block.append(Check(node.lineno, test, self.error(error, message)))

    def error(
        self,
        kind: type,
        message: Value,
        attributes: dict[str, Value] | None = None,
        args: tuple[Value, Value] | None = None,  # and the repr()
    ) -> Value:
        """Return the value of an exception."""
        self.compilation.errors.by_name[kind.__name__] = kind
        name = literal(kind.__name__)
        assert name is not None
        members = {"type": name, "message": message}
        if attributes:
            members["attributes"] = object_value(attributes)
        if args is not None:
            members["args"] = args[0]
            members["repr"] = args[1]
        return replace(object_value(members), type=ERROR, constant=(name.text, message.text))

    def text(self, constant: str) -> Value:
        """Return a constant text."""
        found = literal(constant)
        assert found is not None
        return found

    def guard_text(self, node: ast.AST, what: str) -> str:
        """Return the expression that ends the execution at a node."""
        name, _, place = self.compilation.diagnostics.at(node).rpartition(f":{node.lineno}:")  # type: ignore[attr-defined]
        parts = [f"Partita.Guard {name}:", f"{node.lineno}:{place}: {what}"]  # type: ignore[attr-defined]
        return f"$error({' & '.join(self.text(part).text for part in parts)})"

    def without_values(self, row: int) -> list[Node]:
        """Return the nodes that say at the beginning which variables have no value yet."""
        values = {name: Value(UNBOUND, NEVER) for name in self.bindings.unbound}
        return [Let(row, values)] if values else []

    # -- variables

    def bind(self, name: str, type: Type) -> str:
        """Note that a variable is assigned; return its name in JSONata."""
        if name in self.code.mutated or name in self.frame.shared:
            type = without_fields(type)
        if name in self.frame.shared:
            owner, own_name = self.frame.shared[name]
            text = owner.bind(own_name, type)
        else:
            text = self.names.of(name)
        self._note(name, Variable(type, f"${text}"))
        return text

    def write_through(self, name: str) -> None:
        """Tell the callers what a variable of theirs is now."""
        known = self.variables[name]
        one = self.frame.caller
        while one is not None:
            for own_name in [n for n, v in one.variables.items() if v.text == known.text]:
                if "." not in own_name:
                    one._note(own_name, known)
            one = one.frame.caller

    def _note(self, name: str, variable: Variable) -> None:
        self.forget(name)
        self.variables[name] = variable
        self.bindings.order.append(name)
        self.enclosing.note(name, variable)

    def forget(self, name: str) -> None:
        """Drop what is known of paths that begin with a name."""
        for path in [one for one in self.variables if one.startswith(f"{name}.")]:
            del self.variables[path]

    @contextmanager
    def assuming(self, narrowed: Variables) -> Iterator[None]:
        """Narrow what is known of some variables until the block ends."""
        before = self.variables
        self.variables = {**before, **narrowed}
        mark = len(self.bindings.order)
        try:
            yield
        finally:
            self.variables = self.merged(before, mark)

    def after_branches(
        self, before: Variables, mark: int, *branches: Variables | None
    ) -> Variables | None:
        """Return what is known after branches: of names that none bound, what was known before."""
        found = joined(*branches)
        if found is None or sum(one is not None for one in branches) < 2:
            return found
        bound = set(self.bindings.order[mark:])
        kept = {path: one for path, one in before.items() if path.partition(".")[0] not in bound}
        return {**found, **kept}

    def merged(self, before: Variables, mark: int) -> Variables:
        """Return what is known after code that may have run, and bound names since a mark."""
        names = dict.fromkeys(self.bindings.order[mark:])
        changed = {name: self.variables[name] for name in names if name in self.variables}
        if not changed:
            return before
        kept = {path: one for path, one in before.items() if path.partition(".")[0] not in changed}
        was = {name: before[name] for name in changed if name in before}
        return {**kept, **both(was, changed)}
