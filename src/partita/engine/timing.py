"""The times of one engine, which tests shorten. Knows no clock."""

from __future__ import annotations

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """How long an engine waits, for what; in seconds."""

    lease: float = 10.0
    """After this a silent worker's tasks are given to others."""

    reap_interval: float = 1.0
    """Between two looks for dead workers."""

    careful_period: float = 30.0
    """After a worker's death: runs that are not cached here are decided in two transactions."""

    retry_after_failure: float = 0.2
    """After a transaction failed."""

    retry_locked: float = 0.02
    """Until items that another process had locked are looked for again."""

    share_interval: float = 0.05
    """Until a worker that left activities to others takes what they did not."""

    decision_span: float = 0.5
    """After this a transaction begins no further decision."""

    slow_decision: float = 1.0
    """A decision that takes longer is logged."""

    slow_query: float = 1.0
    """A query that takes longer is logged."""

    watchdog_limit: float = 0.5
    """A transaction stays open for a decider that does not return, at most."""

    watchdog_interval: float = 0.1
    """Between two looks of the watchdog."""

    in_doubt_interval: float = 1.0
    """Between two looks for activities that a commit of unknown outcome may have claimed."""

    in_doubt_period: float = 60.0
    """After this a lost database session has surely ended."""

    query_timeout: float = 5.0
    """For an answer from a worker in another process, unless the caller says otherwise."""

    poll_interval: float = 0.1
    """After this a thread that waits for a commit looks for itself."""

    listener_timeout: float = 5.0
    """For listeners to finish while the engine closes."""

    retention_interval: float = 60.0
    """Between two looks at whether a domain's retention is due."""
