"""Lower groups and chains: their parts are branches, their errors one ExceptionGroup."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any

from partita.authoring import canvas
from partita.compile.concurrency.branches import Work, branch_of, called_work, hoisted
from partita.compile.concurrency.comprehensions import begin_each
from partita.compile.concurrency.outcomes import (
    errors_of,
    group_error,
    known_list,
    reduced,
    reduced_if_any,
)
from partita.compile.context import Context
from partita.compile.jsonata import list_value, literal, made
from partita.compile.lowered import Lowered, located
from partita.compile.names.objects import target
from partita.compile.tree import Check, If, Let, Parallel, Value
from partita.compile.types import BOOL, NEVER, NONE, Type, future_of, list_of, optional
from partita.compile.variables import Variable


@dataclass(frozen=True, eq=False)
class Shape:
    """A group or a chain: its parts, or a comprehension of them."""

    node: ast.Call
    kind: str
    parts: tuple[Part, ...]
    each: ast.ListComp | None = None
    sends: bool = False
    raises: bool = True
    breaks: bool = True
    limit: int = 0


Part = Work | Shape


def shape_of(node: ast.expr, context: Context) -> Shape | None:
    """Return the shape that an expression is; None if it is none."""
    if isinstance(node, ast.Name) and node.id in context.variables:
        type = context.variables[node.id].type
        return type.cls if type.kind == "shape" else None
    found = target(node.func, context) if isinstance(node, ast.Call) else None
    if found not in (canvas.group, canvas.chain) or not isinstance(node, ast.Call):
        return None
    return _shape(node, found is canvas.group, context)


def appended(node: Any, context: Context) -> Value | None:
    """Lower `shape.append(...)` of a shape in a variable; None: it is another call."""
    function = node.func
    is_append = isinstance(function, ast.Attribute) and function.attr == "append"
    shape = shape_of(function.value, context) if is_append else None
    if shape is None or not isinstance(function.value, ast.Name) or shape.each is not None:
        return None
    work = None
    if len(node.args) > 1 or node.keywords:
        work = called_work(node, node.args[0], node.args[1:], node.keywords, context)
    part = work or part_of(node.args[0], context)
    added = replace(shape, parts=(*shape.parts, _evaluated(part, context)))
    name, known = function.value.id, context.variables[function.value.id]
    changed = Variable(Type("shape", cls=added), known.text)
    context.variables = {**context.variables, name: changed}
    return Value("null", NONE)


def shape_value(node: ast.Call, context: Context) -> Value:
    """Return a group or chain as a value, which is known when the program is compiled."""
    return Value("null", Type("shape", cls=shape_of(node, context)))


def _shape(node: ast.Call, is_group: bool, context: Context) -> Shape:
    options = {one.arg: _constant(one.value, context) for one in node.keywords}
    names = {"raises_on_failure", "break_on_failure", "max_parallel" if is_group else "send_result"}
    breaks = bool(options.get("break_on_failure", not is_group))
    if not set(options) <= names or (is_group and breaks):
        raise context.refuse(
            node,
            "options of a group" if is_group else "options of a chain",
            "branches cannot be stopped, and a failure counts where it is raised",
            f"use {', '.join(sorted(names - {'break_on_failure'} if is_group else names))}",
        )
    one = node.args[0] if len(node.args) == 1 else None
    each, parts = None, list(node.args)
    if isinstance(one, ast.Starred):
        one = one.value
    if isinstance(one, ast.ListComp | ast.GeneratorExp):
        each, parts = located(ast.ListComp(one.elt, one.generators), one), []
    elif isinstance(one, ast.List):
        parts = one.elts
    return Shape(
        node,
        "group" if is_group else "chain",
        tuple(_evaluated(part_of(part, context), context) for part in parts),
        each,
        bool(options.get("send_result", False)),
        bool(options.get("raises_on_failure", True)),
        breaks,
        int(options.get("max_parallel") or 0),
    )


def _constant(node: ast.expr, context: Context) -> Any:
    if not isinstance(node, ast.Constant):
        raise context.refuse(
            node, "option", "it must be known when the workflow is compiled", "give a constant"
        )
    return node.value


def part_of(node: ast.expr, context: Context) -> Part:
    """Return the part that an expression stands for."""
    shape = shape_of(node, context)
    if shape is not None:
        return shape
    called, args, keywords = node, [], []
    if isinstance(node, ast.Tuple) and node.elts:
        called, args = node.elts[0], node.elts[1:]
    elif isinstance(node, ast.Call) and target(node.func, context) is canvas.task and node.args:
        called, args, keywords = node.args[0], node.args[1:], node.keywords
    work = called_work(node, called, args, keywords, context)
    if work is None:
        raise context.refuse(
            node,
            "part of a shape",
            "only activities, child workflows, groups and chains are compiled as parts",
            "write task(activity, argument), or spawn the function",
        )
    return work


def _evaluated(part: Part, context: Context) -> Part:
    """Evaluate the arguments of a part, as Python does when the shape is made."""
    if isinstance(part, Shape):
        return part
    args = [hoisted(one, context) for one in part.call.args]
    keywords = [ast.keyword(one.arg, hoisted(one.value, context)) for one in part.call.keywords]
    return part.with_call(args, keywords)


# -- running them


def run_shape(shape: Shape, context: Context, *more: Value) -> Value:
    """Run a shape; return the list of its results, or raise its errors."""
    if shape.each is not None:
        return _run_each(shape, shape.each, context)
    if not shape.parts:
        return Value("[]", list_of(NEVER))
    run = _run_group if shape.kind == "group" else _run_chain
    return run(shape, context, *more)


def submit_shape(node: ast.Call, shape: Shape, context: Context) -> Value:
    """Begin a shape; return its future."""
    inner: ast.expr = located(Lowered(lambda one: run_shape(shape, one)), node)
    branch, type = branch_of(node, shape.kind, inner, context)
    context.block.append(Parallel(node.lineno, [branch]))
    return Value(f"${branch.variable}", future_of(type))


def _run_each(shape: Shape, each: ast.ListComp, context: Context) -> Value:
    part: Part | None = _deferred(each, context)
    part = part or part_of(each.elt, context)
    limit = 1 if shape.kind == "chain" else shape.limit
    found = None
    if isinstance(part, Work) and not (shape.kind == "chain" and (shape.breaks or shape.sends)):
        found = begin_each(each, part, [], context, literal(limit) if limit else None)
    if found is None:
        raise context.refuse(
            shape.node,
            f"{shape.kind} of a comprehension",
            "only activities whose arguments are no calls are compiled so",
            "submit them in a list comprehension, or write a loop",
        )
    _check(shape, found.futures, f"$count({found.futures.text})", context)
    type = found.futures.type.item.item
    if shape.raises:
        return reduced(found.futures, "{}.value", type, context)
    return reduced_if_any(found.futures, type, context)


def _deferred(each: ast.ListComp, context: Context) -> Work | None:
    """Return the work that makes and runs a shape for each item; None for other parts."""
    elt = each.elt
    found = target(elt.func, context) if isinstance(elt, ast.Call) else None
    plain = (ast.Name, ast.Constant, ast.Call, ast.Tuple, ast.Load, ast.keyword)
    is_plain = all(isinstance(one, plain) for one in ast.walk(elt))
    if found not in (canvas.group, canvas.chain) or not is_plain:
        return None
    goals = [part for one in each.generators for part in ast.walk(one.target)]
    names = sorted({one.id for one in goals if isinstance(one, ast.Name)})
    parameters = [ast.arg(name) for name in names]
    arguments = ast.arguments([], parameters, None, [], [], None, [])
    function = ast.Lambda(arguments, ast.Call(elt, [], []))
    given: list[ast.expr] = [ast.Name(name, ast.Load()) for name in names]
    call = located(ast.Call(function, given, []), elt)
    return Work(call, str(found.__name__), call)


def _run_group(shape: Shape, context: Context, *more: Value) -> Value:
    futures: list[Value] = []
    size = shape.limit or len(shape.parts)
    for begins in range(0, len(shape.parts), size):
        branches = []
        for part in shape.parts[begins : begins + size]:
            branch, type = branch_of(
                shape.node, _name(part), _expression(part, shape.node, more), context
            )
            branches.append(branch)
            futures.append(Value(f"${branch.variable}", future_of(type)))
        context.block.append(Parallel(shape.node.lineno, branches))
    return _concluded(shape, futures, context)


def _name(part: Part) -> str:
    return part.kind if isinstance(part, Shape) else part.name


def _expression(part: Part, node: ast.AST, more: tuple[Value, ...]) -> ast.expr:
    """Return the expression of a part with more arguments."""
    if isinstance(part, Shape):
        return located(Lowered(lambda one: run_shape(part, one, *more)), node)  # type: ignore[no-any-return]
    added: list[ast.expr] = [located(_known(one), node) for one in more]
    return part.with_arguments([*part.call.args, *added], part.call.keywords)


def _known(value: Value) -> ast.expr:
    return Lowered(lambda _: value)


def _concluded(shape: Shape, futures: list[Value], context: Context) -> Value:
    """Return the results of parts that have ended, or raise their errors."""
    outcomes = context.let(shape.node, "outcomes", list_value(futures))
    _check(shape, outcomes, str(len(futures)), context)
    return known_list([_result(one, shape.raises) for one in futures])


def _result(future: Value, is_sure: bool) -> Value:
    type = future.type.item
    if is_sure:
        return made(f"{future.text}.value", type, future)
    text = f"$exists({future.text}.value) ? {future.text}.value : null"
    return made(text, optional(type), future, is_atom=False)


def _check(shape: Shape, futures: Value, count: str, context: Context) -> None:
    """Raise the errors of parts, if the shape raises them."""
    if not shape.raises:
        return
    errors = context.let(shape.node, "failures", errors_of(futures, context))
    text = f'$string($count({errors.text})) & " of " & $string({count}) & '
    text += f'" parts of a {shape.kind} failed"'
    condition = Value(f"$count({errors.text}) = 0", BOOL, False)
    error = group_error(Value(text, NONE), errors, context)
    context.block.append(Check(shape.node.lineno, condition, error))


def _run_chain(shape: Shape, context: Context, *more: Value) -> Value:
    futures: list[Value] = []
    for part in shape.parts:
        sent = (_result(futures[-1], shape.breaks),) if futures and shape.sends else ()
        work = _expression(part, shape.node, sent if futures else more)
        with context.captured() as block:
            future = _next(shape, _name(part), work, context)
        if futures and shape.breaks:
            before = f"$exists({futures[-1].text}.value)"
            skipped = Let(shape.node.lineno, {future.text[1:]: Value("{}", future.type)})
            context.block.append(If(shape.node.lineno, Value(before, BOOL), block, [skipped]))
        else:
            context.block.extend(block)
        futures.append(future)
    return _concluded(shape, futures, context)


def _next(shape: Shape, name: str, work: ast.expr, context: Context) -> Value:
    branch, type = branch_of(shape.node, name, work, context)
    context.block.append(Parallel(shape.node.lineno, [branch]))
    return Value(f"${branch.variable}", future_of(type))
