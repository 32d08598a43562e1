"""Print the time of an execution: a bar for each step, or their spans as JSON."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.text import Text

from partita.cli import output as out
from partita.history.document import ExportedHistory
from partita.views.failures import escaped
from partita.views.run_steps import RunStep
from partita.views.timelines import BLOCKS, PLAIN, Bar, RunTime, bars, time_of

COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "waiting": "yellow"}
_COLUMNS = 100
"""Columns of a timeline that goes elsewhere than to a terminal."""

_LEGEND = (
    ("running", "runs"),
    ("waiting", "waits for a worker"),
    ("retrying", "waits for another attempt"),
    ("at once", "takes no time"),
)


def print_timeline(history: ExportedHistory, limit: int, output: str) -> None:
    """Print the timeline of a run; the newest steps, up to `limit`."""
    found = time_of(history.events, time.time())
    if output != "table":
        out.print_value(_row(found), output)
        return
    console = Console(width=None if sys.stdout.isatty() else _COLUMNS)
    marks = BLOCKS if _has_blocks() else PLAIN
    name = escaped(history.execution.workflow_id)
    heading = f"{name} {history.status}: {out.duration(found.total)} "
    console.print(Text(f"{heading}since {out.clock_time(found.begin)}"), soft_wrap=True)
    for bar in bars(found, console.width, limit, marks):
        console.print(_line(bar), soft_wrap=True)
    if len(found.steps) > limit:
        total = len(found.steps)
        console.print(Text(f"(the newest {limit:,} of {total:,}; --limit {total} shows all)"))
    if found.steps:
        legend = ", ".join(f"{marks[state]} {word}" for state, word in _LEGEND)
        console.print(Text(legend), soft_wrap=True)


def _has_blocks() -> bool:
    """Return whether the output can hold the characters of bars."""
    try:
        "".join(BLOCKS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _line(bar: Bar) -> Text:
    return Text.assemble(bar.label, "  ", (bar.bar, COLOURS.get(bar.status, "")), "  ", bar.note)


def _row(found: RunTime) -> dict[str, object]:
    return {
        "begun_at": out.iso_time(found.begin),
        "ended_at": out.iso_time(found.end),
        "seconds": found.total,
        "steps": [_step_row(one) for one in found.steps],
    }


def _step_row(step: RunStep) -> dict[str, object]:
    spans = [
        {"state": one.state, "begun_at": out.iso_time(one.begin), "ended_at": out.iso_time(one.end)}
        for one in step.spans
    ]
    return {
        "kind": step.kind,
        "id": step.id,
        "name": step.name,
        "state": step.state,
        "attempts": step.attempts,
        "begun_at": out.iso_time(step.begun_at),
        "ended_at": out.iso_time(step.ended_at),
        "note": step.note,
        "spans": spans,
    }
