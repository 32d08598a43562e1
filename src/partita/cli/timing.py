"""`tasks` and `profile`: what an execution's tasks took, told from its history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
import msgspec
from rich.text import Text

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.output import (
    clock_time,
    duration,
    event_cells,
    print_lines,
    print_pretty,
    print_table,
)
from partita.cli.progress import STYLES
from partita.history import (
    ActivityTaskRescheduled,
    ActivityTaskScheduled,
    ActivityTaskStarted,
    AnyEvent,
    ChildWorkflowExecutionStarted,
    LambdaFunctionScheduled,
    LambdaFunctionStarted,
    StartChildWorkflowExecutionInitiated,
)

_BEGINS = (ActivityTaskScheduled, StartChildWorkflowExecutionInitiated, LambdaFunctionScheduled)
_STARTS = (ActivityTaskStarted, ChildWorkflowExecutionStarted, LambdaFunctionStarted)
_KINDS = ("activity", "child", "lambda")
_ENDS = {
    "Completed": "completed",
    "Failed": "failed",
    "TimedOut": "timed out",
    "Canceled": "canceled",
    "Terminated": "terminated",
}


class Task:
    """An activity, a child workflow or a Lambda function, as the history tells it so far."""

    def __init__(self, event: Any, kind: str) -> None:
        self.kind = kind
        self.id: str = _first(event, "activity_id", "workflow_id", "id")
        named = getattr(event, "activity_type", None) or getattr(event, "workflow_type", None)
        self.name: str = event.name if named is None else named.name
        self.state = "scheduled"
        self.attempts = 0
        self.scheduled_at: float = event.event_timestamp
        self.started_at: float | None = None  # of the first attempt
        self.ended_at: float | None = None
        self.running = 0.0  # seconds, over all attempts
        self.note = ""
        self.events: list[AnyEvent] = [event]
        self._since: float | None = None  # when the running attempt began

    def take(self, event: Any) -> None:
        """Take in an event that names this task."""
        self.events.append(event)
        time: float = event.event_timestamp
        if isinstance(event, _STARTS):
            self.state, self._since = "running", time
            self.attempts += 1
            self.started_at = self.started_at or time
            return
        end = next((state for end, state in _ENDS.items() if event.event_type.endswith(end)), None)
        if isinstance(event, ActivityTaskRescheduled):
            self.state = "waiting to retry"
        elif end is not None:
            self.state, self.ended_at = end, time
        if self._since is not None:
            self.running += time - self._since
            self._since = None
        self.note = getattr(event, "reason", None) or self.note

    def waiting(self, now: float) -> float:
        """Return the seconds that it has waited: for a worker, and between attempts."""
        return max(0.0, (self.ended_at or now) - self.scheduled_at - self.worked(now))

    def worked(self, now: float) -> float:
        """Return the seconds that it has run so far."""
        return self.running + (0.0 if self._since is None else now - self._since)


def _first(event: Any, *names: str) -> str:
    return str(next(value for name in names if (value := getattr(event, name, None)) is not None))


def tasks_of(events: Iterable[AnyEvent]) -> list[Task]:
    """Return the tasks of a history, in the order in which they were scheduled."""
    found: dict[int, Task] = {}
    for event in events:
        if isinstance(event, _BEGINS):
            found[event.event_id] = Task(event, _KINDS[_BEGINS.index(type(event))])
            continue
        id = getattr(event, "scheduled_event_id", 0) or getattr(event, "initiated_event_id", 0)
        if id in found:
            found[id].take(event)
    return list(found.values())


_workflow_id = click.argument("workflow_id", metavar="ID")
_run = click.option("--run", "run_id", default="", help="Which run; the newest by default.")


@click.command()
@_workflow_id
@_run
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def tasks(
    ctx: click.Context, workflow_id: str, run_id: str, backend: str | None, output: str
) -> None:
    """Show the last state and the times of each activity, child workflow and Lambda function."""
    with open_client(ctx, backend) as client:
        found = tasks_of(client.history(workflow_id, run_id=run_id))
    if output != "table":
        _print(map(_row, found), output)
        return
    headings = ["ID", "TASK", "STATE", "ATTEMPTS", "SCHEDULED", "STARTED", "ENDED", ""]
    print_table(headings, [_cells(task) for task in found])


def _row(task: Task) -> dict[str, Any]:
    hidden = ("events", "_since")
    return {name: value for name, value in vars(task).items() if name not in hidden}


def _print(rows: Iterable[dict[str, Any]], output: str) -> None:
    if output == "json":
        print_pretty(list(rows))
    else:
        print_lines(rows)


def _cells(task: Task) -> list[str | Text]:
    times = [clock_time(one) for one in (task.scheduled_at, task.started_at, task.ended_at)]
    state = Text(task.state, style=STYLES.get(task.state, ""))
    return [task.id, task.name, state, str(task.attempts), *times, task.note]


def print_by_task(events: list[AnyEvent], output: str) -> None:
    """Print a history with the events of each task together, and then all others."""
    found = tasks_of(events)
    taken = {event.event_id for task in found for event in task.events}
    others = [event for event in events if event.event_id not in taken]
    if output != "table":
        rows: list[dict[str, Any]] = [
            {"id": task.id, "name": task.name, "kind": task.kind, "events": task.events}
            for task in found
        ]
        rows.append({"id": None, "name": None, "kind": None, "events": others})
        _print(msgspec.to_builtins(rows), output)
        return
    begun = events[0].event_timestamp
    headings = ["EVENT", "SECONDS", "TYPE", "DETAILS"]
    for task in found:
        click.echo(f"{task.kind} {task.name}, {task.id}: {task.state}")
        print_table(headings, [event_cells(event, begun) for event in task.events])
    click.echo("of no task")
    print_table(headings, [event_cells(event, begun) for event in others])


@click.command()
@_workflow_id
@_run
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def profile(
    ctx: click.Context, workflow_id: str, run_id: str, backend: str | None, output: str
) -> None:
    """Show how long each task waited and ran, and its part of the execution's time."""
    with open_client(ctx, backend) as client:
        events = client.history(workflow_id, run_id=run_id)
    now = events[-1].event_timestamp
    total = now - events[0].event_timestamp
    rows = [_profiled(task, now, total) for task in tasks_of(events)]
    if output != "table":
        _print(rows, output)
        return
    headings = ["ID", "TASK", "STATE", "SCHEDULED", "RUNNING", "OF TOTAL"]
    cells: list[list[str | Text]] = [
        [
            row["id"],
            row["name"],
            Text(row["state"], style=STYLES.get(row["state"], "")),
            duration(row["scheduled"]),
            duration(row["running"]),
            f"{row['percentage']:.1f} %",
        ]
        for row in rows
    ]
    print_table(headings, cells)
    click.echo(f"{len(rows)} tasks in {duration(total)}")


def _profiled(task: Task, now: float, total: float) -> dict[str, Any]:
    running = task.worked(now)
    return {
        "id": task.id,
        "name": task.name,
        "kind": task.kind,
        "state": task.state,
        "scheduled": task.waiting(now),  # seconds, as the next
        "running": running,
        "percentage": 100 * running / total if total > 0 else 0.0,
    }
