"""What workflow code calls besides activities: time, chance, and effects that happen once."""

from __future__ import annotations

import math
import random as random_module
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from partita.authoring import local
from partita.authoring.runtime import Runtime, current
from partita.errors import InvalidOptionError

T = TypeVar("T")


def _runtime() -> Runtime:
    return current.get() or local.runtime()


def sleep(duration: float | timedelta) -> None:
    """Wait for a time, in seconds; durably, for months if need be.

    Raises:
        InvalidOptionError: the time is negative or not a number.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidOptionError(f"sleep({duration!r}): give seconds from 0 on")
    _runtime().sleep(seconds)


def now() -> datetime:
    """Return the current time in UTC; a replay sees the same."""
    return _runtime().now()


def random() -> random_module.Random:
    """Return a source of random numbers; a replay sees the same numbers."""
    return _runtime().random()


def uuid4() -> uuid.UUID:
    """Return a random UUID; a replay sees the same."""
    return uuid.UUID(int=random().getrandbits(128), version=4)


def side_effect(function: Callable[[], T]) -> T:
    """Call a function once and record what it returns; a replay gets the record.

    For what is quick and not worth an activity, such as reading a setting. It runs in the
    decider, so it must not block.
    """
    value: T = _runtime().side_effect(function)
    return value
