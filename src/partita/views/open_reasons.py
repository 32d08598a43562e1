"""Find why an open execution is not done: all that it waits for, the most telling first.

Pure: what a service tells of the execution and its surroundings in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from partita.history import ActivityTaskRescheduled
from partita.ports.service import ExecutionDetail, Pause, PauseKind
from partita.ports.state import PAUSED, OpenActivity, OpenDecision, OpenTimer
from partita.views.durations import since, until
from partita.views.failures import printable
from partita.views.serving import NOBODY, unserved_task
from partita.views.surroundings import Surroundings, at_line, error_evidence, place_in
from partita.views.verdicts import Verdict, command

SHOWN = 10
"""Further things that a verdict names, at most."""

MAX_TEXT = 400
"""Characters of an error or of a heartbeat's details that a reason shows."""


class Found(Struct, frozen=True):
    """One thing that an execution waits for."""

    rank: int  # the lowest is the verdict
    code: str
    reason: str
    evidence: dict[str, Any]
    next: str
    child: Verdict | None = None


RANKS = {
    "FULL": 0, "READ_ONLY": 0,
    "PAUSED": 0, "TYPE_PAUSED": 0, "TASK_LIST_PAUSED": 1, "SCHEDULE_PAUSED": 1,
    "NON_DETERMINISM": 2, "DECISION_KILLS": 2, "DECISION_FAILS": 2,
    "NO_WORKER": 3, "NO_CODE": 3, "NOT_SERVED": 3, "LOST_LEASE": 4, "DECIDING": 5,
    "RETRIES": 6, "LIMITED": 7, "DECISION_WAITS": 8, "CHILD": 9, "SIGNAL": 10,
    "RUNS": 11, "QUEUED": 12, "SLEEPS": 14,
    "WAITS": 15, "MACHINE_RUNS": 15,
    "SCHEDULE_WAITS": 5,
}  # fmt: skip
"""Which reason is told first; the others are told besides."""

TROUBLE = frozenset(code for code, rank in RANKS.items() if rank <= RANKS["LIMITED"]) - {
    "SCHEDULE_WAITS"
}
"""Reasons that somebody must do something about."""


def verdict_of_open(
    detail: ExecutionDetail, around: Surroundings, extra: Sequence[Found] = ()
) -> Verdict:
    """Return why an open execution is not done; `extra` is what is known of its children."""
    found = [*_obstacles(around), *_paused(detail, around), *extra]
    if detail.decision is not None:
        found.append(reason_of_decision(detail.info.workflow_id, detail.decision, around))
    id = detail.info.workflow_id
    found += [reason_of_activity(id, one, around) for one in _telling(detail.activities)]
    if detail.decision is None:
        found += _waits(detail, around)
    found = found or [_unknown(id, around)]
    found += _nobody(detail, around, found)
    found.sort(key=lambda one: one.rank)
    first, info = found[0], detail.info
    return Verdict(
        code=first.code,
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        status=info.status.name,
        reason=first.reason + (_CANCELLED if info.cancel_requested else ""),
        evidence=first.evidence,
        next=first.next,
        child=first.child,
        others=tuple(dict.fromkeys(one.reason for one in found[1 : SHOWN + 1])),
    )


def _obstacles(around: Surroundings) -> Iterator[Found]:
    """Return what keeps anything from being recorded; living workers prove that nothing does.

    A disk that is full may keep them from proving it a moment later.
    """
    obstacle = around.obstacle
    if obstacle is not None and (obstacle.is_full or not around.workers):
        code = "FULL" if obstacle.is_full else "READ_ONLY"
        what = f"nothing can be recorded: {printable(obstacle.what)}"
        yield found_as(code, what, command("doctor"), database=obstacle.what)


def _nobody(
    detail: ExecutionDetail, around: Surroundings, found: Sequence[Found]
) -> Iterator[Found]:
    """Return that no worker is alive, where nothing waits for one at this moment.

    It is told first if something is due: nobody looks at the clock.
    """
    if around.workers is None or around.workers or any(one.code == "NO_WORKER" for one in found):
        return
    dues = [one.due for one in (*detail.timers, *detail.activities) if one.due is not None]
    is_due = any(due < around.now for due in dues)
    made = found_as("NO_WORKER", NOBODY, "partita worker FILE")
    yield made if is_due else replace(made, rank=RANKS["WAITS"] + 1)


def _telling(activities: Sequence[OpenActivity]) -> list[OpenActivity]:
    """Return some activities of each kind and state: what holds of them holds of their like."""
    kinds: dict[object, list[OpenActivity]] = {}
    for one in activities:
        kind = (one.name, one.queue, bool(one.started_event_id), one.attempt > 1, one.owner)
        alike = kinds.setdefault(kind, [])
        if len(alike) < SHOWN:
            alike.append(one)
    return [one for alike in kinds.values() for one in alike]


_CANCELLED = "; it was asked to cancel itself"


def found_as(
    code: str, reason: str, next: str, child: Verdict | None = None, **evidence: Any
) -> Found:
    """Return a reason with its rank; evidence that is None is left out."""
    known = {name: value for name, value in evidence.items() if value not in (None, "")}
    return Found(RANKS[code], code, reason, known, next, child)


# -- pauses


def _paused(detail: ExecutionDetail, around: Surroundings) -> Iterator[Found]:
    info = detail.info
    if info.paused is not None:
        yield found_as(
            "PAUSED",
            f"it is paused since {since(info.paused.since, around.now)}{_why(info.paused.reason)}",
            command("resume", info.workflow_id),
            since_at=info.paused.since,
            pause_reason=info.paused.reason,
        )
    pause = around.pause_of(PauseKind.TYPE, info.workflow_type.name)
    if pause is not None:
        what, next = "workflow type", command("resume", "--type", pause.name)
        yield _held("TYPE_PAUSED", what, pause, next, around)
    queues = {one.queue for one in (detail.decision, *detail.activities) if one is not None}
    for name in sorted(one for one in queues if one is not None):
        pause = around.pause_of(PauseKind.TASK_LIST, name)
        if pause is not None:
            what, next = "task list", command("resume", "--task-list", name)
            yield _held("TASK_LIST_PAUSED", what, pause, next, around)


def _held(code: str, what: str, pause: Pause, next: str, around: Surroundings) -> Found:
    how = "is half resumed (that was interrupted), paused" if pause.resuming else "is paused"
    return found_as(
        code,
        f"{what} {printable(pause.name)} {how} since {since(pause.since, around.now)}"
        f"{_why(pause.reason)}",
        next,
        name=pause.name,
        since_at=pause.since,
        pause_reason=pause.reason,
    )


def _why(reason: str | None) -> str:
    return f": {printable(reason)}" if reason else ""


# -- decision tasks


def reason_of_decision(id: str, item: OpenDecision, around: Surroundings) -> Found:
    """Return how an open decision task of an execution stands."""
    if item.failure:
        return _failing(id, item, around)
    if item.started_event_id:
        return _deciding(id, item, around)
    unserved = _unserved(item, around, id)
    if unserved is not None:
        return unserved
    is_listed = item.queue and not item.queue.startswith(PAUSED)
    queued = f" in task list {item.queue}" if is_listed else ""
    return found_as(
        "DECISION_WAITS",
        f"what has happened waits{queued} for a worker that decides, "
        f"since {since(item.since or around.now, around.now)}",
        command("show", id),
        task_list=item.queue,
        since_at=item.since or None,
    )


def _failing(id: str, item: OpenDecision, around: Surroundings) -> Found:
    cause, _, message = (item.failure or "").partition(": ")
    place = place_in(message)
    code = {"WORKER_LOST": "DECISION_KILLS", "NON_DETERMINISM": "NON_DETERMINISM"}.get(
        cause, "DECISION_FAILS"
    )
    fits = code != "NON_DETERMINISM"
    what = "its decider fails" if fits else "its code does not fit its history"
    again = f"; the next try is at {until(item.due, around.now)}" if item.due else ""
    said = message.strip().removeprefix(f"{place.get('file')}:{place.get('line')}: ")
    return found_as(
        code,
        f"{what}{at_line(place)} ({item.attempt - 1} times): {_short(said)}{again}",
        command("show", id, "--stack", "--code", str(place.get("file", "FILE"))),
        error=cause,
        message=message,
        attempts=item.attempt - 1,
        next_at=item.due,
        **place,
    )


def _deciding(id: str, item: OpenDecision, around: Surroundings) -> Found:
    if around.is_gone(item.owner):
        return _lost("the decision task", item, around)
    started = around.event(item.started_event_id)
    begun = None if started is None else started.event_timestamp
    who = around.identity(item.started_event_id, item.owner)
    place = place_in(item.place)
    for_long = "" if begun is None else f" for {since(begun, around.now)}"
    return found_as(
        "DECIDING",
        f"its code has been deciding{for_long}{f' on {who}' if who else ''}{at_line(place)}: "
        "it blocks, or loops without an end, if that goes on",
        command("check", place["file"]) if place else command("history", id),
        since_at=begun,
        worker=who,
        **place,
    )


def _unserved(
    item: OpenDecision | OpenActivity, around: Surroundings, workflow_id: str
) -> Found | None:
    if around.workers is None:
        return None
    found = unserved_task(item, around.workers, workflow_id)
    if found is None:
        return None
    return found_as(
        found.code,
        str(found),
        found.command,
        type=item.name,
        task_list=item.queue,
        since_at=item.since or None,
        workers=[
            {"pid": one.pid, "task_lists": list(one.task_lists or ())} for one in found.workers
        ],
    )


def _lost(
    what: str, item: OpenDecision | OpenActivity, around: Surroundings, **known: Any
) -> Found:
    goes = "another takes it over" if around.workers else "no worker is alive to take it over"
    who = around.identity(item.started_event_id, item.owner)
    return found_as(
        "LOST_LEASE",
        f"the worker that held {what}{f', {who},' if who else ''} is gone, and {goes}",
        "partita worker FILE",
        worker=who,
        owner=item.owner,
        **known,
    )


# -- activities


def reason_of_activity(id: str, item: OpenActivity, around: Surroundings) -> Found:
    """Return how an open activity of an execution stands."""
    what = f"activity {printable(item.activity_type.name)} (id {printable(item.id)})"
    known: dict[str, Any] = {
        "activity": item.activity_type.name,
        "activity_id": item.id,
        "attempt": item.attempt,
    }
    if item.started_event_id:
        return _running(id, what, item, around, known)
    retry = _retry(what, item, around, known, id)
    if retry is not None:
        return retry
    unserved = _unserved(item, around, id)
    if unserved is not None:
        return unserved
    waits = f"{what} waits in task list {item.queue} since {since(item.since, around.now)}"
    known |= {"task_list": item.queue, "since_at": item.since or None}
    limits = around.limits.get(item.queue or "")
    if limits is not None and (limits.concurrency or limits.per_second):
        return found_as(
            "LIMITED",
            f"{waits}, which is limited to {_limit(limits.concurrency, limits.per_second)}",
            command("limit", item.queue or ""),
            concurrency=limits.concurrency,
            per_second=limits.per_second,
            **known,
        )
    if item.queue is None or item.queue.startswith(PAUSED):
        return found_as("QUEUED", f"{what} waits to be begun", command("show", id), **known)
    return found_as("QUEUED", f"{waits} for a free worker", "partita worker FILE", **known)


def _limit(concurrency: int | None, per_second: float | None) -> str:
    parts = [f"{concurrency} at a time"] if concurrency else []
    parts += [f"{per_second:g} a second"] if per_second else []
    return " and ".join(parts)


def _running(
    id: str, what: str, item: OpenActivity, around: Surroundings, known: dict[str, Any]
) -> Found:
    if around.is_gone(item.owner):
        return _lost(what, item, around, since_at=item.started_at or None, **known)
    who = around.identity(item.started_event_id, item.owner)
    text = f"{what} has run for {since(item.started_at, around.now)}{f' on {who}' if who else ''}"
    if item.attempt > 1:
        text += f", in attempt {item.attempt}"
        error = error_evidence(item.failure, item.reason)[0] if item.reason else ""
        text += f" after {_short(error)}" if error else ""
    beat = item.heartbeat_at if item.heartbeat_at > item.started_at else None
    if beat is not None:
        text += f"; its last heartbeat was {since(beat, around.now)} ago"
    if item.details:
        text += f" and said {_short(item.details)}"
    if item.cancel_requested_event_id:
        text += "; it was asked to cancel itself"
    return found_as(
        "RUNS",
        text,
        command("result", id),
        since_at=item.started_at or None,
        worker=who,
        heartbeat_at=beat,
        heartbeat_details=item.details,
        **known,
    )


def _retry(
    what: str, item: OpenActivity, around: Surroundings, known: dict[str, Any], id: str
) -> Found | None:
    """Return how an activity stands that failed and waits for its next attempt."""
    reason, details, next_at, failed = item.reason, item.failure, item.due, item.attempt - 1
    last = _rescheduled(item, around)
    if last is not None:
        reason, details = last.reason or reason, last.details or details
        next_at, failed = last.event_timestamp + last.backoff, last.attempt
    elif item.queue is not None or item.attempt < 2:
        return None
    if next_at is None or (next_at < around.now and item.queue is not None and item.since):
        return None  # the wait is over; it waits for whoever takes it
    error, evidence = error_evidence(details, reason)
    policy = item.retry_policy
    most = policy.max_attempts if policy is not None and policy.max_attempts else None
    ends_at = item.scheduled_at + item.schedule_to_close if item.schedule_to_close else None
    of = f" of {most}" if most else ""
    end = f"; it gives up at {until(ends_at, around.now)}" if ends_at else ""
    end = end or ("" if most else "; its policy has no end")
    return found_as(
        "RETRIES",
        f"{what} is tried again: attempt {failed}{of} failed with {_short(error)}; "
        f"the next is at {until(next_at, around.now)}{end}",
        command("tasks", id),
        **{**known, "attempt": failed},
        max_attempts=most,
        next_at=next_at,
        gives_up_at=ends_at,
        **evidence,
    )


def _rescheduled(item: OpenActivity, around: Surroundings) -> ActivityTaskRescheduled | None:
    """Return the newest event by which an activity goes back, if it is not running since."""
    for event in reversed(around.events):
        if getattr(event, "scheduled_event_id", None) == item.scheduled_event_id:
            return event if isinstance(event, ActivityTaskRescheduled) else None
    return None


# -- what the code waits for


def _waits(detail: ExecutionDetail, around: Surroundings) -> Iterator[Found]:
    id, now = detail.info.workflow_id, around.now
    began = around.decided_at()
    signal = around.wait_named("signal ")
    if signal is not None:
        found = _signal(id, signal[0].what, signal[1], detail.timers, around)
        yield replace(found, rank=RANKS["DECIDING"]) if around.waits_for_signals() else found
    is_told = bool(around.stacks or around.waits)
    for timer in detail.timers[: SHOWN + 1]:
        place = (around.wait_named("timer ") or ("", {}))[1] if len(detail.timers) == 1 else {}
        yield found_as(
            "SLEEPS",
            f"{'it sleeps' if is_told else f'timer {timer.id} runs'} until "
            f"{until(timer.due or now, now)}{at_line(place)}",
            command("result", id),
            timer_id=timer.id,
            until_at=timer.due,
            since_at=began,
            **place,
        )


def _unknown(id: str, around: Surroundings) -> Found:
    """Return what the code waits for, where nothing is open: another message, or nobody tells."""
    began, waits = around.decided_at(), around.waiting()
    what = f"waits for {waits[0].what}" if waits else "waits for a signal or an update"
    place = waits[1] if waits else {}
    return found_as(
        "WAITS",
        f"its code {what}{at_line(place)}{_since(began, around.now)}",
        command("show", id, "--stack", "--code", str(place.get("file", "FILE"))),
        since_at=began,
        **place,
    )


def _signal(
    id: str,
    what: str,
    place: dict[str, Any],
    timers: Sequence[OpenTimer],
    around: Surroundings,
) -> Found:
    name = what.removeprefix("signal ")
    began = around.decided_at()
    dues = [timer.due for timer in timers if timer.due is not None]
    end = f", at the longest until {until(min(dues), around.now)}" if dues else ""
    last = around.last_signal()
    other = last if last is not None and last.signal_name != name else None
    if other is not None:
        ago = since(other.event_timestamp, around.now)
        end += f"; the last signal that came, {ago} ago, was {printable(other.signal_name)}"
    return found_as(
        "SIGNAL",
        f"it waits for signal {printable(name)}{at_line(place)}{_since(began, around.now)}{end}",
        command("signal", id, name),
        signal=name,
        since_at=began,
        until_at=min(dues, default=None),
        last_signal=None if other is None else other.signal_name,
        **place,
    )


def _since(began: float | None, now: float) -> str:
    return "" if began is None else f" since {since(began, now)}"


def _short(text: str) -> str:
    line = printable(text)
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 3] + "..."
