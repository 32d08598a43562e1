"""`profile`: print where the time of an execution went."""

from __future__ import annotations

import time

import click
from msgspec.structs import replace

from partita.cli import options as o
from partita.cli.output import (
    coloured_step,
    duration,
    print_left_out,
    print_pretty,
    print_table,
)
from partita.client.open_executions import abandoned
from partita.views.profile import Profile, profile_of


@click.command()
@o.workflow_id_argument
@o.run_option
@click.option("--all", "decisions", is_flag=True, help="Decision tasks as well.")
@click.option("--limit", type=click.IntRange(1), help="Only so many tasks, the longest. [all]")
@o.backend_option
@o.format_option("table", "json")
def profile(
    workflow_id: str,
    run_id: str,
    decisions: bool,
    limit: int | None,
    backend: o.Backend,
    output: str,
) -> None:
    """Print where an execution's time went: how long tasks waited, and how long they ran.

    What ran on a worker that is gone counts as waiting.

    Percentages are running time, of the time from the execution's start to its end or to now;
    tasks that run side by side add up to more than 100.
    """
    with backend.look() as client:
        events = client.history(workflow_id, run_id=run_id)
        idle = abandoned(client.service, client.describe(workflow_id, run_id=run_id))
    whole = profile_of(events, time.time(), decisions=decisions, idle=idle)
    found = replace(whole, tasks=whole.tasks[:limit])
    if output == "json":
        print_pretty(found)
    else:
        _print_profile(found, len(whole.tasks))


def _print_profile(found: Profile, count: int) -> None:
    click.echo(f"It took {duration(found.total)}.")
    print_table(
        ["TASK", "ID", "NAME", "STATE", "ATTEMPTS", "WAITED", "RAN", "%"],
        [
            [
                *(one.kind, one.id, one.name, coloured_step(one.state), str(one.attempts)),
                *(duration(one.waiting), duration(one.running), f"{one.percent:.1f}"),
            ]
            for one in found.tasks
        ],
    )
    print_left_out(count, len(found.tasks), "longest")
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
