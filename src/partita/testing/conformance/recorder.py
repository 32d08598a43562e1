"""Record what passes through a service: which executions started, and what was decided.

Knows how executions start others (children, next runs); checks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from partita import history as h
from partita.ports.service import Service

_STARTS = ("start_workflow_execution", "signal_with_start", "fork_workflow_execution")


class Recorder:
    """Wrap a service; code that uses `service` instead of it is recorded."""

    def __init__(self, service: Service) -> None:
        self._wrapped = service
        self._started: dict[tuple[str, h.WorkflowExecution], None] = {}
        self.decisions: list[h.AnyDecision] = []
        """Every decision that the service has accepted, in order."""

    @property
    def service(self) -> Service:
        """The wrapped service; it has all that the real one has."""
        return cast(Service, self)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real service, recording if it starts an execution."""
        found = getattr(self._wrapped, name)
        return self._recorded(found) if name in _STARTS else found

    def _recorded(
        self, start: Callable[..., h.WorkflowExecution]
    ) -> Callable[..., h.WorkflowExecution]:
        def recorded(request: Any, *args: Any) -> h.WorkflowExecution:
            execution = start(request, *args)
            self._started[request.domain, execution] = None
            return execution

        return recorded

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Complete a decision task, and record the decisions."""
        self._wrapped.complete_decision(token, decisions)
        self.decisions += decisions

    def histories(self) -> dict[h.WorkflowExecution, list[h.AnyEvent]]:
        """Return the histories of all executions that started, with children and next runs."""
        found: dict[h.WorkflowExecution, list[h.AnyEvent]] = {}
        left = list(self._started)
        while left:
            domain, execution = left.pop(0)
            if execution not in found:
                found[execution] = self._wrapped.history(domain, execution)
                left += [(domain, one) for one in _successors(execution, found[execution])]
        return found


def _successors(
    execution: h.WorkflowExecution, events: Sequence[h.AnyEvent]
) -> list[h.WorkflowExecution]:
    """Return the children and the next run that a history names."""
    found = []
    for event in events:
        match event:
            case h.ChildWorkflowExecutionStarted(workflow_execution=child):
                found.append(child)
            case h.WorkflowExecutionContinuedAsNew(new_execution_run_id=run_id):
                found.append(h.WorkflowExecution(execution.workflow_id, run_id))
    return found
