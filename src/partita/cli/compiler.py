"""Compile workflows for the commands. Needs what runs state machines."""

from __future__ import annotations

from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import is_machine
from partita.cli.targets import find_workflow
from partita.compile import compile_workflow
from partita.compile.diagnostics import CompileError, Diagnostic
from partita.compile.pictures import picture
from partita.errors import InvalidOptionError
from partita.graph import Structure
from partita.stepfunctions.bundle import Bundle, Target, bundle_of, check_bundle, install
from partita.stepfunctions.bundle.requirements import RUNTIMES, this_runtime
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit, express_errors, warnings

__all__ = ["bundle_at", "check_bundle", "compiled_at", "definition_at"]


def compiled_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs the machine compiled from another one."""
    return compiled(_workflow(target), _filename(target))


def definition_at(
    target: str, *, is_express: bool = False
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Return the definition of the machine compiled from a workflow, and warnings.

    Raises:
        CompileError: the workflow cannot be compiled, or not as an Express machine.
    """
    program = compile_workflow(_workflow(target), _filename(target))
    machine = emit(program)
    errors = express_errors(program, machine) if is_express else []
    if errors:
        raise CompileError(errors)
    return machine, warnings(program)


def picture_at(target: str) -> Structure:
    """Return what to draw of a workflow."""
    return picture(compile_workflow(_workflow(target), _filename(target)))


def bundle_at(
    target: str, requirements: str | None, runtime: str | None, architecture: str
) -> Bundle:
    """Return the bundle of a workflow's activities.

    Raises:
        InvalidOptionError: Lambda has no such runtime.
        BundleError: it cannot be made.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise InvalidOptionError(f"no runtime {runtime!r}; give one of {', '.join(RUNTIMES)}")
    workflow = _workflow(target)
    runs_on = Target(runtime or this_runtime(), architecture)
    packages = install(requirements, runs_on) if requirements is not None else {}
    return bundle_of(workflow, packages, filename=_filename(target))


def _workflow(target: str) -> WorkflowDefinition[..., Any]:
    if is_machine(target):
        raise InvalidOptionError(f"{target} is a state machine already; give FILE:WORKFLOW")
    return find_workflow(target)


def _filename(target: str) -> str | None:
    """Return the file as the user named it; None for a module."""
    source = target.rpartition(":")[0] or target
    return source if source.endswith(".py") or "/" in source else None
