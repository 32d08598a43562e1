"""What workflow code calls instead of chance, and for effects that happen once."""

from __future__ import annotations

import random as random_module
import uuid
from collections.abc import Callable
from typing import TypeVar

from partita.authoring.durable_time import runtime

T = TypeVar("T")


def random() -> random_module.Random:
    """Return a source of random numbers; a replay sees the same numbers."""
    return runtime().random()


def uuid4() -> uuid.UUID:
    """Return a random UUID; a replay sees the same."""
    return uuid.UUID(int=random().getrandbits(128), version=4)


def side_effect(function: Callable[[], T]) -> T:
    """Call a function once and record what it returns; a replay gets the record.

    For what is quick and not worth an activity, such as reading a setting. It runs in the
    decider, so it must not block.
    """
    value: T = runtime().side_effect(function)
    return value
