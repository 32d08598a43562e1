"""The table of event references, and the one fold of histories that stands on it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from partita import history as h
from partita.history.references import (
    CLOSING,
    DECIDED,
    NAMED,
    REFERENCES,
    Kind,
    Outcome,
    Role,
    is_closed,
    types_of,
)
from partita.history.timeline import Operation, Timeline

EVERY = get_args(h.AnyEvent)
VALUES: dict[str, Any] = {
    "activity_type": h.ActivityType("charge"),
    "workflow_type": h.WorkflowType("child"),
    "workflow_execution": h.WorkflowExecution("c", "r"),
    "timeout_type": h.TimeoutType.START_TO_CLOSE,
    "child_policy": h.ChildPolicy.TERMINATE,
    "cause": h.RescheduleCause.FAILED,
}


def event(kind: type[Any], id: int, **given: Any) -> Any:
    """Return an event of any type; what is not given is made up."""
    made: dict[str, Any] = {"event_id": id, "event_timestamp": 100.0 + id}
    for name in kind.__struct_fields__:
        if name in given or name in made or name in VALUES:
            made[name] = given.get(name, VALUES.get(name, made.get(name)))
        elif name.endswith("_event_id"):
            made[name] = 0
        elif name not in ("retry_policy", "tag_list", "reused_markers"):
            made[name] = 1.0 if name == "start_to_fire" else name
    return kind(**made)


def test_every_type_of_event_is_in_the_table() -> None:
    assert set(REFERENCES) == set(EVERY)


@pytest.mark.parametrize("kind", EVERY)
def test_a_row_names_an_attribute_of_its_event(kind: type[Any]) -> None:
    row = REFERENCES[kind]
    assert row.attribute is None or row.attribute in kind.__struct_fields__
    ends = row.role in (Role.CLOSES, Role.REFUSES)
    assert (row.outcome is not None) == (ends or kind is h.DecisionTaskFailed)


@pytest.mark.parametrize("kind", EVERY)
def test_every_attribute_that_names_an_earlier_event_says_of_which_type(kind: type[Any]) -> None:
    named = NAMED[kind]
    elsewhere = {"external_initiated_event_id", "parent_initiated_event_id"}
    fields = {name for name in kind.__struct_fields__ if name.endswith("_event_id")}
    assert set(named) == fields - elsewhere
    attribute = REFERENCES[kind].attribute
    if attribute is not None:
        assert named[attribute] in types_of(REFERENCES[kind].kind, Role.BEGINS)


@pytest.mark.parametrize("kind", Kind)
def test_an_operation_begins_in_one_way_and_starts_in_one_at_most(kind: Kind) -> None:
    assert len(types_of(kind, Role.BEGINS)) == 1
    assert len(types_of(kind, Role.STARTS)) <= 1
    assert len(types_of(kind, Role.CLOSES)) > 1


def test_closing_events_have_names_of_statuses() -> None:
    assert set(CLOSING.values()) == {
        "COMPLETED", "FAILED", "CANCELED", "TERMINATED", "CONTINUED_AS_NEW", "TIMED_OUT",
    }  # fmt: skip
    begun = event(h.WorkflowExecutionStarted, 1)
    assert not is_closed([])
    assert not is_closed([begun])
    assert is_closed([begun, event(h.WorkflowExecutionFailed, 2)])


def test_what_a_decider_decided_is_no_news_to_it() -> None:
    assert h.TimerCanceled in DECIDED
    assert h.WorkflowExecutionFailed in DECIDED
    assert not DECIDED & {h.TimerFired, h.StartTimerFailed, h.StartChildWorkflowExecutionFailed}


def only(*events: Any) -> Operation:
    [operation] = Timeline(events).operations.values()
    return operation


@pytest.mark.parametrize("kind", [one for one in Kind if one is not Kind.EXECUTION])
def test_a_whole_life_of_each_kind(kind: Kind) -> None:
    [begins] = types_of(kind, Role.BEGINS)
    for ends in types_of(kind, Role.CLOSES):
        starts = types_of(kind, Role.STARTS)
        name = REFERENCES[ends].attribute
        assert name is not None
        life = [event(begins, 5), *(event(one, 6, **{name: 5}) for one in starts)]
        life.append(event(ends, 7, **{name: 5}))
        operation = only(*life)
        assert (operation.kind, operation.event_id) == (kind, 5)
        assert operation.events == life
        assert (operation.begun, operation.closed) == (life[0], life[-1])
        assert operation.started == (life[1] if starts else None)
        assert operation.outcome is REFERENCES[ends].outcome
        assert not operation.is_running
        timeline = Timeline(life)
        assert not list(timeline.open(kind))
        assert all(timeline.of(one) is timeline.operations[5] for one in life)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("known", [True, False])
def test_the_timeline_takes_any_event_with_or_without_what_came_before(
    kind: type[Any], known: bool
) -> None:
    before = [event(h.WorkflowExecutionStarted, 1)]
    row = REFERENCES[kind]
    if row.attribute is not None and known:
        [begins] = types_of(row.kind, Role.BEGINS)
        before.append(event(begins, 5))
    timeline = Timeline(before)
    named = {} if row.attribute is None else {row.attribute: 5}
    operation = timeline.add(one := event(kind, 9, **named))
    assert operation.events[-1] is one
    assert timeline.of(one) is operation
    if row.attribute is not None:
        assert operation.event_id == 5
        assert (operation.begun is not None) == known
    elif row.role is Role.REFUSES:
        assert operation.is_refused
        assert operation.event_id == 9
    assert timeline.is_closed == (kind in CLOSING)
    assert timeline.last_at == one.event_timestamp


SCHEDULED = event(h.ActivityTaskScheduled, 5, activity_id="a")
TRIED = [
    SCHEDULED,
    event(h.ActivityTaskStarted, 6, scheduled_event_id=5),
    event(h.ActivityTaskRescheduled, 7, scheduled_event_id=5),
    event(h.ActivityTaskStarted, 8, scheduled_event_id=5),
    event(h.ActivityTaskCancelRequested, 9, activity_id="a"),
    event(h.ActivityTaskCompleted, 10, scheduled_event_id=5, started_event_id=8),
]


def test_attempts_follow_one_another() -> None:
    seen = []
    timeline = Timeline()
    for one in TRIED:
        operation = timeline.add(one)
        seen.append((operation.attempts, operation.is_running, operation.closed is not None))
    assert seen == [
        (0, False, False),
        (1, True, False),
        (1, False, False),
        (2, True, False),
        (2, True, False),
        (2, False, True),
    ]
    operation = only(*TRIED)
    assert (operation.id, operation.name, operation.type) == (
        "a",
        "charge",
        VALUES["activity_type"],
    )
    assert operation.outcome is Outcome.COMPLETED


def test_an_id_may_be_used_again() -> None:
    again = event(h.ActivityTaskScheduled, 20, activity_id="a")
    asked = event(h.ActivityTaskCancelRequested, 22, activity_id="a")
    refused = event(h.ScheduleActivityTaskFailed, 21, activity_id="a")
    timeline = Timeline([*TRIED, again, refused, asked])
    found = timeline.find(Kind.ACTIVITY, "a")
    assert found is timeline.operations[20]
    assert found.events == [again, asked], "a refused one cannot be asked to cancel"
    assert list(timeline.open(Kind.ACTIVITY)) == [found]


def test_a_failed_decision_task_is_tried_again() -> None:
    task = only(
        event(h.DecisionTaskScheduled, 2),
        event(h.DecisionTaskStarted, 3, scheduled_event_id=2),
        event(h.DecisionTaskFailed, 4, scheduled_event_id=2, started_event_id=3),
    )
    assert (task.closed, task.is_running, task.attempts) == (None, False, 1)


def test_a_timer_runs_from_its_start() -> None:
    timer = event(h.TimerStarted, 2, timer_id="t")
    assert (only(timer).is_running, only(timer).attempts, only(timer).id) == (True, 1, "t")


@pytest.mark.parametrize("initiated", [0, 2])
def test_a_child_is_refused_at_once_or_later(initiated: int) -> None:
    asked = event(h.StartChildWorkflowExecutionInitiated, 2, workflow_id="c")
    refused = event(
        h.StartChildWorkflowExecutionFailed, 3, workflow_id="c", initiated_event_id=initiated
    )
    child = only(*([asked] if initiated else []), refused)
    assert (child.kind, child.id, child.outcome) == (Kind.CHILD, "c", Outcome.REFUSED)
    assert child.is_refused == (initiated == 0)


def shape(timeline: Timeline) -> Sequence[Any]:
    return [
        (one.kind, one.event_id, one.events, one.attempts, one.outcome)
        for one in (timeline.execution, *timeline.operations.values())
    ]


def test_however_it_is_fed_the_same_comes_out() -> None:
    events = [event(h.WorkflowExecutionStarted, 1), *TRIED, event(h.TimerStarted, 11)]
    whole = shape(Timeline(events))
    chance = random.Random(7)
    for _ in range(20):
        timeline = Timeline()
        rest = list(events)
        while rest:
            cut = chance.randint(1, 3)
            timeline.extend(rest[:cut])
            rest = rest[cut:]
        assert shape(timeline) == whole
