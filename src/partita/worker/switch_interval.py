"""Shorten the time for which a thread that computes keeps others from the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL = 0.001
"""Seconds. Python itself lets each thread that computes go on for 0.005 while others wait."""


@contextmanager
def short_switch_interval() -> Iterator[None]:
    """Shorten it in the block, unless it is shorter already."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
