"""Run the machines that workflows are compiled to in place of the workflows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.stepfunctions.compiled import compiled


@contextmanager
def run_compiled(
    *workflows: WorkflowDefinition[..., Any], optimise: bool = False
) -> Iterator[None]:
    """Run the state machines of workflows in place of their code, until the block ends.

    Calls, environments and mocks are the same: what the workflow decides is decided by its state
    machine. `optimise` merges states, as `partita compile --optimise` does.

    Raises:
        CompileError: one of them cannot be compiled; the error has all diagnostics.
    """
    machines = [compiled(one, is_optimised=optimise) for one in workflows]
    before = [(one, one.function) for one in workflows]
    try:
        for one, machine in zip(workflows, machines, strict=True):
            one.function = _as_coroutine(machine.function) if one.is_async else machine.function
        yield
    finally:
        for one, function in before:
            one.function = function


def _as_coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of an async workflow."""

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return run


def workflows_named_by(module: ModuleType) -> list[WorkflowDefinition[..., Any]]:
    """Return the workflows that a module names, each once."""
    found = [one for one in vars(module).values() if isinstance(one, WorkflowDefinition)]
    return list({id(one): one for one in found}.values())
