"""`schedule`: create, show, change, pause and delete schedules."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from partita.authoring.schedules import Overlap
from partita.cli.offers import Offers, completed
from partita.cli.options import (
    Backend,
    backend_option,
    format_option,
    read_arguments,
    read_input,
    target_argument,
)
from partita.cli.output import print_items, print_pretty
from partita.cli.targets import find_workflow
from partita.client.schedules import ScheduleInfo
from partita.errors import InvalidInputError

_id = click.argument("id", metavar="NAME", shell_complete=completed(Offers.SCHEDULES))


@click.group()
def schedule() -> None:
    """Start workflows by the calendar, while a worker runs."""


@schedule.command()
@_id
@target_argument
@click.option("--cron", multiple=True, required=True, help="Five fields; may be repeated.")
@click.option("--input", "input_", metavar="JSON", help="The workflow's arguments.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Paris.")
@click.option(
    "--overlap",
    type=click.Choice([policy.value for policy in Overlap]),
    default=Overlap.SKIP.value,
    show_default=True,
    help="What to do if the previous run is still open.",
)
@click.option("--paused", is_flag=True, help="Start nothing until it is resumed.")
@backend_option
def create(
    id: str,
    target: str,
    cron: tuple[str, ...],
    input_: str | None,
    timezone: str,
    overlap: str,
    paused: bool,
    backend: Backend,
) -> None:
    """Create a schedule."""
    workflow = find_workflow(target)
    args, kwargs = read_input(input_, workflow)
    with backend.open() as client:
        client.schedules.create(
            id, cron, workflow, args, kwargs, timezone=timezone, overlap=overlap, paused=paused
        )
    print(f"partita: schedule {id} is made", file=sys.stderr)


@schedule.command("list")
@backend_option
@format_option("table", "json")
def list_(backend: Backend, output: str) -> None:
    """List schedules."""
    backend.note_missing()
    with backend.look() as client:
        infos = client.schedules.list()
    headings = ["NAME", "WORKFLOW", "CRON", "TIME ZONE", "NEXT", "STARTED", "SKIPPED"]
    print_items(output, infos, headings, _cells)


def _cells(info: ScheduleInfo) -> list[str]:
    state, spec = info.state, info.spec
    next_run = "paused" if state.paused else state.next or ""
    counts = [str(state.started), str(state.skipped)]
    return [info.id, spec.workflow, ", ".join(spec.cron), spec.timezone, next_run, *counts]


@schedule.command()
@_id
@backend_option
def show(id: str, backend: Backend) -> None:
    """Print a schedule as JSON."""
    with backend.look() as client:
        print_pretty(client.schedules.get(id))


@schedule.command()
@_id
@click.option("--cron", multiple=True, help="Five fields; may be repeated.")
@click.option("--input", "input_", metavar="JSON", help="The workflow's arguments.")
@click.option("--timezone", help="Such as Europe/Paris.")
@click.option(
    "--overlap",
    type=click.Choice([policy.value for policy in Overlap]),
    help="What to do if the previous run is still open.",
)
@backend_option
def update(
    id: str,
    cron: tuple[str, ...],
    input_: str | None,
    timezone: str | None,
    overlap: str | None,
    backend: Backend,
) -> None:
    """Change what is given of a schedule, from now on."""
    args, kwargs = (None, None) if input_ is None else read_arguments(input_)
    with backend.look() as client:
        info = client.schedules.update(
            id, cron=cron or None, args=args, kwargs=kwargs, timezone=timezone, overlap=overlap
        )
    coming = info.state.next or "when it is resumed"
    print(f"partita: schedule {id} is changed; next: {coming}", file=sys.stderr)


@schedule.command()
@_id
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True)
@backend_option
@format_option("table", "json")
def preview(id: str, count: int, backend: Backend, output: str) -> None:
    """Print the next times of a schedule, in its time zone."""
    with backend.look() as client:
        found = [moment.isoformat() for moment in client.schedules.preview(id, count)]
    if output == "json":
        print_pretty(found)
    else:
        print("\n".join(found))


@schedule.command()
@_id
@click.option("--note", help="Why.")
@backend_option
def pause(id: str, note: str | None, backend: Backend) -> None:
    """Start nothing until it is resumed."""
    with backend.look() as client:
        client.schedules.pause(id, note)


@schedule.command()
@_id
@backend_option
def resume(id: str, backend: Backend) -> None:
    """Start runs again, from now on."""
    with backend.look() as client:
        client.schedules.resume(id)


@schedule.command()
@_id
@backend_option
def trigger(id: str, backend: Backend) -> None:
    """Start a run now."""
    with backend.look() as client:
        client.schedules.trigger(id)


@schedule.command()
@_id
@click.option("--since", required=True, metavar="TIME", help="ISO time; UTC unless it has a zone.")
@click.option("--until", required=True, metavar="TIME", help="ISO time, included.")
@backend_option
def backfill(id: str, since: str, until: str, backend: Backend) -> None:
    """Start the runs of a past period."""
    with backend.look() as client:
        count = client.schedules.backfill(id, _time(since, "--since"), _time(until, "--until"))
    print(f"partita: {count} runs of schedule {id} are on their way", file=sys.stderr)


@schedule.command()
@_id
@backend_option
def delete(id: str, backend: Backend) -> None:
    """Delete a schedule; runs that it has started continue."""
    with backend.look() as client:
        client.schedules.delete(id)


def _time(text: str, option: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{option} {text!r} is not a time; write 2026-01-31T03:00"
        ) from error
