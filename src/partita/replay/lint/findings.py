"""Report violations as findings at rows and columns, unless a comment suppresses them.

Knows how a finding is written and how columns are counted. Knows not how violations are found.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Any

import msgspec

from partita.replay.lint.node_checker import Violation
from partita.replay.lint.rules import RULES
from partita.source.file import File, Problem


class Place(msgspec.Struct, frozen=True, order=True):
    """A position in a file; both count from 1, columns in characters."""

    row: int
    column: int


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something that a replay would not repeat. Findings sort by file, row and column."""

    filename: str
    location: Place
    end_location: Place  # behind the last character
    code: str  # such as PAR101
    message: str  # one line: what, in which workflow, why; then what to do instead

    def __str__(self) -> str:
        """Return one line, as compilers write it."""
        where = f"{self.filename}:{self.location.row}:{self.location.column}"
        return f"{where}: {self.code} {self.message}"

    def row(self) -> dict[str, Any]:
        """Return a JSON object with the fields that ruff gives its findings.

        Source: `ruff check --output-format json`, 0.8 and newer.
        """
        return {
            "cell": None,
            "code": self.code,
            "end_location": msgspec.to_builtins(self.end_location),
            "filename": self.filename,
            "fix": None,
            "location": msgspec.to_builtins(self.location),
            "message": self.message,
            "noqa_row": self.location.row,
            "url": None,
        }


class Report:
    """Collect the findings of several files, each once."""

    def __init__(self) -> None:
        self._found: set[Finding] = set()
        self._unreadable: dict[str, Finding] = {}  # by filename
        self._suppressed: dict[str, Suppressed] = {}  # by filename

    def add(self, violation: Violation, file: File, place: str, *, in_decider: bool) -> None:
        """Add a violation unless a comment suppresses it; `place` names the code that it is in."""
        node, rule = violation.node, RULES[violation.code]
        assert isinstance(node, (ast.expr, ast.stmt))
        start = _place(file, node.lineno, node.col_offset)
        end_row, end_offset = node.end_lineno, node.end_col_offset
        end = _place(file, end_row or node.lineno, end_offset or node.col_offset)
        instead = (rule.by_hand if in_decider else "") or rule.instead
        message = f"{violation.what} in {place}: {rule.why}; {instead}"
        finding = Finding(file.filename, start, end, violation.code, message)
        if file.filename not in self._suppressed:
            self._suppressed[file.filename] = suppressed(file.source)
        if not _is_suppressed(finding, self._suppressed[file.filename]):
            self._found.add(finding)

    def add_unreadable(self, file: File, problem: Problem) -> None:
        """Report that a file cannot be checked, in place of all its other findings."""
        rule, place = RULES["PAR001"], Place(problem.row, max(problem.column, 1))
        message = f"{rule.why}: {' '.join(problem.reason.split())}; {rule.instead}"
        self._unreadable[file.filename] = Finding(file.filename, place, place, "PAR001", message)

    def findings(self) -> list[Finding]:
        """Return the findings by file, row and column."""
        found = {one for one in self._found if one.filename not in self._unreadable}
        return sorted(found.union(self._unreadable.values()))


def _place(file: File, row: int, offset: int) -> Place:
    line = file.lines[row - 1] if row <= len(file.lines) else ""
    before = line.encode("utf-8", "surrogatepass")[:offset]
    return Place(row, len(before.decode("utf-8", "replace")) + 1)


_IGNORE = re.compile(r"#\s*partita:\s*ignore(?:\[([A-Z0-9,\s]*)\])?(?=$|[\s#;,.])")

Suppressed = dict[int, frozenset[str] | None]
"""The codes that a comment suppresses, by row; None: all of them."""


def suppressed(source: str) -> Suppressed:
    """Return what `# partita: ignore` and `# partita: ignore[PAR101, PAR201]` suppress.

    The source must be such as Python can parse.
    """
    found: Suppressed = {}
    if "partita:" not in source:
        return found
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        comment = token.type == tokenize.COMMENT and _IGNORE.search(token.string)
        if comment:
            codes = comment[1]
            found[token.start[0]] = (
                None if codes is None else frozenset(re.split(r"[,\s]+", codes.strip()))
            )
    return found


def _is_suppressed(finding: Finding, by_row: Suppressed) -> bool:
    """Return whether a comment stands on the finding's first or last row."""
    for row in (finding.location.row, finding.end_location.row):
        if row in by_row:
            codes = by_row[row]
            if codes is None or finding.code in codes:
                return True
    return False
