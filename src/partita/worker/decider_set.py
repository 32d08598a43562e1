"""Decide for workflows of every kind: those that are replayed, and those decided by hand.

Knows which decider a workflow type belongs to; how one decides, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.definition import WorkflowSpec
from partita.authoring.registry import known
from partita.authoring.schedules import scheduler
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.deciders.by_hand import ByHand
from partita.deciders.decider import DeciderDefinition
from partita.errors import UnknownTypeError
from partita.history import AnyDecision, AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.decider import Decider
from partita.ports.service import Bounds, DecisionTask
from partita.ports.state import DEFAULT_TASK_LIST
from partita.replay.replayer import Replayer


def deciders_for(
    workflows: Iterable[WorkflowDefinition[..., Any] | type[WorkflowClass]] | None,
    converter: Converter,
    cache_bytes: int,
    bounds: Bounds,
) -> list[Decider]:
    """Return the deciders of workflows written in Python: those given, or all that are defined.

    They always decide for schedules, too.
    """
    by_hand: list[DeciderDefinition] = []
    replayed: list[WorkflowSpec] = []
    for one in {scheduler, *served(workflows)}:
        if isinstance(one, DeciderDefinition):
            by_hand.append(one)
        else:
            replayed.append(one)
    return [
        Replayer(replayed, converter=converter, cache_bytes=cache_bytes, bounds=bounds),
        ByHand(by_hand, converter=converter),
    ]


def served(
    workflows: Iterable[WorkflowDefinition[..., Any] | type[WorkflowClass]] | None,
) -> list[WorkflowDefinition[..., Any]]:
    """Return the definitions of the workflows given, or all that are defined."""
    return known(WorkflowDefinition) if workflows is None else list(map(definition_of, workflows))


def own_task_lists(workflows: Iterable[WorkflowDefinition[..., Any]]) -> tuple[str, ...]:
    """Return the task lists that workflows name for themselves, in the order of the workflows.

    The default task list is among them if one names none, or if there are no workflows.
    """
    own = [one for one in workflows if not one.key.startswith("partita.")]
    found = dict.fromkeys(one.settings.task_list or DEFAULT_TASK_LIST for one in own)
    return tuple(found) or (DEFAULT_TASK_LIST,)


class DeciderSet(Decider):
    """Several deciders as one. If two know a type, the later one decides."""

    def __init__(self, deciders: Iterable[Decider]) -> None:
        self._deciders = list(deciders)
        self._by_key = {key: one for one in self._deciders for key in one.keys}
        self.keys = self._by_key.keys()

    def seen(self, run_id: str) -> int:
        """Return what the decider that keeps the run has seen of it."""
        for one in self._deciders:
            seen = one.seen(run_id)
            if seen:
                return seen
        return 0

    @property
    def live_runs(self) -> int:
        """Return how many runs they keep together."""
        return sum(one.live_runs for one in self._deciders)

    def awaits(self, run_id: str) -> str | None:
        """Return where a kept run waits."""
        return next(filter(None, (one.awaits(run_id) for one in self._deciders)), None)

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run."""
        for one in self._deciders:
            one.forget(run_id)

    def forget_all(self) -> None:
        """Drop what is kept of every run."""
        for one in self._deciders:
            one.forget_all()

    def leave_all(self) -> Callable[[], None]:
        """Drop what is kept of every run; return what frees it on its own thread."""
        left = [one.leave_all() for one in self._deciders]

        def end() -> None:
            for free in left:
                free()

        return end

    def decide(self, task: DecisionTask) -> list[AnyDecision]:
        """Return the decisions of the type's decider."""
        return self._of(task.workflow_type).decide(task)

    def query(
        self,
        execution: WorkflowExecution,
        workflow_type: WorkflowType,
        history: Callable[[], list[AnyEvent]],
        name: str,
        input: str | None,
    ) -> str:
        """Return the answer of the type's decider to a query."""
        return self._of(workflow_type).query(execution, workflow_type, history, name, input)

    def _of(self, workflow_type: WorkflowType) -> Decider:
        found = self._by_key.get(workflow_type.key)
        if found is None:
            known = ", ".join(sorted(self._by_key)) or "none"
            raise UnknownTypeError(
                f"workflow {workflow_type.key} is not known to this worker; it has: {known}"
            )
        return found
