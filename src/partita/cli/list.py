"""`list` and `count`: find executions by what they are, how they stand, and when they ran."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from partita.authoring.execution import search_attributes
from partita.cli.context import (
    attribute_option,
    backend_option,
    format_option,
    open_client,
    read_attribute,
)
from partita.cli.output import (
    info_cells,
    info_row,
    print_json,
    print_lines,
    print_pretty,
    print_table,
)
from partita.client.search import Search, find
from partita.client.search import count as count_executions
from partita.errors import InvalidOptionError
from partita.operations.prune import UNITS, read_span
from partita.ports.state import ExecutionFilter, Status

F = TypeVar("F", bound=Callable[..., Any])

_MOMENT = "a date such as 2026-11-21 or 2026-11-21T18:30, or a span of time ago such as 2h or 3d"
_OPTIONS = (
    click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice([status.name for status in Status], case_sensitive=False),
        help="How they stand; may be repeated.",
    ),
    click.option("--type", "type_name", help="The workflow's name."),
    click.option("--id", "workflow_id", help="The workflow id; means all its runs."),
    click.option("--tag", help="One of the execution's tags."),
    attribute_option,
    click.option("--started-after", metavar="WHEN", help="At this moment or later: a date, or 2h."),
    click.option("--started-before", metavar="WHEN", help="Before a date, or a span ago."),
    click.option("--closed-after", metavar="WHEN", help="Those that ended since."),
    click.option("--closed-before", metavar="WHEN", help="Those that ended before."),
)


def _filtered(command: F) -> F:
    """Let the command take every option that says which executions are meant."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("list")
@_filtered
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def list_(
    ctx: click.Context, /, limit: int, backend: str | None, output: str, **wanted: Any
) -> None:
    """List executions, newest first.

    WHEN is a date such as 2026-11-21 or 2026-11-21T18:30, of this place unless it names a zone,
    or a span of time ago, such as 90s, 15m, 2h, 3d or 1w.
    """
    search = _search(limit=limit, **wanted)
    with open_client(ctx, backend) as client:
        infos = find(client.service, search)
    if output == "jsonl":
        print_lines(info_row(info) for info in infos)
    elif output == "json":
        print_pretty([info_row(info) for info in infos])
    else:
        headings = ["WORKFLOW ID", "TYPE", "STATUS", "STARTED", "TOOK", "RUN ID"]
        print_table(headings, [info_cells(info) for info in infos])


@click.command()
@_filtered
@backend_option
@click.pass_context
def count(ctx: click.Context, /, backend: str | None, **wanted: Any) -> None:
    """Print how many executions there are; takes the options of `list`."""
    search = _search(**wanted)
    with open_client(ctx, backend) as client:
        print_json(count_executions(client.service, search))


def _search(
    *,
    statuses: tuple[str, ...],
    type_name: str | None,
    workflow_id: str | None,
    tag: str | None,
    attributes: tuple[str, ...],
    limit: int = 1,
    **moments: str | None,
) -> Search:
    """Return what the options ask for."""
    now = time.time()
    when = {name: moment(name, text, now) for name, text in moments.items()}
    values = dict(read_attribute(text) for text in attributes)
    return Search(
        filter=ExecutionFilter(
            workflow_id=workflow_id,
            type_name=type_name,
            statuses=tuple(Status[status.upper()] for status in statuses),
            tag=tag,
            attributes=tuple(search_attributes(values).items()),
            started_after=when["started_after"],
            started_before=when["started_before"],
            limit=limit,
        ),
        closed_after=when["closed_after"],
        closed_before=when["closed_before"],
    )


def moment(name: str, text: str | None, now: float) -> float | None:
    """Return the moment that a date, or a span of time before `now`, means."""
    if text is None:
        return None
    try:
        if text[-1:] in UNITS:
            return max(0.0, now - read_span(text).total_seconds())
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except (InvalidOptionError, ValueError, OverflowError, OSError) as error:
        option = "--" + name.replace("_", "-")
        raise InvalidOptionError(f"{option} {text!r} is no moment; give {_MOMENT}") from error
