"""Our structs and SWF's JSON say the same, and Amazon's own model names every member."""

from __future__ import annotations

from typing import Any, get_args

import botocore.session
import msgspec
import pytest

from partita.errors import InvalidInputError
from partita.history import AnyDecision, AnyEvent, Decision, Event
from partita.ports.state import Execution, Progress, Status
from partita.swf import wire_format
from partita.swf.wire_format import SPELLING, configuration_to_swf, info_from_swf, info_to_swf

SHAPES: dict[str, Any] = (
    botocore.session.get_session().get_service_model("swf")._service_description["shapes"]
)
EVENTS = [cls for cls in get_args(AnyEvent) if cls not in wire_format.OURS]
DECISIONS = list(get_args(AnyDecision))


def shape_of(cls: type, suffix: str) -> Any:
    return SHAPES[f"{cls.__name__}{suffix}"]


def test_every_event_of_amazons_is_ours() -> None:
    assert {cls.__name__ for cls in EVENTS} == set(SHAPES["EventType"]["enum"])


def test_every_decision_of_amazons_is_ours() -> None:
    assert {cls.__name__ for cls in DECISIONS} == set(SHAPES["DecisionType"]["enum"])


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
def test_events_have_amazons_members(cls: type[Event]) -> None:
    assert wire_format.event_attributes(cls.__name__) in SHAPES["HistoryEvent"]["members"]
    shape = shape_of(cls, "EventAttributes")
    assert {member.name for member in SPELLING.members(cls)} == set(shape["members"])


@pytest.mark.parametrize("cls", DECISIONS, ids=lambda cls: cls.__name__)
def test_decisions_have_amazons_members(cls: type[Decision]) -> None:
    assert wire_format.decision_attributes(cls.__name__) in SHAPES["Decision"]["members"]
    shape = shape_of(cls, "DecisionAttributes")
    assert {member.name for member in SPELLING.members(cls)} == set(shape["members"])


def sample(shape: str) -> Any:
    """Return a value that fits a shape of Amazon's, with every member."""
    found = SHAPES[shape]
    match found["type"]:
        case "structure":
            return {name: sample(one["shape"]) for name, one in found["members"].items()}
        case "list":
            return [sample(found["member"]["shape"])]
        case "string" if "enum" in found:
            return found["enum"][0]
        case "string":
            return "7"
        case "timestamp":
            return 1000.5
        case "boolean":
            return True
        case _:
            return 7


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
def test_events_go_there_and_back(cls: type[Event]) -> None:
    wire = {
        "eventId": 3,
        "eventType": cls.__name__,
        "eventTimestamp": 1000.5,
        wire_format.event_attributes(cls.__name__): sample(f"{cls.__name__}EventAttributes"),
    }
    assert wire_format.event_to_swf(wire_format.event_from_swf(wire)) == wire


@pytest.mark.parametrize("cls", DECISIONS, ids=lambda cls: cls.__name__)
def test_decisions_go_there_and_back(cls: type[Decision]) -> None:
    wire = {
        "decisionType": cls.__name__,
        wire_format.decision_attributes(cls.__name__): sample(f"{cls.__name__}DecisionAttributes"),
    }
    assert wire_format.decision_to_swf(wire_format.decision_from_swf(wire)) == wire


def test_events_of_ours_are_shown_as_markers() -> None:
    event = msgspec.convert(
        {
            "event_type": "DecisionTaskFailed",
            "event_id": 4,
            "event_timestamp": 1.0,
            "scheduled_event_id": 2,
            "started_event_id": 3,
            "cause": "C",
            "message": "m",
        },
        AnyEvent,
    )
    shown = wire_format.event_to_swf(event)
    assert shown["eventType"] == "MarkerRecorded"
    assert shown["markerRecordedEventAttributes"]["markerName"] == "partita.DecisionTaskFailed"
    assert wire_format.event_from_swf(shown).event_id == 4


def test_what_amazon_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a decision"):
        wire_format.decision_from_swf({"decisionType": "Ponder"})
    with pytest.raises(InvalidInputError, match="timer_id"):
        wire_format.decision_from_swf({"decisionType": "StartTimer"})
    with pytest.raises(InvalidInputError, match="not an event"):
        wire_format.event_from_swf({"eventType": "ActivityTaskRescheduled"})


def test_infos_go_there_and_back() -> None:
    execution = msgspec.convert(
        {
            "domain": "d",
            "workflow_id": "w",
            "run_id": "r",
            "workflow_type": {"name": "t", "version": "2"},
            "task_list": "l",
            "started_at": 5.0,
            "tag_list": ["x"],
            "parent": {"workflow_id": "p", "run_id": "q"},
        },
        Execution,
    )
    progress = Progress(status=Status.FAILED, closed_at=6.0, cancel_requested=True)
    wire = info_to_swf(execution, progress)
    assert set(wire) == set(SHAPES["WorkflowExecutionInfo"]["members"])
    info = info_from_swf(wire)
    assert (info.workflow_id, info.run_id, info.workflow_type.version) == ("w", "r", "2")
    assert (info.status, info.started_at, info.closed_at) == (Status.FAILED, 5.0, 6.0)
    assert wire["cancelRequested"] is False
    assert info.parent == execution.parent
    assert configuration_to_swf(execution)["taskStartToCloseTimeout"] == "NONE"
