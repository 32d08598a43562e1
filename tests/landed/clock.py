"""Set the clock of the program that writes the data back, so that all it writes is old.

It must be imported before `partita`, whose modules keep `time.time` as they find it.
"""

from __future__ import annotations

import os
import time

BEGIN = 1_736_496_000.0
"""What the clock shows when the writing begins: 2025-01-10T08:00:00Z."""

_VARIABLE = "LANDED_CLOCK"
"""The environment variable that tells the workers by how many seconds the clock is set back."""

_true = time.time
_ahead = float(os.environ.setdefault(_VARIABLE, str(BEGIN - _true())))


def earlier() -> float:
    """Return the seconds since the epoch, as they were then."""
    return _true() + _ahead


time.time = earlier
