"""Give waiting activities to the worker in this process, as far as it has room for them.

The activities leave the process, to the host, only once the transaction is committed; until
then this has merely marked them as taken.
"""

from __future__ import annotations

from collections.abc import Collection

from partita.engine.task_tokens import make_token
from partita.engine.transaction import EngineTransaction
from partita.history import WorkflowExecution
from partita.ports.host import Host
from partita.ports.service import ActivityTask
from partita.ports.state import OpenActivity, State


class Slots:
    """The places of one host for activities. Belongs to the engine's thread."""

    def __init__(self, host: Host, owner: str) -> None:
        self._host = host
        self._owner = owner
        self._task_lists: Collection[str] = frozenset(host.task_lists)
        self._more = True  # whether the store may hold tasks for us

    @property
    def may_be_filled(self) -> bool:
        """Whether there may be an activity to take right now."""
        return self._more and self._host.free_slots() > 0

    def look_again(self) -> None:
        """Hear that others may have left work in the store."""
        self._more = True

    def fill(self, tx: EngineTransaction) -> list[ActivityTask]:
        """Fill the free slots: half of them with what waits longest, the rest with what is new."""
        host, ready = self._host, tx.queued_work.activities
        free = host.free_slots()
        tasks: list[ActivityTask] = []
        if tx.queued_work.freed:
            self._more = True
        if not self._more and not ready:
            return tasks
        keys = host.activity_keys()
        if not keys:
            self._more = False
        if free > 0 and self._more:
            wanted = (free + 1) // 2 if ready else free
            lists = self._with_room(tx)
            taken = tx.stored.queued("activity", host.domain, lists, keys, wanted)
            for run, item in taken:
                state = tx.load(run)
                if state is not None and not state.is_closed:
                    self._start(tx, state, item.id, tasks)
            self._more = len(taken) == wanted
        while ready:
            run_and_id = next(iter(ready))
            state = ready.pop(run_and_id)
            if len(tasks) >= free:
                self._more = True
            elif not state.is_closed:
                self._start(tx, state, run_and_id[1], tasks)
        return tasks

    def _with_room(self, tx: EngineTransaction) -> list[str]:
        """Return the task lists whose limits allow for more."""
        domain = self._host.domain
        if not tx.rate_limits.are_limited:
            return list(self._task_lists)
        return [name for name in self._task_lists if tx.rate_limits.room(domain, name) >= 1]

    def _start(
        self, tx: EngineTransaction, state: State, id: str, tasks: list[ActivityTask]
    ) -> None:
        item = state.get("activity", id)
        host = self._host
        if (
            not isinstance(item, OpenActivity)
            or item.queue not in self._task_lists
            or item.name not in host.activity_keys()
            or state.execution.domain != host.domain
        ):
            return
        if not tx.start_activity(state, id, host.identity, self._owner):
            return  # it stays in its queue until its task list has room
        started = state.get("activity", id)
        assert isinstance(started, OpenActivity)
        tasks.append(activity_task(state, started))


def activity_task(state: State, item: OpenActivity) -> ActivityTask:
    """Return the task for an activity that was just started."""
    execution = state.execution
    return ActivityTask(
        token=make_token(state, item.started_event_id, item.id),
        workflow_execution=WorkflowExecution(execution.workflow_id, execution.run_id),
        activity_id=item.id,
        activity_type=item.activity_type,
        started_event_id=item.started_event_id,
        attempt=item.attempt,
        losses=item.losses,
        input=item.input,
        details=item.details,
        start_to_close=item.start_to_close,
        heartbeat=item.heartbeat,
        domain=execution.domain,
        trace_context=execution.trace_context,
    )
