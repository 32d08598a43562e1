"""Compile workflows for the commands. Needs what runs state machines."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from partita.asl.diagram import diagram_of_text
from partita.authoring.workflow import WorkflowDefinition
from partita.cli.machine_options import is_machine
from partita.cli.targets import file_of, find_workflow, has_entry_point, load_module
from partita.compile import compile_workflow
from partita.compile.diagnostics import CompileError, Diagnostic
from partita.compile.pictures import picture
from partita.compile.tree import Program
from partita.errors import InvalidOptionError
from partita.graph import Graph, Structure
from partita.stepfunctions.bundle import Bundle, Target, bundle_of, check_bundle, install
from partita.stepfunctions.bundle.requirements import RUNTIMES, this_runtime
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit, express_errors, optimised, warnings
from partita.stepfunctions.emitter.transitions import MOST, transitions, typical_input
from partita.stepfunctions.pysfn import workflows

__all__ = ["check_bundle"]


def compiled_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs the machine compiled from another one."""
    found = workflow_at(target)
    return found if found.takes_document else compiled(found, file_of(target))


def definition_at(
    target: str, *, is_express: bool = False, is_optimised: bool = False
) -> tuple[dict[str, Any], list[Diagnostic], str]:
    """Return the definition of the machine compiled from a workflow, warnings, and what it saves.

    Raises:
        CompileError: the workflow cannot be compiled, or not as an Express machine.
    """
    source, module = pysfn_at(target)
    if module is not None:
        return workflows.definition_of(module, source, workflows.own_arn(module)), [], ""
    workflow = workflow_at(target)
    program = compile_workflow(workflow, file_of(target))
    machine = emit(program)
    errors = express_errors(program, machine) if is_express else []
    if errors:
        raise CompileError(errors)
    if not is_optimised:
        return machine, warnings(program), ""
    better = optimised(machine)
    return better, warnings(program), _saved(machine, better, program, workflow)


def _saved(
    machine: dict[str, Any],
    better: dict[str, Any],
    program: Program,
    workflow: WorkflowDefinition[..., Any],
) -> str:
    """Return how many states and transitions of a typical execution were saved."""
    given = typical_input(workflow)
    counts = [transitions(one, program, given) for one in (machine, better)]
    states = f"{len(machine['States'])} states before, {len(better['States'])} after"
    if None in counts:
        return f"optimised: {states}"
    shown = [f"more than {MOST - 1:,}" if one == MOST else str(one) for one in counts]
    took = f"{shown[0]} transitions before, {shown[1]} after"
    return f"optimised: {states}; {took}, for the typical input {json.dumps(given)}"


def picture_at(target: str) -> Structure | Graph:
    """Return what to draw of a workflow, or of the machine of a file of pyawssfn."""
    source, module = pysfn_at(target)
    if module is not None:
        text = json.dumps(workflows.definition_of(module, source, workflows.own_arn(module)))
        return diagram_of_text(text, module.__name__)
    return picture(compile_workflow(workflow_at(target), file_of(target)))


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
    workflow = deployable_at(target)
    runs_on = Target(runtime or this_runtime(), architecture)
    packages = install(requirements, runs_on) if requirements is not None else {}
    return bundle_of(workflow, packages, filename=file_of(target))


def pysfn_workflow(module: ModuleType, source: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow of a file of pyawssfn."""
    return workflows.workflow_of(module, source)


def pysfn_definition(source: str, lambda_arn: str) -> dict[str, Any]:
    """Return the definition of a file of pyawssfn, whose functions one Lambda function calls."""
    return workflows.definition_of(load_module(source), source, lambda_arn)


def pysfn_at(target: str) -> tuple[str, ModuleType | None]:
    """Return the file, and its module if it is of pyawssfn and its entry point is meant."""
    source, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    if is_machine(target):
        return source, None
    module = load_module(source)
    return source, module if has_entry_point(module, name) else None


def deployable_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that FILE:WORKFLOW names, whose activities can be bundled.

    Raises:
        InvalidOptionError: it is a state machine, or a file of pyawssfn.
    """
    found = workflow_at(target)
    if found.takes_document:
        raise InvalidOptionError(
            f"{target} is of pyawssfn; `partita pysfn gen-lambda` and `partita pysfn compile` make "
            "its function and its machine, `partita deploy` both"
        )
    return found


def workflow_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that FILE:WORKFLOW names.

    Raises:
        InvalidOptionError: it is a state machine.
    """
    if is_machine(target):
        raise InvalidOptionError(f"{target} is a state machine already; give FILE:WORKFLOW")
    return find_workflow(target)
