"""`schedule`: make, look at and steer schedules."""

from __future__ import annotations

import sys
from datetime import datetime

import click
import msgspec

from partita.authoring.schedules import Overlap
from partita.cli.context import (
    backend_option,
    find_workflow,
    format_option,
    open_client,
    read_input,
)
from partita.cli.output import print_pretty, print_table
from partita.client.schedules import ScheduleInfo
from partita.errors import InvalidInputError

_id = click.argument("id", metavar="NAME")


@click.group()
def schedule() -> None:
    """Start workflows by the calendar; a worker must run for that."""


@schedule.command()
@_id
@click.argument("target", metavar="FILE:WORKFLOW")
@click.option("--cron", multiple=True, required=True, help="Five fields; may be repeated.")
@click.option("--input", "input_", metavar="JSON", help="The workflow's arguments.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Paris.")
@click.option(
    "--overlap",
    type=click.Choice([policy.value for policy in Overlap]),
    default=Overlap.SKIP.value,
    show_default=True,
    help="What happens while the run before is not done.",
)
@click.option("--paused", is_flag=True, help="Wait until it is resumed.")
@backend_option
@click.pass_context
def create(
    ctx: click.Context,
    id: str,
    target: str,
    cron: tuple[str, ...],
    input_: str | None,
    timezone: str,
    overlap: str,
    paused: bool,
    backend: str | None,
) -> None:
    """Make a schedule."""
    workflow = find_workflow(target)
    args, kwargs = read_input(input_, workflow)
    with open_client(ctx, backend) as client:
        client.schedules.create(
            id, cron, workflow, args, kwargs, timezone=timezone, overlap=overlap, paused=paused
        )
    print(f"partita: schedule {id} is made", file=sys.stderr)


@schedule.command("list")
@backend_option
@format_option("table", "json")
@click.pass_context
def list_(ctx: click.Context, backend: str | None, output: str) -> None:
    """List schedules."""
    with open_client(ctx, backend) as client:
        infos = client.schedules.list()
    if output == "json":
        print_pretty(msgspec.to_builtins(infos))
        return
    headings = ["NAME", "WORKFLOW", "CRON", "TIME ZONE", "NEXT", "STARTED", "SKIPPED"]
    print_table(headings, [_cells(info) for info in infos])


def _cells(info: ScheduleInfo) -> list[str]:
    state, spec = info.state, info.spec
    coming = "paused" if state.paused else state.next or ""
    cron = ", ".join(spec.cron)
    counts = [str(state.started), str(state.skipped)]
    return [info.id, spec.workflow, cron, spec.timezone, coming, *counts]


@schedule.command()
@_id
@backend_option
@click.pass_context
def show(ctx: click.Context, id: str, backend: str | None) -> None:
    """Print a schedule as JSON."""
    with open_client(ctx, backend) as client:
        print_pretty(msgspec.to_builtins(client.schedules.get(id)))


@schedule.command()
@_id
@click.option("--note", help="Why.")
@backend_option
@click.pass_context
def pause(ctx: click.Context, id: str, note: str | None, backend: str | None) -> None:
    """Start nothing until it is resumed."""
    with open_client(ctx, backend) as client:
        client.schedules.pause(id, note)


@schedule.command()
@_id
@backend_option
@click.pass_context
def resume(ctx: click.Context, id: str, backend: str | None) -> None:
    """Go on from now."""
    with open_client(ctx, backend) as client:
        client.schedules.resume(id)


@schedule.command()
@_id
@backend_option
@click.pass_context
def trigger(ctx: click.Context, id: str, backend: str | None) -> None:
    """Start a run now."""
    with open_client(ctx, backend) as client:
        client.schedules.trigger(id)


@schedule.command()
@_id
@click.option("--since", required=True, metavar="TIME", help="ISO time; UTC unless it says so.")
@click.option("--until", required=True, metavar="TIME", help="ISO time, included.")
@backend_option
@click.pass_context
def backfill(ctx: click.Context, id: str, since: str, until: str, backend: str | None) -> None:
    """Start the runs of a past span."""
    with open_client(ctx, backend) as client:
        count = client.schedules.backfill(id, _time(since, "--since"), _time(until, "--until"))
    print(f"partita: {count} runs of schedule {id} are on their way", file=sys.stderr)


@schedule.command()
@_id
@backend_option
@click.pass_context
def delete(ctx: click.Context, id: str, backend: str | None) -> None:
    """End a schedule; runs that it has started go on."""
    with open_client(ctx, backend) as client:
        client.schedules.delete(id)


def _time(text: str, option: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{option} {text!r} is not a time; write 2026-01-31T03:00"
        ) from error
