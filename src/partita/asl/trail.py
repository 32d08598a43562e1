"""Number the events that AWS's history of an execution would hold.

Causes name them ("entered at the event id #4"). Those who show an execution as AWS does pass a
trail of their own, which keeps the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.asl.failures import RUNTIME, StateFailure


class Chain:
    """The last event of the machine, of a branch or of a line of iterations: each is one chain."""

    __slots__ = ("end", "last")

    def __init__(self, last: int = 0) -> None:
        self.last = last  # the event's number; 0: there is none
        self.end = 0  # of the end of an iteration, which the next iteration does not follow


EVENT_LIMIT = 25_000
"""Events that the history of a standard execution may have."""


class Trail:
    """The events of one execution so far, only counted."""

    __slots__ = ("last_id",)

    def __init__(self) -> None:
        self.last_id = 0

    def add(self, type: str, details: dict[str, Any], chain: Chain) -> int:  # noqa: ARG002
        """Add an event to a chain; return its number. Values in the details are not encoded."""
        self.last_id += 1
        return self.last_id

    def begin(self, root: Any) -> None:
        """Note the outermost scope of the execution, which knows how far its states are."""

    def change_run(self, map_run_arn: str, change: dict[str, Any]) -> None:
        """Note that a run keeps to something else from now on."""

    def begin_run(self, map_run_arn: str, pages: Sequence[Any]) -> None:
        """Note the pages of a run, of which each tells how far it is."""

    def child(self, name: str, map_run_arn: str, before: str | None) -> Trail:  # noqa: ARG002
        """Return the trail of an execution that a distributed Map state starts.

        `before` is the name that it had before a redrive: the same, or of the one it replaces.
        """
        return Trail()


class LimitedTrail(Trail):
    """A trail of a standard execution, which fails when it would be too long."""

    __slots__ = ()

    def add(self, type: str, details: dict[str, Any], chain: Chain) -> int:
        """Add an event; return its number.

        Raises:
            StateFailure: only the event that the execution has failed may follow.
        """
        check_length(self, type)
        return super().add(type, details, chain)


def check_length(trail: Trail, type: str) -> None:
    """Raise StateFailure if an event of that type would be one too many."""
    if trail.last_id >= EVENT_LIMIT - 1 and type != "ExecutionFailed":
        raise StateFailure(
            RUNTIME,
            f"The execution reached the maximum number of history events ({EVENT_LIMIT}).",
        )
