"""Write down what is wrong with the code of files as findings, at rows and columns.

Knows how people count columns, and the words of a message. Knows not how faults are found.
"""

from __future__ import annotations

import ast

from partita.replay.lint.file import File, Problem
from partita.replay.lint.finding import Finding, Place, is_silenced
from partita.replay.lint.impure_names import RULES
from partita.replay.lint.judge import Fault


class Report:
    """What is found in some files, each thing once."""

    def __init__(self) -> None:
        self._found: set[Finding] = set()
        self._unreadable: dict[str, Finding] = {}  # by filename

    def add(self, fault: Fault, file: File, place: str, *, in_decider: bool) -> None:
        """Write down a fault, if no comment silences it; `place` says in what code."""
        node, rule = fault.node, RULES[fault.code]
        assert isinstance(node, (ast.expr, ast.stmt))
        start = _place(file, node.lineno, node.col_offset)
        end_row, end_offset = node.end_lineno, node.end_col_offset
        end = _place(file, end_row or node.lineno, end_offset or node.col_offset)
        instead = (rule.by_hand if in_decider else "") or rule.instead
        message = f"{fault.what} in {place}: {rule.why}; {instead}"
        finding = Finding(file.filename, start, end, fault.code, message)
        if not is_silenced(finding, file.ignored):
            self._found.add(finding)

    def give_up(self, file: File, problem: Problem) -> None:
        """Write down that a file cannot be checked, whatever else is found in it."""
        rule, place = RULES["PAR001"], Place(problem.row, max(problem.column, 1))
        message = f"{rule.why}: {' '.join(problem.why.split())}; {rule.instead}"
        self._unreadable[file.filename] = Finding(file.filename, place, place, "PAR001", message)

    def findings(self) -> list[Finding]:
        """Return what was found, by file, row and column."""
        found = {one for one in self._found if one.filename not in self._unreadable}
        return sorted(found.union(self._unreadable.values()))


def _place(file: File, row: int, offset: int) -> Place:
    line = file.lines[row - 1] if row <= len(file.lines) else ""
    before = line.encode("utf-8", "surrogatepass")[:offset]
    return Place(row, len(before.decode("utf-8", "replace")) + 1)
