"""Show what a running execution does, on a terminal's stderr."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from partita import history as h
from partita.cli.output import duration
from partita.client import Handle
from partita.errors import StoreError

_SHOWN = 12
_INTERVAL = 0.1  # seconds between two looks
_RARE_INTERVAL = 1.0  # where each look is a request, of which a service takes only so many


class Step:
    """One activity as the history tells it so far."""

    def __init__(self, event: h.ActivityTaskScheduled) -> None:
        self.id = event.activity_id
        self.name = event.activity_type.name
        self.scheduled_at = event.event_timestamp
        self.ended_at: float | None = None
        self.state = "scheduled"
        self.attempts = 0
        self.note = ""


class Steps:
    """The activities of a history, in the order in which they were scheduled."""

    def __init__(self) -> None:
        self.steps: dict[int, Step] = {}  # by scheduled_event_id
        self.last_event_id = 0

    def add(self, events: list[h.AnyEvent]) -> None:
        """Take in further events."""
        for event in events:
            self.last_event_id = event.event_id
            if isinstance(event, h.ActivityTaskScheduled):
                self.steps[event.event_id] = Step(event)
                continue
            step = self.steps.get(getattr(event, "scheduled_event_id", 0))
            if step is not None:
                _update(step, event)


def _update(step: Step, event: h.AnyEvent) -> None:
    match event:
        case h.ActivityTaskStarted():
            step.state, step.attempts = "running", step.attempts + 1
        case h.ActivityTaskRescheduled(reason=reason, cause=cause):
            step.state, step.note = "waiting to retry", f"{cause.value}: {reason or ''}".strip(": ")
        case h.ActivityTaskCompleted():
            step.state, step.ended_at = "completed", event.event_timestamp
        case h.ActivityTaskFailed(reason=reason):
            step.state, step.note, step.ended_at = "failed", reason or "", event.event_timestamp
        case h.ActivityTaskTimedOut(timeout_type=which):
            step.state, step.note, step.ended_at = "timed out", which.value, event.event_timestamp
        case h.ActivityTaskCanceled():
            step.state, step.ended_at = "canceled", event.event_timestamp


STYLES = {"completed": "green", "failed": "red", "timed out": "red", "running": "cyan"}


def follow(
    handle: Handle[Any], over: threading.Event, *, shown: bool, rarely: bool = False
) -> None:
    """Wait for `over`, and show the steps meanwhile if there is somebody to see them.

    `rarely` spares a service that counts requests. One that is out of reach is looked at again.
    """
    if not shown:
        while not over.wait(1.0):
            pass
        return
    steps = Steps()
    with Live(console=Console(stderr=True), refresh_per_second=10) as live:
        while True:
            finished = over.wait(_RARE_INTERVAL if rarely else _INTERVAL)
            with suppress(StoreError):
                steps.add(handle.history(after=steps.last_event_id))
            live.update(_table(steps, handle))
            if finished:
                return


def _table(steps: Steps, handle: Handle[Any]) -> Table:
    every = list(steps.steps.values())
    done = sum(step.ended_at is not None for step in every)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_row(Text(handle.workflow_id, style="bold"), f"{done} of {len(every)} steps done")
    if len(every) > _SHOWN:
        table.add_row(Text(f"… {len(every) - _SHOWN} earlier steps", style="dim"))
    for step in every[-_SHOWN:]:
        took = "" if step.ended_at is None else duration(step.ended_at - step.scheduled_at)
        tries = f"attempt {step.attempts}" if step.attempts > 1 else ""
        state = Text(step.state, style=STYLES.get(step.state, ""))
        table.add_row(f"  {step.name}", state, took, tries, step.note)
    return table
