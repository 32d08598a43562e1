"""Remember what passes through a service: which executions began, and what was decided.

Knows how executions lead to others (children, next runs), and judges none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from partita import history as h
from partita.ports.service import Service

_BEGIN = ("start_workflow_execution", "signal_with_start", "fork_workflow_execution")


class Witness:
    """Stands before a service; give `service` to what is to be watched."""

    def __init__(self, service: Service) -> None:
        self._behind = service
        self._begun: dict[tuple[str, h.WorkflowExecution], None] = {}
        self.decisions: list[h.AnyDecision] = []
        """Every decision that the service has accepted, in order."""

    @property
    def service(self) -> Service:
        """The service itself to whoever uses it."""
        return cast(Service, self)

    def __getattr__(self, name: str) -> Any:
        """Return what the service has, watched if it begins an execution."""
        found = getattr(self._behind, name)
        return self._watched(found) if name in _BEGIN else found

    def _watched(
        self, begin: Callable[..., h.WorkflowExecution]
    ) -> Callable[..., h.WorkflowExecution]:
        def watched(request: Any, *args: Any) -> h.WorkflowExecution:
            execution = begin(request, *args)
            self._begun[request.domain, execution] = None
            return execution

        return watched

    def complete_decision(self, token: str, decisions: Sequence[h.AnyDecision]) -> None:
        """Have the service apply decisions, and remember them."""
        self._behind.complete_decision(token, decisions)
        self.decisions += decisions

    def histories(self) -> dict[h.WorkflowExecution, list[h.AnyEvent]]:
        """Return the history of every execution that began, and of all that they led to."""
        found: dict[h.WorkflowExecution, list[h.AnyEvent]] = {}
        left = list(self._begun)
        while left:
            domain, execution = left.pop(0)
            if execution not in found:
                found[execution] = self._behind.history(domain, execution)
                left += [(domain, one) for one in _led_to(execution, found[execution])]
        return found


def _led_to(
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
