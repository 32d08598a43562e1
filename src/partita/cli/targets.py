"""Find the workflows that FILE:WORKFLOW or MODULE:WORKFLOW names."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import is_machine, machine_at
from partita.errors import UnknownTypeError
from partita.worker.code_loader import load


def find_workflow(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that FILE:WORKFLOW, or MODULE:WORKFLOW, names, or a machine's file.

    Raises:
        LoadError: the file cannot be imported.
        InvalidDefinitionError: it is a machine's file without a definition.
        UnknownTypeError: it has no such workflow, or the name is that of something else.
    """
    if is_machine(target):
        return machine_at(target)
    source, colon, name = target.rpartition(":")
    if not colon:
        source, name = target, ""
    module = load(source)
    workflows = _workflows(module)
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
    module = load(target)
    defined = {(one.key, id(one.function)) for one in known(WorkflowDefinition)}
    found = {  # without names of workflows whose code is elsewhere
        workflow.key: workflow
        for workflow in _workflows(module).values()
        if (workflow.key, id(workflow.function)) in defined
    }
    if not found:
        raise UnknownTypeError(f"{target} defines no workflow; put @workflow above a function")
    return list(found.values())


def load_source(source: str) -> None:
    """Load a file or module with code, or a machine's file."""
    if is_machine(source):
        machine_at(source)
    else:
        load(source)


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
