"""Whether `make soak` runs, which tries more than `make test` has the time for."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

SOAKING = bool(os.environ.get("PARTITA_SOAK"))


def scaled(usual: T, soaking: T) -> T:
    """Return what a test takes in `make test`, or in `make soak`."""
    return soaking if SOAKING else usual
