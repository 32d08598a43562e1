"""Tell a running activity which task it runs for, and record its heartbeats."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from msgspec import Struct


class ActivityInfo(Struct, frozen=True, kw_only=True):
    """The task that an activity runs for."""

    workflow_id: str
    run_id: str
    activity_id: str
    name: str
    attempt: int = 1  # from 1
    last_heartbeat: Any = None  # details of the last heartbeat of an earlier attempt
    domain: str = "default"
    task_token: str = ""  # for `Client.tasks`

    @property
    def idempotency_key(self) -> str:
        """A key that all attempts of this activity share, to pass to services."""
        return f"{self.run_id}:{self.activity_id}"


class ActivityContext(Struct, frozen=True):
    """What a worker provides to a running activity."""

    info: ActivityInfo
    heartbeat: Callable[[Any], None]
    clock: Callable[[], float] = time.time  # seconds since the epoch


Heard = Callable[[ActivityInfo, Any], object]
"""A function that is called with an activity's task and the details of its heartbeat."""

monitors: ContextVar[tuple[Heard, ...]] = ContextVar("partita_monitors", default=())
"""What hears the heartbeats of activities in plain Python."""

context: ContextVar[ActivityContext | None] = ContextVar("partita_activity", default=None)


def activity_info() -> ActivityInfo:
    """Return the task that the activity runs for; outside a workflow, a stand-in."""
    found = context.get()
    if found is not None:
        return found.info
    return ActivityInfo(workflow_id="local", run_id="local", activity_id="local", name="local")


def heartbeat(details: Any = None) -> None:
    """Report that the activity is alive; a later attempt gets the last `details`.

    Cheap enough for every turn of a loop: it is passed on about once a second, or three times
    within a shorter `heartbeat` timeout, and a cancel request arrives that late.

    Raises:
        CancelledError: the activity was asked to cancel itself; clean up and let it pass.
    """
    for heard in monitors.get():
        heard(activity_info(), details)
    found = context.get()
    if found is not None:
        found.heartbeat(details)
