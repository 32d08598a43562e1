"""Make a composition of a workflow, whose source it compiles.

The composition takes the workflow's arguments by their names, and returns `{"value": result}`.
An error is an object with the class, the text, the bases, the arguments and the attributes of
the exception.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.compile.diagnostics import CompileError, Diagnostics
from partita.compile.workflow_source import source_of
from partita.openwhisk import composer
from partita.openwhisk.action_names import short_name
from partita.openwhisk.composition import Composition
from partita.openwhisk.emitter.hints import types_of, written
from partita.openwhisk.emitter.inner_functions import with_functions
from partita.openwhisk.emitter.scope import Program, Scope, inner_functions, names_of
from partita.openwhisk.emitter.statements import Lowering
from partita.openwhisk.emitter.steps import OWN_NAMES, Block
from partita.openwhisk.recursion import Step, run_deep

_RESULT = "_result"
_WAY = f"return {_RESULT}"


def composition_of(
    workflow: WorkflowDefinition[..., Any], filename: str | None = None
) -> Composition:
    """Return the composition of a workflow. `filename` is how messages name its file.

    Raises:
        CompileError: it uses what cannot be compiled; the error has all diagnostics.
        UnsupportedError: its source is not a function in a file.
    """
    source = source_of(workflow)
    function = source.function
    diagnostics = Diagnostics(filename or source.path, source.text.splitlines())
    first = Program()
    _lowered(source.parsed()[1], function, diagnostics, first)
    program = Program(types=first.types, classes=first.classes)  # each step has all classes
    made = _lowered(source.parsed()[1], function, diagnostics, program)
    if diagnostics.found:
        raise CompileError(sorted(diagnostics.found.values()))
    return made


def _lowered(node: Any, function: Any, diagnostics: Diagnostics, program: Program) -> Composition:
    local = names_of(node)
    program.has_nonlocal = any(isinstance(one, ast.Nonlocal) for one in ast.walk(node))
    program.is_async = isinstance(node, ast.AsyncFunctionDef)
    program.variables |= {*local, _RESULT}
    scope = Scope(program, diagnostics, function.__globals__, local, _RESULT, (function.__name__,))
    types = types_of(function, lambda *told: diagnostics.add(node, *told))
    program.types.append((types, function.__globals__))
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    body = with_functions(body)
    scope = replace(scope, inner=inner_functions(body))
    for name in sorted(local & OWN_NAMES):
        scope.refuse(node, f"variable {name}", "steps use that name themselves", "rename it")
    lowering = Lowering()
    block = Block.new(program)
    _parameters(node, function, types, block, scope)
    lowering.statements(body, block, scope)
    block.code("_out = {'value': None}", node, scope)
    end = Block.new(program)
    end.code(
        f"if _params['error'] != {{'exit': {_WAY!r}}}:\n    raise _step.again(_params['error'])\n"
        f"_out = {{'value': _step.output({_RESULT}, {written(types['return'])})}}",
        node,
        scope,
    )
    whole = composer.do(block.composition(), end.composition())
    made = composer.let({"variables": {}}, whole)
    return run_deep(_with_definitions(made, dict(program.definitions)))


def _with_definitions(node: Composition, left: dict[str, Any]) -> Step[Composition]:
    """Return a composition in which the first call of each action has its definition."""
    if node.type == "action":
        given = left.pop(short_name(node.name), None)
        return Composition("action", (node.name, given))
    children = []
    for child, _ in node.children():
        children.append((yield _with_definitions(child, left)))
    return node.rebuilt(children)


def _parameters(
    node: Any, function: Any, types: dict[str, Any], block: Block, scope: Scope
) -> None:
    parameters = inspect.signature(function).parameters
    for name, one in parameters.items():
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            scope.refuse(node, f"parameter {name}", "*args has no name", "use a list")
    hints = ", ".join(f"{name!r}: {written(types[name])}" for name in parameters)
    defaults = [name for name, one in parameters.items() if one.default is not one.empty]
    given = scope.program.new("given")
    block.code(f"{given} = _step.arguments(_params, {{{hints}}}, {defaults!r})", node, scope)
    for name, one in parameters.items():
        value = f"{given}[{name!r}]"
        if name in defaults:
            value = f"{given}.get({name!r}, {_default(node, name, one.default, scope)})"
        block.code(f"{name} = {value}", node, scope)


def _default(node: Any, name: str, value: Any, scope: Scope) -> str:
    try:
        if ast.literal_eval(repr(value)) == value:
            return repr(value)
    except (ValueError, SyntaxError):
        pass
    scope.refuse(
        node,
        f"default of {name}",
        "it is no plain value",
        "use None with the hint `... | None`, and test for it",
    )
    return "None"
