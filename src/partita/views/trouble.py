"""Tell what keeps an open execution from going on, from how it stands; None if nothing does.

Pure, and cheap enough for many executions at a time: `client.why` asks workers as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from partita.ports.catalogue import WorkerRecord
from partita.ports.service import ExecutionDetail
from partita.ports.state import OpenActivity, OpenDecision
from partita.views.failures import printable
from partita.views.serving import unserved


def trouble_of(detail: ExecutionDetail, workers: Sequence[WorkerRecord] | None) -> str | None:
    """Return the first trouble of an open execution.

    `workers` are those that are alive; None if the service does not tell.
    """
    decision = detail.decision
    if decision is not None and decision.failure:
        return f"the decider fails: {printable(decision.failure)}"
    nobody = None if workers is None else unserved(detail, workers)
    if nobody is not None:
        return nobody
    if workers is not None and not workers and any(map(_is_held, (decision, *detail.activities))):
        return "the worker that held a task of it is gone, and no worker is alive to take it over"
    return next(filter(None, map(_retried, detail.activities)), None)


def _is_held(item: OpenDecision | OpenActivity | None) -> bool:
    return item is not None and bool(item.started_event_id and item.owner)


def _retried(activity: OpenActivity) -> str | None:
    if activity.attempt < 2:
        return None
    failed = f" ({printable(activity.reason)})" if activity.reason else ""
    return f"{activity.activity_type.name}: attempt {activity.attempt - 1} failed{failed}"
