"""Find the tasks of an execution that wait for a token, in its history.

A compiled wait for a signal hands its token to a function, with the signal's name; Step Functions
keeps both in the event `TaskScheduled`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_ENDS = ("TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskSubmitFailed", "TaskStartFailed")


@dataclass(frozen=True)
class OpenWait:
    """A task that waits for a signal."""

    signal: str
    token: str


def open_waits(events: Iterable[dict[str, Any]]) -> list[OpenWait]:
    """Return the waits of an execution that are open, the oldest first."""
    scheduled: dict[int, int] = {}  # the event TaskScheduled, by the events of its task
    waits: dict[int, OpenWait] = {}
    for event in events:
        number, kind = int(event["id"]), event["type"]
        if kind == "TaskScheduled":
            scheduled[number] = number
            wait = _wait(event["taskScheduledEventDetails"])
            if wait is not None:
                waits[number] = wait
        elif kind.startswith("Task"):
            first = scheduled.get(int(event.get("previousEventId", 0)))
            if first is not None:
                scheduled[number] = first
            if kind in _ENDS and first is not None:
                waits.pop(first, None)
    return list(waits.values())


def _wait(details: dict[str, Any]) -> OpenWait | None:
    if not details.get("resource", "").endswith(".waitForTaskToken"):
        return None
    try:
        payload = json.loads(details.get("parameters", "{}"))["Payload"]
        return OpenWait(str(payload["signal"]), str(payload["token"]))
    except (ValueError, KeyError, TypeError):
        return None
