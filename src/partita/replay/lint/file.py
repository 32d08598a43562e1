"""Parse one file, and keep its text, its names and what is wrong with it together.

Reads nothing but the text that it is given. Knows nothing of workflows, nor of other files.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from partita.replay.lint.finding import Ignored, ignored
from partita.source.binder import bind
from partita.source.scope import Names, Scope


class Problem(NamedTuple):
    """Why a file is not Python, and where that shows; rows and columns count from 1."""

    why: str
    row: int = 1
    column: int = 1


@dataclass(eq=False)
class File:
    """A Python source. One with a problem has no names."""

    filename: str  # as people are told
    source: str
    names: Names
    problem: Problem | None = None

    @property
    def scope(self) -> Scope:
        """The file's own scope."""
        return self.names.module

    @cached_property
    def lines(self) -> list[str]:
        """The rows of the source, as Python counts them."""
        return re.split(r"\r\n|\r|\n", self.source)

    @cached_property
    def ignored(self) -> Ignored:
        """What comments of the file silence."""
        return ignored(self.source)


def parse(source: str, filename: str) -> File:
    """Return a source's scopes, or what is wrong with it. Never raises for what it says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes and the like: others say these
            return File(filename, source, bind(ast.parse(source)))
    except SyntaxError as error:
        problem = Problem(error.msg, error.lineno or 1, error.offset or 1)
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes; absurdly deep
        problem = too_deep(error)
    return File(filename, source, bind(ast.Module([], [])), problem)


def too_deep(error: Exception) -> Problem:
    """Say that Python, or the check, gave up on a source."""
    return Problem(str(error) or "it is nested too deeply")
