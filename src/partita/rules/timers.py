"""Rules for timers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita import history as h
from partita.ports.state import OpenTimer
from partita.rules.draft import Draft
from partita.rules.refusals import refuse


def start_timer(draft: Draft, decision: h.StartTimer, completed: int) -> None:
    if draft.get("timer", decision.timer_id) is not None:
        refuse(draft, decision, "TIMER_ID_ALREADY_IN_USE", completed)
        return
    if draft.is_full("open_timers"):
        refuse(draft, decision, "OPEN_TIMERS_LIMIT_EXCEEDED", completed)
        return
    started = draft.event(
        h.TimerStarted,
        timer_id=decision.timer_id,
        control=decision.control,
        start_to_fire=decision.start_to_fire,
        decision_task_completed_event_id=completed,
    )
    due = draft.now + decision.start_to_fire
    draft.put(OpenTimer(id=decision.timer_id, started_event_id=started, due=due))
    draft.count("open_timers", 1)


def end_timer(draft: Draft, item: OpenTimer, make: Callable[..., h.AnyEvent], **more: Any) -> None:
    draft.event(make, timer_id=item.id, started_event_id=item.started_event_id, **more)
    draft.drop_item("timer", item.id)
    draft.count("open_timers", -1)


def cancel_timer(draft: Draft, decision: h.CancelTimer, completed: int) -> None:
    item: OpenTimer | None = draft.get("timer", decision.timer_id)
    if item is None:
        draft.event(
            h.CancelTimerFailed,
            timer_id=decision.timer_id,
            cause="TIMER_ID_UNKNOWN",
            decision_task_completed_event_id=completed,
        )
    else:
        end_timer(draft, item, h.TimerCanceled, decision_task_completed_event_id=completed)
