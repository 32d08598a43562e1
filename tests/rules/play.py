"""Play an execution against the rules alone: no store, no engine, a clock that is a number."""

from __future__ import annotations

from typing import Any

from partita.history import ActivityType, AnyDecision, ScheduleActivityTask, WorkflowType
from partita.ports.state import AnyItem, Execution, Progress, State
from partita.rules import apply, decide
from partita.rules import commands as c
from tests.rules import sound

BEGIN = c.Start(input="[]")
CHARGE = ActivityType("charge")


class Play:
    """One execution; `now` is moved by hand."""

    def __init__(self, *, begin: c.Command = BEGIN, **execution: Any) -> None:
        self.now = 1000.0
        self.state = State(
            1,
            Execution(
                domain="d",
                workflow_id="w",
                run_id="r" * 32,
                workflow_type=WorkflowType("flow"),
                task_list="default",
                started_at=self.now,
                **execution,
            ),
            Progress(),
            lambda *_: [],
            is_new=True,
        )
        self.do(begin)

    def do(self, command: c.Command) -> c.Change:
        """Decide and apply one command; the history must stay sound."""
        change = decide(self.state, command, self.now)
        apply(self.state, change)
        sound.check(self.state.new_events)
        return change

    def take_decision(self) -> int:
        """Start the decision task; return its started event id."""
        return self.do(c.StartDecisionTask()).events[-1].event_id

    def decide(self, *decisions: AnyDecision) -> c.Change:
        """Take the decision task and answer it."""
        started = self.take_decision()
        return self.do(c.CompleteDecisionTask(started_event_id=started, decisions=list(decisions)))

    def schedule(self, id: str = "a", **options: Any) -> None:
        """Decide to schedule one activity."""
        self.decide(ScheduleActivityTask(activity_id=id, activity_type=CHARGE, **options))

    def take_activity(self, id: str = "a") -> int:
        """Start an activity; return its started event id."""
        return self.do(c.StartActivityTask(activity_id=id, owner="me")).events[-1].event_id

    @property
    def kinds(self) -> list[str]:
        """The names of all events so far."""
        return [event.event_type for event in self.state.new_events]

    @property
    def last(self) -> Any:
        """The last event."""
        return self.state.new_events[-1]

    def item(self, kind: str, id: str = "") -> Any:
        """Return an open item."""
        return self.state.get(kind, id)

    def open_items(self) -> list[AnyItem]:
        """Return all the open items."""
        return [item for item in self.state.items.values() if item is not None]
