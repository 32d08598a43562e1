"""Tell a running activity who asked for it, and let it say that it is alive."""

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
    last_heartbeat: Any = None  # what an earlier attempt passed to `heartbeat`
    domain: str = "default"
    task_token: str = ""  # with which `Client.tasks` ends it from anywhere

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this activity, and for no other; pass it to services."""
        return f"{self.run_id}:{self.activity_id}"


class ActivityContext(Struct, frozen=True):
    """What a worker lends to a running activity."""

    info: ActivityInfo
    heartbeat: Callable[[Any], None]
    clock: Callable[[], float] = time.time  # seconds since the epoch


context: ContextVar[ActivityContext | None] = ContextVar("partita_activity", default=None)


def activity_info() -> ActivityInfo:
    """Return what is known of the activity that runs here; outside an engine, a stand-in."""
    found = context.get()
    if found is not None:
        return found.info
    return ActivityInfo(workflow_id="local", run_id="local", activity_id="local", name="local")


def heartbeat(details: Any = None) -> None:
    """Say that the activity is alive and how far it has come; a later attempt is told `details`.

    Cheap: it may be called at every turn of a loop. It is passed on about once a second, or
    three times within a shorter `heartbeat` timeout; so a cancel request comes that late.

    Raises:
        CancelledError: somebody wants the activity to end; clean up and let it pass.
    """
    found = context.get()
    if found is not None:
        found.heartbeat(details)
