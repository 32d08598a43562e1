"""Find the source of a workflow: the text of its file, and its definition in that file."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.errors import UnsupportedError
from partita.source.discovery import read


@dataclass(frozen=True)
class WorkflowSource:
    """The file in which a workflow is written."""

    function: Any
    path: str
    text: str

    def parsed(self) -> tuple[ast.Module, Any]:
        """Return a new syntax tree of the file, and the workflow's definition in it.

        Raises:
            UnsupportedError: the file has changed since it was loaded.
        """
        tree = ast.parse(self.text)
        return tree, _definition(tree, self.function)


def source_of(workflow: WorkflowDefinition[..., Any]) -> WorkflowSource:
    """Return the source of a workflow.

    Raises:
        UnsupportedError: it is no function in a file.
    """
    function = inspect.unwrap(workflow.function)
    path = inspect.getsourcefile(function)
    if path is None or not inspect.isfunction(function):
        raise UnsupportedError(
            f"{workflow.label} is no function in a file; compile needs its source"
        )
    return WorkflowSource(function, path, read(Path(path)))


def _definition(tree: ast.Module, function: Any) -> Any:
    """Return the definition of a function, which begins at its decorators."""
    begin = function.__code__.co_firstlineno
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == function.__name__
        ):
            rows = [node.lineno, *(one.lineno for one in node.decorator_list)]
            if begin in rows:
                return node
    raise UnsupportedError(f"the source of {function.__name__} has changed since it was loaded")
