"""The history is SWF's own: every event, decision and attribute, by the service's own model."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest
from botocore.loaders import Loader

from partita import history
from partita.history import AnyDecision, AnyEvent

MODEL: dict[str, Any] = Loader().load_service_model("swf", "service-2")["shapes"]
EVENTS = {kind.__name__: kind for kind in get_args(AnyEvent)}
DECISIONS = {kind.__name__: kind for kind in get_args(AnyDecision)}
OURS = {"ActivityTaskRescheduled", "DecisionTaskFailed"}
OUR_OWN = {name: {"retry_policy"} for name in ("ScheduleActivityTask", "ActivityTaskScheduled")} | {
    "WorkflowExecutionStarted": {"original_run_id", "reused_markers", "trace_context"},
    "StartChildWorkflowExecution": {"trace_context"},
    "ContinueAsNewWorkflowExecution": {"unread_signals", "cancel_pending"},
}
TYPES: dict[str, Any] = {  # what a shape of the model is here; all else is text
    "EventId": int,
    "TaskPriority": int,
    "DurationInSeconds": float,
    "DurationInSecondsOptional": float,
    "TagList": tuple[str, ...],
    "WorkflowType": history.WorkflowType,
    "ActivityType": history.ActivityType,
    "WorkflowExecution": history.WorkflowExecution,
    "ChildPolicy": history.ChildPolicy,
    "ActivityTaskTimeoutType": history.TimeoutType,
    "DecisionTaskTimeoutType": history.TimeoutType,
    "WorkflowExecutionTimeoutType": history.TimeoutType,
    "LambdaFunctionTimeoutType": history.TimeoutType,
}


def snake(name: str) -> str:
    """Return the attribute's name as ours: snake case, a `Timeout` suffix dropped."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower().removesuffix("_timeout")


def attributes(shape: str) -> tuple[set[str], set[str]]:
    """Return the names of all, and of the required, attributes of a shape."""
    found = MODEL[shape]
    return {snake(name) for name in found["members"]}, {snake(n) for n in found.get("required", ())}


def fields(kind: type[Any]) -> tuple[set[str], set[str]]:
    own = [f for f in msgspec.structs.fields(kind) if f.name not in ("event_id", "event_timestamp")]
    return {f.name for f in own}, {f.name for f in own if f.required}


def test_every_event_of_swf_is_here_and_two_of_ours() -> None:
    assert set(EVENTS) == set(MODEL["EventType"]["enum"]) | OURS


def test_every_decision_of_swf_is_here() -> None:
    assert set(MODEL["DecisionType"]["enum"]) == set(DECISIONS)


@pytest.mark.parametrize("name", sorted(set(EVENTS) - OURS))
def test_event_attributes(name: str) -> None:
    theirs, required = attributes(f"{name}EventAttributes")
    ours, ours_required = fields(EVENTS[name])
    assert ours - OUR_OWN.get(name, set()) == theirs
    assert ours_required == required


def test_attributes_of_our_own_events() -> None:
    token = {"scheduled_event_id", "started_event_id"}
    rescheduled, required = fields(history.ActivityTaskRescheduled)
    assert required == token | {"cause", "attempt"}
    assert rescheduled - required == {"backoff", "reason", "details"}
    assert fields(history.DecisionTaskFailed) == ((token | {"cause", "message"},) * 2)


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_decision_attributes(name: str) -> None:
    theirs, required = attributes(f"{name}DecisionAttributes")
    ours, ours_required = fields(DECISIONS[name])
    assert ours - OUR_OWN.get(name, set()) == theirs
    assert ours_required == required


@pytest.mark.parametrize("kind", sorted({*EVENTS, *DECISIONS} - OURS))
def test_attributes_have_the_types_of_swf(kind: str) -> None:
    ours: type[Any] = {**EVENTS, **DECISIONS}[kind]
    model = MODEL[f"{kind}{'Event' if kind in EVENTS else 'Decision'}Attributes"]
    types = {field.name: field.type for field in msgspec.structs.fields(ours)}
    for name, member in model["members"].items():
        options = {*get_args(types[snake(name)]), types[snake(name)]}
        assert TYPES.get(member["shape"], str) in options, name


@pytest.mark.parametrize(
    ("enum", "shapes"),
    [
        (history.ChildPolicy, ["ChildPolicy"]),
        (history.TimeoutType, ["ActivityTaskTimeoutType", "DecisionTaskTimeoutType"]),
    ],
)
def test_enums_have_the_values_of_swf(enum: type[Any], shapes: list[str]) -> None:
    assert {str(member) for member in enum} == {
        value for shape in shapes for value in MODEL[shape]["enum"]
    }


def sample(kind: type[Any]) -> Any:
    """Return an instance with every field set."""
    hints: dict[Any, Any] = {
        int: 3,
        float: 2.5,
        str: "text",
        bool: True,
        history.WorkflowType: history.WorkflowType("w", "2"),
        history.ActivityType: history.ActivityType("a", "2"),
        history.WorkflowExecution: history.WorkflowExecution("id", "run"),
        history.RetryPolicy: history.RetryPolicy(max_attempts=7),
        history.ChildPolicy: history.ChildPolicy.ABANDON,
        history.TimeoutType: history.TimeoutType.HEARTBEAT,
        history.RescheduleCause: history.RescheduleCause.FAILED,
        tuple[str, ...]: ("t",),
        dict[str, str]: {"m": "1"},
        tuple[history.SignalInput, ...]: (history.SignalInput("s", "1"),),
    }
    given = {}
    for field in msgspec.structs.fields(kind):
        options = [field.type, *get_args(field.type)]
        given[field.name] = next(hints[option] for option in options if option in hints)
    return kind(**given)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_events_survive_encoding(name: str) -> None:
    event = sample(EVENTS[name])
    packed = msgspec.msgpack.encode([event])
    assert msgspec.msgpack.decode(packed, type=list[AnyEvent]) == [event]
    text = msgspec.json.encode(event)
    assert msgspec.json.decode(text, type=AnyEvent) == event
    assert msgspec.json.decode(text)["event_type"] == name == event.event_type


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_decisions_survive_encoding(name: str) -> None:
    decision = sample(DECISIONS[name])
    packed = msgspec.msgpack.encode([decision])
    assert msgspec.msgpack.decode(packed, type=list[AnyDecision]) == [decision]
    text = msgspec.json.encode(decision)
    assert msgspec.json.decode(text, type=AnyDecision) == decision
    assert msgspec.json.decode(text)["decision_type"] == name == decision.decision_type


def test_closing_decisions_are_marked() -> None:
    closing = {name for name, kind in DECISIONS.items() if kind.closes}
    assert closing == {
        "CompleteWorkflowExecution",
        "FailWorkflowExecution",
        "CancelWorkflowExecution",
        "ContinueAsNewWorkflowExecution",
    }


def test_retry_delays_grow_up_to_their_limit() -> None:
    policy = history.RetryPolicy(initial_interval=1.0, backoff=2.0, max_interval=5.0)
    assert [policy.delay(attempt) for attempt in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]
