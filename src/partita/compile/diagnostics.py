"""Describe where a program cannot be compiled, why, and what to write instead."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from partita.errors import UsageError


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One place that cannot be compiled; rows and columns count from 1."""

    filename: str
    row: int
    column: int
    what: str
    why: str
    way_out: str
    line: str = ""
    width: int = 1
    is_warning: bool = False  # it is compiled all the same
    hint: str = ""  # another way out, for those who run the command

    def __str__(self) -> str:
        caret = " " * (self.column - 1) + "^" * max(1, min(self.width, len(self.line)))
        place = f"{self.filename}:{self.row}:{self.column}"
        if self.is_warning:
            place = f"warning: {self.filename}, line {self.row}"
        head = f"{place}: {self.what}: {self.why}; {self.way_out}"
        shown = f"{head}\n    {self.line}\n    {caret}"
        return f"{shown}\n    {self.hint}" if self.hint else shown

    def as_row(self) -> dict[str, Any]:
        """Return it for `--output json`."""
        names = ("filename", "row", "column", "what", "why", "way_out", "line", "hint")
        severity = "WARNING" if self.is_warning else "ERROR"
        return {**{name: getattr(self, name) for name in names}, "severity": severity}


class CompileError(UsageError):
    """A workflow uses what cannot be compiled; `diagnostics` has every place."""

    code = "NOT_COMPILED"

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = diagnostics
        super().__init__("\n".join(map(str, diagnostics)))


class RefusedError(Exception):
    """What is lowered here cannot be compiled; the diagnostic is recorded already."""


class Diagnostics:
    """The diagnostics of one file, each once."""

    def __init__(self, filename: str, lines: list[str], module: str = "") -> None:
        self.filename = filename
        self.module = module  # the name of the file's module
        self.lines = lines
        self.found: dict[tuple[int, int, str], Diagnostic] = {}
        self.warnings: dict[tuple[int, int, str], Diagnostic] = {}
        self._cycles: set[frozenset[str]] = set()

    def is_new_cycle(self, names: list[str]) -> bool:
        """Note a cycle of functions; return whether it was not known."""
        known = frozenset(names) in self._cycles
        self._cycles.add(frozenset(names))
        return not known

    def add(self, node: Any, what: str, why: str, way_out: str) -> RefusedError:
        """Record one; return the error to raise where lowering cannot go on."""
        one = self._made(node, what, why, way_out)
        self.found.setdefault((one.row, one.column, what), one)
        return RefusedError()

    def noted(self) -> Mapping[tuple[int, int, str], Diagnostic]:
        """Return what has been recorded so far, for `restore`."""
        return dict(self.found)

    def restore(self, noted: Mapping[tuple[int, int, str], Diagnostic]) -> None:
        """Forget what has been recorded since, in code that is not kept."""
        self.found.clear()
        self.found.update(noted)

    def warn(self, node: Any, what: str, why: str, way_out: str) -> None:
        """Record what is compiled, but may not be what the author wants."""
        one = replace(self._made(node, what, why, way_out), is_warning=True)
        self.warnings.setdefault((one.row, one.column, what), one)

    def _made(self, node: Any, what: str, why: str, way_out: str) -> Diagnostic:
        row, column = node.lineno, node.col_offset
        line = self.lines[row - 1] if row <= len(self.lines) else ""
        column = len(line.encode()[:column].decode(errors="replace")) + 1
        width = node.end_col_offset - node.col_offset if node.end_lineno == row else len(line)
        return Diagnostic(self.filename, row, column, what, why, way_out, line, width)

    def at(self, node: ast.AST) -> str:
        """Return a node's place, as messages show it."""
        return f"{self.filename}:{node.lineno}:{node.col_offset + 1}"  # type: ignore[attr-defined]
