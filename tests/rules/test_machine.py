"""Whatever is asked of an execution, in whatever order: its history stays sound."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from partita.commands import (
    CancelActivityTask,
    Command,
    CompleteActivityTask,
    CompleteDecisionTask,
    Due,
    FailActivityTask,
    FailDecisionTask,
    Heartbeat,
    Release,
    RequestCancel,
    Signal,
    StartActivityTask,
    StartDecisionTask,
    Terminate,
)
from partita.errors import ServiceError
from partita.history import (
    CancelTimer,
    CompleteWorkflowExecution,
    FailWorkflowExecution,
    RecordMarker,
    RequestCancelActivityTask,
    RescheduleCause,
    RetryPolicy,
    ScheduleActivityTask,
    StartTimer,
)
from partita.rules import apply, decide
from partita.state import Status
from tests.rules.play import CHARGE, Play

IDS = st.sampled_from("abc")
SECONDS = st.none() | st.sampled_from([1.0, 5.0])
SCHEDULE = st.builds(
    ScheduleActivityTask,
    activity_id=IDS,
    activity_type=st.just(CHARGE),
    schedule_to_start=SECONDS,
    start_to_close=SECONDS,
    schedule_to_close=SECONDS,
    heartbeat=SECONDS,
    retry_policy=st.none() | st.just(RetryPolicy(max_attempts=2, initial_interval=1.0)),
)
DECISIONS = st.lists(
    SCHEDULE
    | st.builds(RequestCancelActivityTask, activity_id=IDS)
    | st.builds(StartTimer, timer_id=IDS, start_to_fire=st.sampled_from([-1.0, 0.0, 3.0]))
    | st.builds(CancelTimer, timer_id=IDS)
    | st.builds(RecordMarker, marker_name=st.just("m")),
    max_size=4,
)
CLOSE = st.none() | st.sampled_from(
    [CompleteWorkflowExecution(result="1"), FailWorkflowExecution()]
)
REFERENCES = {
    "scheduled_event_id": ("Scheduled",),
    "started_event_id": ("Started",),
    "decision_task_completed_event_id": ("DecisionTaskCompleted",),
    "latest_cancel_requested_event_id": ("ActivityTaskCancelRequested",),
}
ENDS = ("Completed", "Failed", "TimedOut", "Canceled")


class Machine(RuleBasedStateMachine):
    """Ask anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.play = Play(task_start_to_close=4.0, execution_start_to_close=500.0)

    def ask(self, command: Command) -> None:
        """Ask, and hold that deciding alone changes nothing."""
        state = self.play.state
        before = self.frozen()
        try:
            change = decide(state, command, self.play.now)
        except ServiceError:
            assert self.frozen() == before
            return
        assert self.frozen() == before
        apply(state, change)

    def frozen(self) -> bytes:
        state = self.play.state
        items = [item for item in state.items.values() if item is not None]
        return msgspec.msgpack.encode([state.progress, state.new_events, items])

    def started(self, kind: str, id: str) -> int:
        item = self.play.item(kind, id)
        return 0 if item is None else int(item.started_event_id)

    @rule(close=CLOSE, decisions=DECISIONS)
    def answer(self, close: Any, decisions: list[Any]) -> None:
        self.ask(StartDecisionTask())
        given = [*decisions, close] if close is not None else decisions
        started = self.started("decision", "")
        self.ask(CompleteDecisionTask(started_event_id=started, decisions=given))

    @rule()
    def take_decision(self) -> None:
        self.ask(StartDecisionTask())

    @rule(message=st.sampled_from(["x", "y"]))
    def fail_decision(self, message: str) -> None:
        started = self.started("decision", "")
        self.ask(FailDecisionTask(started_event_id=started, cause="C", message=message))

    @rule(id=IDS)
    def take_activity(self, id: str) -> None:
        self.ask(StartActivityTask(activity_id=id, owner="me"))

    @rule(id=IDS, late=st.booleans(), how=st.sampled_from("cfxh"))
    def end_activity(self, id: str, late: bool, how: str) -> None:
        token = {"activity_id": id, "started_event_id": 3 if late else self.started("activity", id)}
        commands: dict[str, Any] = {
            "c": CompleteActivityTask,
            "f": FailActivityTask,
            "x": CancelActivityTask,
            "h": Heartbeat,
        }
        self.ask(commands[how](**token))

    @rule(id=IDS, cause=st.sampled_from([RescheduleCause.GIVEN_BACK, RescheduleCause.WORKER_LOST]))
    def release(self, id: str, cause: RescheduleCause) -> None:
        self.ask(Release(kind="activity", id=id, cause=cause))

    @rule(seconds=st.sampled_from([0.5, 2.0, 7.0]))
    def pass_time(self, seconds: float) -> None:
        self.play.now += seconds
        for item in self.play.open_items():
            if item.due is not None and item.due <= self.play.now:
                self.ask(Due(kind=item.kind, id=item.id))

    @rule(command=st.sampled_from([Signal(signal_name="s"), RequestCancel()]))
    def speak(self, command: Command) -> None:
        self.ask(command)

    @precondition(lambda self: self.play.state.progress.last_event_id > 40)
    @rule()
    def terminate(self) -> None:
        self.ask(Terminate())

    @invariant()
    def event_ids_are_dense(self) -> None:
        events = self.play.state.new_events
        assert [event.event_id for event in events] == list(range(1, len(events) + 1))
        assert self.play.state.progress.last_event_id == len(events)

    @invariant()
    def counters_are_the_open_items(self) -> None:
        progress, items = self.play.state.progress, self.play.open_items()
        kinds = [item.kind for item in items]
        assert progress.open_activities == kinds.count("activity")
        assert progress.open_timers == kinds.count("timer")
        assert kinds.count("decision") == (progress.decision_scheduled_event_id > 0)

    @invariant()
    def a_closed_execution_has_nothing_open(self) -> None:
        if self.play.state.progress.status is not Status.OPEN:
            assert self.play.open_items() == []

    @invariant()
    def somebody_will_look(self) -> None:
        """Every open execution has a decision task, or waits for something that will come."""
        if self.play.state.progress.status is Status.OPEN:
            assert self.play.open_items()

    @invariant()
    def references_point_backwards_to_the_right_events(self) -> None:
        events = self.play.state.new_events
        for event in events:
            for name, kinds in REFERENCES.items():
                id = getattr(event, name, None)
                if id:
                    assert id < event.event_id
                    assert events[id - 1].event_type.endswith(kinds), (event, events[id - 1])

    @invariant()
    def nothing_is_closed_twice(self) -> None:
        closed = [
            getattr(event, "scheduled_event_id", None)
            for event in self.play.state.new_events
            if event.event_type.startswith("ActivityTask") and event.event_type.endswith(ENDS)
        ]
        assert len(closed) == len(set(closed))


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
