"""Turn statements that are not compiled into parts to draw, by their syntax alone.

Statements that hold others are drawn around these; any other one is a box with its line.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from partita.graph import Cycle, Flow, Part, Region, Shape, Step, Ways

OPAQUE = "opaque"
"""The style of a box of which only the source is known."""

_ENDS: dict[type, str] = {ast.Return: "succeed", ast.Raise: "fail", ast.Break: "jump"}
_ENDS[ast.Continue] = "jump"
_UNDRAWN = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)


def opaque_flow(statements: Sequence[ast.stmt], lines: Sequence[str]) -> Flow:
    """Return the parts of a block of a file with those lines."""
    return tuple(opaque_part(one, lines) for one in statements if not _is_undrawn(one))


def _is_undrawn(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, _UNDRAWN) or is_text


def opaque_part(node: ast.stmt, lines: Sequence[str]) -> Part:
    """Return the part of a statement."""
    match node:
        case ast.If(body=body, orelse=orelse):
            flows = (("yes", opaque_flow(body, lines)), ("no", opaque_flow(orelse, lines)))
            return Ways(_test(node.test, node), flows)
        case ast.While(body=body, orelse=orelse):
            return Cycle(
                _test(node.test, node), opaque_flow(body, lines), opaque_flow(orelse, lines)
            )
        case ast.For(body=body, orelse=orelse) | ast.AsyncFor(body=body, orelse=orelse):
            label = f"{ast.unparse(node.target)} in {ast.unparse(node.iter)}"
            test = Step(label, "choice", node.lineno, Shape.CHOICE)
            return Cycle(test, opaque_flow(body, lines), opaque_flow(orelse, lines))
        case ast.With(body=body) | ast.AsyncWith(body=body):
            items = ", ".join(ast.unparse(one) for one in node.items)
            return Region(Step(f"with {items}", "region", node.lineno), opaque_flow(body, lines))
        case ast.Try(body=body, orelse=orelse) | ast.TryStar(body=body, orelse=orelse):
            return _try(node, opaque_flow([*body, *orelse], lines), lines)
        case ast.Match(cases=cases):
            test = Step(ast.unparse(node.subject), "choice", node.lineno, Shape.CHOICE)
            found = tuple((_pattern(one), opaque_flow(one.body, lines)) for one in cases)
            return Ways(test, found)
        case _:
            return _step(node, lines)


def _test(test: ast.expr, node: ast.stmt) -> Step:
    return Step(ast.unparse(test), "choice", node.lineno, Shape.CHOICE)


def _try(node: Any, body: Flow, lines: Sequence[str]) -> Region:
    handlers = tuple(
        ("any error" if one.type is None else ast.unparse(one.type), opaque_flow(one.body, lines))
        for one in node.handlers
    )
    return Region(
        Step("try", "region", node.lineno), body, handlers, opaque_flow(node.finalbody, lines)
    )


def _pattern(case: ast.match_case) -> str:
    guard = f" if {ast.unparse(case.guard)}" if case.guard is not None else ""
    return f"{ast.unparse(case.pattern)}{guard}"


def _step(node: ast.stmt, lines: Sequence[str]) -> Step:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return Step(f"def {node.name}", "pass", node.lineno)
    row = node.lineno
    label = lines[row - 1].strip() if row <= len(lines) else ""
    end = _ENDS.get(type(node))
    return Step(label, end or OPAQUE, row, is_end=end is not None)
