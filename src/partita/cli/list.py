"""`list` and `count`: find executions by type, status, tags, attributes and dates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from partita.authoring.execution import search_attributes
from partita.cli import options as o
from partita.cli import output as out
from partita.cli.filters import filter_words, planned, read_filter
from partita.cli.offers import Offers, completed
from partita.client import Client
from partita.client.search import Search, find
from partita.client.search import count as count_executions
from partita.client.spans import moment_of
from partita.client.why import explain
from partita.errors import ExecutionNotFoundError, InvalidOptionError
from partita.history import WorkflowExecution
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.views.verdicts import DONE

F = TypeVar("F", bound=Callable[..., Any])

_FILTERS = (
    click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice([status.name for status in Status], case_sensitive=False),
        help="Their status; may be repeated.",
    ),
    o.type_option("The workflow's name."),
    click.option(
        "--id",
        "workflow_id",
        shell_complete=completed(Offers.IDS),
        help="The workflow id; all its runs are listed.",
    ),
    click.option("--tag", help="One of the execution's tags."),
    o.attribute_option,
    click.option("--started-after", metavar="WHEN", help="At this moment or later: a date, or 2h."),
    click.option("--started-before", metavar="WHEN", help="Before a date, or a span ago."),
    click.option("--closed-after", metavar="WHEN", help="Those that ended since."),
    click.option("--closed-before", metavar="WHEN", help="Those that ended before."),
)


def _filter_options(command: F) -> F:
    return o.add_options(command, *_FILTERS)


@click.command("list")
@filter_words
@_filter_options
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@o.backend_option
@o.format_option("table", "wide", "json", "jsonl")
def list_(
    words: tuple[str, ...], limit: int, backend: o.Backend, output: str, **wanted: Any
) -> None:
    """List executions, newest first: all, or those that pass a FILTER.

    A FILTER has terms such as status:failed type:checkout id:order-* tag:eu started:>2h
    attr.customer=42 error:CarrierDown waiting:signal "any text"; -TERM negates one.

    WHEN is a date such as 2026-11-21 or 2026-11-21T18:30, in the local time zone unless it names
    one, or a span of time ago, such as 90s, 15m, 2h, 3d or 1w. `-o wide` adds why each of them is
    not done, or failed, as `partita why` says it.
    """
    search, terms = _search(limit=limit, **wanted), read_filter(words)
    backend.note_missing()
    with backend.look() as client:
        infos = find(client.service, planned(client, search, terms))
        if output == "wide":
            _print_wide(client, infos)
            return
    out.print_items(output, infos, out.EXECUTION_HEADINGS, out.info_cells, out.info_row)


def _print_wide(client: Client, infos: Iterable[ExecutionInfo]) -> None:
    """Print a table with what `why` says of each execution."""
    rows = []
    for info in infos:
        execution = WorkflowExecution(info.workflow_id, info.run_id)
        rows.append([*out.info_cells(info), *_why_cells(client, execution)])
    out.print_table([*out.EXECUTION_HEADINGS, "CODE", "WHY"], rows)


def _why_cells(client: Client, execution: WorkflowExecution) -> list[str]:
    try:
        found = explain(client.service, client.domain, execution, asks=False)
    except ExecutionNotFoundError:  # removed since
        return ["", ""]
    return ["", ""] if found.code in DONE else [found.root.code, found.reason]


@click.command()
@filter_words
@_filter_options
@o.backend_option
def count(words: tuple[str, ...], backend: o.Backend, **wanted: Any) -> None:
    """Print the number of executions; takes the FILTER and the options of `list`."""
    search, terms = _search(**wanted), read_filter(words)
    backend.note_missing()
    with backend.look() as client:
        out.print_json(count_executions(client.service, planned(client, search, terms)))


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
    now = time.time()
    when = {name: moment(name, text, now) for name, text in moments.items()}
    values = dict(o.read_attribute(text) for text in attributes)
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
        return moment_of(text, now)
    except ValueError as error:
        option = "--" + name.replace("_", "-")
        raise InvalidOptionError(
            f"{option} {text!r} is no moment; give a date such as 2026-11-21 or "
            "2026-11-21T18:30, or a span of time ago such as 2h or 3d"
        ) from error
