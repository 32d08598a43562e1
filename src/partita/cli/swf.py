"""`partita swf`: domains, types and executions on Amazon SWF, for people."""

from __future__ import annotations

import itertools
import time
from typing import Any

import click
import msgspec
from rich.text import Text

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.list import moment
from partita.cli.output import (
    clock_time,
    info_cells,
    info_row,
    print_json,
    print_lines,
    print_pretty,
    print_table,
)
from partita.errors import InvalidOptionError
from partita.ports.state import Status
from partita.swf.backend.objects import DEPRECATED, REGISTERED, Types
from partita.swf.backend.service import SwfService

_kind = click.argument("kind", type=click.Choice(["workflow", "activity"]))
_status = click.option(
    "--status",
    type=click.Choice([REGISTERED, DEPRECATED], case_sensitive=False),
    help="Only these.",
)
_limit = click.option("--limit", type=click.IntRange(1), default=100, show_default=True)


@click.group()
def swf() -> None:
    """Look after domains and types on Amazon SWF: --backend swf://REGION/DOMAIN."""


def _open(ctx: click.Context, backend: str | None) -> SwfService:
    service = open_client(ctx, backend).service
    if not isinstance(service, SwfService):
        service.close()
        raise InvalidOptionError(
            "this is about Amazon SWF; give --backend swf://REGION/DOMAIN, or set PARTITA_BACKEND"
        )
    return service


def _print(rows: list[dict[str, Any]], headings: list[str], output: str) -> None:
    """Print rows whose keys, in capitals, are the headings."""
    if output == "json":
        print_pretty(rows)
    elif output == "jsonl":
        print_lines(rows)
    else:
        print_table(headings, [[_cell(row[name.lower()]) for name in headings] for row in rows])


def _cell(value: Any) -> str | Text:
    return "" if value is None else str(value)


@swf.command()
@_status
@_limit
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def domains(
    ctx: click.Context, status: str | None, limit: int, backend: str | None, output: str
) -> None:
    """List the domains of the region."""
    service = _open(ctx, backend)
    found = service.domains.all() if status is None else service.domains.filter(status=status)
    rows = [msgspec.to_builtins(one) for one in itertools.islice(found, limit)]
    service.close()
    _print(rows, ["NAME", "STATUS", "DESCRIPTION"], output)


@swf.command()
@_status
@click.option("--kind", type=click.Choice(["workflow", "activity"]), help="Only these.")
@click.option("--name", help="Only those of that name, in all versions.")
@_limit
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def types(
    ctx: click.Context,
    status: str | None,
    kind: str | None,
    name: str | None,
    limit: int,
    backend: str | None,
    output: str,
) -> None:
    """List the workflow types and activity types of the domain."""
    service = _open(ctx, backend)
    kinds = [kind] if kind else ["workflow", "activity"]
    statuses = [status] if status else [REGISTERED, DEPRECATED]
    listed = itertools.chain.from_iterable(
        _types(service, one).filter(status=which, name=name) for one in kinds for which in statuses
    )
    found = list(itertools.islice(listed, limit))
    service.close()
    rows = [{**msgspec.to_builtins(one), "created": clock_time(one.created_at)} for one in found]
    _print(rows, ["KIND", "NAME", "VERSION", "STATUS", "CREATED"], output)


def _types(service: SwfService, kind: str) -> Types:
    return service.workflow_types if kind == "workflow" else service.activity_types


@swf.command()
@click.option(
    "--status", type=click.Choice([status.name for status in Status], case_sensitive=False)
)
@click.option("--type", "type_name", help="The workflow's name.")
@click.option("--id", "workflow_id", help="The workflow id; lists all its runs.")
@click.option("--tag", help="One of the execution's tags.")
@click.option("--started-after", metavar="WHEN", help="At this moment or later: a date, or 2h.")
@click.option("--started-before", metavar="WHEN", help="Before a date, or a span ago.")
@_limit
@backend_option
@format_option("table", "json", "jsonl")
@click.pass_context
def executions(
    ctx: click.Context,
    status: str | None,
    type_name: str | None,
    workflow_id: str | None,
    tag: str | None,
    started_after: str | None,
    started_before: str | None,
    limit: int,
    backend: str | None,
    output: str,
) -> None:
    """List the executions of the domain, newest first."""
    service = _open(ctx, backend)
    now = time.time()
    found = service.executions.filter(
        status=None if status is None else status.upper(),
        type_name=type_name,
        workflow_id=workflow_id,
        tag=tag,
        started_after=moment("started_after", started_after, now),
        started_before=moment("started_before", started_before, now),
    )
    infos = [one.info for one in itertools.islice(found, limit)]
    service.close()
    if output == "table":
        headings = ["WORKFLOW ID", "TYPE", "STATUS", "STARTED", "TOOK", "RUN ID"]
        print_table(headings, [info_cells(info) for info in infos])
    else:
        (print_pretty if output == "json" else print_lines)([info_row(info) for info in infos])


@swf.command()
@click.option("--domain", is_flag=True, help="Register only the domain.")
@click.argument("kind", type=click.Choice(["workflow", "activity"]), required=False)
@click.argument("name", required=False)
@click.argument("version", default="1")
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="MEMBER=VALUE",
    help="One of SWF's defaults, such as defaultTaskStartToCloseTimeout=30.",
)
@backend_option
@click.pass_context
def register(
    ctx: click.Context,
    domain: bool,
    kind: str | None,
    name: str | None,
    version: str,
    defaults: tuple[str, ...],
    backend: str | None,
) -> None:
    """Register the domain, or a type in it; what is there already is left as it is."""
    if not domain and (kind is None or name is None):
        raise click.UsageError("say what to register: --domain, or workflow|activity NAME VERSION")
    service = _open(ctx, backend)
    if domain:
        print_json(msgspec.to_builtins(service.domains.get_or_create(service.address.domain)))
    if kind is not None and name is not None:
        given = dict(_default(text) for text in defaults)
        print_json(_types(service, kind).get_or_create(name, version, **given))
    service.close()


def _default(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.startswith("default"):
        raise InvalidOptionError(
            f"--default {text!r}: write one of SWF's members, as defaultTaskStartToCloseTimeout=30"
        )
    return name, {"name": value} if name == "defaultTaskList" else value


@swf.command()
@_kind
@click.argument("name")
@click.argument("version", default="1")
@click.option("--undo", is_flag=True, help="Let it be used again.")
@backend_option
@click.pass_context
def deprecate(
    ctx: click.Context, kind: str, name: str, version: str, undo: bool, backend: str | None
) -> None:
    """Keep a type from being used for anything new; what is open goes on."""
    service = _open(ctx, backend)
    _types(service, kind).deprecate(name, version, undo=undo)
    service.close()
