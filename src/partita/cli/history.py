"""`history` and `tasks`: print an execution's events, or its tasks."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
from rich.text import Text

from partita.cli import options as o
from partita.cli import output as out
from partita.views.records import TaskEvents, TaskRecord, grouped, tasks_of

_EVENT_HEADINGS = ["EVENT", "SECONDS", "TYPE", "DETAILS"]
_TASK_HEADINGS = ["TASK", "ID", "NAME", "STATE", "SCHEDULED", "STARTED", "CLOSED", "ATTEMPTS"]


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--grouped", "by_task", is_flag=True, help="Print them task by task.")
@o.backend_option
@o.format_option("table", "json", "jsonl")
def history(workflow_id: str, run_id: str, by_task: bool, backend: o.Backend, output: str) -> None:
    """Print an execution's events, in order; with --grouped, those of each task together."""
    with backend.look() as client:
        events = client.history(workflow_id, run_id=run_id)
    start = events[0].event_timestamp
    if not by_task:
        out.print_items(
            output, events, _EVENT_HEADINGS, lambda event: out.event_cells(event, start), out.dated
        )
        return
    groups = grouped(events, time.time())
    if output == "table":
        _print_groups(groups, start)
    else:
        out.print_items(output, groups, (), lambda _: (), _group_row)


def _group_row(group: TaskEvents) -> dict[str, object]:
    task = None if group.task is None else out.dated(group.task)
    return {"task": task, "events": [out.dated(event) for event in group.events]}


def _print_groups(groups: list[TaskEvents], start: float) -> None:
    for group in groups:
        click.echo(_title(group.task))
        out.print_table(_EVENT_HEADINGS, [out.event_cells(event, start) for event in group.events])
        click.echo()


def _title(task: TaskRecord | None) -> str:
    if task is None:
        return "the execution itself"
    return " ".join(part for part in (task.kind, task.name, task.id) if part) + f": {task.state}"


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--all", "decisions", is_flag=True, help="Decision tasks as well.")
@click.option("--limit", type=click.IntRange(1), help="Only so many, the newest. [all]")
@o.backend_option
@o.format_option("table", "json", "jsonl")
def tasks(
    workflow_id: str,
    run_id: str,
    decisions: bool,
    limit: int | None,
    backend: o.Backend,
    output: str,
) -> None:
    """Print each task of an execution: its last state, and the time of each state.

    Tasks are activities, Lambda functions, timers and child workflows.
    """
    with backend.look() as client:
        events = client.history(workflow_id, run_id=run_id)
    every = tasks_of(events, time.time(), decisions=decisions)
    found = every if limit is None else every[-limit:]
    out.print_items(output, found, [*_TASK_HEADINGS, "LAST EVENT", ""], _task_cells, out.dated)
    if output == "table":
        out.print_left_out(len(every), len(found))


def _task_cells(task: TaskRecord) -> Sequence[str | Text]:
    return [
        *(task.kind, task.id, task.name, out.coloured_step(task.state)),
        *map(out.clock_time, (task.scheduled_at, task.started_at, task.closed_at)),
        *(str(task.attempts), f"{task.last_event_id} {task.last_event}", task.note),
    ]
