"""Choose the activities of one program, among all that the tests of this process define."""

from __future__ import annotations

from partita import WorkflowDefinition
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known


def activities_for(workflow: WorkflowDefinition[..., object]) -> list[ActivityDefinition]:
    """Return the activities that a workflow's module has or names, and Partita's own."""
    modules = (workflow.function.__module__, "partita.")
    own = [one for one in known(ActivityDefinition) if _module(one).startswith(modules)]
    named = workflow.function.__globals__.values()
    every = own + [one for one in named if isinstance(one, ActivityDefinition)]
    return list({one.key: one for one in every}.values())


def _module(definition: ActivityDefinition) -> str:
    return getattr(definition.function, "__module__", "")
