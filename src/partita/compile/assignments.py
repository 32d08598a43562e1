"""Lower assignments: to names, to places in values, unpacked, augmented; and `del`."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from partita.compile.analysis.mutation import is_fresh
from partita.compile.containers.changes import as_list, at_default
from partita.compile.containers.places import delete, place_of, read, refreshed, write
from partita.compile.containers.slices import delete_slice, store_slice
from partita.compile.containers.unpacking import unpacked
from partita.compile.context import Context
from partita.compile.jsonata import made
from partita.compile.operators.dispatch import operate
from partita.compile.tree import Call, Let, Map, Node, Parallel, Value
from partita.compile.types import ANY, Type, fits, join, list_of
from partita.compile.values.hints import as_declared, hinted
from partita.compile.values.tags import tagged
from partita.compile.variables import UNBOUND, Variable


def assign(node: Any, context: Context) -> None:
    """Lower an assignment."""
    if isinstance(node, ast.AnnAssign):
        if node.value is None:
            return
        value = _hinted(node, context.lower(node.value), context)
        wanted = context.hint(node.annotation)
        if wanted is not None and isinstance(node.target, ast.Name):
            context.bindings.declared[node.target.id] = wanted
        store(node.target, value, is_fresh(node.value, context.returning), context)
        return
    if len(node.targets) == 1:
        if _assign_each(node.targets[0], node.value, context):
            return
        value = context.lower(node.value)
        store(node.targets[0], value, is_fresh(node.value, context.returning), context)
        return
    value = context.simple(node, context.lower(node.value))
    for target in node.targets:
        store(target, value, False, context, is_only=False)


def _assign_each(target: ast.expr, value: ast.expr, context: Context) -> bool:
    """Assign `a, b = x, y` at once; return whether it has this form."""
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return False
    names = [one for one in target.elts if isinstance(one, ast.Name)]
    if len({one.id for one in names}) < len(target.elts) or len(names) != len(value.elts):
        return False
    if any(isinstance(one, ast.Starred) for one in value.elts):
        return False
    values = [context.lower(one) for one in value.elts]
    for name, source, one in zip(names, value.elts, values, strict=True):
        check_alias(name, one.type, is_fresh(source, context.returning), context)
    made = {context.bind(name.id, one.type): one for name, one in zip(names, values, strict=True)}
    context.block.append(Let(target.lineno, made))
    return True


def _hinted(node: ast.AnnAssign, value: Value, context: Context) -> Value:
    """Give an empty list or dict the type of its hint."""
    wanted = context.hint(node.annotation)
    if wanted is not None:
        value = tagged(value, wanted, context)
    if wanted is None or not fits(value.type, wanted):
        return value
    if value.text in ("[]", "{}") and wanted.parts and wanted.parts[-1] is ANY:
        return value  # what it will hold tells more, such as futures
    return hinted(node, value, wanted, context)


def store(
    target: ast.expr, value: Value, fresh: bool, context: Context, *, is_only: bool = True
) -> None:
    """Give a target a value; `is_only`: nothing else reads the value."""
    if isinstance(target, ast.Name):
        _store_name(target, value, fresh, is_only, context)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
        store_slice(target, value, context)
    elif isinstance(target, ast.Subscript | ast.Attribute):
        is_large = not value.is_atom or value.depth > 2 or isinstance(target.value, ast.Call)
        kept = context.simple(target, value) if is_large else value
        target = at_default(target, context)
        write(target, place_of(target, context), kept, context)
    else:
        _unpack(target, value, context)


def _store_name(
    target: ast.Name, value: Value, fresh: bool, is_only: bool, context: Context
) -> None:
    check_alias(target, value.type, fresh, context)
    value = as_declared(target, value, context.bindings.declared.get(target.id), context)
    name = context.bind(target.id, value.type)
    if value.type.kind == "function" and value.is_constant and target.id in context.code.once:
        context.variables[target.id] = Variable(value.type, value.text)
        return
    named = _named(value, name, context) if is_only else None
    if named is not None:
        context.block[-1] = named
    else:
        context.block.append(Let(target.lineno, {name: value}))


def _call_of(value: Value, context: Context) -> Call | None:
    """Return the call before, if a value is its result, and has no name yet."""
    last = context.block[-1] if context.block else None
    is_result = isinstance(last, Call) and value.text == f"${last.variable}"
    return last if is_result and context.names.is_new(last.variable) else None  # type: ignore


def _named(value: Value, name: str, context: Context) -> Node | None:
    """Return the node before with that name for its result; None if the value is another one."""
    call = _call_of(value, context)
    if call is not None:
        return replace(call, variable=name)
    last = context.block[-1] if context.block else None
    if not isinstance(last, Parallel | Map) or not context.names.is_new(value.text[1:]):
        return None
    branch = last.branch if isinstance(last, Map) else last.branches[-1]
    if value.text != f"${branch.variable}":
        return None
    named = replace(branch, variable=name)
    if isinstance(last, Map):
        return replace(last, branch=named)
    return replace(last, branches=[*last.branches[:-1], named])


def check_alias(target: ast.Name, type: Type, fresh: bool, context: Context) -> None:
    """Refuse a second name for a value that is changed in place."""
    if target.id not in context.code.mutated or not type.is_mutable or fresh:
        return
    if target.id in context.code.own and _is_only_name(target, context):
        return
    raise context.refuse(
        target,
        f"second name {target.id}",
        "its value is changed in place, which the other name would see",
        "copy it first: list(...), dict(...)",
    )


def _is_only_name(target: ast.Name, context: Context) -> bool:
    """Return whether a value is not changed under its new name, or not read under the others."""
    aliases, statement = context.code.aliases, context.point.statement
    if aliases is None or statement is None:
        return False
    return not aliases.changes_later(target.id, statement) or aliases.is_moved(statement)


def _unpack(target: ast.expr, value: Value, context: Context) -> None:
    pairs = list(unpacked(target, value, context))
    stars = {one.value.id for one in ast.walk(target) if _is_starred_name(one)}  # type: ignore
    names = [one.id for one, _ in pairs if isinstance(one, ast.Name)]
    if len(set(names)) == len(pairs):
        for one, part in pairs:
            assert isinstance(one, ast.Name)
            check_alias(one, part.type, one.id in stars, context)
        values = {
            context.bind(one.id, part.type): part
            for one, part in pairs
            if isinstance(one, ast.Name)
        }
        context.block.append(Let(target.lineno, values))
        return
    for one, part in [(one, context.let(one, "part", part)) for one, part in pairs]:
        store(one, part, False, context)


def _is_starred_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred) and isinstance(node.value, ast.Name)


def augment(node: Any, context: Context) -> None:
    """Lower `+=` and the like."""
    place = place_of(at_default(node.target, context), context)
    left = read(node.target, place, context)
    if place.steps or left.text.startswith("$lookup") or "[" in left.text:
        left = context.simple(node, left)
    if left.type.kind == "list" and isinstance(node.op, ast.Add):
        right = as_list(node.value, context)
        type = list_of(join(left.type.item, right.type.item)) if right.type.parts else left.type
        value = made(f"$append({left.text}, {right.text})", type, left, right)
    else:
        value = operate(node, left, context.lower(node.value), context)
    if place.steps:
        kept = context.simple(node, value)
        write(node, refreshed(place, context), kept, context)
    else:
        store(node.target, value, True, context)


def delete_all(node: Any, context: Context) -> None:
    """Lower `del`: of items, and of variables, which have no value after it."""
    for target in node.targets:
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            delete_slice(target, context)
        elif isinstance(target, ast.Subscript):
            delete(target, context)
        elif isinstance(target, ast.Name) and target.id in context.variables:
            forget(target, target.id, context)
        else:
            raise context.refuse(
                target, "del", "only variables and items are deleted", "leave it out"
            )


def forget(node: Any, name: str, context: Context) -> None:
    """Note that a variable has no value any more."""
    known = context.variables[name]
    text = context.bind(name, known.type)
    context.block.append(Let(node.lineno, {text: Value(UNBOUND, known.type)}))
    context.variables[name] = replace(known, is_sure=False)
    context.bindings.unbound[text] = None
