"""Keep what lowering knows at a point of the program: variables, their types, the block it fills.

Knows no syntax but names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from partita.compile.analysis.aliases import Aliases
from partita.compile.analysis.mutation import Changes
from partita.compile.diagnostics import Diagnostics, RefusedError
from partita.compile.jsonata import Names, literal, object_value
from partita.compile.tree import Check, Let, Node, Value
from partita.compile.types import BOOL, ERROR, NEVER, Type, join, of_hint, without_fields

MAX_DEPTH = 10
"""Operators nested in one expression; deeper ones are split, since AWS's stack is small."""


UNBOUND = '{"Partita": "no value"}'
"""What a variable holds as long as Python's has no value."""


@dataclass(frozen=True)
class Variable:
    """What is known of a variable of Python, or of a path such as `order.coupon`, at a point."""

    type: Type
    text: str  # in JSONata
    is_sure: bool = True  # it has a value, whichever way led here


Variables = dict[str, Variable]


@dataclass
class Context:
    """The state of the lowering of one function."""

    diagnostics: Diagnostics
    namespace: Mapping[str, Any]  # of the module
    local: frozenset[str]  # names that the function binds
    mutated: frozenset[str]  # names whose values the function changes in place
    changed: frozenset[str]  # names whose values other code of the module changes
    result_type: Type | None  # what the return hint says
    lower: Callable[[ast.expr], Value]
    lower_in: Callable[[ast.expr, Context], Value]
    lower_body: Callable[[list[ast.stmt], Context], None]
    functions: Mapping[str, Any]  # of the module, and methods of its classes, by qualified names
    names: Names = field(default_factory=Names)
    variables: Variables = field(default_factory=dict)
    block: list[Node] = field(default_factory=list)
    before: list[list[Node]] = field(default_factory=list)  # blocks that this one follows at once
    parameters: dict[str, Type] = field(default_factory=dict)
    is_async: bool = False  # calls of async activities make coroutines
    awaited: ast.AST | None = None  # the call that is awaited, which may be a coroutine's
    is_reachable: bool = True
    is_kept: bool = True  # the value of the name lowered next gets another name, too
    loops: list[Loop] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # variables of the errors being handled
    finals: int = 0  # finally blocks that run before a return takes effect
    tries: list[Variables] = field(default_factory=list)  # variables at any point of `try` bodies
    classes: dict[str, type] = field(default_factory=dict)  # of errors
    inlined: list[Any] = field(default_factory=list)  # functions whose code is being lowered
    caller: Context | None = None  # whose call's place the function's code takes
    shared: dict[str, tuple[Context, str]] = field(default_factory=dict)  # variables of others
    borrowed: frozenset[str] = frozenset()  # parameters whose values a caller changes later
    bound: list[str] = field(default_factory=list)  # names, in the order of their assignments
    rebound: dict[str, tuple[int, int]] = field(default_factory=dict)  # by this statement, where
    rounds: int = 0  # loops and comprehensions around, also of callers
    helpers: frozenset[str] = frozenset()  # functions whose results may be what they are given
    changes: Changes = field(default_factory=dict)  # parameters that functions change
    attribute_types: dict[tuple[Any, str], Type] = field(default_factory=dict)  # of exceptions
    tags: dict[Any, str] = field(default_factory=dict)  # of functions that are values
    results: list[Type] = field(default_factory=list)  # of the returns
    own: frozenset[str] = frozenset()  # names that this function binds, and no other
    reassigned: frozenset[str] = frozenset()  # names that it gives other values
    once: frozenset[str] = frozenset()  # names that are bound in one place only
    unbound: dict[str, None] = field(default_factory=dict)  # variables that may have no value
    aliases: Aliases | None = None  # of the function's names
    analyses: dict[int, Aliases] = field(default_factory=dict)  # by definitions
    modules: dict[str, Any] = field(default_factory=dict)  # imported ones, by names
    moved: dict[tuple[int, int], Any] = field(default_factory=dict)  # definitions of theirs
    statement: ast.stmt | None = None  # which is being lowered
    body: list[ast.stmt] = field(default_factory=list)  # of the function
    is_leaving: bool = False  # the function ends after this expression

    def is_seen(self, name: str, type: Type, steps: int = 0) -> bool:
        """Return whether changes in place would be seen by another name for a variable's value.

        `steps`: how deep in the variable the value is.
        """
        if not type.is_mutable:
            return False
        if self.is_leaving and name in self.own and name not in self.borrowed:
            return name in self.shared
        if name in self.borrowed or name in self.rebound:
            return True
        if name in self.own and self.aliases is not None and self.statement is not None:
            found = self.aliases.is_seen(name, steps, self.statement, self._can_change)
            if found is not None:
                return found
        return name in self.mutated

    def _can_change(self, name: str) -> bool:
        """Return whether a variable's value may be one that Python changes in place."""
        known = self.variables.get(name)
        return known is None or known.type is NEVER or known.type.is_mutable

    @property
    def returning(self) -> frozenset[str]:
        """The names of functions whose results may be what they are given."""
        held = [name for name, one in self.variables.items() if one.type.kind == "function"]
        return self.helpers | frozenset(held)

    def refuse(self, node: ast.AST, what: str, why: str, way_out: str) -> RefusedError:
        """Record that a node is not compiled; raise what it returns, or go on."""
        return self.diagnostics.add(node, what, why, way_out)

    def read(self, node: ast.expr) -> Value:
        """Lower an expression whose value is looked at, and not kept."""
        before, self.is_kept = self.is_kept, False
        try:
            return self.lower(node)
        finally:
            self.is_kept = before

    def hint(self, annotation: ast.expr) -> Type | None:
        """Return the type that an annotation means; None: none that is known."""
        try:
            code = compile(ast.Expression(annotation), "<hint>", "eval")
            return of_hint(eval(code, dict(self.namespace)))  # the user's own module is loaded
        except Exception:
            return None

    # -- blocks

    @contextmanager
    def captured(self, *, is_next: bool = False) -> Iterator[list[Node]]:
        """Collect the nodes that are made meanwhile; `is_next` if they run next in any case."""
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
        self.classes[kind.__name__] = kind
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
        name, _, place = self.diagnostics.at(node).rpartition(f":{node.lineno}:")  # type: ignore[attr-defined]
        parts = [f"Partita.Guard {name}:", f"{node.lineno}:{place}: {what}"]  # type: ignore[attr-defined]
        return f"$error({' & '.join(self.text(part).text for part in parts)})"

    def note_attribute(self, kind: Any, name: str, type: Type) -> None:
        """Note a type that an attribute of a class of exceptions may have."""
        known = self.attribute_types.get((kind, name))
        self.attribute_types[kind, name] = type if known is None else join(known, type)

    def attribute_type(self, kind: Any, name: str) -> Type | None:
        """Return the type that an attribute of a class, or of one derived from it, has."""
        found = [
            type
            for (one, other), type in self.attribute_types.items()
            if other == name and issubclass(one, kind or Exception)
        ]
        result = found[0] if found else None
        for one in found[1:]:
            result = join(result, one) if result is not None else one
        return result

    def without_values(self, row: int) -> list[Node]:
        """Return the nodes that say at the beginning which variables have no value yet."""
        values = {name: Value(UNBOUND, NEVER) for name in self.unbound}
        return [Let(row, values)] if values else []

    # -- variables

    def bind(self, name: str, type: Type) -> str:
        """Note that a variable is assigned; return its name in JSONata."""
        if name in self.mutated or name in self.shared:
            type = without_fields(type)
        if name in self.shared:
            owner, own_name = self.shared[name]
            text = owner.bind(own_name, type)
        else:
            text = self.names.of(name)
        self._note(name, Variable(type, f"${text}"))
        return text

    def write_through(self, name: str) -> None:
        """Tell the callers what a variable of theirs is now."""
        known = self.variables[name]
        one = self.caller
        while one is not None:
            for own_name in [n for n, v in one.variables.items() if v.text == known.text]:
                if "." not in own_name:
                    one._note(own_name, known)
            one = one.caller

    def _note(self, name: str, variable: Variable) -> None:
        self.forget(name)
        self.variables[name] = variable
        self.bound.append(name)
        for seen in self.tries:
            for path in [one for one in seen if one.startswith(f"{name}.")]:
                del seen[path]
            before = seen.get(name)
            known = before is not None and before.is_sure and variable.is_sure
            joined = variable.type if before is None else join(before.type, variable.type)
            seen[name] = Variable(joined, variable.text, known)

    def forget(self, name: str) -> None:
        """Drop what is known of paths that begin with a name."""
        for path in [one for one in self.variables if one.startswith(f"{name}.")]:
            del self.variables[path]

    @contextmanager
    def assuming(self, narrowed: Variables) -> Iterator[None]:
        """Know more of some variables meanwhile."""
        before = self.variables
        self.variables = {**before, **narrowed}
        mark = len(self.bound)
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
        bound = set(self.bound[mark:])
        kept = {path: one for path, one in before.items() if path.partition(".")[0] not in bound}
        return {**found, **kept}

    def merged(self, before: Variables, mark: int) -> Variables:
        """Return what is known after code that may have run, and bound names since a mark."""
        names = dict.fromkeys(self.bound[mark:])
        changed = {name: self.variables[name] for name in names if name in self.variables}
        if not changed:
            return before
        kept = {path: one for path, one in before.items() if path.partition(".")[0] not in changed}
        was = {name: before[name] for name in changed if name in before}
        return {**kept, **_joined(was, changed)}


@dataclass
class Loop:
    """What is known where a loop is left or begins anew."""

    breaks: list[Variables] = field(default_factory=list)
    continues: list[Variables] = field(default_factory=list)


def joined(*states: Variables | None) -> Variables | None:
    """Return what is known where ways meet; None for ways that never get there."""
    found = [one for one in states if one is not None]
    if not found:
        return None
    result = found[0]
    for other in found[1:]:
        result = _joined(result, other)
    return result


def _joined(one: Variables, other: Variables) -> Variables:
    result = dict(one)
    for name, second in other.items():
        first = one.get(name)
        if first is second:
            continue
        if first is None:
            if "." not in name:
                result[name] = replace(second, is_sure=False)
        elif "." in name and first.text != second.text:
            del result[name]
        else:
            is_sure = first.is_sure and second.is_sure
            result[name] = Variable(join(first.type, second.type), first.text, is_sure)
    for name in one.keys() - other.keys():
        if "." in name:
            del result[name]
        else:
            result[name] = replace(one[name], is_sure=False)
    return result
