"""Read what `watch` shows, on a thread of its own, so that keys are answered at once.

Looking takes at most `SHARE` of the time, so that it costs whoever works on the same database
little.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from partita.cli.watch_pages import RunSnapshot
from partita.client import Client
from partita.client.overview import FEW_OPEN, OPEN, Overview, Overviews
from partita.client.search import Search
from partita.engine import Engine
from partita.errors import PartitaError
from partita.history import AnyEvent
from partita.history.timeline import Timeline
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.views.records import activities_of, step_of
from partita.views.timelines import time_of

SHARE = 0.04
"""Part of the time that looking takes, at most."""

INTERVAL = 0.25
"""Seconds between two looks, at least."""

RARE_INTERVAL = 5.0
"""The same for services that limit the rate of requests."""

WHY_INTERVAL = 2.0
"""Seconds between two verdicts on a run, at least: a worker may be asked for one."""


class Run:
    """Looks at one run again and again; reads only its new events."""

    def __init__(self, client: Client, info: ExecutionInfo) -> None:
        self._client = client
        self._info = info
        self._events: list[AnyEvent] = []
        self._why = ""
        self._why_at = 0.0

    def look(self) -> RunSnapshot:
        """Return how the run stands now."""
        id, run_id = self._info.workflow_id, self._info.run_id
        self._info = self._client.describe(id, run_id=run_id).info
        self._events += self._client.history(id, run_id=run_id, after=len(self._events))
        is_closed = self._info.status is not Status.OPEN
        if is_closed or time.monotonic() >= self._why_at:
            with suppress(PartitaError):
                self._why = self._client.why(id, run_id=run_id).sentence
            self._why_at = time.monotonic() + WHY_INTERVAL
        return RunSnapshot(
            info=self._info,
            time=time_of(self._events, time.time()),
            done=_done(self._events),
            why=self._why,
        )


def _done(events: list[AnyEvent]) -> str:
    steps = [step_of(one) for one in activities_of(Timeline(events))]
    done = sum(step.state == "completed" for step in steps)
    failed = sum(step.state in ("failed", "timed out") for step in steps)
    return f"{done:,} of {len(steps):,} steps" + (f" ({failed:,} failed)" if failed else "")


class Source:
    """What is shown now: all executions, or the run that was gone into."""

    def __init__(
        self,
        client: Client,
        info: ExecutionInfo | None,
        wanted: Callable[[], Search] | None = None,
    ) -> None:
        """`info` is the run to begin with; None: all executions that are `wanted`."""
        self._client = client
        is_near = isinstance(client.service, Engine)
        self._interval = INTERVAL if is_near else RARE_INTERVAL
        self._overviews = Overviews(client, OPEN if is_near else FEW_OPEN, wanted)
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._is_closed = False
        self._show(info)

    def _show(self, info: ExecutionInfo | None) -> None:
        self._look: Callable[[], Overview | RunSnapshot] = (
            self._overviews.look if info is None else Run(self._client, info).look
        )
        self._found: Overview | RunSnapshot | None = None
        self._error = ""

    def go(self, info: ExecutionInfo | None) -> None:
        """Show another run, or all executions."""
        with self._lock:
            self._show(info)
        self._changed.set()

    @property
    def found(self) -> Overview | RunSnapshot | None:
        """What was seen last; None before the first look."""
        with self._lock:
            return self._found

    @property
    def error(self) -> str:
        """Why the last look failed; empty if it did not."""
        with self._lock:
            return self._error

    def refresh(self) -> float:
        """Look once; return the seconds until the next look should begin."""
        begun = time.monotonic()
        look = self._look
        found, error = None, ""
        try:
            found = look()
        except PartitaError as problem:
            error = str(problem)
        with self._lock:
            if look == self._look:
                self._found, self._error = found or self._found, error
        return max(self._interval, (time.monotonic() - begun) / SHARE)

    def start(self) -> None:
        """Look again and again, on a thread, until `close`."""
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        while not self._is_closed:
            pause = self.refresh()
            self._changed.wait(pause)
            self._changed.clear()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._changed.set()
