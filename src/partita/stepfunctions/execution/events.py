"""Spell recorded events as the API's GetExecutionHistory does.

Source: AWS Step Functions API Reference (2016-11-23), HistoryEvent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.asl.json_text import json_text
from partita.stepfunctions.execution.recorder import RecordedEvent

_DATA = ("input", "output", "parameters")
"""Members that are JSON text."""

_OWN = frozenset({"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"})
"""Members that AWS's histories do not have."""

_WITHOUT_DETAILS = frozenset(
    {
        *("LambdaFunctionStarted", "MapRunSucceeded", "MapRunAborted", "MapStateAborted"),
        *("MapStateFailed", "MapStateSucceeded", "ParallelStateAborted", "ParallelStateFailed"),
        *("ParallelStateStarted", "ParallelStateSucceeded", "TaskStateAborted"),
        *("WaitStateAborted",),
    }
)


def event_to_api(event: RecordedEvent, *, has_data: bool) -> dict[str, Any]:
    """Return an event; `has_data` tells whether inputs and outputs are shown."""
    shown: dict[str, Any] = {
        "timestamp": event.at,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    if event.type not in _WITHOUT_DETAILS:
        shown[details_key(event.type)] = _details(event, has_data=has_data)
    return shown


def details_key(type: str) -> str:
    """Return the member that holds the details of events of a type."""
    if type.endswith("StateEntered"):
        return "stateEnteredEventDetails"
    if type.endswith("StateExited"):
        return "stateExitedEventDetails"
    return f"{type[0].lower()}{type[1:]}EventDetails"


def _details(event: RecordedEvent, *, has_data: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in event.details.items():
        if name == "assignedVariables":
            if has_data:
                shown[name] = {key: json_text(one) for key, one in value.items()}
                shown["assignedVariablesDetails"] = {"truncated": False}
        elif name in _DATA:
            shown |= _data(name, value) if has_data else {}
        elif value is not None and name not in _OWN:
            shown[name] = value
    return shown


def _data(name: str, value: Any) -> Mapping[str, Any]:
    text = {name: json_text(value)}
    return text if name == "parameters" else {**text, f"{name}Details": {"truncated": False}}
