"""Define the times of workers and supervisors, each as one value that tests can replace."""

from __future__ import annotations

import os

from msgspec import Struct

STOP_MARGIN = 5.0
"""Seconds that a worker may take to end beyond its grace."""


class Timing(Struct, frozen=True, kw_only=True):
    """Times of a worker, in seconds."""

    report_again: float = 0.5  # before a result is reported again that was not stored
    cancel_interval: float = 0.25  # between two looks for cancelled activities
    heartbeat_interval: float = 1.0  # between two reports of a heartbeat, at most

    # Activities that take no longer on average may run on the engine's thread; 0: none, inf: all
    short_activity: float = float(os.environ.get("PARTITA_SHORT_ACTIVITY", "0.001"))

    # Only where the service is polled:
    poll_wait: float = 1.0  # for a task, if the service's polls cannot be ended
    poll_again: tuple[float, float] = (1.0, 20.0)  # after a poll that failed: at first, at most
    refused_again: float = 5.0  # after a poll that the service refused
    unwanted_interval: float = 2.0  # between two heartbeats that ask if a task is cancelled
    report_limit: float = 30.0  # for results to be recorded while the worker stops


DEFAULT_TIMING = Timing()


class SupervisorTiming(Struct, frozen=True, kw_only=True):
    """Times of a supervisor, in seconds; tests replace them."""

    start_timeout: float = 60.0  # for a worker to begin, before it counts as stuck
    stable_after: float = 30.0  # after which a worker that ends no longer ends again and again
    first_delay: float = 0.25  # before a worker that ended is replaced; it doubles each time, and
    max_delay: float = 30.0  # varies by a half at random, so that many do not return at once
    stop_margin: float = STOP_MARGIN  # beyond the grace, before a worker is killed
    interval: float = 1.0  # between two looks at everything, at most
