"""Retry and catch the failures of a state.

Source: Amazon States Language, "Errors"; AWS Step Functions Developer Guide, "Handling errors".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.asl.failures import (
    ALL,
    HEARTBEAT_TIMEOUT,
    TASK_FAILED,
    TIMEOUT,
    StateFailure,
)
from partita.asl.flows import Handler
from partita.asl.frame import Frame
from partita.authoring.determinism import sleep

_NOT_TASK_FAILED = (TIMEOUT, HEARTBEAT_TIMEOUT)


def _matches(names: tuple[str, ...], failure: StateFailure) -> bool:
    """Return whether `ErrorEquals` names the failure."""
    if failure.is_fatal:
        return False
    for name in names:
        if name == ALL or name == failure.error or name in failure.also:
            return True
        if name == TASK_FAILED and failure.error not in _NOT_TASK_FAILED:
            return True
    return False


@dataclass(frozen=True)
class Retrier:
    """An entry of `Retry`. Times are in seconds."""

    errors: tuple[str, ...]
    interval: float = 1
    max_attempts: int = 3
    backoff: float = 2.0
    max_delay: float | None = None
    has_jitter: bool = False

    def delay(self, attempt: int, frame: Frame) -> float:
        """Return the seconds to wait before a retry; `attempt` counts from 0."""
        exact = frame.execution.delays.get(frame.name) if ALL in self.errors else None
        if exact is not None:
            return exact(attempt)
        try:
            delay = self.interval * self.backoff**attempt
        except OverflowError:
            delay = _LONGEST_DELAY
        delay = min(delay, _LONGEST_DELAY if self.max_delay is None else self.max_delay)
        return frame.random().uniform(0, delay) if self.has_jitter else delay


_LONGEST_DELAY = 31_622_400.0
"""Seconds that a retry may wait at most, a year as AWS counts it."""


@dataclass(frozen=True)
class Catcher:
    """An entry of `Catch`."""

    errors: tuple[str, ...]
    next: str
    handler: Handler


@dataclass(frozen=True)
class Caught:
    """A failure was caught."""

    output: Any
    next: str


class Recovery:
    """The retriers and catchers of one state."""

    def __init__(self, retriers: list[Retrier], catchers: list[Catcher]) -> None:
        self._retriers = retriers
        self._catchers = catchers

    def run(
        self, frame: Frame, attempt: Callable[[], Any], final: Callable[[StateFailure], None]
    ) -> Any:
        """Return the output of an attempt, or `Caught`; `final` is told of the last failure.

        Raises:
            StateFailure: an attempt failed, and that is neither retried nor caught.
        """
        probe = frame.execution.probe
        counts = [0 if probe is None else probe.retries] * len(self._retriers)
        while True:
            try:
                return attempt()
            except StateFailure as raised:
                failure = frame.located(raised)
                if self._is_retried(frame, failure, counts):
                    continue
                if not failure.is_fatal:
                    final(failure)
                return self._caught(frame, failure)

    def _is_retried(self, frame: Frame, failure: StateFailure, counts: list[int]) -> bool:
        """Wait for the next attempt; return False if there is none."""
        for number, retrier in enumerate(self._retriers):
            if _matches(retrier.errors, failure):
                if counts[number] >= retrier.max_attempts:
                    return False
                delay = retrier.delay(counts[number], frame)
                if frame.execution.probe is not None:
                    frame.execution.probe.retried(number, delay, failure)
                counts[number] += 1
                frame.retries = (frame.retries or 0) + 1
                if delay > 0:
                    sleep(delay)
                return True
        return False

    def _caught(self, frame: Frame, failure: StateFailure) -> Caught:
        for number, catcher in enumerate(self._catchers):
            if _matches(catcher.errors, failure):
                if frame.execution.probe is not None:
                    frame.execution.probe.caught(number, failure)
                return Caught(catcher.handler.output(frame, failure), catcher.next)
        raise failure
