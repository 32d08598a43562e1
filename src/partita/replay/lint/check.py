"""Check Python source: visit its workflow code and return the findings.

Reads the source only: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from partita.replay.lint.findings import Finding, Report
from partita.replay.lint.hint_checker import check_hints
from partita.replay.lint.visitor import Seen, Visitor
from partita.replay.lint.workflow_code import WorkflowCode
from partita.source.file import File, parse, too_deep
from partita.source.project import MAX_OPEN_FILES, Project
from partita.source.scope import Scope


def check_source(source: str, filename: str) -> list[Finding]:
    """Return what the workflow code in one source does that a replay would not repeat.

    In the order of rows and columns. Imports are not followed. Source that Python cannot parse
    is one finding, PAR001; no source raises.
    """
    file = parse(source, filename)
    check = _Check({file.scope: file})
    check.file(file)
    return check.findings()


def check_files(paths: Iterable[Path], *, max_open: int = MAX_OPEN_FILES) -> list[Finding]:
    """Return what the workflow code in Python files does that a replay would not repeat.

    Follows calls into other files of the project: those below the folder of a file, or of the
    package around it, and below the current folder and its `src`. In the order of files, rows
    and columns, each once; a file that Python cannot parse is one finding, PAR001.

    Raises:
        UnreadableSourceError: a file is not UTF-8, or cannot be read.
    """
    paths = list(paths)
    project = Project(Path.cwd(), paths, max_open=max_open)
    check = _Check(project.files)
    for path in paths:
        file = project.open(path)
        check.file(file)
        check.forget(project.close(file))
    return check.findings()


class _Check:
    """One check of several files."""

    def __init__(self, files: Mapping[Scope, File]) -> None:
        self._files = files
        self._code = WorkflowCode(files)
        self._report = Report()
        self._seen: set[Seen] = set()

    def file(self, file: File) -> None:
        """Visit the workflow code that begins in a file."""
        try:
            visitor = Visitor(self._code, self._report, self._seen)
            for root in self._code.roots(file.scope):
                visitor.begin(root)
            for violation, place in check_hints(file.names):
                self._report.add(violation, file, place, in_decider=False)
        except (RecursionError, MemoryError) as error:
            self._report.add_unreadable(file, too_deep(error))
        self._report_problem(file)

    def forget(self, files: Iterable[File]) -> None:
        """Drop files, but keep their findings."""
        for file in files:
            self._report_problem(file)
            self._code.forget(file.scope)

    def findings(self) -> list[Finding]:
        """Return the findings, those in imported files included."""
        for file in self._files.values():
            self._report_problem(file)
        return self._report.findings()

    def _report_problem(self, file: File) -> None:
        if file.problem is not None:
            self._report.add_unreadable(file, file.problem)
