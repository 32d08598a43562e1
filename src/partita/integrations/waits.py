"""Wait in workflows: for the end of a job, and for the answer that comes with a task token."""

from __future__ import annotations

from collections.abc import Callable

from partita.authoring.determinism import now, shield, sleep
from partita.authoring.messages import wait_signal
from partita.errors import ActivityTimedOutError, CancelledError, WaitTimeoutError
from partita.integrations.resources import JobStanding
from partita.integrations.task_tokens import HEARTBEAT, Answer

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


def wait_for_answer(
    name: str, signal: str, timeout: float | None, heartbeat: float | None
) -> Answer:
    """Return the answer that ends a task, which comes as a signal; times are in seconds.

    Raises:
        ActivityTimedOutError: none comes in time, or no heartbeat; it has the task's `name`.
    """
    end = None if timeout is None else now().timestamp() + timeout
    while True:
        left = None if end is None else max(0.0, end - now().timestamp())
        limits = [one for one in (left, heartbeat) if one is not None]
        try:
            answer = wait_signal(signal, Answer, timeout=min(limits, default=None))
        except WaitTimeoutError:
            is_heartbeat = left is None or left > (heartbeat or left)
            kind = "HEARTBEAT" if is_heartbeat else "START_TO_CLOSE"
            raise ActivityTimedOutError(name, kind) from None
        if answer.kind != HEARTBEAT:
            return answer
