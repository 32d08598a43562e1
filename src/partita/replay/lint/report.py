"""Write down what is wrong with a file's code as findings, at rows and columns.

Knows how people count columns, and the words of a message. Knows not how faults are found.
"""

from __future__ import annotations

import ast
import re

from partita.replay.lint.finding import Finding, Place
from partita.replay.lint.impure import RULES
from partita.replay.lint.judge import Fault


class Report:
    """The findings of one file, with columns as people count them."""

    def __init__(self, source: str, filename: str) -> None:
        self.findings: set[Finding] = set()
        self._filename = filename
        self._lines = re.split(r"\r\n|\r|\n", source)

    def add(self, fault: Fault, place: str, *, in_decider: bool) -> None:
        node, rule = fault.node, RULES[fault.code]
        assert isinstance(node, (ast.expr, ast.stmt))
        start = self._place(node.lineno, node.col_offset)
        end = self._place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        instead = (rule.by_hand if in_decider else "") or rule.instead
        message = f"{fault.what} in {place}: {rule.why}; {instead}"
        self.findings.add(Finding(self._filename, start, end, fault.code, message))

    def _place(self, row: int, offset: int) -> Place:
        line = self._lines[row - 1] if row <= len(self._lines) else ""
        before = line.encode("utf-8", "surrogatepass")[:offset]
        return Place(row, len(before.decode("utf-8", "replace")) + 1)

    def unreadable(self, why: str, row: int, column: int) -> Finding:
        place = Place(row, max(column, 1))
        rule = RULES["PAR001"]
        message = f"{rule.why}: {' '.join(why.split())}; {rule.instead}"
        return Finding(self._filename, place, place, "PAR001", message)
