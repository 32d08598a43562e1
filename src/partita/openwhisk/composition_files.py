"""Read compositions from Python files, whose `main` returns one, and from portable JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.errors import ComposerError, LoadError, PartitaError, UnknownTypeError
from partita.openwhisk.composer import parse
from partita.openwhisk.composition import Composition
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.emitter import composition_of
from partita.openwhisk.import_names import composer_names
from partita.openwhisk.json_text import json_value
from partita.worker.code_loader import load

MAIN = "main"


def load_composition(target: str) -> Composition:
    """Return the composition of FILE.py, FILE.py:NAME, or FILE.json.

    Raises:
        LoadError: the file cannot be read, or raises.
        UnknownTypeError: it has no such composition.
        ComposerError: what it has is no composition.
    """
    source, colon, name = target.rpartition(":")
    if not colon:
        source, name = target, MAIN
    if source.endswith(".json"):
        return _of_json(Path(source))
    with composer_names(source):
        return composition_in(load(source), source, name)


def workflow_at(target: str) -> WorkflowDefinition[..., Any] | None:
    """Return the workflow FILE.py:NAME that a composition is compiled from; None: it is none."""
    source, _, name = target.rpartition(":")
    found = vars(load(source)).get(name) if source else None
    return found if isinstance(found, WorkflowDefinition) else None


def workflow_of_json(path: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow of the composition in a file of portable JSON, named after the file.

    Raises:
        LoadError: the file cannot be read, or is not JSON.
        ComposerError: it holds no composition.
    """
    return composition_workflow(load_composition(path), Path(path).stem)


def workflow_of(module: ModuleType, source: str, name: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow of the composition that a module's function returns.

    It is named after the function, or after the file if that is `main`.
    """
    composition = composition_in(module, source, name or MAIN)
    named = name if name and name != MAIN else Path(source).stem.rpartition(".")[2]
    return composition_workflow(composition, named)


def composition_in(module: ModuleType, source: str, name: str) -> Composition:
    """Return the composition of that name in a module: a value, or what a function returns.

    Raises:
        UnknownTypeError: there is none.
        LoadError: the function raises.
        ComposerError: it is no composition.
    """
    found = vars(module).get(name)
    if found is None:
        raise UnknownTypeError(
            f"{source} has no {name}; write a function {name} that returns a composition, or give "
            f"{source}:NAME"
        )
    if isinstance(found, WorkflowDefinition):
        return composition_of(found, source)
    given = found if isinstance(found, Composition) else _called(found, source, name)
    if given is None or not isinstance(given, Composition | str | dict):
        raise ComposerError(f"{name} of {source} gave no composition", given)
    return Composition.of(given) if isinstance(given, str) else parse(given)


def _called(function: Any, source: str, name: str) -> Any:
    if not callable(function):
        raise ComposerError(f"{name} of {source} gave no composition", function)
    try:
        with composer_names(source):
            return function()
    except PartitaError:
        raise
    except Exception as error:
        raise LoadError(
            f"{name} of {source} raised {type(error).__name__}: {error}; run it with python to see "
            "where"
        ) from error


def _of_json(path: Path) -> Composition:
    try:
        return parse(json_value(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise LoadError(f"{path} is not JSON: {error}") from error


def is_composed(module: ModuleType) -> bool:
    """Return whether a module uses the combinators."""
    ours = sys.modules["partita.openwhisk.composer"]
    return any(
        value is ours or isinstance(value, Composition) or _is_combinator(value)
        for value in vars(module).values()
    )


def _is_combinator(value: object) -> bool:
    return getattr(value, "__module__", None) == "partita.openwhisk.composer"
