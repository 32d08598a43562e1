"""Make steps of their own of expressions that JSONata has not, but Python has.

After a failed compilation the largest pure expression around each place that was refused is
replaced by the call of a generated activity, whose arguments are the variables in it. Then the
workflow is compiled again. `purity` knows what is pure.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from partita.authoring.activity import activity
from partita.authoring.registry import register
from partita.compile.analysis.mutation import bound_names, changes_of, mutated_names
from partita.compile.analysis.names import stored
from partita.compile.diagnostics import CompileError, Diagnostic
from partita.compile.outlining import step_guard
from partita.compile.outlining.purity import Purity, free_names
from partita.compile.outlining.step_guard import checked

HINT = "this can be a step of its own: compile with --outline"

_SCALARS = ("str", "int", "float", "bool")

_is_on: ContextVar[bool] = ContextVar("outlining", default=False)
_activities: dict[tuple[str, str], tuple[Any, Any]] = {}  # module's names, activity
_MODULE = '''"""Steps of {name}: its expressions that a state machine has not."""

{guard}

import importlib as _importlib

from partita import activity as _activity

_module = _importlib.import_module({module!r})


def _step(name: str, source: str) -> None:
    space: dict[str, Any] = {{}}
    exec(compile(source, name, "exec"), vars(_module), space)
    _activity(name=name)(checked(space[name]))


{steps}'''


@contextmanager
def outlining(is_on: bool = True) -> Iterator[None]:
    """Compile with steps meanwhile."""
    token = _is_on.set(is_on)
    try:
        yield
    finally:
        _is_on.reset(token)


def set_outlining(is_on: bool) -> Any:
    """Compile with steps from now on; return what `reset_outlining` takes."""
    return _is_on.set(is_on)


def reset_outlining(token: Any) -> None:
    """Undo `set_outlining`."""
    _is_on.reset(token)


@dataclass
class Outliner:
    """The steps of one workflow."""

    name: str  # of the workflow
    tree: ast.Module
    node: Any  # the workflow's definition in the tree
    namespace: dict[str, Any]  # of its module
    steps: dict[str, str] = field(default_factory=dict)  # sources, by names
    made: dict[str, Any] = field(default_factory=dict)  # activities, by names in the code

    def improve(self, found: Iterable[Diagnostic]) -> None:
        """Replace what is refused by calls of steps; else raise the error that has it all.

        Raises:
            CompileError: nothing of it can be, or no steps are wanted.
        """
        found = sorted(found)
        places = {id(one): self._helper(one) or self._place(one) for one in found}
        if not _is_on.get():
            raise CompileError(
                [replace(one, hint=HINT) if places[id(one)] else one for one in found]
            )
        if not any(places.values()):
            raise CompileError(found)
        replaced = {_key(one): one for one in places.values() if one is not None}
        for one in replaced.values():
            if isinstance(one, str):
                self._replace_helper(one)
            else:
                self._replace(one)

    def source(self, module: str) -> str:
        """Return the source of the module with the steps, for a bundle."""
        guard = Path(step_guard.__file__).read_text("utf-8").partition('"""\n\n')[2]
        steps = "\n".join(f"_step({name!r}, {text!r})" for name, text in self.steps.items())
        return _MODULE.format(name=self.name, guard=guard, module=module, steps=f"{steps}\n")

    # -- places

    def _place(self, found: Diagnostic) -> _Place | None:
        """Return the largest expression around a diagnostic that can be a step."""
        column = len(found.line[: found.column - 1].encode())
        for function in _functions_at(self.tree, found.row):
            for place in _around(function, found.row, column):
                if self._fits(place):
                    return place
        return None

    def _helper(self, found: Diagnostic) -> str | None:
        """Return the function of the module that a diagnostic is in, if it can be a step."""
        functions = next(iter(_functions_at(self.tree, found.row)), (self.node,))
        name = functions[0].name
        value = self.namespace.get(name)
        is_own = functions[0] in self.tree.body and functions[0] is not self.node
        if not is_own or name in self.made or not isinstance(value, FunctionType):
            return None
        _, changing = changes_of(self.tree).get(name, ((), frozenset()))
        return name if not changing and self._purity().is_pure_function(name) else None

    def _replace_helper(self, function: str) -> None:
        name = re.sub(r"\W", "_", f"{self.name}_{function}")
        self.steps[name] = f"{name} = {function}\n"
        self.made[function] = self._activity(name)

    def _fits(self, place: _Place) -> bool:
        local = _local_names(place.functions)
        if place.field == "func":
            return False
        names = free_names(place.expression) & local
        unknown = free_names(place.expression) - local - {*self.namespace, *dir(builtins)}
        if unknown or names & _local_functions(place.functions):
            return False
        changed = mutated_names(place.functions[-1].body)
        is_shared = not place.makes_new_value and bool(changed & {*names, place.target})
        return not is_shared and self._purity().is_pure(place.expression, local)

    def _purity(self) -> Purity:
        functions = {one.name: one for one in self.tree.body if isinstance(one, ast.FunctionDef)}
        return Purity({**self.namespace, **self.made}, functions)

    def _replace(self, place: _Place) -> None:
        row = place.expression.lineno
        base = re.sub(r"\W", "_", f"{self.name}_line_{row}")
        name = base
        while name in self.steps:
            name = f"{base}_{len(self.steps) + 1}"
        names = sorted(free_names(place.expression) & _local_names(place.functions))
        text = f"bool({ast.unparse(place.expression)})" if place.is_test else None
        text = text or ast.unparse(place.expression)
        parameters = ", ".join(f"{one}{place.hint_of(one)}" for one in names)
        result = " -> bool" if place.is_test else place.result
        self.steps[name] = f"def {name}({parameters}){result}:\n    return {text}\n"
        self.made[name] = self._activity(name)
        arguments = [ast.keyword(one, ast.Name(one, ast.Load())) for one in names]
        call = ast.Call(ast.Name(name, ast.Load()), [], arguments)
        for part in ast.walk(call):
            ast.copy_location(part, place.expression)
        place.put(call)

    def _activity(self, name: str) -> Any:
        source = self.steps[name]
        namespace, found = _activities.get((name, source), (None, None))
        if namespace is not self.namespace:
            space: dict[str, Any] = {}
            exec(compile(source, f"<step {name}>", "exec"), self.namespace, space)
            found = activity(name=name)(checked(space[name]))
            _activities[name, source] = self.namespace, found
        return register(found)


def _key(place: str | _Place) -> object:
    return place if isinstance(place, str) else id(place.expression)


@dataclass(frozen=True, eq=False)
class _Place:
    """An expression, and where it is."""

    expression: ast.expr
    owner: ast.AST
    field: str
    index: int | None
    functions: tuple[Any, ...]  # around it, the outermost first
    is_formatted: bool = False  # it is a part of an f-string, with its format

    def put(self, made: ast.expr) -> None:
        """Replace the expression."""
        if self.is_formatted:
            made = ast.copy_location(ast.FormattedValue(made, -1), made)
        if self.index is None:
            setattr(self.owner, self.field, made)
        else:
            getattr(self.owner, self.field)[self.index] = made

    @property
    def is_test(self) -> bool:
        """Whether only its truth counts."""
        tests = ast.If | ast.While | ast.IfExp | ast.Assert
        if isinstance(self.owner, tests) and self.field == "test":
            return True
        if isinstance(self.owner, ast.comprehension) and self.field == "ifs":
            return True
        return isinstance(self.owner, ast.UnaryOp) and isinstance(self.owner.op, ast.Not)

    @property
    def makes_new_value(self) -> bool:
        """Whether its value can be no part of a variable that is changed in place."""
        if self.is_test or self.result[4:] in _SCALARS:
            return True
        node = self.expression
        called = node.func if isinstance(node, ast.Call) else None
        return isinstance(called, ast.Name) and called.id in ("sorted", "list", "dict")

    @property
    def target(self) -> str:
        """The variable that gets its value, if it is assigned as it is."""
        targets = getattr(self.owner, "targets", [getattr(self.owner, "target", None)])
        return next((one.id for one in targets if isinstance(one, ast.Name)), "")

    @property
    def result(self) -> str:
        """The hint of its value."""
        if isinstance(self.owner, ast.AnnAssign):
            return f" -> {ast.unparse(self.owner.annotation)}"
        if isinstance(self.owner, ast.Return) and self.functions[-1].returns is not None:
            return f" -> {ast.unparse(self.functions[-1].returns)}"
        known = _known_result(self.expression)
        return f" -> {known}" if known else ""

    def hint_of(self, name: str) -> str:
        """Return the hint of a parameter of the function around it, which is not assigned."""
        for function in reversed(self.functions):
            assigned = stored([function])
            given = function.args
            for one in [*given.posonlyargs, *given.args, *given.kwonlyargs]:
                if one.arg == name and one.annotation is not None and name not in assigned:
                    return f": {ast.unparse(one.annotation)}"
        return ""


def _known_result(node: ast.expr) -> str | None:
    """Return the hint of values that Python's own functions give."""
    if isinstance(node, ast.JoinedStr):
        return "str"
    if isinstance(node, ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    ):
        return "bool"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id if node.func.id in _SCALARS else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return "str" if node.func.attr in ("join", "sub", "strftime", "isoformat") else None
    return None


def _functions_at(tree: ast.Module, row: int) -> list[tuple[Any, ...]]:
    """Return the function around a row, with those around it."""
    found: list[tuple[Any, ...]] = []

    def visit(node: ast.AST, around: tuple[Any, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inner = around
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = (*around, child)
                if child.lineno <= row <= (child.end_lineno or row):
                    found.append(inner)
            visit(child, inner)

    visit(tree, ())
    return found[-1:]


def _around(functions: tuple[Any, ...], row: int, column: int) -> Iterator[_Place]:
    """Return the expressions around a position, the largest first."""

    def visit(node: ast.AST) -> Iterator[_Place]:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "args", "targets", "target"):
                if not isinstance(node, ast.Call):
                    continue
            parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, part in parts:
                if not isinstance(part, ast.AST) or not _has(part, row, column):
                    continue
                if isinstance(part, ast.Lambda):
                    continue
                if isinstance(part, ast.FormattedValue):
                    whole = ast.copy_location(ast.JoinedStr([part]), part)
                    yield _Place(whole, node, name, index, functions, is_formatted=True)
                elif isinstance(part, ast.expr):
                    yield _Place(part, node, name, index, functions)
                yield from visit(part)

    for statement in functions[-1].body:
        yield from visit(ast.Module([statement], []))


def _has(node: Any, row: int, column: int) -> bool:
    if not hasattr(node, "lineno"):
        return isinstance(node, ast.comprehension | ast.keyword | ast.withitem | ast.ExceptHandler)
    begin, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return bool(begin <= (row, column) < end)


def _local_names(functions: tuple[Any, ...]) -> frozenset[str]:
    return frozenset().union(*(bound_names(one) for one in functions))


def _local_functions(functions: tuple[Any, ...]) -> frozenset[str]:
    """Return the names of functions that are defined in functions: no step can be given them."""
    parts = [part for one in functions for part in ast.walk(one) if part is not one]
    found = {one.name for one in parts if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    for one in parts:
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Lambda):
            found |= {each.id for each in one.targets if isinstance(each, ast.Name)}
    return frozenset(found)
