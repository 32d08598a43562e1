"""Compile one workflow: read its hints, lower its code, and collect what was found.

The only module that knows how a workflow is declared. What cannot be compiled is tried again as
generated steps, if outlining is allowed.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import Any

from partita.authoring.file_modules import imported_name
from partita.authoring.workflow import WorkflowDefinition
from partita.compile.analysis.aliases import aliases_of
from partita.compile.analysis.code import code_of
from partita.compile.analysis.modules import module_of
from partita.compile.context import Compilation, Context
from partita.compile.diagnostics import Diagnostics
from partita.compile.expressions import lower
from partita.compile.faults import fault
from partita.compile.jsonata import literal
from partita.compile.outlining.steps import Outliner
from partita.compile.statements import lower_body
from partita.compile.tree import Parameter, Program, Return
from partita.compile.types import ANY, FLOAT, NONE, NUMBER, Type, UnknownHintError, fits, of_hint
from partita.compile.variables import Variable
from partita.compile.workflow_source import source_of


def compile_workflow(
    workflow: WorkflowDefinition[..., Any], filename: str | None = None
) -> Program:
    """Compile a workflow to a tree. `filename` is how messages name its file.

    Raises:
        CompileError: it uses what cannot be compiled; the error has all diagnostics.
        UnsupportedError: its source is not a function in a file, or a hint cannot be read.
        CompilerFaultError: the compiler itself failed.
    """
    source = source_of(workflow)
    function, lines = source.function, source.text.splitlines()
    shown = filename or source.path
    tree, node = source.parsed()
    outliner = Outliner(workflow.workflow_type.name, tree, node, function.__globals__)
    while True:
        diagnostics = Diagnostics(shown, lines, function.__module__)
        is_async = workflow.is_async
        compilation = Compilation(lower, lower_body, diagnostics)
        context = _context(tree, node, function, compilation, outliner.made, is_async=is_async)
        body = _read(node, context, workflow)
        parameters = _parameters(node, workflow.function, context)
        if not context.compilation.diagnostics.found:
            break
        outliner.improve(context.compilation.diagnostics.found.values())
    module = imported_name(function.__module__, function.__code__.co_filename)
    steps = outliner.source(module) if outliner.steps else ""
    name = workflow.workflow_type.name
    document = inspect.getdoc(function)
    warnings = tuple(sorted(context.compilation.diagnostics.warnings.values()))
    row, classes = node.lineno, context.compilation.errors.by_name
    made = Program(name, shown, lines, row, parameters, body, document, classes, warnings)
    return replace(made, steps=tuple(outliner.steps), step_source=steps)


def drawable(workflow: WorkflowDefinition[..., Any]) -> Program:
    """Return the tree of a workflow to draw; what cannot be compiled is `Refused` in it.

    Raises:
        UnsupportedError: its source is not a function in a file, or a hint cannot be read.
        CompilerFaultError: the compiler itself failed.
    """
    source = source_of(workflow)
    function, lines = source.function, source.text.splitlines()
    tree, node = source.parsed()
    diagnostics = Diagnostics(source.path, lines, function.__module__)
    compilation = Compilation(lower, lower_body, diagnostics, keeps_refused=True)
    context = _context(tree, node, function, compilation, {}, is_async=workflow.is_async)
    body = _read(node, context, workflow)
    if isinstance(body[-1], Return) and not isinstance(node.body[-1], ast.Return):
        body = body[:-1]  # the end of the code, which is no line of it
    return Program(workflow.workflow_type.name, source.path, lines, node.lineno, [], body, None)


def _read(node: Any, context: Context, workflow: WorkflowDefinition[..., Any]) -> list[Any]:
    """Return the block of a workflow's code.

    Raises:
        UnsupportedError: a type hint cannot be evaluated.
        CompilerFaultError: the compiler itself failed.
    """
    try:
        return _lowered(node, context, workflow)
    except Exception as error:
        raise fault(error, node, context.compilation.diagnostics) from error


def _context(
    tree: ast.Module,
    node: Any,
    function: Any,
    compilation: Compilation,
    steps: dict[str, Any],
    *,
    is_async: bool,
) -> Context:
    module = module_of(tree, function.__globals__)
    aliases = aliases_of(ast.Pass(), node.body, module.changes, module.helpers)
    code = code_of(node, node.body, module, aliases, is_async=is_async)
    if steps:
        module = replace(module, namespace={**module.namespace, **steps})
    context = Context(compilation, module, code, code.own)
    context.names.reserve(set(code.own))
    return context


def _lowered(node: Any, context: Context, workflow: WorkflowDefinition[..., Any]) -> list[Any]:
    function = inspect.unwrap(workflow.function)
    hints = inspect.get_annotations(function, eval_str=True)
    context.signature.result_type = _hint(node, "return", hints.get("return", Any), context)
    _bind_instance(function, workflow, context)
    for name, one in inspect.signature(workflow.function).parameters.items():
        type = _hint(node, name, hints.get(name, Any), context)
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            context.refuse(node, f"parameter {name}", "*args has no name", "use a list")
        context.signature.parameters[name] = type
        is_int = isinstance(one.default, int) and not isinstance(one.default, bool)
        context.bind(name, NUMBER if type is FLOAT and is_int else type)
    lower_body(node.body, context)
    if context.is_reachable:
        value = literal(None)
        assert value is not None
        context.block.append(Return(node.end_lineno, value))
    body = [*context.without_values(node.lineno), *context.block]
    context.compilation.flags.assign(body, context.names, node.lineno)
    return body


def _bind_instance(function: Any, workflow: WorkflowDefinition[..., Any], context: Context) -> None:
    """Bind `self` of a workflow in class form, whose class is known."""
    names = list(inspect.signature(function).parameters)
    if len(names) > len(inspect.signature(workflow.function).parameters):
        owner = function.__globals__.get(function.__qualname__.rpartition(".")[0])
        context.variables[names[0]] = Variable(Type("workflow", cls=owner), "null")


def _hint(node: Any, name: str, hint: Any, context: Context) -> Type:
    try:
        return NONE if hint is None else of_hint(hint)
    except UnknownHintError as error:
        context.refuse(
            node,
            f"hint of {name}",
            f"it means {error}",
            "use int, float, bool, str, list, dict[str, ...], tuple, dataclasses or Any",
        )
        return ANY


def _parameters(node: Any, function: Any, context: Context) -> list[Parameter]:
    found = []
    for name, one in inspect.signature(function).parameters.items():
        default = None
        if one.default is not one.empty:
            default = literal(one.default)
            is_shared = isinstance(one.default, list | dict) and name in context.code.mutated
            wanted = context.signature.parameters.get(name, ANY)
            if default is None or is_shared or not fits(default.type, wanted):
                context.refuse(
                    node,
                    f"default of {name}",
                    "it does not fit the hint, is no JSON value, or one that calls would share",
                    "use None with the hint `... | None`, and test for it",
                )
        found.append(Parameter(name, context.names.of(name), default))
    return found
