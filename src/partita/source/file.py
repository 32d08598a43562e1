"""Parse one file and keep its text, its scopes and its syntax error together.

Knows nothing of workflows or of other files.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from partita.source.binder import bind
from partita.source.scope import Names, Scope


class Problem(NamedTuple):
    """Why a file cannot be parsed, and where; rows and columns count from 1."""

    reason: str
    row: int = 1
    column: int = 1


@dataclass(eq=False)
class File:
    """A Python source. One with a problem has no names."""

    filename: str  # as messages show it
    source: str
    names: Names
    problem: Problem | None = None

    @property
    def scope(self) -> Scope:
        """The scope of the module."""
        return self.names.module

    @cached_property
    def lines(self) -> list[str]:
        """The rows of the source, as Python counts them."""
        return re.split(r"\r\n|\r|\n", self.source)


def parse(source: str, filename: str) -> File:
    """Return the file with its scopes, or with the problem that Python has with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are not our subject
            return File(filename, source, bind(ast.parse(source)))
    except SyntaxError as error:
        problem = Problem(error.msg, error.lineno or 1, error.offset or 1)
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes; too deeply nested
        problem = too_deep(error)
    return File(filename, source, bind(ast.Module([], [])), problem)


def too_deep(error: Exception) -> Problem:
    """Return the problem of a source that exceeds Python's recursion or memory limit."""
    return Problem(str(error) or "it is nested too deeply")
