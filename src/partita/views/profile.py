"""Sum up the time of an execution: which tasks waited, which ran, and for how long.

Pure: a history in, numbers out. It sums up `records`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from partita.history import AnyEvent
from partita.history.references import is_closed
from partita.views.records import TaskRecord, tasks_of


class TaskShare(Struct, frozen=True, kw_only=True):
    """One task's part of the whole. Spans are seconds."""

    kind: str
    id: str
    name: str
    state: str
    attempts: int
    waiting: float
    running: float
    percent: float  # its running time, of the execution's


class TypeShare(Struct, frozen=True, kw_only=True):
    """The sums of all tasks of a type. Spans are seconds."""

    kind: str
    name: str
    count: int
    waiting: float
    running: float
    longest: float  # running time of the one that ran longest
    percent: float  # of the execution's time; over 100 if they ran side by side


class Profile(Struct, frozen=True, kw_only=True):
    """The time of an execution by task and by type; the longest first."""

    total: float  # seconds from its first event to its last, or to now while it is open
    tasks: list[TaskShare]
    types: list[TypeShare]


def profile_of(
    events: Sequence[AnyEvent],
    now: float | None = None,
    *,
    decisions: bool = False,
    idle: Collection[str] = (),
) -> Profile:
    """Return the profile of a whole history; what is open lasts until `now`.

    Time in which nobody ran a task counts as waiting: see `tasks_of` for `idle`.
    """
    if not events:
        return Profile(total=0.0, tasks=[], types=[])
    tasks = tasks_of(events, now, decisions=decisions, idle=idle)
    begun, last = events[0].event_timestamp, events[-1].event_timestamp
    until = max(last, now) if now is not None and not is_closed(events) else last
    total = until - begun
    shares = [_share(task, total) for task in tasks]
    return Profile(
        total=total,
        tasks=sorted(shares, key=lambda share: (-share.running, -share.waiting)),
        types=sorted(_types(shares, total), key=lambda share: (-share.running, -share.waiting)),
    )


def _share(task: TaskRecord, total: float) -> TaskShare:
    return TaskShare(
        kind=task.kind,
        id=task.id,
        name=task.name,
        state=task.state,
        attempts=task.attempts,
        waiting=task.waiting,
        running=task.running,
        percent=_percent(task.running, total),
    )


def _types(shares: Sequence[TaskShare], total: float) -> list[TypeShare]:
    found: dict[tuple[str, str], list[TaskShare]] = {}
    for share in shares:
        found.setdefault((share.kind, share.name), []).append(share)
    return [_sum(kind, name, of, total) for (kind, name), of in found.items()]


def _sum(kind: str, name: str, shares: Sequence[TaskShare], total: float) -> TypeShare:
    running = sum(share.running for share in shares)
    return TypeShare(
        kind=kind,
        name=name,
        count=len(shares),
        waiting=sum(share.waiting for share in shares),
        running=running,
        longest=max(share.running for share in shares),
        percent=_percent(running, total),
    )


def _percent(part: float, total: float) -> float:
    return round(100 * part / total, 2) if total > 0 else 0.0
