"""Let programs do the work: `grep` by a signature, and a function in another Python.

    partita run examples/programs.py:survey --input '["src"]'
    python examples/programs.py

`grep("TODO", "src")` runs `grep --recursive --include '*.py' TODO src`; no shell is in between.
OTHER_PYTHON may name an interpreter of another version, which need not know Partita.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations  # for an OTHER_PYTHON of 3.8

import os
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

from partita import ProgramFailedError, activity, program, python, workflow

OTHER_PYTHON = os.environ.get("OTHER_PYTHON", sys.executable)


@dataclass
class Report:
    """What there is to say about a folder of Python files."""

    files: int
    imports: int
    todos: int
    tokens: int


@activity
@program(timeout=30)
def grep(
    pattern: str,
    folder: str,
    *,
    recursive: bool = True,
    include: str = "*.py",
    no_filename: bool = False,
    files_with_matches: bool = False,
) -> str: ...


@activity
@python(OTHER_PYTHON, timeout=30)
def count_tokens(paths: list[str]) -> int:
    count = 0
    for path in paths:
        with open(path, "rb") as file:
            count += sum(1 for _ in tokenize.tokenize(file.readline))
    return count


@workflow
def survey(folder: str) -> Report:
    paths = sorted(grep("", folder, files_with_matches=True).splitlines())
    tokens = count_tokens.submit(paths)  # there, while grep runs here
    imports = grep("^import \\|^from ", folder, no_filename=True).splitlines()
    try:
        todos = len(grep("TODO", folder).splitlines())
    except ProgramFailedError as error:
        if error.status != 1:  # 1 says that there is none
            raise
        todos = 0
    return Report(len(paths), len(imports), todos, tokens.result())


if __name__ == "__main__":
    print(survey(str(Path(__file__).parents[1] / "src")))
