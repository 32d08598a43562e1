"""`prune` and `retention`: remove closed executions, now or by and by."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import click

from partita.cli.context import backend_option, format_option, open_client
from partita.cli.output import print_json, print_row, print_table
from partita.operations.archive import Archive
from partita.operations.prune import (
    Pruned,
    pruning_of,
    read_span,
    set_retention,
    span_text,
)
from partita.operations.prune import (
    prune as prune_service,
)
from partita.ports.capabilities import PruneRequest
from partita.ports.state import DEFAULT_DOMAIN, Status

_CLOSED = [status.name for status in Status if status is not Status.OPEN]
_domain = click.option("--domain", default=DEFAULT_DOMAIN, show_default=True, help="Whose.")


@click.command()
@click.option(
    "--older-than", "age", required=True, metavar="SPAN", help="Since their end, such as 30d."
)
@click.option("--type", "type_name", help="Only this workflow's.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(_CLOSED, case_sensitive=False),
    help="Only those that ended so; may be repeated.",
)
@_domain
@click.option("--dry-run", "dry", is_flag=True, help="Print what would go; remove nothing.")
@click.option(
    "--archive-to",
    "file",
    metavar="FILE",
    help="Append their histories to FILE.jsonl or FILE.jsonl.gz first.",
)
@backend_option
@click.pass_context
def prune(
    ctx: click.Context,
    age: str,
    type_name: str | None,
    statuses: tuple[str, ...],
    domain: str,
    dry: bool,
    file: str | None,
    backend: str | None,
) -> None:
    """Remove closed executions that ended long ago, with their histories.

    What others may still ask for stays: what is open, children of an open parent, origins of
    open forks, the beginning of a chain of runs whose end stays, and the newest run of an id
    as long as an older one stays.
    """
    request = PruneRequest(
        domain=domain,
        closed_before=time.time() - read_span(age).total_seconds(),
        type_name=type_name,
        statuses=tuple(Status[status.upper()] for status in statuses),
    )
    with open_client(ctx, backend) as client:
        pruning_of(client.service)
        with Archive(Path(file)) if file and not dry else nullcontext() as archive:
            _tell(prune_service(client.service, request, archive=archive, dry=dry), dry, file)


def _tell(groups: Iterable[Pruned], dry: bool, file: str | None) -> None:
    found = removed = 0
    for pruned in groups:
        found += len(pruned.infos)
        removed += pruned.removed
        for info in pruned.infos if dry else ():
            print_row(info.workflow_id, info.run_id, info.status.name)
    if dry:
        print(f"partita: would be removed: {found}", file=sys.stderr)
        return
    into = f", after they were written to {file}" if file and found else ""
    print(f"partita: closed executions removed: {removed}{into}", file=sys.stderr)
    if removed < found:
        print(
            f"partita: {found - removed} more were removed, or came to be needed, meanwhile",
            file=sys.stderr,
        )


@click.group()
def retention() -> None:
    """Say how long closed executions are kept; workers remove them then, by and by.

    Until it is set, everything is kept. A start of a workflow id is answered by what is here:
    so long after its end, an id is as if it had never been used.
    """


@retention.command("set")
@click.argument("span", metavar="SPAN")
@_domain
@backend_option
@click.pass_context
def set_(ctx: click.Context, span: str, domain: str, backend: str | None) -> None:
    """Keep closed executions for SPAN after their end, such as 30d, 12h or 90m."""
    with open_client(ctx, backend) as client:
        set_retention(client.service, domain, read_span(span))
    print(f"partita: closed executions of domain {domain} are kept for {span}", file=sys.stderr)


@retention.command()
@_domain
@backend_option
@click.pass_context
def off(ctx: click.Context, domain: str, backend: str | None) -> None:
    """Keep everything."""
    with open_client(ctx, backend) as client:
        set_retention(client.service, domain, None)
    print(f"partita: closed executions of domain {domain} are kept", file=sys.stderr)


@retention.command()
@backend_option
@format_option("table", "json")
@click.pass_context
def show(ctx: click.Context, backend: str | None, output: str) -> None:
    """Show how long each domain's are kept; a domain that is not there keeps everything."""
    with open_client(ctx, backend) as client:
        found = pruning_of(client.service).retentions()
    if output == "json":
        print_json(found)
    else:
        rows = [[domain, span_text(seconds)] for domain, seconds in sorted(found.items())]
        print_table(["DOMAIN", "KEPT FOR"], rows)
