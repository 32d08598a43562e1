"""Lower calls of functions of the program: their code takes the place of the call.

A function that is defined in another one sees that one's variables as they are at the call.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from types import FunctionType
from typing import Any

from partita.compile.analysis.code import Code, code_of
from partita.compile.analysis.modules import lambda_key
from partita.compile.analysis.mutation import (
    is_fresh,
    is_replaced,
    local_names,
    mutated_names,
    own_nodes,
)
from partita.compile.context import Context, Frame
from partita.compile.diagnostics import RefusedError
from partita.compile.enclosing import Enclosing
from partita.compile.functions.parameters import Argument, bind
from partita.compile.functions.returns import with_assignments
from partita.compile.jsonata import Names, literal
from partita.compile.tree import Inlined, Let, Return, Value
from partita.compile.types import NEVER, Type, join
from partita.compile.values.closures import Definition, Function
from partita.compile.variables import Variable, Variables

_DEEPEST = 40
"""Functions inlined in one another: more of them are taken for recursion."""


_TRANSPARENT = {"staticmethod", "classmethod", "property", "cached_property"}
"""Decorators of methods, whose meaning is known."""


def inline(node: Any, function: Function, context: Context) -> Value:
    """Lower the body of a function for the arguments of one call."""
    path = _path(node, function, context)
    place = _place(node, function, context)
    definition = function.definition or _definition(node, function.target, place)
    _check_kind(node, definition, context)
    defaults = function.defaults if function.definition else _defaults(function.target, definition)
    given = bind(node, definition.args, defaults, context, place)
    whole = function if function.definition else replace(function, definition=definition)
    inner = _inner(whole, path, context, place)
    with inner.captured() as body:
        _assign(node, given, inner, context)
        known = len(context.compilation.diagnostics.found)
        inner.lower_body(whole.body)
        if len(context.compilation.diagnostics.found) > known:
            raise RefusedError
        if inner.is_reachable:
            inner.block.append(Return(node.lineno, _none()))
    body[:0] = inner.without_values(node.lineno)
    for name in inner.frame.shared:
        if name in inner.variables:
            inner.write_through(name)
    return _result(node, body, inner, context)


def _result(node: Any, body: list[Any], inner: Context, context: Context) -> Value:
    variable = context.names.new("result")
    simple = with_assignments(body, variable)
    types = inner.signature.results
    if simple is None:
        context.block.append(Inlined(node.lineno, body, variable))
    else:
        context.block.extend(simple)
    type = NEVER
    for one in types:
        type = join(type, one)
    if inner.is_reachable:
        type = join(type, _none().type)
    _check_escape(node, type, inner, context)
    return Value(f"${variable}", type)


def _check_escape(node: ast.AST, type: Type, inner: Context, context: Context) -> None:
    """Refuse a function that a loop makes several times, each with other variables around it."""
    made = [*type.parts, type]
    for one in [each for part in made if part.kind == "function" for each in part.cls]:
        if one.scope is inner and context.enclosing.rounds and _reads(one) & inner.local:
            raise context.refuse(
                node,
                f"function {one.name}",
                "a loop makes it several times, each time over other variables",
                "make it before the loop, or give it what it reads as arguments",
            )


def _reads(function: Function) -> set[str]:
    names = {
        part.id for one in function.body for part in ast.walk(one) if isinstance(part, ast.Name)
    }
    return names - (local_names(function.definition) if function.definition else set())


def _none() -> Value:
    found = literal(None)
    assert found is not None
    return found


def _path(node: ast.AST, function: Function, context: Context) -> list[Any]:
    """Return the functions whose code is being inlined; refuse recursion, once for each cycle."""
    path = [*context.frame.path, function]
    if function in context.frame.path or len(path) > _DEEPEST:
        begin = context.frame.path.index(function) if function in context.frame.path else 0
        cycle = [one.name for one in path[begin:]]
        if context.compilation.diagnostics.is_new_cycle(cycle):
            raise context.refuse(
                node, "recursion", " calls ".join(cycle), "write it as a loop, or as an activity"
            )
        raise RefusedError
    return path


def _place(node: ast.AST, function: Function, context: Context) -> Context:
    """Return the context whose module is the function's."""
    if function.scope is not None:
        return function.scope
    if function.definition is not None or _is_here(function.target, context):
        return context
    module = context.compilation.sources.module(function.target)
    if module is None:
        raise _not_compiled(node, function.target, context)
    return replace(context, module=module)


def _is_here(function: FunctionType, context: Context) -> bool:
    return function.__module__ == context.module.namespace.get("__name__")


def _not_compiled(node: ast.AST, function: FunctionType, context: Context) -> Exception:
    return context.refuse(
        node,
        f"call of {function.__name__}",
        "only plain functions of the program's modules are compiled in place",
        "make it an activity, or define it beside the workflow",
    )


def _definition(node: ast.AST, function: FunctionType, context: Context) -> Definition:
    found: Definition | None = context.module.functions.get(function.__qualname__)
    if function.__name__ == "<lambda>":
        code = function.__code__
        found = context.module.functions.get(lambda_key(code.co_firstlineno, code))
    decorators = [ast.unparse(one) for one in getattr(found, "decorator_list", ())]
    is_closed = set(function.__code__.co_freevars) <= {"__class__"}
    if found is None or not set(decorators) <= _TRANSPARENT or not is_closed:
        raise _not_compiled(node, function, context)
    if function.__module__ == context.compilation.diagnostics.module:
        return found
    made: Definition = context.compilation.sources.moved(found, node)
    return made


def _check_kind(node: ast.AST, definition: Definition, context: Context) -> None:
    yields = [one for one in own_nodes(definition) if isinstance(one, ast.Yield | ast.YieldFrom)]
    if yields:
        raise context.refuse(
            node, "call of a generator", "it is not compiled", "return a list instead"
        )


def _defaults(function: Any, definition: Definition) -> dict[str, Value]:
    found = {}
    changed = mutated_names(definition.body) if isinstance(definition.body, list) else frozenset()
    for name, one in inspect.signature(function).parameters.items():
        value = None if one.default is one.empty else literal(one.default)
        if value is not None and not (value.type.is_mutable and name in changed):
            found[name] = value
    return found


def _inner(function: Function, path: list[Any], context: Context, place: Context) -> Context:
    """Return the context in which the code of a function is lowered."""
    scope, code = function.scope, _code(function, context, place)
    visible = _visible(scope, code.own, context) if scope is not None else {}
    enclosing = context.enclosing
    return Context(
        context.compilation,
        place.module,
        code,
        code.own | (scope.local if scope is not None else frozenset()),
        Names(context.names),
        visible,
        frame=_frame(function, path, context),
        enclosing=Enclosing(errors=list(enclosing.errors), rounds=enclosing.rounds),
    )


def _code(function: Function, context: Context, place: Context) -> Code:
    """Return what the code of a function says."""
    definition, body = function.definition, function.body
    return code_of(
        definition,
        body,
        place.module,
        context.compilation.sources.aliases(definition, body, place.module),
        is_async=isinstance(definition, ast.AsyncFunctionDef),
        around=function.scope.code.mutated if function.scope is not None else frozenset(),
    )


def _frame(function: Function, path: list[Any], context: Context) -> Frame:
    """Return what a function has from its callers, and from the function around it."""
    scope = function.scope
    if scope is None or function.definition is None:
        return Frame(context, path)
    shared = {name: (scope, name) for name in function.writes if name in scope.local}
    borrowed = scope.frame.borrowed - local_names(function.definition)
    return Frame(context, path, shared, borrowed)


def _visible(scope: Context, own: frozenset[str], context: Context) -> Variables:
    """Return the variables around a function, as the callers know them last."""
    found: Variables = {}
    for path, known in scope.variables.items():
        name = path.partition(".")[0]
        if name not in own:
            found[path] = _latest(name, known, scope, context) if name == path else known
    return found


def _latest(name: str, known: Variable, scope: Context, context: Context) -> Variable:
    one: Context | None = context
    while one is not None and one is not scope:
        seen = one.variables.get(name)
        if seen is not None and seen.text == known.text:
            return seen
        one = one.frame.caller
    return known


def _assign(node: Any, given: dict[str, Argument], inner: Context, context: Context) -> None:
    """Assign the arguments to variables of the function, which may be the caller's own."""
    values = {}
    borrowed = set(inner.frame.borrowed)
    for name, one in given.items():
        value = one.value
        is_new = one.node is None or is_fresh(one.node, context.returning)
        is_new = is_new or _is_copied(name, value.type, inner)
        source = one.node.id if isinstance(one.node, ast.Name) else None
        if name in inner.code.mutated and value.type.is_mutable and not is_new:
            _share(node, name, source, value, inner, context)
            continue
        if source in context.code.mutated and value.type.is_mutable and not is_new:
            borrowed.add(name)
        is_fixed = value.type.kind == "function" and name not in inner.code.reassigned
        if is_fixed and value.is_constant:
            inner.variables[name] = Variable(value.type, value.text)
            continue
        values[inner.bind(name, value.type)] = value
    inner.frame.borrowed = frozenset(borrowed)
    if values:
        inner.block.append(Let(node.lineno, values))


def _is_copied(name: str, type: Type, inner: Context) -> bool:
    """Return whether a function copies an argument before it changes it, with all of its parts."""
    type = type.item if type.kind == "optional" else type
    is_flat = type.kind in ("list", "dict", "set") and not any(one.is_mutable for one in type.parts)
    return is_flat and is_replaced(name, inner.code.body)


def _share(
    node: Any, name: str, source: str | None, value: Value, inner: Context, context: Context
) -> None:
    """Make a parameter that is changed in place another name of the caller's variable."""
    is_place = source is not None and value.type.kind in ("list", "dict", "record", "set", "error")
    if not is_place or name in _assigned(inner, name):
        raise inner.refuse(
            node,
            f"argument {name}",
            "the function changes it in place, which the caller would see",
            "pass a variable, or let the function return a new value",
        )
    assert source is not None
    inner.frame.shared[name] = (context, source)
    inner.variables[name] = Variable(value.type, context.variables[source].text)


def _assigned(inner: Context, name: str) -> frozenset[str]:
    """Return the name if the function assigns it, too."""
    return inner.code.reassigned & {name}
