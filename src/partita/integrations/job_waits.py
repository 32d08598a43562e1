"""Wait in workflows for the ends of jobs: ask how one stands, with a timer in between."""

from __future__ import annotations

from collections.abc import Callable

from partita.authoring.determinism import now, shield, sleep
from partita.errors import CancelledError
from partita.integrations.resources import JobStanding

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
"""Seconds between two questions; the delay doubles from the one to the other."""


def wait_for_job(
    check: Callable[[], JobStanding], stop: Callable[[], None], seconds: float | None
) -> JobStanding | None:
    """Return how a job stands once it is done; None if it takes longer than `seconds`.

    A job that takes longer is stopped, and so is one whose workflow is cancelled meanwhile.
    """
    end = None if seconds is None else now().timestamp() + seconds
    delay = FIRST_DELAY
    try:
        while not (standing := check()).is_done:
            left = delay if end is None else end - now().timestamp()
            if left <= 0:
                stop()
                return None
            sleep(min(delay, left))
            delay = min(2 * delay, LONGEST_DELAY)
    except CancelledError:
        with shield():
            stop()
        raise
    return standing
