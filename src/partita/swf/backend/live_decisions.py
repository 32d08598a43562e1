"""Bring Amazon SWF's decision tasks to one worker, and feed its live runs only what is new.

A task that follows an answer of this worker waits for a while in a task list that only it polls.
Knows which calls make one answer; what SWF is sent, `decision_tasks` knows.
"""

from __future__ import annotations

import uuid

from partita import history as h
from partita.errors import PartitaError, StoreError
from partita.ports.host import Host
from partita.ports.service import DecisionTask
from partita.swf.backend.decision_tasks import DecisionTasks


class LiveDecisions:
    """The `DecisionChannel` of one host. Safe to use from many threads."""

    def __init__(
        self, tasks: DecisionTasks, host: Host, domain: str, *, sticky: float, lease: int
    ) -> None:
        self._tasks = tasks
        self._host = host
        self._domain = domain
        self._sticky = sticky  # seconds that a task waits for this worker; 0: it does not
        self._lease = lease
        self._own_list = f"partita {uuid.uuid4().hex}"
        self.task_lists = [*host.task_lists, *([self._own_list] if sticky else [])]

    def poll(self, task_list: str, wait: float) -> DecisionTask | None:
        """Take a task; its events may begin after what the host has seen."""
        host, sticky = self._host, task_list == self._own_list
        return self._tasks.poll(
            self._domain, task_list, host.identity, host.seen, sticky=sticky, wait=wait
        )

    def fit(self, task: DecisionTask, seen: int) -> DecisionTask | None:
        """Return the task, unless it tells only what is new of a run that is no longer alive."""
        return task if task.events[0].event_id == 1 or seen else None

    def whole(self, task: DecisionTask) -> DecisionTask:
        """Return a task with all events of its run."""
        return self._tasks.whole(task)

    def complete(self, task: DecisionTask, decisions: list[h.AnyDecision]) -> DecisionTask | None:
        """Record decisions, unless another run has done all of them already."""
        more = self._tasks.go_on(task, decisions)
        if more is None:
            self._complete(task, decisions)
        return more

    def _complete(self, task: DecisionTask, decisions: list[h.AnyDecision]) -> None:
        closes = bool(decisions and decisions[-1].closes)
        is_sticky = self._sticky and not self._tasks.is_stopping
        sticky = (self._own_list, self._sticky) if is_sticky else None
        try:
            self._tasks.complete(
                task.token, decisions, sticky=sticky, keep=not closes, leases=self._lease_of
            )
        except StoreError:
            self._tasks.drop(task.token)
            raise
        self._tasks.purge(self._host.seen)

    def _lease_of(self, decision: h.ScheduleActivityTask) -> int:
        """Return for how long an activity is lent: not at all if it sends heartbeats itself."""
        if decision.heartbeat is None and self._host.is_lent(decision.activity_type.key):
            return self._lease
        return 0

    def fail(self, task: DecisionTask, error: PartitaError) -> None:
        """Leave a task unanswered; SWF gives it out again after its timeout."""
        self._tasks.fail(task.token, error.code)

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run that is no longer alive."""
        self._tasks.forget(run_id)
