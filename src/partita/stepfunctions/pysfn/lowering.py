"""Lower the entry point of a file of pyawssfn to the compiler's tree.

Its language is small: assignments of calls, branches on predicates, errors, and local functions
that run in parallel. All else is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from partita.compile.analysis.mutation import local_names
from partita.compile.diagnostics import CompileError, Diagnostic, RefusedError
from partita.compile.jsonata import Names, literal
from partita.compile.tree import (
    Call,
    Check,
    Handler,
    Parameter,
    Program,
    Raise,
    Return,
    Try,
    Value,
)
from partita.compile.types import ANY, ERROR
from partita.compile.variables import Variable, Variables, joined
from partita.errors import LoadError
from partita.stepfunctions.pysfn.calls import Branches, Callee, Choices, Rule, retries
from partita.stepfunctions.pysfn.predicates import Conditions
from partita.stepfunctions.pysfn.source import (
    Source,
    entry_point,
    is_main,
    read_source,
    refused,
)

_WAY_OUT = (
    "write x = f(a), x = PSF.with_retry_spec(...), x = PSF.parallel(...), if, try, "
    'raise PSF.Fail("Error", "cause") or return x; do the rest in functions of the module'
)


def compile_source(text: str, filename: str, namespace: Mapping[str, Any] | None = None) -> Program:
    """Return the tree of a file's entry point.

    Args:
        text: the file's source.
        filename: how messages name the file.
        namespace: of the module, if it is loaded.

    Raises:
        LoadError: it is not Python.
        CompileError: it is not of pyawssfn's language; the error has all diagnostics.
    """
    source = read_source(text, filename, namespace)
    node = entry_point(source)
    try:
        return _lowered(node, source)
    except RecursionError as error:
        raise LoadError(f"{filename}: {node.name} is nested too deeply") from error


def _lowered(node: ast.FunctionDef, source: Source) -> Program:
    scope = Scope(source, frozenset(local_names(node)))
    scope.names.reserve(set(scope.local))
    parameters = scope.parameters(node)
    scope.body(node.body)
    if source.diagnostics.found:
        raise refused(source)
    filename, lines = source.diagnostics.filename, source.diagnostics.lines
    document = ast.get_docstring(node)
    return Program(node.name, filename, lines, node.lineno, parameters, scope.block, document)


def refusals(text: str, filename: str) -> list[Diagnostic]:
    """Return what is refused in a file, as far as its source tells; nothing without entry point."""
    try:
        source = read_source(text, filename)
        if any(is_main(one, source) for one in source.tree.body):
            compile_source(text, filename)
    except CompileError as error:
        return error.diagnostics
    except LoadError:
        pass  # others tell that it is not Python
    return []


@dataclass
class Scope:
    """A function while it is lowered: its variables, its local functions, the block it fills."""

    source: Source
    local: frozenset[str]
    names: Names = field(default_factory=Names)
    variables: Variables = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    block: list[Any] = field(default_factory=list)
    is_reachable: bool = True
    known: frozenset[tuple[str, str]] = frozenset()  # lookups that are found: variable, condition
    running: tuple[str, ...] = ()  # local functions whose bodies are being lowered

    def refuse(self, node: Any, what: str, why: str, way_out: str) -> RefusedError:
        """Record that a node is not compiled; raise what it returns, or go on."""
        return self.source.diagnostics.add(node, what, why, way_out)

    def bind(self, name: str) -> str:
        """Note that a variable has a value; return its name in JSONata."""
        text = self.names.of(name)
        self.known = frozenset(one for one in self.known if one[0] != name)
        self.variables = {**self.variables, name: Variable(ANY, f"${text}")}
        return text

    def variable(self, node: ast.Name) -> Variable:
        """Return what is known of a variable that is read."""
        known = self.variables.get(node.id)
        if known is None:
            raise self.refuse(
                node,
                f"name {node.id}",
                "it is no variable of this function that has a value here",
                "assign it before, or make it a parameter",
            )
        if not known.is_sure:
            raise self.refuse(
                node,
                f"variable {node.id}",
                "it may have no value here",
                "assign it on every way that leads here",
            )
        return known

    def parameters(self, node: ast.FunctionDef) -> list[Parameter]:
        """Return what the execution's input holds, in `locals`."""
        given = node.args
        names = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        if given.vararg or given.kwarg:
            self.refuse(node, "parameters *args, **kwargs", "they have no name", "name each")
        defaults: list[ast.expr | None] = [None] * (len(names) - len(given.kwonlyargs))
        if given.defaults:
            defaults[-len(given.defaults) :] = given.defaults
        defaults += given.kw_defaults
        return [
            Parameter(one.arg, self.bind(one.arg), self._default(one.arg, default))
            for one, default in zip(names, defaults, strict=True)
        ]

    def _default(self, name: str, node: ast.expr | None) -> Value | None:
        if node is None:
            return None
        try:
            value = literal(ast.literal_eval(node))
        except (ValueError, TypeError, SyntaxError):
            value = None
        if value is None:
            self.refuse(node, f"default of {name}", "it is no JSON value", "write one, or none")
        return value

    # -- statements

    def body(self, nodes: list[ast.stmt]) -> None:
        """Lower statements; one that is refused does not hide the next ones."""
        for node in nodes:
            if not self.is_reachable:
                return
            try:
                self._statement(node)
            except RefusedError:
                for part in ast.walk(node):
                    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        self.bind(part.id)

    def _statement(self, node: ast.stmt) -> None:
        lower = _LOWER.get(type(node))
        if isinstance(node, ast.Expr) and _is_text(node.value):
            return
        if lower is None:
            name = type(node).__name__
            what = "call whose result is dropped" if _is_call(node) else f"statement {name}"
            raise self.refuse(node, what, "it is not of pyawssfn's language", _WAY_OUT)
        lower(self, node)

    def define(self, node: Any) -> None:
        """Note a local function."""
        if node.decorator_list or ast.unparse(node.args):
            raise self.refuse(
                node,
                f"def {node.name}",
                "a local function is a part of PSF.parallel; it has no parameters and decorators",
                "use the variables of the function around it",
            )
        self.functions = {**self.functions, node.name: node}

    def assign(self, node: Any) -> None:
        """Lower an assignment of a call."""
        if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            raise self.refuse(
                node,
                f"assignment to {ast.unparse(node.targets[0])[:40]}",
                "a state assigns one variable",
                "write x = f(...)",
            )
        name = node.targets[0].id
        made = self._assigned(node)
        self.functions = {key: one for key, one in self.functions.items() if key != name}
        self.block.append(made(self.bind(name)))

    def _assigned(self, node: ast.Assign) -> Callable[[str], Any]:
        call = node.value
        member = self.source.member(call.func) if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call) and member == "parallel":
            bodies = [self._branch(one) for one in self._names(call, call.args, "parallel")]
            return lambda variable: Branches(node.lineno, bodies, variable)
        callee, arguments = self._callee(call, member)
        return lambda variable: Call(node.lineno, callee, arguments, variable)

    def _names(self, call: ast.Call, nodes: list[ast.expr], what: str) -> list[ast.Name]:
        names = [one for one in nodes if isinstance(one, ast.Name)]
        if len(names) < len(nodes) or call.keywords:
            others = [*(one for one in nodes if not isinstance(one, ast.Name)), *call.keywords]
            raise self.refuse(
                others[0],
                f"argument of {what}",
                "arguments are names, in their order",
                "assign it to a variable first",
            )
        return names

    def _callee(self, node: ast.expr, member: str | None) -> tuple[Callee, dict[str, Value]]:
        """Return what is called, and with which variables."""
        if isinstance(node, ast.Call) and member == "with_retry_spec" and len(node.args) >= 2:
            function, given, *specs = node.args
            if isinstance(given, ast.Tuple | ast.List) and not node.keywords:
                call = ast.copy_location(ast.Call(function, given.elts, []), node)
                found, arguments = self._callee(call, None)
                return replace(found, retries=retries(specs, self.refuse)), arguments
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or member:
            raise self.refuse(
                node,
                f"value {ast.unparse(node)[:40]}",
                "what is assigned is the result of a call",
                "write f(a, b), PSF.with_retry_spec(f, (a, b), ([errors], seconds, attempts, "
                "backoff)) or PSF.parallel(one, two)",
            )
        name = node.func.id
        if name in self.local or not self.source.is_function(name):
            raise self.refuse(
                node.func,
                f"call of {name}",
                "it is no function of the module, and the Lambda function has no other",
                f"write def {name}(...) at the module's top",
            )
        problem = self.source.problem_of(name)
        if problem is not None:
            raise self.refuse(node.func, f"call of {name}", *problem)
        names = [one.id for one in self._names(node, node.args, name)]
        self._check_count(node, name, len(names))
        values = {one.id: self._value(one) for one in node.args if isinstance(one, ast.Name)}
        return Callee(name, tuple(names)), values

    def _value(self, node: ast.Name) -> Value:
        return Value(self.variable(node).text, ANY)

    def _check_count(self, node: ast.Call, name: str, count: int) -> None:
        definition = self.source.bound.get(name)
        if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
            return
        args = definition.args
        most = len(args.posonlyargs) + len(args.args)
        needs_keyword = any(one is None for one in args.kw_defaults)
        fits = most - len(args.defaults) <= count and (args.vararg or count <= most)
        if not fits or needs_keyword:
            raise self.refuse(
                node, f"arguments of {name}", f"it takes ({ast.unparse(args)})", "give those"
            )

    def _branch(self, node: ast.Name) -> list[Any]:
        """Return the body of a local function that runs in parallel."""
        function = self.functions.get(node.id)
        if function is None or node.id in self.running:
            raise self.refuse(
                node,
                f"PSF.parallel of {node.id}",
                "it runs local functions that are defined before, in the same function",
                f"write def {node.id}(): ... above",
            )
        local = frozenset(local_names(function))
        outer = {name: one for name, one in self.variables.items() if name not in local}
        inner = Scope(
            self.source,
            self.local | local,
            Names(self.names),
            outer,
            self.functions,
            running=(*self.running, node.id),
        )
        inner.names.reserve(set(local))
        inner.body(function.body)
        return inner.block

    def choose(self, node: Any) -> None:
        """Lower an `if` statement, with all its `elif`."""
        rules: list[Rule] = []
        ways: list[Variables | None] = []
        row = node.lineno
        while True:
            checks, test = self._test(node.test)
            body, way = self._part(node.body, self.variables)
            rules.append(Rule(node.lineno, checks, test, body))
            ways.append(way)
            if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
                break
            node = node.orelse[0]
        orelse, way = self._part(node.orelse, self.variables)
        self.block.append(Choices(row, rules, orelse))
        self._meet(*ways, way)

    def _test(self, node: ast.expr) -> tuple[list[Check], str]:
        """Return the checks before a condition, and the condition."""
        conditions = Conditions(self.source, self.variable, self.known)
        try:
            test = conditions.lower(node)
        except RefusedError:
            test = "false"  # what is wrong in the branches is told, too
        self.known = conditions.known
        return conditions.checks, test

    def _part(
        self, nodes: list[ast.stmt], variables: Variables
    ) -> tuple[list[Any], Variables | None]:
        """Return the nodes of a suite, and what is known after it; None: it is never left."""
        inner = replace(self, block=[], variables=variables)
        inner.body(nodes)
        return inner.block, inner.variables if inner.is_reachable else None

    def _meet(self, *ways: Variables | None) -> None:
        merged = joined(*ways)
        self.is_reachable = merged is not None
        self.variables = self.variables if merged is None else merged
        self.known = frozenset()

    def handle(self, node: Any) -> None:
        """Lower a `try` statement around one call."""
        is_call = len(node.body) == 1 and isinstance(node.body[0], ast.Assign)
        body, then = self._part(node.body, self.variables)
        if not is_call or any(isinstance(one, Branches) for one in body):
            raise self.refuse(
                node,
                "try",
                "only a Task state has catchers",
                "put one assignment of a call of a function into it, and the rest after it",
            )
        for rest in (*node.orelse[:1], *node.finalbody[:1]):
            self.refuse(
                rest, "else or finally", "a Task state has none", "write it after the try statement"
            )
        before = self.variables
        parts = [(one, *self._part(one.body, before)) for one in node.handlers]
        handlers = [Handler(one.lineno, self._caught(one), (), nodes) for one, nodes, _ in parts]
        self.block.append(Try(node.lineno, body, handlers, [], [], "", "", ""))
        self._meet(then, *(after for _, _, after in parts))

    def _caught(self, node: ast.ExceptHandler) -> tuple[str, ...]:
        """Return the names of the errors that a handler handles."""
        found = self.source.error_names(node.type.id) if isinstance(node.type, ast.Name) else None
        if found is None:
            shown = "" if node.type is None else f" {ast.unparse(node.type)[:40]}"
            self.refuse(
                node.type or node,
                f"except{shown}",
                "a catcher of this language has one class of exceptions, by its name",
                "name a class of the module or of Python; write several except for several",
            )
        return tuple(found or ())

    def fail(self, node: Any) -> None:
        """Lower `raise PSF.Fail(...)`."""
        call = node.exc
        is_fail = isinstance(call, ast.Call) and self.source.member(call.func) == "Fail"
        if not is_fail or len(call.args) != 2 or not all(map(_is_text, call.args)) or call.keywords:
            raise self.refuse(
                node,
                f"raise {'' if call is None else ast.unparse(call)[:40]}".strip(),
                "a Fail state has the name of an error, and a cause",
                'write raise PSF.Fail("Error", "what happened")',
            )
        name, cause = (one.value for one in call.args)
        self.block.append(Raise(node.lineno, Value("", ERROR, constant=(name, cause))))
        self.is_reachable = False

    def leave(self, node: Any) -> None:
        """Lower `return name`."""
        if not isinstance(node.value, ast.Name):
            raise self.refuse(
                node,
                f"{ast.unparse(node)[:40]}",
                "a variable is what is returned",
                "write return name",
            )
        self.block.append(Return(node.lineno, self._value(node.value)))
        self.is_reachable = False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_call(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


_LOWER: dict[type, Callable[[Scope, Any], None]] = {
    ast.Assign: Scope.assign,
    ast.FunctionDef: Scope.define,
    ast.If: Scope.choose,
    ast.Raise: Scope.fail,
    ast.Return: Scope.leave,
    ast.Try: Scope.handle,
}
