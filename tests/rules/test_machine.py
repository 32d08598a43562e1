"""Whatever is asked of an execution, in whatever order: its history stays sound."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from partita.errors import ServiceError
from partita.history import ActivityTaskRescheduled, ChildPolicy, RescheduleCause, WorkflowExecution
from partita.ports.state import AnyItem, ItemKey, OpenActivity, OpenChild, State, Status
from partita.rules import apply, decide
from partita.rules import commands as c
from tests.rules import sound
from tests.rules.decisions import CLOSE, DECISIONS, IDS, MANY_DECISIONS
from tests.rules.play import Play
from tests.soak import scaled

GIVEN_BACK, WORKER_LOST = RescheduleCause.GIVEN_BACK, RescheduleCause.WORKER_LOST
ANSWERS = [c.CompleteActivityTask, c.FailActivityTask, c.CancelActivityTask, c.Heartbeat]
PICK = st.integers(0, 2)
POLICIES = st.sampled_from(list(ChildPolicy))
PARENTS = st.none() | st.just(WorkflowExecution("parent", "p" * 32))
CLOSED = st.sampled_from([s for s in Status if s not in (Status.OPEN, Status.CONTINUED_AS_NEW)])


class Machine(RuleBasedStateMachine):
    """Ask anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.stored: dict[ItemKey, AnyItem] = {}
        self.sound = 0  # events that are known to be
        self.sent: list[Any] = []  # to others, and not answered yet

    @initialize(policy=POLICIES, parent=PARENTS, decisions=MANY_DECISIONS)
    def begin(self, policy: ChildPolicy, parent: WorkflowExecution | None, decisions: Any) -> None:
        self.play = Play(
            task_start_to_close=4.0,
            execution_start_to_close=200.0,
            child_policy=policy,
            parent=parent,
            parent_initiated_event_id=0 if parent is None else 9,
        )
        self.answer(None, decisions)

    # -- asking

    def ask(self, command: c.Command) -> None:
        """Ask, and hold that deciding alone changes nothing."""
        state = self.play.state
        before = self.frozen()
        cold = self.cold()
        try:
            change = decide(state, command, self.play.now)
        except ServiceError as error:
            assert self.frozen() == before
            self.refuses_too(cold, command, error)
            return
        assert self.frozen() == before
        assert decide(cold, command, self.play.now) == change
        self.check_messages(change)
        self.sent += change.outgoing
        apply(state, change)

    def cold(self) -> State:
        """Return the state as another process would have it: nothing at hand but the row."""
        state = self.play.state
        items = {key: item for key, item in state.items.items() if item is not None}

        def find(_: int, kind: str, id: str) -> list[AnyItem]:
            return [items[kind, id]] if (kind, id) in items else []

        return State(state.run, state.execution, state.progress, find)

    def refuses_too(self, cold: State, command: c.Command, error: ServiceError) -> None:
        with pytest.raises(type(error)) as refused:
            decide(cold, command, self.play.now)
        assert str(refused.value) == str(error)

    def check_messages(self, change: c.Change) -> None:
        """Hold that others hear of the end, each of what concerns it, and of nothing else."""
        kinds = [type(sent) for sent in change.outgoing]
        execution, status = self.play.state.execution, change.progress.status
        ends = status is not Status.OPEN
        continues = status is Status.CONTINUED_AS_NEW
        assert kinds.count(c.ContinueRun) == continues
        assert kinds.count(c.TellParent) == (
            ends and not continues and execution.parent is not None
        )
        from_outside = status in (Status.TERMINATED, Status.TIMED_OUT)
        children = self.play.state.progress.open_children
        if from_outside and children and execution.child_policy is not ChildPolicy.ABANDON:
            assert c.ApplyChildPolicy(policy=execution.child_policy) in change.outgoing
        else:
            assert c.ApplyChildPolicy not in kinds

    def frozen(self) -> bytes:
        state = self.play.state
        changed = [[*key, new] for key, new in state.changed.items()]
        items = [[*key, item] for key, item in state.items.items()]
        return msgspec.msgpack.encode([state.progress, state.new_events, changed, items])

    def started(self, kind: str, id: str) -> int:
        item = self.play.item(kind, id)
        return 0 if item is None else int(item.started_event_id)

    # -- decision tasks

    @rule(close=CLOSE, decisions=DECISIONS)
    def answer(self, close: Any, decisions: list[Any]) -> None:
        self.ask(c.StartDecisionTask())
        is_late = self.play.state.progress.last_event_id > 25  # else all runs would be short
        given = [*decisions, close] if close is not None and is_late else decisions
        started = self.started("decision", "")
        self.ask(c.CompleteDecisionTask(started_event_id=started, decisions=given))

    @rule()
    def take_decision(self) -> None:
        self.ask(c.StartDecisionTask())

    @rule(message=st.sampled_from(["x", "y"]))
    def fail_decision(self, message: str) -> None:
        started = self.started("decision", "")
        self.ask(c.FailDecisionTask(started_event_id=started, cause="C", message=message))

    @rule()
    def lose_the_decider(self) -> None:
        self.ask(c.Release(kind="decision", id="", cause=RescheduleCause.WORKER_LOST))

    # -- activities

    def activities(self, *, held: bool) -> list[OpenActivity]:
        items = [item for item in self.play.open_items() if isinstance(item, OpenActivity)]
        return [item for item in items if bool(item.started_event_id) == held]

    @precondition(lambda self: self.activities(held=False))
    @rule(pick=PICK)
    def take_activity(self, pick: int) -> None:
        waiting = self.activities(held=False)
        self.ask(c.StartActivityTask(activity_id=waiting[pick % len(waiting)].id, owner="me"))

    @precondition(lambda self: self.activities(held=True))
    @rule(pick=PICK, ask=st.sampled_from(ANSWERS))
    def end_activity(self, pick: int, ask: Any) -> None:
        held = self.activities(held=True)
        item = held[pick % len(held)]
        self.ask(ask(activity_id=item.id, started_event_id=item.started_event_id))

    @rule(id=IDS, started=st.integers(0, 12), ask=st.sampled_from(ANSWERS))
    def answer_with_an_old_token(self, id: str, started: int, ask: Any) -> None:
        if started != self.started("activity", id) or not started:
            before = self.play.state.progress
            self.ask(ask(activity_id=id, started_event_id=started))
            assert self.play.state.progress is before, "an old token was taken"

    @precondition(lambda self: self.activities(held=True))
    @rule(pick=PICK, cause=st.sampled_from([GIVEN_BACK, WORKER_LOST]))
    def release(self, pick: int, cause: RescheduleCause) -> None:
        held = self.activities(held=True)
        self.ask(c.Release(kind="activity", id=held[pick % len(held)].id, cause=cause))

    # -- others

    @precondition(lambda self: self.sent)
    @rule(arrives=st.booleans())
    def other_answers(self, arrives: bool) -> None:
        sent = self.sent.pop(0)
        match sent:
            case c.StartChild() if arrives:
                child = sent.execution
                execution = WorkflowExecution(child.workflow_id, "c" * 32)
                self.ask(
                    c.ChildStarted(
                        execution=execution,
                        workflow_type=child.workflow_type,
                        initiated_event_id=sent.initiated_event_id,
                    )
                )
            case c.StartChild():
                self.ask(
                    c.ChildNotStarted(
                        workflow_id=sent.execution.workflow_id,
                        workflow_type=sent.execution.workflow_type,
                        initiated_event_id=sent.initiated_event_id,
                        decision_task_completed_event_id=sent.decision_task_completed_event_id,
                        cause="WORKFLOW_ALREADY_RUNNING",
                    )
                )
            case c.SendSignal() | c.SendCancel():
                cause = None if arrives else "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION"
                self.ask(c.ExternalAnswered(outgoing=sent, run_id="o" * 32, cause=cause))

    @precondition(lambda self: self.play.state.progress.open_children)
    @rule(status=CLOSED, again=st.booleans())
    def close_a_child(self, status: Status, again: bool) -> None:
        children = [item for item in self.play.open_items() if isinstance(item, OpenChild)]
        for item in children[:1]:
            closed = c.ChildClosed(
                execution=item.execution,
                workflow_type=item.workflow_type,
                initiated_event_id=item.initiated_event_id,
                status=status,
            )
            self.ask(closed)
            if again:
                self.ask(closed)

    @rule(command=st.sampled_from([c.Signal(signal_name="s"), c.RequestCancel()]))
    def speak(self, command: c.Command) -> None:
        self.ask(command)

    @precondition(lambda self: self.play.state.progress.last_event_id > 60)
    @rule()
    def terminate(self) -> None:
        self.ask(c.Terminate())

    # -- time, and the store

    @rule(seconds=st.sampled_from([0.5, 2.0, 7.0]))
    def pass_time(self, seconds: float) -> None:
        self.play.now += seconds
        for item in self.play.open_items():
            if item.due is not None and item.due <= self.play.now:
                self.ask(c.Due(kind=item.kind, id=item.id))

    def deadlines(self) -> list[float]:
        items = [item for item in self.play.open_items() if item.kind != "execution"]
        return [item.due for item in items if item.due is not None]

    @precondition(lambda self: self.deadlines())
    @rule()
    def wait_for_what_is_next(self) -> None:
        self.pass_time(max(0.0, min(self.deadlines()) - self.play.now))

    @rule()
    def commit(self) -> None:
        """Store what has changed, as a store does."""
        state = self.play.state
        for key, is_new in state.changed.items():
            assert not (is_new and key in self.stored), "dropping it would be forgotten"
            item = state.get(*key)
            if item is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = item
        state.changed.clear()
        if state.is_closed:
            self.stored.clear()
        assert self.stored == {(item.kind, item.id): item for item in self.play.open_items()}

    # -- what always holds

    @invariant()
    def the_history_is_sound(self) -> None:
        events = self.play.state.new_events
        sound.check(events, self.sound)
        self.sound = len(events)
        assert self.play.state.progress.last_event_id == len(events)

    @invariant()
    def counters_are_the_open_items(self) -> None:
        progress, items = self.play.state.progress, self.play.open_items()
        kinds = [item.kind for item in items]
        assert progress.open_activities == kinds.count("activity")
        assert progress.open_timers == kinds.count("timer")
        assert progress.open_children == kinds.count("child")
        decision = self.play.item("decision")
        scheduled = 0 if decision is None else decision.scheduled_event_id
        assert progress.decision_scheduled_event_id == scheduled

    @invariant()
    def a_closed_execution_has_nothing_open(self) -> None:
        state = self.play.state
        last = state.new_events[-1]
        assert state.is_closed == (last.event_type in sound.CLOSINGS)
        assert (state.progress.closed_at is not None) == state.is_closed
        if state.is_closed:
            assert (state.items, state.changed) == ({}, {})
            assert state.progress.unseen is False

    @invariant()
    def somebody_will_look_at_the_news(self) -> None:
        """What a decider has not seen keeps a decision task open, or causes the next one."""
        state, decision = self.play.state, self.play.item("decision")
        if state.is_closed:
            return
        out = decision is not None and decision.started_event_id
        seen = decision.started_event_id if out else state.progress.previous_started_event_id
        news = any(event.event_type in sound.NEWS for event in state.new_events[seen:])
        if out:
            assert state.progress.unseen == news
        else:
            assert not state.progress.unseen
            assert decision is not None or not news

    @invariant()
    def what_is_open_waits_for_somebody(self) -> None:
        """An open task is in a queue, or held, or comes back at a given time."""
        for item in self.play.open_items():
            if item.kind in ("decision", "activity"):
                held = bool(self.started(item.kind, item.id))
                assert (item.queue is not None) + held <= 1
                assert item.queue is not None or held or item.due is not None
                assert item.owner is None or held

    @invariant()
    def attempts_are_counted(self) -> None:
        for item in self.play.open_items():
            if not isinstance(item, OpenActivity):
                continue
            ended = [
                event.cause
                for event in self.play.state.new_events
                if isinstance(event, ActivityTaskRescheduled)
                and event.scheduled_event_id == item.scheduled_event_id
            ]
            assert item.attempt == 1 + sum(cause != "GIVEN_BACK" for cause in ended)
            if item.retry_policy is not None:
                tried = sum(cause in ("FAILED", "TIMED_OUT") for cause in ended)
                assert tried < item.retry_policy.max_attempts


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=scaled(80, soaking=2_000), stateful_step_count=60, deadline=None
)
