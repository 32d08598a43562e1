"""Write spans and moments of time for people."""

from __future__ import annotations

from datetime import UTC, datetime


def duration(seconds: float) -> str:
    """Return a span of time in a fitting unit."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def utc_time(timestamp: float) -> str:
    """Return a moment, to the millisecond, for readers in any time zone."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def clock_time(timestamp: float | None) -> str:
    """Return a time in the local time zone, for people."""
    if timestamp is None:
        return ""
    return datetime.fromtimestamp(timestamp).strftime("%Y-%m-%d %H:%M:%S")


def since(moment: float, now: float) -> str:
    """Return how long ago a moment was."""
    return duration(max(0.0, now - moment))


def until(moment: float, now: float) -> str:
    """Return when a moment is, by the clock and from now."""
    left = moment - now
    return f"{clock_time(moment)} ({f'in {duration(left)}' if left > 0 else 'now'})"
