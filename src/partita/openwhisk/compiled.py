"""Run a workflow as the composition that it compiles to, on the embedded engine.

Inputs and results are read and written by the hints of the functions, as replay does.
"""

from __future__ import annotations

import builtins
import functools
import json
from typing import Any

from partita import errors
from partita.authoring.definition import ActivityDefinition
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.compile.stand_ins import as_sync, document_of
from partita.errors import CompositionFailedError
from partita.openwhisk.compositions import recorded_program, run_program
from partita.openwhisk.emitter import composition_of
from partita.openwhisk.emitter.step_values import StepValues

VERSION = "openwhisk"
"""The version of the workflow type of workflows that are compiled to compositions."""


def composed(
    definition: WorkflowDefinition[..., Any], filename: str | None = None
) -> WorkflowDefinition[..., Any]:
    """Return a workflow that runs the composition of another one.

    Raises:
        CompileError: the workflow uses what cannot be compiled.
    """
    name = definition.workflow_type.name
    program = recorded_program(composition_of(definition, filename))
    classes = StepValues({**_names(definition), "__builtins__": builtins})

    @functools.wraps(as_sync(definition.function))
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            output = run_program(program, document_of(definition, args, kwargs))
        except CompositionFailedError as error:
            if not isinstance(error.error, dict):
                raise
            raise classes.raised({"error": error.error}) from None
        return definition.signature.decode_result(json.dumps(output["value"]))

    timeout = definition.settings.execution_start_to_close
    made: WorkflowDefinition[..., Any] = workflow(
        name=name, version=VERSION, execution_start_to_close=timeout
    )(run)
    return made


def _names(definition: WorkflowDefinition[..., Any]) -> dict[str, Any]:
    """Return the names of the workflow's module, and of those of the activities that it has."""
    found = dict(vars(errors))
    for value in list(definition.namespace.values()):
        if isinstance(value, ActivityDefinition):
            found.update(value.namespace)
    return {**found, **definition.namespace}
