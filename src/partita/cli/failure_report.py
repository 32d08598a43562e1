"""Tell on stderr what failed in an execution, where in the user's code, and how to look further.

The error itself is the command's last line; this is what comes before it, a line for each thing.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from partita import history as h
from partita.client import Handle
from partita.errors import StoreError, UsageError
from partita.history.failure import Failure
from partita.history.timeline import Operation, Timeline
from partita.views.failures import Place, places_of, printable
from partita.views.records import activities_of

MAX_FRAMES = 3
"""Lines of the user's code that are named, the innermost first."""


def report_failure(handle: Handle[Any], backend: str | None) -> None:
    """Print which execution ended without a result, its step, the places, and what shows more.

    `backend` is the URL that was given to the command, if one was.
    """
    try:
        events = handle.history()
    except (StoreError, UsageError):  # the error itself is told all the same
        return
    last = events[-1]
    places = []
    if isinstance(last, h.WorkflowExecutionFailed):
        places = places_of(Failure.load(last.details, last.reason).traceback)
    id = handle.workflow_id
    _say(f"execution {printable(id)} (run {handle.run_id}) {_end(last)}{_where(places)}")
    step = _failed_step(events)
    if step is not None:
        _say(step)
    named = shlex.join([id, *(["--backend", backend] if backend else [])])
    _say(
        f"look further: partita show {named}; mend what is wrong, then "
        f"partita rerun {named} reuses the finished steps"
    )


def _end(last: h.AnyEvent) -> str:
    match last:
        case h.WorkflowExecutionFailed():
            return "failed"
        case h.WorkflowExecutionTimedOut():
            return "timed out"
        case h.WorkflowExecutionTerminated():
            return "was terminated"
        case _:
            return "was cancelled"


def _failed_step(events: list[h.AnyEvent]) -> str | None:
    """Return what became of the activity that failed last, if one did."""
    found = [one for one in activities_of(Timeline(events)) if isinstance(one.closed, _FAILED)]
    if not found:
        return None
    step = max(found, key=lambda one: one.closed.event_id if one.closed else 0)
    tries = f"{step.attempts} attempt{'s' * (step.attempts != 1)}"
    name = f"step {printable(step.place)} (id {printable(step.id)})"
    return f"{name} {_outcome(step)} after {tries}"


_FAILED = (h.ActivityTaskFailed, h.ActivityTaskTimedOut)


def _outcome(step: Operation) -> str:
    match step.closed:
        case h.ActivityTaskFailed(reason=reason, details=details):
            failure = Failure.load(details, reason)
            return f"failed with {printable(failure.type)}{_where(places_of(failure.traceback))}"
        case _:
            return "timed out"


def _where(places: list[Place]) -> str:
    if not places:
        return ""
    shown = [_shown(place) for place in reversed(places[-MAX_FRAMES:])]
    return " at " + ", called from ".join(shown)


def _shown(place: Place) -> str:
    path = Path(place.file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return printable(f"{path}:{place.line} in {place.function}")


def _say(text: str) -> None:
    print(f"partita: {text}", file=sys.stderr)
