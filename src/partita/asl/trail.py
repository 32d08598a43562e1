"""Number the events that AWS's history of an execution would hold.

Causes name them ("entered at the event id #4"). A `Recorder` keeps them with their details, for
those who show an execution as AWS does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Trail:
    """The events of one execution so far, only counted."""

    __slots__ = ("last_id",)

    def __init__(self) -> None:
        self.last_id = 0

    def add(self, type: str, details: dict[str, Any]) -> int:  # noqa: ARG002
        """Add an event; return its number."""
        self.last_id += 1
        return self.last_id


@dataclass(frozen=True)
class TrailEvent:
    """An event by AWS's type name; values in the details are not encoded."""

    id: int
    type: str
    details: dict[str, Any]


class Recorder(Trail):
    """The events of one execution so far, with their details."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        super().__init__()
        self.events: list[TrailEvent] = []

    def add(self, type: str, details: dict[str, Any]) -> int:
        """Keep an event; return its number."""
        number = super().add(type, details)
        self.events.append(TrailEvent(number, type, details))
        return number
