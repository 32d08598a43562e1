"""`tasks` and `profile`: what became of each task of an execution, and where the time went."""

from __future__ import annotations

import time

import click
import msgspec
from rich.text import Text

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.output import clock_time, duration, print_lines, print_pretty, print_table
from partita.cli.progress import STYLES
from partita.views.profile import Profile, profile_of
from partita.views.records import TaskRecord, tasks_of

_workflow_id = click.argument("workflow_id", metavar="ID")
_run = click.option("--run", "run_id", default="", help="Which run; the newest by default.")
_all = click.option("--all", "decisions", is_flag=True, help="Decision tasks as well.")


@click.command()
@_workflow_id
@_run
@_all
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def tasks(
    ctx: click.Context,
    workflow_id: str,
    run_id: str,
    decisions: bool,
    backend: str | None,
    output: str,
) -> None:
    """Print each task of an execution: its last state, and when it got there.

    Tasks are activities, Lambda functions, timers and child workflows.
    """
    with open_client(ctx, backend) as client:
        events = client.history(workflow_id, run_id=run_id)
    found = tasks_of(events, time.time(), decisions=decisions)
    if output == "jsonl":
        print_lines(found)
    elif output == "json":
        print_pretty(msgspec.to_builtins(found))
    else:
        headings = ["TASK", "ID", "NAME", "STATE", "SCHEDULED", "STARTED", "CLOSED"]
        print_table([*headings, "ATTEMPTS", "LAST EVENT", ""], [_task_cells(one) for one in found])


def _task_cells(task: TaskRecord) -> list[str | Text]:
    return [
        task.kind,
        task.id,
        task.name,
        _coloured(task.state),
        clock_time(task.scheduled_at),
        clock_time(task.started_at),
        clock_time(task.closed_at),
        str(task.attempts),
        f"{task.last_event_id} {task.last_event}",
        task.note,
    ]


def _coloured(state: str) -> Text:
    return Text(state, style=STYLES.get(state, ""))


@click.command()
@_workflow_id
@_run
@_all
@backend_option
@format_option("table", "json")
@click.pass_context
def profile(
    ctx: click.Context,
    workflow_id: str,
    run_id: str,
    decisions: bool,
    backend: str | None,
    output: str,
) -> None:
    """Print where an execution's time went: what waited, what ran, and how long.

    Percentages are running time, of the time from the execution's start to its end or to now;
    what runs side by side comes to more than 100.
    """
    with open_client(ctx, backend) as client:
        events = client.history(workflow_id, run_id=run_id)
    found = profile_of(events, time.time(), decisions=decisions)
    if output == "json":
        print_pretty(msgspec.to_builtins(found))
    else:
        _print_profile(found)


def _print_profile(found: Profile) -> None:
    click.echo(f"It took {duration(found.total)}.")
    print_table(
        ["TASK", "ID", "NAME", "STATE", "ATTEMPTS", "WAITED", "RAN", "%"],
        [
            [
                *(one.kind, one.id, one.name, _coloured(one.state), str(one.attempts)),
                *(duration(one.waiting), duration(one.running), f"{one.percent:.1f}"),
            ]
            for one in found.tasks
        ],
    )
    click.echo()
    print_table(
        ["TASKS", "NAME", "COUNT", "WAITED", "RAN", "LONGEST", "%"],
        [
            [
                *(one.kind, one.name, str(one.count), duration(one.waiting)),
                *(duration(one.running), duration(one.longest), f"{one.percent:.1f}"),
            ]
            for one in found.types
        ],
    )
