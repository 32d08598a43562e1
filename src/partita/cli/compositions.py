"""Compile workflows to compositions of OpenWhisk actions, for the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import is_machine
from partita.cli.targets import file_of, find_workflow, has_composition, load_module
from partita.compile.diagnostics import Diagnostic
from partita.errors import InvalidOptionError
from partita.graph import Structure
from partita.openwhisk.compiled import composed
from partita.openwhisk.composition_files import is_composed, load_composition
from partita.openwhisk.emitter import composition_of
from partita.openwhisk.pictures import outline_of, picture, picture_of_run
from partita.openwhisk.portable_json import labelled

__all__ = ["composed_at", "definition_at", "picture_at", "picture_of_run"]


def composed_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs the composition of a workflow."""
    return composed(_workflow(target), file_of(target))


def definition_at(
    target: str, *, is_express: bool, is_optimised: bool
) -> tuple[dict[str, Any], list[Diagnostic], str]:
    """Return the portable JSON of the composition of a workflow; there are no warnings.

    Raises:
        InvalidOptionError: an option is for state machines.
    """
    for name, is_given in (("--express", is_express), ("--optimise", is_optimised)):
        if is_given:
            raise InvalidOptionError(f"{name} is for state machines; leave it out")
    composition = composition_of(_workflow(target), file_of(target))
    return composition.compile(), [], ""


def picture_at(target: str) -> Structure | None:
    """Return what to draw of the composition of a Python file or of portable JSON; else None."""
    if is_machine(target):
        if not has_composition(target):
            return None
    elif not _is_composition(target):
        return None
    composition = labelled(load_composition(target))
    return picture(outline_of(composition), Path(target.partition(":")[0]).stem)


def _is_composition(target: str) -> bool:
    source = target.rpartition(":")[0] or target
    return is_composed(load_module(source)) and find_workflow(target).takes_document


def _workflow(target: str) -> WorkflowDefinition[..., Any]:
    if is_machine(target):
        raise InvalidOptionError(f"{target} is compiled already; give FILE:WORKFLOW")
    found = find_workflow(target)
    if found.takes_document:
        raise InvalidOptionError(f"{target} is a composition already; leave --compiled out")
    return found
