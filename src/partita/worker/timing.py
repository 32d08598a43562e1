"""How long a worker waits, and how often it asks: one value, which tests replace."""

from __future__ import annotations

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """Times of a worker, in seconds."""

    report_again: float = 0.5  # before a result is reported again that was not stored
    cancel_interval: float = 0.25  # between two looks for cancelled activities
    heartbeat_interval: float = 1.0  # between two reports of a heartbeat, at most

    # Only where the service is polled:
    poll_wait: float = 1.0  # for a task, if the service's polls cannot be ended
    poll_again: tuple[float, float] = (1.0, 20.0)  # after a poll that failed: at first, at most
    refused_again: float = 5.0  # after a poll that the service refused
    unwanted_interval: float = 2.0  # between two heartbeats that ask if a task is cancelled
    report_limit: float = 30.0  # for results to be recorded while the worker stops


DEFAULT_TIMING = Timing()
