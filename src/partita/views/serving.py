"""Tell whether any living worker can take what an execution waits for, and why none can.

Pure: records in, text out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from partita.ports.catalogue import ALWAYS_SERVED, WorkerRecord
from partita.ports.service import ExecutionDetail
from partita.ports.state import DEFAULT_TASK_LIST, PAUSED, OpenActivity, OpenDecision

NOBODY = "no worker of Partita is alive; start one: partita worker FILE"
"""What is said where no task waits at the moment: others may poll, who leave no record."""


class Unserved(NamedTuple):
    """Why nobody takes a task."""

    code: str  # of `verdicts.REASONS`
    what: str
    command: str  # that starts who does
    workers: tuple[WorkerRecord, ...]  # those that are alive and come near

    def __str__(self) -> str:
        which = "one that has it" if self.code == "NO_CODE" else "one"
        return f"{self.what}; start {which}: {self.command}"


def unserved(detail: ExecutionDetail, workers: Sequence[WorkerRecord]) -> str | None:
    """Return why nobody takes the tasks of an open execution; None if somebody may, or none waits.

    `workers` are those that are alive.
    """
    items: list[OpenDecision | OpenActivity] = [*detail.activities]
    items += [] if detail.decision is None else [detail.decision]
    for item in items:
        found = unserved_task(item, workers, detail.info.workflow_id)
        if found is not None:
            return str(found)
    return None


def unserved_task(
    item: OpenDecision | OpenActivity, workers: Iterable[WorkerRecord], workflow_id: str = ""
) -> Unserved | None:
    """Return why nobody takes a task that waits in its queue; None if somebody may, or it does not.

    One that a pause holds back is not for anybody to take.
    """
    if item.queue is None or item.queue.startswith(PAUSED) or item.name.startswith(ALWAYS_SERVED):
        return None
    is_decision = isinstance(item, OpenDecision)
    alive = tuple(one for one in workers if one.only in (None, workflow_id))
    if any(one.task_lists is None for one in alive):
        return None
    what = f"{'workflow' if is_decision else 'activity'} {item.name.partition('@')[0]}"
    capable = tuple(
        one for one in alive if item.name in (one.workflows if is_decision else one.activities)
    )
    if any(item.queue in (one.task_lists or ()) for one in capable):
        return None
    serving = "" if item.queue == DEFAULT_TASK_LIST else f" --task-list {item.queue}"
    if not alive:
        command = f"partita worker FILE{serving}"
        return Unserved("NO_WORKER", f"no worker is alive to run {what}", command, ())
    if capable:
        return Unserved(
            "NOT_SERVED",
            f"workers that have {what} are alive, but none serves task list {item.queue}",
            f"partita worker FILE --task-list {item.queue}",
            capable,
        )
    return Unserved(
        "NO_CODE",
        f"no living worker has the code of {what} ({_pids(alive)})",
        f"partita worker FILE{serving}",
        alive,
    )


def _pids(workers: Sequence[WorkerRecord]) -> str:
    pids = ", ".join(str(one.pid) for one in workers[:5])
    return f"alive: process {pids}" if len(workers) == 1 else f"alive: processes {pids}"
