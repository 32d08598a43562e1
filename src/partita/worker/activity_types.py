"""Know which activities a worker has, and which of them it runs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

from partita import history as h
from partita.authoring.activity_classes import Activity, activity_of
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import by_key, known
from partita.ports.service import DecisionTask

log = logging.getLogger("partita.worker")


class ActivityTypes:
    """The activities of a worker: those given, or all that are defined."""

    def __init__(
        self, activities: Iterable[ActivityDefinition | type[Activity]] | None, *, acts: bool
    ) -> None:
        self._known = _served(activities)
        self.runnable: Mapping[str, ActivityDefinition] = self._known if acts else {}
        self.asynchronous = frozenset(
            key
            for key, each in self.runnable.items()
            if each.is_async and not each.settings.process
        )
        self._acts = acts
        self._missing: set[str] = set()  # which the log has named

    def is_lent(self, key: str) -> bool:
        """Return whether activities of a type end with their function and set no heartbeat."""
        found = self._known.get(key)
        if found is None:
            return False
        return found.settings.auto_complete and found.settings.heartbeat is None

    def warn_of_missing(
        self, decisions: Iterable[h.AnyDecision], task: DecisionTask, task_lists: Collection[str]
    ) -> None:
        """Log, once for each type, that this worker cannot run what was just scheduled for it."""
        if not self._acts:
            return
        for decision in decisions:
            if not isinstance(decision, h.ScheduleActivityTask):
                continue
            key = decision.activity_type.key
            if key in self.runnable or key in self._missing:
                continue
            if decision.task_list is None or decision.task_list in task_lists:
                self._missing.add(key)
                log.warning(
                    "execution %s asks for activity %s, which this worker does not have; it waits "
                    "for another that has it (an activity must be defined at the top of a file)",
                    task.workflow_execution.workflow_id,
                    key,
                )


_ALWAYS = ("lambda:", "states:", "openwhisk:")
"""What the types of activities begin with that a worker has whatever it is given."""


def _served(
    activities: Iterable[ActivityDefinition | type[Activity]] | None,
) -> dict[str, ActivityDefinition]:
    """Return the activities by type.

    Stand-ins of Lambda functions, and what state machines and compositions call, are always among
    them.
    """
    every = known(ActivityDefinition)
    stand_ins = {one.key: one for one in every if one.key.startswith(_ALWAYS)}
    others = [one for one in every if one.key not in stand_ins]
    return stand_ins | by_key(others if activities is None else map(activity_of, activities))
