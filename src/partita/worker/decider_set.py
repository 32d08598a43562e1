"""Decide for workflows of every kind: those that are replayed, and those decided by hand.

The one place that knows which producer of decisions a workflow type belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from partita.authoring.definition import WorkflowSpec
from partita.codec import Converter
from partita.deciders.adapter import ByHand
from partita.deciders.decider import DeciderDefinition
from partita.errors import UnknownTypeError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.service import UNBOUNDED, Bounds, DecisionTask
from partita.replay.replayer import Replayer


class Producer(Protocol):
    """What turns decision tasks into decisions, for some types of workflows."""

    @property
    def keys(self) -> Collection[str]:
        """Return the types that it decides for."""

    def seen(self, run_id: str) -> int:
        """Return the `started_event_id` of the last task of a run that it keeps; or 0."""

    def forget(self, run_id: str) -> None:
        """Drop what it keeps of a run."""

    def forget_all(self) -> None:
        """Drop everything."""

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Answer a task."""

    def query(
        self,
        execution: WorkflowExecution,
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query."""


class Deciding:
    """All producers as one. Belongs to one thread."""

    def __init__(
        self,
        workflows: Iterable[WorkflowSpec],
        converter: Converter,
        cache_bytes: int,
        bounds: Bounds = UNBOUNDED,
    ) -> None:
        by_hand: list[DeciderDefinition] = []
        replayed: list[WorkflowSpec] = []
        for one in workflows:
            if isinstance(one, DeciderDefinition):
                by_hand.append(one)
            else:
                replayed.append(one)
        self._replayer = Replayer(
            replayed, converter=converter, cache_bytes=cache_bytes, bounds=bounds
        )
        self._producers: list[Producer] = [
            self._replayer,
            ByHand(by_hand, converter=converter),
        ]
        self._by_key = {key: one for one in self._producers for key in one.keys}
        self.keys: Collection[str] = self._by_key.keys()

    def seen(self, run_id: str) -> int:
        """Return what a live run has seen."""
        return max(one.seen(run_id) for one in self._producers)

    @property
    def live_runs(self) -> int:
        """How many runs of replayed code are alive."""
        return self._replayer.live_runs

    def awaits(self, run_id: str) -> str | None:
        """Say where a live run's code waits; None if it is not alive, or decided by hand."""
        return self._replayer.awaits(run_id)

    def forget(self, run_id: str) -> None:
        """Drop a live run."""
        for one in self._producers:
            one.forget(run_id)

    def forget_all(self) -> None:
        """Drop every live run."""
        for one in self._producers:
            one.forget_all()

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Answer a decision task.

        Raises:
            UnknownTypeError: the type is not known here.
        """
        return self._of(task.workflow_type).decide(task)

    def query(
        self,
        execution: WorkflowExecution,
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Answer a query."""
        return self._of(workflow_type).query(execution, workflow_type, history, name, input)

    def _of(self, workflow_type: WorkflowType) -> Producer:
        found: Any = self._by_key.get(workflow_type.key)
        if found is None:
            known = ", ".join(sorted(self._by_key)) or "none"
            raise UnknownTypeError(
                f"workflow {workflow_type.key} is not known to this worker; it has: {known}"
            )
        return found  # type: ignore[no-any-return]
