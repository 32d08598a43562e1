"""Collect the change that one command makes.

What every rule writes through: events get their ids here, and the decision task that
lets a decider see them is opened here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from partita.history import AnyEvent, DecisionTaskScheduled
from partita.ports.state import AnyItem, ItemKey, OpenDecision, State, Status
from partita.rules import commands as c

NO_TERMS = c.Terms()


class Draft:
    """Collect one change."""

    __slots__ = (
        "events",
        "fields",
        "holding",
        "items",
        "last_event_at",
        "last_event_id",
        "now",
        "outgoing",
        "state",
        "terms",
        "woken",
    )

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.last_event_id = state.progress.last_event_id
        self.last_event_at = state.progress.last_event_at
        self.events: list[AnyEvent] = []
        self.items: dict[ItemKey, AnyItem | None] = {}  # None: dropped
        self.fields: dict[str, Any] = {}  # of the progress
        self.outgoing: list[c.Outgoing] = []
        self.holding = False  # while decisions are applied: wake once, at their end
        self.woken = False
        self.terms = NO_TERMS  # of the front, while decisions are applied

    def event(self, make: Callable[..., AnyEvent], **attributes: Any) -> int:
        """Record an event and return its id.

        Its time is not before that of the event before: engines' clocks differ, and are set.
        """
        self.last_event_id += 1
        self.last_event_at = at = max(self.now, self.last_event_at)
        self.events.append(make(event_id=self.last_event_id, event_timestamp=at, **attributes))
        return self.last_event_id

    def get(self, kind: str, id: str) -> Any:
        """Return the open item as this draft leaves it."""
        key = (kind, id)
        return self.items[key] if key in self.items else self.state.get(kind, id)

    def put(self, item: AnyItem) -> None:
        self.items[item.kind, item.id] = item

    def drop_item(self, kind: str, id: str) -> None:
        self.items[kind, id] = None

    def field(self, name: str) -> Any:
        """Return a field of the progress as this draft leaves it."""
        fields = self.fields
        return fields[name] if name in fields else getattr(self.state.progress, name)

    def count(self, name: str, by: int) -> None:
        self.fields[name] = self.field(name) + by

    def is_full(self, name: str, more: Iterable[bool] = ()) -> bool:
        """Whether the front allows no further open thing of a kind; `more`: what is on its way."""
        limit = getattr(self.terms, name)
        return limit is not None and self.field(name) + sum(more) >= limit

    def wake(self) -> None:
        """Schedule a decision task for what has happened, if none is to come."""
        if self.holding:
            self.woken = True
            return
        scheduled = self.field("decision_scheduled_event_id")
        if not scheduled:
            self.schedule_decision()
        elif not self.field("unseen") and self.get("decision", "").started_event_id:
            self.fields.update(unseen=True, next_decision_event_id=self._decision_scheduled())

    def schedule_decision(self, at: float | None = None) -> None:
        """Open a decision task, to be taken at once or, with `at`, from then on.

        One that was recorded while the one before was held is opened rather than a new one.
        """
        id = self.field("next_decision_event_id") or self._decision_scheduled()
        self.fields.update(decision_scheduled_event_id=id, next_decision_event_id=0)
        self.put(queued(self, OpenDecision(id="", scheduled_event_id=id), at))

    def _decision_scheduled(self) -> int:
        execution = self.state.execution
        return self.event(
            DecisionTaskScheduled,
            task_list=self.field("decision_task_list") or execution.task_list,
            task_priority=execution.task_priority or None,
            start_to_close=execution.task_start_to_close,
            schedule_to_start=self.field("decision_schedule_to_start"),
        )

    def close(self, status: Status, outcome: c.ChildClosed | None) -> None:
        """End the run: nothing of it stays open."""
        self.fields.update(
            status=status,
            closed_at=max(self.now, self.last_event_at),
            decision_scheduled_event_id=0,
            unseen=False,
            next_decision_event_id=0,
            open_activities=0,
            open_timers=0,
            open_children=0,
            open_lambdas=0,
        )
        self.items.clear()
        parent = self.state.execution.parent
        if outcome is not None and parent is not None:
            self.outgoing.append(c.TellParent(parent=parent, closed=outcome))

    def change(self) -> c.Change:
        before = self.state.progress
        progress = replace(
            before,
            revision=before.revision + 1,
            last_event_id=self.last_event_id,
            last_event_at=self.last_event_at,
            **self.fields,
        )
        put: list[AnyItem] = []
        drop: list[ItemKey] = []
        for key, item in self.items.items():
            if item is None:
                drop.append(key)
            else:
                put.append(item)
        return c.Change(progress, self.events, put, drop, self.outgoing)


def queued(draft: Draft, item: OpenDecision, at: float | None = None) -> OpenDecision:
    execution = draft.state.execution
    task_list = draft.field("decision_task_list") or execution.task_list
    timeout = draft.field("decision_schedule_to_start")
    due = draft.now + timeout if at is None and timeout is not None else at
    return replace(
        item,
        name=execution.workflow_type.key,
        queue=task_list if at is None else None,
        priority=execution.task_priority,
        since=draft.now,
        due=due,
        owner=None,
        place=None,
        started_event_id=0,
    )
