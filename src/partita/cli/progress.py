"""Show the steps of a running execution on a terminal's stderr."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from partita.cli.output import coloured_step, duration
from partita.client import Handle
from partita.errors import StoreError
from partita.history.timeline import Timeline
from partita.views.records import activities_of, step_of

MAX_STEPS_SHOWN = 12
POLL_INTERVAL_SECONDS = 0.1
RARE_POLL_INTERVAL_SECONDS = 1.0  # for services that limit the rate of requests


def follow(
    handle: Handle[Any], over: threading.Event, *, shown: bool, rarely: bool = False
) -> None:
    """Wait for `over`; if `shown`, show the steps meanwhile.

    `rarely`: the service limits the rate of requests. One that is out of reach is asked again.
    """
    if not shown:
        while not over.wait(1.0):
            pass
        return
    timeline, seen = Timeline(), 0
    with Live(console=Console(stderr=True), refresh_per_second=10) as live:
        while True:
            finished = over.wait(RARE_POLL_INTERVAL_SECONDS if rarely else POLL_INTERVAL_SECONDS)
            with suppress(StoreError):
                for event in handle.history(after=seen):
                    timeline.add(event)
                    seen = event.event_id
            live.update(_table(timeline, handle))
            if finished:
                return


def _table(timeline: Timeline, handle: Handle[Any]) -> Table:
    steps = activities_of(timeline)
    done = sum(one.closed is not None for one in steps)
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_row(Text(handle.workflow_id, style="bold"), f"{done} of {len(steps)} steps done")
    if len(steps) > MAX_STEPS_SHOWN:
        table.add_row(Text(f"… {len(steps) - MAX_STEPS_SHOWN} earlier steps", style="dim"))
    for step in map(step_of, steps[-MAX_STEPS_SHOWN:]):
        took = "" if step.ended_at is None else duration(step.ended_at - step.scheduled_at)
        tries = f"attempt {step.attempts}" if step.attempts > 1 else ""
        table.add_row(f"  {step.name}", coloured_step(step.state), took, tries, step.note)
    return table
