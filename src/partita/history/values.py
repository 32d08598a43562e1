"""Name the values that events and decisions are made of, after Amazon SWF.

Data only; timeouts are floats in seconds.

Source: Amazon SWF API Reference (2012-01-25), Data Types.
"""

from __future__ import annotations

import enum

from msgspec import Struct

from partita.history.failure import bases_in

SEARCH_ATTRIBUTES = "$search_attributes"
"""The marker whose details, a JSON object, set an execution's search attributes (ours)."""


MORE = "$more"
"""The marker after which a turn's decisions go on in the next turn (ours)."""


class ChildPolicy(enum.StrEnum):
    """Effects on open children of a parent that is closed from outside."""

    TERMINATE = "TERMINATE"
    REQUEST_CANCEL = "REQUEST_CANCEL"
    ABANDON = "ABANDON"


class TimeoutType(enum.StrEnum):
    """The timeouts of a task or an execution."""

    START_TO_CLOSE = "START_TO_CLOSE"
    SCHEDULE_TO_START = "SCHEDULE_TO_START"
    SCHEDULE_TO_CLOSE = "SCHEDULE_TO_CLOSE"
    HEARTBEAT = "HEARTBEAT"


class RescheduleCause(enum.StrEnum):
    """Why an activity goes back to its task list without being closed."""

    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    WORKER_LOST = "WORKER_LOST"
    GIVEN_BACK = "GIVEN_BACK"


class WorkflowType(Struct, frozen=True, gc=False):
    """Name and version of a kind of workflow."""

    name: str
    version: str = "1"

    @property
    def key(self) -> str:
        """`name@version`, as the stores index it."""
        return f"{self.name}@{self.version}"


class ActivityType(Struct, frozen=True, gc=False):
    """Name and version of a kind of activity."""

    name: str
    version: str = "1"

    @property
    def key(self) -> str:
        """`name@version`, as the stores index it."""
        return f"{self.name}@{self.version}"


class WorkflowExecution(Struct, frozen=True, gc=False):
    """The id that people give an execution, and the id of one run of it."""

    workflow_id: str
    run_id: str


class RetryPolicy(Struct, frozen=True, gc=False):
    """Attempts of an activity that fails or times out, and the waits between them."""

    max_attempts: int = 1  # with the first; 0 means without end
    initial_interval: float = 1.0  # seconds before the second attempt
    backoff: float = 2.0  # each further wait is this many times the one before
    max_interval: float = 60.0  # seconds; no wait is longer
    non_retryable: tuple[str, ...] = ()  # names of exception types that are final at once

    def is_final(self, reason: str | None, details: str | None = None) -> bool:
        """Whether an error ends the attempts: its type, or a base of it, is among the names.

        Names are with or without their module. `details` describe the error, and so its bases.
        """
        if reason is None or not self.non_retryable:
            return False
        return any(
            one == name or one.endswith("." + name)
            for one in (reason, *bases_in(details))
            for name in self.non_retryable
        )

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after attempt number `attempt` (from 1) has failed."""
        try:
            return min(self.max_interval, self.initial_interval * self.backoff ** (attempt - 1))
        except OverflowError:
            return self.max_interval


class SignalInput(Struct, frozen=True, gc=False):
    """A signal on its way to the next run."""

    signal_name: str
    input: str | None = None
