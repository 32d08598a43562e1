"""Turn the tree of a compiled workflow into a structured program to draw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from partita.compile.source_pictures import opaque_part
from partita.compile.tree import (
    Branch,
    Break,
    Call,
    Check,
    Continue,
    Handler,
    If,
    Let,
    Loop,
    Map,
    Node,
    Parallel,
    Program,
    Raise,
    Refused,
    Return,
    Sleep,
    Try,
)
from partita.graph import Cycle, Flow, Part, Region, Shape, Step, Structure, Ways

_KEYWORD = re.compile(r"^(?:async )?(?:if|elif|while|for|match|case|except|return)\b\s*")
_ENDS = {Return: "succeed", Raise: "fail", Break: "jump", Continue: "jump"}


def picture(program: Program) -> Structure:
    """Return what to draw of a workflow."""
    return Structure(program.name, _Pictures(program.lines).flow(program.body))


class _Pictures:
    """Makes parts to draw from nodes; labels are lines of the source."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def flow(self, nodes: Sequence[Node]) -> Flow:
        """Return the parts of a block; assignments of one line are one step."""
        found: list[Part] = []
        for _, same in groupby(nodes, key=_group):
            group = list(same)
            if isinstance(group[0], Let | Check):
                rows = dict.fromkeys(one.row for one in group)
                steps = [self._step(row, "pass") for row in rows]
                found += [one for one in steps if not _KEYWORD.match(one.label)]
            else:
                found += map(self._part, group)
        return tuple(_without_repeats(found))

    def _line(self, row: int) -> str:
        return self.lines[row - 1].strip() if 0 < row <= len(self.lines) else ""

    def _step(self, row: int, kind: str, shape: Shape = Shape.RECTANGLE) -> Step:
        return Step(self._line(row), kind, row, shape)

    def _test(self, row: int) -> Step:
        label = _KEYWORD.sub("", self._line(row)).rstrip(":")
        return Step(label, "choice", row, Shape.CHOICE)

    def _part(self, node: Any) -> Part:
        match node:
            case Call():
                return _call(node)
            case Parallel():
                inner = tuple(map(self._branch, node.branches))
                return Step("at the same time", "parallel", node.row, inner=inner)
            case Map():
                inner = (self._branch(node.branch),)
                return Step("for each", "map", node.row, Shape.STACK, inner=inner)
            case If():
                flows = (("yes", self.flow(node.body)), ("no", self.flow(node.orelse)))
                return Ways(self._test(node.row), flows)
            case Loop():
                body = self.flow([*node.head, *node.body])
                return Cycle(self._test(node.row), body, self.flow(node.orelse))
            case Try():
                body = self.flow([*node.body, *node.orelse])
                title = Step("try", "region", node.row)
                handlers = tuple(map(self._handler, node.handlers))
                return Region(title, body, handlers, self.flow(node.final))
            case Sleep():
                return self._step(node.row, "wait")
            case Refused():
                return opaque_part(node.statement, self.lines)
            case Return() | Raise() | Break() | Continue():
                step = self._step(node.row, _ENDS[type(node)])
                return Step(step.label, step.kind, step.line, is_end=True)
            case _:
                return self._step(node.row, type(node).__name__.lower())

    def _branch(self, branch: Branch) -> Flow:
        return (_call(branch.call),) if branch.call else self.flow(branch.body)

    def _handler(self, handler: Handler) -> tuple[str, Flow]:
        return ", ".join(handler.classes) or "any error", self.flow(handler.body)


def _group(node: Node) -> Any:
    return "simple" if isinstance(node, Let | Check) else id(node)


def _call(node: Call) -> Step:
    return Step(node.name, "task", node.row)


def _without_repeats(parts: list[Part]) -> list[Part]:
    """Leave out assignments that belong to the line of the part after them."""
    found: list[Part] = []
    for number, part in enumerate(parts):
        after = parts[number + 1] if number + 1 < len(parts) else None
        if isinstance(part, Step) and part.kind == "pass" and _row(after) == part.line:
            continue
        if isinstance(part, Step) and part.kind == "pass" and found:
            if isinstance(found[-1], Step) and found[-1].line == part.line:
                continue
        found.append(part)
    return found


def _row(part: Part | None) -> int:
    match part:
        case Step():
            return part.line
        case Ways() | Cycle():
            return part.test.line
        case Region():
            return part.title.line
        case None:
            return 0
