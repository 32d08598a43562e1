"""Keep the tasks of one execution apart from others on a service that is polled.

Whoever polls a task list of Amazon SWF gets any task in it. A process that runs one execution
therefore polls that execution's own list alone, and what the execution schedules for lists that
its code names is put there as well. Replay does not compare task lists, so the execution can be
continued by a worker that leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from partita import history as h
from partita.errors import PartitaError
from partita.ports.host import DecisionChannel, Host
from partita.ports.service import DecisionTask
from partita.worker.polled_decisions import channel_of


def own_list_channel(service: Any, host: Host, own: str, moved: Collection[str]) -> DecisionChannel:
    """Return a service's channel that moves tasks of the lists `moved` into the list `own`."""
    return OwnListChannel(channel_of(service, host), host, own, moved)


class OwnListChannel:
    """Passes decision tasks on, and changes the task lists of decisions about them.

    Executions of other lists that the host serves, and tasks that the host has no code for, are
    left as they are.
    """

    def __init__(
        self, channel: DecisionChannel, host: Host, own: str, moved: Collection[str]
    ) -> None:
        self.task_lists = channel.task_lists
        self._channel = channel
        self._host = host
        self._own = own
        self._moved = frozenset(moved)
        self._own_runs: set[str] = set()  # by their run ids

    def poll(self, task_list: str, wait: float) -> DecisionTask | None:
        """Take a task."""
        task = self._channel.poll(task_list, wait)
        if task is not None:
            first = task.events[0] if task.events else None
            if isinstance(first, h.WorkflowExecutionStarted) and first.task_list == self._own:
                self._own_runs.add(task.workflow_execution.run_id)
        return task

    def fit(self, task: DecisionTask, seen: int) -> DecisionTask | None:
        """Return the task as its live run needs it; None if that is gone."""
        return self._channel.fit(task, seen)

    def whole(self, task: DecisionTask) -> DecisionTask:
        """Return a task with all events of its run."""
        return self._channel.whole(task)

    def complete(self, task: DecisionTask, decisions: list[h.AnyDecision]) -> DecisionTask | None:
        """Record decisions."""
        if task.workflow_execution.run_id in self._own_runs:
            decisions = [self._in_own_list(one) for one in decisions]
        return self._channel.complete(task, decisions)

    def _in_own_list(self, decision: h.AnyDecision) -> h.AnyDecision:
        match decision:
            case h.ScheduleActivityTask(task_list=task_list, activity_type=kind):
                is_known = kind.key in self._host.activity_keys()
            case h.StartChildWorkflowExecution(task_list=task_list, workflow_type=kind):
                is_known = kind.key in self._host.workflow_keys()
            case h.ContinueAsNewWorkflowExecution(task_list=task_list):
                is_known = True
            case _:
                return decision
        is_moved = is_known and task_list in self._moved
        return replace(decision, task_list=None) if is_moved else decision

    def fail(self, task: DecisionTask, error: PartitaError) -> None:
        """Give a task back."""
        self._channel.fail(task, error)

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run that is no longer alive."""
        self._channel.forget(run_id)
