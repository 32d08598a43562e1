"""Lower calls of helper functions of the same module: their code takes the place of the call.

Only functions that return at their end, also in branches: a tree has no way out of a block.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from types import FunctionType
from typing import Any

from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.jsonata import Names, literal
from partita.compile.mutation import local_names, mutated_names
from partita.compile.tree import If, Let, Loop, Node, Raise, Return, Try, Value
from partita.compile.types import ANY, NEVER, Type, UnknownHintError, fits, join, of_hint

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def inline(node: Any, function: FunctionType, context: Context) -> Value:
    """Lower the body of a function for the arguments of one call."""
    definition = _definition(node, function, context)
    path = [*context.inlined, function.__name__]
    if function.__name__ in context.inlined:
        raise context.refuse(
            node, "recursion", f"{' calls '.join(path)}", "write it as a loop, or as an activity"
        )
    given = _arguments(node, function, context)
    inner = _inner(definition, function, path, context)
    with inner.captured() as body:
        values = {}
        for name, value in given.items():
            _check_changed(node, name, value.type, inner)
            values[inner.bind(name, value.type)] = value
        if values:
            inner.block.append(Let(node.lineno, values))
        known = len(context.diagnostics.found)
        inner.lower_body(definition.body, inner)
        if len(context.diagnostics.found) > known:
            raise RefusedError
        if inner.is_reachable:
            inner.block.append(Return(node.lineno, _none()))
    variable = context.names.new("result")
    types: list[Type] = []
    context.block.extend(_without_returns(node, body, variable, types, context))
    type = NEVER
    for one in types:
        type = join(type, one)
    return Value(f"${variable}", type)


def _none() -> Value:
    found = literal(None)
    assert found is not None
    return found


def _definition(node: ast.AST, function: FunctionType, context: Context) -> Definition:
    found = context.functions.get(function.__name__)
    is_here = function.__globals__ is context.namespace and found is not None
    if not is_here or found is None or found.decorator_list or function.__closure__:
        raise context.refuse(
            node,
            f"call of {function.__name__}",
            "only plain functions of the same module are compiled in place",
            "make it an activity, or define it beside the workflow",
        )
    return found


def _arguments(node: Any, function: FunctionType, context: Context) -> dict[str, Value]:
    given = {}
    parameters = inspect.signature(function).parameters
    if any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in parameters.values()):
        raise context.refuse(node, "*args", "they are not compiled", "name the parameters")
    pairs = [*zip(parameters, node.args, strict=False)]
    pairs += [(one.arg, one.value) for one in node.keywords]
    if len(node.args) > len(parameters):
        raise context.refuse(node, "arguments", "they are too many", "give each parameter once")
    for name, argument in pairs:
        if name not in parameters or name in given or isinstance(argument, ast.Starred):
            raise context.refuse(node, "arguments", "they do not fit", "give each parameter once")
        given[name] = _hinted(context.lower(argument), function, name)
    for name, one in parameters.items():
        if name not in given:
            value = None if one.default is one.empty else literal(one.default)
            if value is None or isinstance(one.default, list | dict):
                raise context.refuse(node, f"argument {name}", "it is missing", "give it")
            given[name] = _hinted(value, function, name)
    return given


def _hinted(value: Value, function: FunctionType, name: str) -> Value:
    """Give an argument the type of its hint, if that is a wider one."""
    hint = inspect.get_annotations(function, eval_str=True).get(name, Any)
    try:
        wanted = of_hint(hint)
    except UnknownHintError:
        return value
    is_wider = wanted is not ANY and fits(value.type, wanted)
    return replace(value, type=wanted) if is_wider else value


def _inner(
    definition: Definition, function: FunctionType, path: list[str], context: Context
) -> Context:
    inner: Context = replace(
        context,
        local=local_names(definition),
        mutated=mutated_names(definition.body),
        result_type=None,
        lower=lambda one: context.lower_in(one, inner),
        names=Names(context.names),
        variables={},
        block=[],
        parameters={},
        is_reachable=True,
        is_kept=True,
        loops=[],
        errors=[],
        finals=0,
        tries=[],
        inlined=path,
        is_async=isinstance(definition, ast.AsyncFunctionDef),
    )
    return inner


def _check_changed(node: ast.AST, name: str, type: Type, inner: Context) -> None:
    if name in inner.mutated and type.is_mutable:
        raise inner.refuse(
            node,
            f"argument {name}",
            "the function changes it in place, which the caller would see",
            "let the function return a new value",
        )


def _without_returns(
    node: Any, body: list[Node], variable: str, types: list[Type], context: Context
) -> list[Node]:
    """Replace the returns at the end of a body by assignments."""
    found: list[Node] = []
    for number, one in enumerate(body):
        rest = body[number + 1 :]
        if isinstance(one, Return):
            types.append(one.value.type)
            return [*found, Let(one.row, {variable: one.value})]
        if isinstance(one, If) and (_returns(one.body) or _returns(one.orelse)):
            branches = []
            for branch in (one.body, one.orelse):
                whole = branch if _ends(branch) else [*branch, *rest]
                branches.append(_without_returns(node, whole, variable, types, context))
            if rest and not (_ends(one.body) or _ends(one.orelse)):
                raise _refused(node, context)
            return [*found, replace(one, body=branches[0], orelse=branches[1])]
        if _returns([one]):
            raise _refused(node, context)
        found.append(one)
    return found


def _refused(node: ast.AST, context: Context) -> Exception:
    return context.refuse(
        node,
        "return in the middle of a function",
        "only returns at the end, or in branches at the end, are compiled in place",
        "assign to a variable, and return it at the end",
    )


def _returns(nodes: list[Node]) -> bool:
    return any(isinstance(one, Return) or _returns(_parts(one)) for one in nodes)


def _parts(node: Node) -> list[Node]:
    match node:
        case If():
            return [*node.body, *node.orelse]
        case Loop():
            return [*node.head, *node.body, *node.orelse]
        case Try():
            handled = [inner for one in node.handlers for inner in one.body]
            return [*node.body, *handled, *node.orelse, *node.final]
        case _:
            return []


def _ends(nodes: list[Node]) -> bool:
    """Return whether nothing follows a block."""
    last = nodes[-1] if nodes else None
    if isinstance(last, If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, Return | Raise)
