"""Check Python source: walk through its workflow code, and return what is found.

Reads the source alone: nothing is imported, nothing runs. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from partita.replay.lint.file import File, parse, too_deep
from partita.replay.lint.finding import Finding
from partita.replay.lint.project import Project
from partita.replay.lint.reach import Reach
from partita.replay.lint.report import Report
from partita.replay.lint.walk import Seen, Walk
from partita.source.scope import Scope


def check_source(source: str, filename: str) -> list[Finding]:
    """Return what the workflow code in a Python source does that a replay would not repeat.

    In the order of rows and columns. Source that Python cannot parse is one finding, PAR001.
    Looks at this source alone, not at what it imports. Never raises for what the source says.
    """
    file = parse(source, filename)
    check = _Check({file.scope: file})
    check.file(file)
    return check.findings()


def check_files(paths: Iterable[Path]) -> list[Finding]:
    """Return what the workflow code in Python files does that a replay would not repeat.

    Follows it into the other files of the project that it calls: those below the folder of a
    file, or of the package around it, and below the current folder and its `src`. In the order
    of files, rows and columns, each once; a file that Python cannot parse is one finding, PAR001.

    Raises:
        UnreadableSourceError: a file is not UTF-8, or cannot be read.
    """
    paths = list(paths)
    project = Project(Path.cwd(), paths)
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
        self._reach = Reach(files)
        self._report = Report()
        self._seen: set[Seen] = set()

    def file(self, file: File) -> None:
        """Walk through the workflow code that begins in a file."""
        try:
            walk = Walk(self._reach, self._report, self._seen)
            for root in self._reach.roots(file.scope):
                walk.begin(root)
        except (RecursionError, MemoryError) as error:
            self._report.give_up(file, too_deep(error))
        self._say_problem(file)

    def forget(self, files: Iterable[File]) -> None:
        """Keep nothing of files but what is found in them."""
        for file in files:
            self._say_problem(file)
            self._reach.forget(file.scope)

    def findings(self) -> list[Finding]:
        """Return what was found, in those other files, too."""
        for file in self._files.values():
            self._say_problem(file)
        return self._report.findings()

    def _say_problem(self, file: File) -> None:
        if file.problem is not None:
            self._report.give_up(file, file.problem)
