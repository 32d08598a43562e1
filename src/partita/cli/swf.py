"""`swf`: list and register domains, types and executions on Amazon SWF."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from partita.cli import output as out
from partita.cli.list import moment
from partita.cli.options import Backend, backend_option, format_option, not_empty
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
    """Manage domains and types on Amazon SWF: --backend swf://REGION/DOMAIN."""


@contextmanager
def _opened(backend: Backend) -> Iterator[SwfService]:
    with backend.open() as client:
        if not isinstance(client.service, SwfService):
            raise InvalidOptionError(
                "this needs Amazon SWF; give --backend swf://REGION/DOMAIN, or set PARTITA_BACKEND"
            )
        yield client.service


def _print(rows: list[dict[str, Any]], headings: list[str], output: str) -> None:
    """Print rows whose keys, in capitals, are the headings."""
    keys = [name.lower() for name in headings]
    out.print_items(output, rows, headings, lambda row: [str(row[key] or "") for key in keys])


@swf.command()
@_status
@_limit
@backend_option
@format_option("table", "json", "jsonl")
def domains(status: str | None, limit: int, backend: Backend, output: str) -> None:
    """List the domains of the region."""
    with _opened(backend) as service:
        found = service.domains.all() if status is None else service.domains.filter(status=status)
        rows = [msgspec.to_builtins(one) for one in itertools.islice(found, limit)]
    _print(rows, ["NAME", "STATUS", "DESCRIPTION"], output)


@swf.command()
@_status
@click.option("--kind", type=click.Choice(["workflow", "activity"]), help="Only these.")
@click.option("--name", help="Only those of that name, in all versions.")
@_limit
@backend_option
@format_option("table", "json", "jsonl")
def types(
    status: str | None,
    kind: str | None,
    name: str | None,
    limit: int,
    backend: Backend,
    output: str,
) -> None:
    """List the workflow types and activity types of the domain."""
    with _opened(backend) as service:
        kinds = [kind] if kind else ["workflow", "activity"]
        statuses = [status] if status else [REGISTERED, DEPRECATED]
        listed = itertools.chain.from_iterable(
            _types(service, one).filter(status=which, name=name)
            for one in kinds
            for which in statuses
        )
        found = list(itertools.islice(listed, limit))
    rows = [
        {**msgspec.to_builtins(one), "created": out.clock_time(one.created_at)} for one in found
    ]
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
def executions(
    status: str | None,
    type_name: str | None,
    workflow_id: str | None,
    tag: str | None,
    started_after: str | None,
    started_before: str | None,
    limit: int,
    backend: Backend,
    output: str,
) -> None:
    """List the executions of the domain, newest first."""
    with _opened(backend) as service:
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
    out.print_items(output, infos, out.EXECUTION_HEADINGS, out.info_cells, out.info_row)


@swf.command()
@click.option("--domain", is_flag=True, help="Register the URL's domain, too.")
@click.argument("kind", type=click.Choice(["domain", "workflow", "activity"]), required=False)
@click.argument("name", required=False, callback=not_empty)
@click.argument("version", default="1")
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="MEMBER=VALUE",
    help="One of SWF's defaults, such as defaultTaskStartToCloseTimeout=30.",
)
@backend_option
def register(
    domain: bool,
    kind: str | None,
    name: str | None,
    version: str,
    defaults: tuple[str, ...],
    backend: Backend,
) -> None:
    """Register a domain, or a type in the URL's; nothing changes if it is registered already.

    `domain` without a NAME is the URL's. New domains keep closed executions for the URL's
    `retention` days.
    """
    given = dict(_default(text) for text in defaults)
    _check_registration(kind, name, domain=domain, has_defaults=bool(given))
    with _opened(backend) as service:
        own = service.address.domain
        for one in [own] * domain + [name or own] * (kind == "domain"):
            out.print_json(service.domains.get_or_create(one))
        if kind in ("workflow", "activity") and name is not None:
            out.print_json(_types(service, kind).get_or_create(name, version, **given))


def _check_registration(
    kind: str | None, name: str | None, *, domain: bool, has_defaults: bool
) -> None:
    """Check that the arguments of `register` belong together."""
    if kind is None and not domain:
        raise click.UsageError("say what to register: domain [NAME], or workflow|activity NAME")
    if kind in ("workflow", "activity") and name is None:
        raise click.UsageError(f"say which {kind} type to register: {kind} NAME [VERSION]")
    if kind not in ("workflow", "activity") and has_defaults:
        raise click.UsageError("--default is for types; a domain has none")


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
@click.option("--undo", is_flag=True, help="Allow its use again.")
@backend_option
def deprecate(kind: str, name: str, version: str, undo: bool, backend: Backend) -> None:
    """Deprecate a type: nothing new can use it, and open executions continue."""
    with _opened(backend) as service:
        _types(service, kind).deprecate(name, version, undo=undo)
