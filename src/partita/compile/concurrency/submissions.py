"""Find statements that begin work for each item of a loop, and coroutines that are awaited later.

Both are lowered as the comprehension, or the argument, that they could have been.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator

from partita.authoring.canvas import task
from partita.compile.analysis.names import loaded, stored
from partita.compile.concurrency.branches import Work, coroutine_work, work_of
from partita.compile.concurrency.comprehensions import Begun, begin_each
from partita.compile.concurrency.coroutines import is_coroutine
from partita.compile.context import Context
from partita.compile.diagnostics import RefusedError
from partita.compile.lowered import Lowered, located
from partita.compile.names.callees import callee_of
from partita.compile.names.objects import target


def begin_in_loop(node: ast.For, context: Context) -> bool:
    """Lower a loop that does nothing but begin work, so that all of it begins at once.

    Returns False for other loops, of which nothing is lowered.
    """
    generators, last = _generators(node)
    if last is None or not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return False
    owner = _appended(last.value, context)
    submitted = last.value if owner is None else last.value.args[0]
    work = work_of(submitted, context)
    if work is None and owner is not None and _is_coroutine(submitted, context):
        work = coroutine_work(submitted) if _is_gathered(owner, node, context) else None
    if work is None or (owner is not None and owner in loaded(generators)):
        return False
    if _is_read(stored(generators), context.code.body, node):
        return False
    found = _begun(located(ast.ListComp(submitted, generators), node), work, context)
    if found is None:
        return False
    if owner is not None:
        context.lower_body([_extension(owner, found, last)])
    return True


def _begun(node: ast.ListComp, work: Work, context: Context) -> Begun | None:
    before = context.local
    found = begin_each(node, work, [], context)
    if found is None:
        context.local = before
    return found


def _generators(node: ast.For) -> tuple[list[ast.comprehension], ast.stmt | None]:
    """Return the loops of a statement as a comprehension has them, and what is in them."""
    found: list[ast.comprehension] = []
    one: ast.stmt = node
    while isinstance(one, ast.For | ast.If):
        if one.orelse or len(one.body) > 1:
            return found, None
        if isinstance(one, ast.For):
            found.append(ast.comprehension(one.target, one.iter, [], 0))
        else:
            found[-1].ifs.append(one.test)
        one = one.body[0]
    return found, one


def _appended(node: ast.Call, context: Context) -> str | None:
    """Return the list that a call appends to."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "append":
        return None
    is_list = isinstance(function.value, ast.Name) and len(node.args) == 1
    return function.value.id if is_list else None  # type: ignore[attr-defined]


def _extension(owner: str, found: Begun, node: ast.AST) -> ast.stmt:
    """Return the statement that adds futures to a list."""
    method = ast.Attribute(ast.Name(owner, ast.Load()), "extend", ast.Load())
    statement = ast.Expr(ast.Call(method, [Lowered(lambda _: found.futures)], []))
    return located(statement, node)  # type: ignore[no-any-return]


def _is_gathered(name: str, loop: ast.For, context: Context) -> bool:
    """Return whether the statement after a loop gathers a list, which nothing else reads."""
    parts = [part for one in context.code.body for part in ast.walk(one)]
    reads = [one for one in parts if isinstance(one, ast.Name) and one.id == name]
    loads = [one for one in reads if isinstance(one.ctx, ast.Load)]
    blocks = [context.code.body, *(getattr(one, "body", []) for one in parts)]
    found = [one for one in blocks if isinstance(one, list) and loop in one[:-1]]
    if not found or len(loads) != 2:
        return False
    after = ast.walk(found[0][found[0].index(loop) + 1])
    return any(isinstance(one, ast.Starred) and one.value in loads for one in after)


def _is_read(names: set[str], nodes: Iterable[ast.AST], loop: ast.For) -> bool:
    """Return whether code outside of a loop reads the variables that the loop assigns."""
    return any(_reads(names, one, loop) for one in nodes) if names else False


def _reads(names: set[str], node: ast.AST, loop: ast.For) -> bool:
    if node is loop:
        return False
    if isinstance(node, ast.Name):
        return node.id in names and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.For):
        inner = names - stored([node.target])
        parts = _is_read(names, [node.iter, *node.orelse], loop)
        return parts or _is_read(inner, node.body, loop)
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        names = names - stored([one.target for one in node.generators])
    return _is_read(names, ast.iter_child_nodes(node), loop)


# -- coroutines


def in_place(nodes: list[ast.stmt], context: Context) -> Iterator[ast.stmt]:
    """Yield statements, with coroutines where they are awaited instead of in variables.

    Only those of which the next statement awaits all, so that nothing changes in between.
    """
    held: dict[str, ast.expr] = {}
    kept: list[ast.stmt] = []
    for number, node in enumerate(nodes):
        name, coroutines = _coroutines(node, context)
        if coroutines is not None and _uses(name, nodes[number + 1 :]) == 1:
            held[name] = coroutines
            kept.append(node)
            continue
        if held and all(_uses(one, [node]) == 1 for one in held):
            yield _Replacement(held).visit(copy.deepcopy(node))
        else:
            yield from [*kept, node]
        held, kept = {}, []
    yield from kept


def _coroutines(node: ast.stmt, context: Context) -> tuple[str, ast.expr | None]:
    """Return the variable that a statement assigns coroutines to, and these."""
    if not isinstance(node, ast.Assign) or len(node.targets) > 1:
        return "", None
    goal, value = node.targets[0], node.value
    if not isinstance(goal, ast.Name):
        return "", None
    parts = [value]
    if isinstance(value, ast.ListComp | ast.GeneratorExp):
        parts = [value.elt]
    elif isinstance(value, ast.List | ast.Tuple):
        parts = value.elts
    return goal.id, value if bool(parts) and _are_awaitable(parts, context) else None


def _are_awaitable(nodes: list[ast.expr], context: Context) -> bool:
    try:
        return all(_is_coroutine(one, context) or _is_part(one, context) for one in nodes)
    except RefusedError:  # as it is again where the statement is lowered
        return False


def _is_coroutine(node: ast.expr, context: Context) -> bool:
    """Return whether an expression makes a coroutine."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name) and node.func.id in context.variables:
        type = context.variables[node.func.id].type
        functions = type.cls if type.kind == "function" else ()
        return any(isinstance(one.definition, ast.AsyncFunctionDef) for one in functions or ())
    found = callee_of(node.func, context) or target(node.func, context)
    return is_coroutine(found, context)


def _is_part(node: ast.expr, context: Context) -> bool:
    """Return whether an expression makes a part of a group or chain."""
    return isinstance(node, ast.Call) and target(node.func, context) is task


def _uses(name: str, nodes: list[ast.stmt]) -> int:
    parts = [part for node in nodes for part in ast.walk(node)]
    return sum(isinstance(part, ast.Name) and part.id == name for part in parts)


class _Replacement(ast.NodeTransformer):
    """Writes expressions in place of names."""

    def __init__(self, expressions: dict[str, ast.expr]) -> None:
        self.expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.expressions.get(node.id, node)
