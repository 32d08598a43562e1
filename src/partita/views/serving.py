"""Tell whether any living worker can take what an execution waits for, and why none can.

Pure: records in, text out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partita.ports.catalogue import ALWAYS_SERVED, WorkerRecord
from partita.ports.service import ExecutionDetail
from partita.ports.state import DEFAULT_TASK_LIST, OpenActivity, OpenDecision


def unserved(detail: ExecutionDetail, workers: Sequence[WorkerRecord]) -> str | None:
    """Return why nobody takes the tasks of an open execution; None if somebody may, or none waits.

    `workers` are those that are alive.
    """
    items: list[OpenDecision | OpenActivity] = [*detail.activities]
    items += [] if detail.decision is None else [detail.decision]
    for item in items:
        if item.queue is not None:
            found = unserved_task(item, workers, detail.info.workflow_id)
            if found is not None:
                return found
    return None


def unserved_task(
    item: OpenDecision | OpenActivity, workers: Iterable[WorkerRecord], workflow_id: str = ""
) -> str | None:
    """Return why nobody takes a task that waits in its queue; None if somebody may."""
    if item.name.startswith(ALWAYS_SERVED):
        return None
    is_decision = isinstance(item, OpenDecision)
    alive = [one for one in workers if one.only in (None, workflow_id)]
    if any(one.task_lists is None for one in alive):
        return None
    kind = "workflow" if is_decision else "activity"
    what = f"{kind} {item.name.partition('@')[0]}"
    capable = [
        one for one in alive if item.name in (one.workflows if is_decision else one.activities)
    ]
    if any(item.queue in (one.task_lists or ()) for one in capable):
        return None
    if not alive:
        return f"no worker is alive to run {what}; start one: partita worker FILE"
    if capable:
        return (
            f"workers that have {what} are alive, but none serves task list {item.queue}; "
            f"start one: partita worker FILE --task-list {item.queue}"
        )
    lists = "" if item.queue == DEFAULT_TASK_LIST else f" --task-list {item.queue}"
    return (
        f"no living worker has the code of {what} ({_pids(alive)}); "
        f"start one that has it: partita worker FILE{lists}"
    )


def _pids(workers: Sequence[WorkerRecord]) -> str:
    pids = ", ".join(str(one.pid) for one in workers[:5])
    return f"alive: process {pids}" if len(workers) == 1 else f"alive: processes {pids}"
