"""Find the workflows that FILE:WORKFLOW or MODULE:WORKFLOW names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import emitter, is_machine, machine_at
from partita.errors import UnknownTypeError
from partita.openwhisk.import_names import composer_names
from partita.stepfunctions.pysfn.import_names import pysfn_names
from partita.worker.code_loader import load


def find_workflow(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that FILE:WORKFLOW, or MODULE:WORKFLOW, names, or a machine's file.

    A file whose `main` returns a composition of OpenWhisk actions is one of that composition, and
    so is its portable JSON; a file of pyawssfn is one of its entry point's machine.

    Raises:
        LoadError: the file cannot be imported.
        InvalidDefinitionError: it is a machine's file without a definition.
        UnknownTypeError: it has no such workflow, or the name is that of something else.
    """
    if is_machine(target):
        return _in_json(target)
    source, colon, name = target.rpartition(":")
    if not colon:
        source, name = target, ""
    module = load_module(source)
    workflows = _workflows(module)
    composed = _made(module, source, name, workflows)
    if composed is not None:
        return composed
    names = ", ".join(sorted(workflows)) or "none"
    if not name:
        if len(workflows) == 1:
            return next(iter(workflows.values()))
        raise UnknownTypeError(f"which workflow of {source}? It has: {names}; give {source}:NAME")
    if name in workflows:
        return workflows[name]
    if not hasattr(module, name):
        raise UnknownTypeError(f"no workflow {name} in {source}; it has: {names}")
    is_activity = isinstance(getattr(module, name), ActivityDefinition)
    kind = "an activity" if is_activity else "something else"
    raise UnknownTypeError(
        f"{name} in {source} is not a workflow but {kind}; "
        f"put @workflow above it, or take one of: {names}"
    )


def find_workflows(target: str) -> list[WorkflowDefinition[..., Any]]:
    """Return the workflow that FILE:WORKFLOW names, or all that FILE or MODULE defines.

    Raises:
        LoadError: the file cannot be imported.
        UnknownTypeError: it has no such workflow, or none at all.
    """
    if ":" in target or is_machine(target):
        return [find_workflow(target)]
    module = load_module(target)
    composed = _made(module, target, "", _workflows(module))
    if composed is not None:
        return [composed]
    defined = {(one.key, id(one.function)) for one in known(WorkflowDefinition)}
    found = {  # without names of workflows whose code is elsewhere
        workflow.key: workflow
        for workflow in _workflows(module).values()
        if (workflow.key, id(workflow.function)) in defined
    }
    if not found:
        raise UnknownTypeError(f"{target} defines no workflow; put @workflow above a function")
    return list(found.values())


def file_of(target: str) -> str | None:
    """Return the file of FILE:WORKFLOW as the user named it; None for a module."""
    source = target.rpartition(":")[0] or target
    return source if source.endswith(".py") or "/" in source else None


def load_source(source: str) -> None:
    """Load a file or module with code, or a machine's file."""
    if is_machine(source):
        _in_json(source)
    else:
        module = load_module(source)
        if hasattr(module, "main") or has_entry_point(module):
            _made(module, source, "", _workflows(module))


def _in_json(path: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow of a machine's file, or of a composition's portable JSON."""
    if not has_composition(path):
        return machine_at(path)
    files = import_module("partita.openwhisk.composition_files")
    found: WorkflowDefinition[..., Any] = files.workflow_of_json(path)
    return found


def has_composition(path: str) -> bool:
    """Return whether a JSON file holds a composition, and not a machine."""
    try:
        fields = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.DecodeError):  # what reads the machine says what is wrong
        return False
    except RecursionError:  # a machine is not nested that deeply
        return True
    return "composition" in fields and "StartAt" not in fields


def load_module(source: str) -> ModuleType:
    """Return the module of a file or of a module's name; `composer` and `pysfn` are ours."""
    with composer_names(source), pysfn_names():
        return load(source)


def _made(
    module: ModuleType, source: str, name: str, workflows: Mapping[str, object]
) -> WorkflowDefinition[..., Any] | None:
    """Return the workflow of a file of another tool: a composition, or one of pyawssfn."""
    found = _entry_point(module, source, name, workflows)
    return found or _composition(module, source, name, workflows)


def _entry_point(
    module: ModuleType, source: str, name: str, workflows: Mapping[str, object]
) -> WorkflowDefinition[..., Any] | None:
    """Return the workflow of a file of pyawssfn, or None."""
    if name in workflows or (workflows and not name) or not has_entry_point(module, name):
        return None
    found: WorkflowDefinition[..., Any] = emitter().pysfn_workflow(module, source)
    return found


def has_entry_point(module: ModuleType, name: str = "") -> bool:
    """Return whether a module has a function with pyawssfn's `@PSF.main`, of a name if given."""
    named = [vars(module).get(name)] if name else list(vars(module).values())
    return any(
        getattr(one, "is_pysfn_main", False) is True
        and getattr(one, "__module__", "") == module.__name__
        for one in named
    )


def _composition(
    module: ModuleType, source: str, name: str, workflows: Mapping[str, object]
) -> WorkflowDefinition[..., Any] | None:
    """Return the workflow of a file that makes a composition of OpenWhisk actions, or None.

    Such a file has imported the combinators.
    """
    if name in workflows or (workflows and not name) or _COMPOSER not in sys.modules:
        return None
    files = import_module("partita.openwhisk.composition_files")
    if not files.is_composed(module) or (name and not hasattr(module, name)):
        return None
    if isinstance(getattr(module, name or "main", None), ActivityDefinition):
        return None
    found: WorkflowDefinition[..., Any] = files.workflow_of(module, source, name)
    return found


_COMPOSER = "partita.openwhisk.composer"


def _workflows(module: ModuleType) -> dict[str, WorkflowDefinition[..., Any]]:
    """Return a module's workflows by their names in the module and by their types' names."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, WorkflowDefinition):
            found[name] = value
        elif (
            isinstance(value, type)
            and issubclass(value, WorkflowClass)
            and "definition" in vars(value)
        ):
            found[name] = value.definition
    return found | {value.workflow_type.name: value for value in found.values()}
