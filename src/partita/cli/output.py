"""Print values, tables and events on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from partita.codec import ANY, Converter, plain_data
from partita.history import AnyEvent
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.views.durations import clock_time as clock_time
from partita.views.durations import duration as duration
from partita.views.failures import escaped

T = TypeVar("T")

STATUS_COLOURS = {
    "COMPLETED": "green",
    "OPEN": "cyan",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "TERMINATED": "magenta",
    "CANCELED": "yellow",
}
STEP_COLOURS = {"completed": "green", "failed": "red", "timed out": "red", "running": "cyan"}

EXECUTION_HEADINGS = ("WORKFLOW ID", "TYPE", "STATUS", "STARTED", "TOOK", "RUN ID")

_HIDDEN = {
    "event_id",
    "event_timestamp",
    "event_type",
    "retry_policy",
    "decision_task_completed_event_id",
}


def print_row(*cells: str) -> None:
    """Print values with tabs between them, for programs that read lines."""
    print("\t".join(map(escaped, cells)))


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def print_answer(value: Any) -> None:
    """Print a value of any type as one line of JSON, as results are printed."""
    print_json(plain_data(Converter().dump(value, "the answer", ANY)))


def print_pretty(value: Any) -> None:
    """Print a value as JSON for people to read as well."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")


def print_value(value: Any, output: str) -> None:
    """Print one value as `json`, for people to read as well, or as a single line."""
    (print_pretty if output == "json" else print_json)(value)


def print_items(
    output: str,
    items: Iterable[T],
    headings: Sequence[str],
    cells: Callable[[T], Sequence[str | Text]],
    to_json: Callable[[T], Any] = lambda one: one,
) -> None:
    """Print items as a `table`, as one `json` array, or as JSON lines."""
    if output == "table":
        print_table(headings, map(cells, items))
    elif output == "json":
        print_pretty([to_json(one) for one in items])
    else:
        for one in items:
            print_json(to_json(one))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Print a table as wide as the terminal, or very wide if there is none.

    Text is printed literally: Rich's markup has no effect, and control characters are escaped.
    """
    console = Console(width=None if sys.stdout.isatty() else 240)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(escaped(cell)) for cell in row))
    console.print(table)


def print_left_out(count: int, shown: int, which: str = "newest") -> None:
    """Print how many rows of a table were left out, if any were."""
    if count > shown:
        click.echo(f"(the {which} {shown:,} of {count:,}; --limit {count} shows all)")


def coloured_status(status: str) -> Text:
    """Return the status of an execution in its colour."""
    return Text(status, style=STATUS_COLOURS.get(status, ""))


def coloured_step(state: str) -> Text:
    """Return the state of an activity or another task in its colour."""
    return Text(state, style=STEP_COLOURS.get(state, ""))


def iso_time(timestamp: float | None) -> str | None:
    """Return a moment as programs read it: ISO 8601, UTC, to the microsecond."""
    if timestamp is None:
        return None
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="microseconds")


def dated(value: Any) -> dict[str, Any]:
    """Return a record as a JSON object whose moments are in ISO 8601."""
    row: dict[str, Any] = msgspec.to_builtins(value)
    return {name: iso_time(one) if name in _MOMENTS else one for name, one in row.items()}


_MOMENTS = {
    "closed_at",
    "ended_at",
    "event_timestamp",
    "fires_at",
    "last_event_at",
    "scheduled_at",
    "started_at",
}
"""Fields of events and records that are moments."""


def info_row(info: ExecutionInfo) -> dict[str, Any]:
    """Return an execution as a JSON object."""
    row: dict[str, Any] = {
        "workflow_id": info.workflow_id,
        "run_id": info.run_id,
        "workflow_type": msgspec.to_builtins(info.workflow_type),
        "status": info.status.name,
        "started_at": iso_time(info.started_at),
        "closed_at": iso_time(info.closed_at),
        "task_list": info.task_list or None,
        "tag_list": list(info.tag_list),
        "event_count": info.event_count or None,
        "cancel_requested": info.cancel_requested,
        "paused": _paused_row(info),
    }
    return row


def _paused_row(info: ExecutionInfo) -> dict[str, Any] | None:
    if info.paused is None:
        return None
    return {"since": iso_time(info.paused.since), "reason": info.paused.reason}


def status_text(info: ExecutionInfo) -> Text:
    """Return an execution's status in its colour, and whether it is paused."""
    found = coloured_status(info.status.name)
    return found if info.paused is None else found.append(" (paused)", style="yellow")


def info_cells(info: ExecutionInfo) -> list[str | Text]:
    """Return an execution as a row of a table."""
    end = info.closed_at if info.status is not Status.OPEN else time.time()
    return [
        info.workflow_id,
        info.workflow_type.name,
        status_text(info),
        clock_time(info.started_at),
        duration((end or info.started_at) - info.started_at),
        info.run_id,
    ]


def event_cells(event: AnyEvent, since: float) -> list[str | Text]:
    """Return an event as a row of a table."""
    fields = msgspec.to_builtins(event)
    details = "  ".join(
        f"{name}={_short(value)}" for name, value in fields.items() if name not in _HIDDEN
    )
    offset = f"{event.event_timestamp - since:+.3f}"
    return [str(event.event_id), offset, event.event_type, details]


def _short(value: Any, limit: int = 80) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= limit else text[: limit - 3] + "..."
