"""`prune` and `retention`: remove closed executions, now or once they are old enough."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import click

from partita.cli.options import Backend, backend_option, format_option, type_option
from partita.cli.output import print_json, print_row, print_table
from partita.cli.working import note
from partita.operations.archive import Archive
from partita.operations.prune import Pruned, pruning_of, read_span, set_retention, span_text
from partita.operations.prune import prune as prune_service
from partita.ports.capabilities import PruneRequest
from partita.ports.state import DEFAULT_DOMAIN, Status

_CLOSED = [status.name for status in Status if status is not Status.OPEN]
_domain_option = click.option(
    "--domain", default=DEFAULT_DOMAIN, show_default=True, help="Their domain."
)


@click.command()
@click.option(
    "--older-than", "age", required=True, metavar="SPAN", help="Since their end, such as 30d."
)
@type_option("Only this workflow's.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(_CLOSED, case_sensitive=False),
    help="Only those that ended so; may be repeated.",
)
@_domain_option
@click.option("--dry-run", "dry", is_flag=True, help="Print what would be removed; remove nothing.")
@click.option(
    "--archive-to",
    "file",
    metavar="FILE",
    help="Append their histories to FILE.jsonl or FILE.jsonl.gz first.",
)
@backend_option
def prune(
    age: str,
    type_name: str | None,
    statuses: tuple[str, ...],
    domain: str,
    dry: bool,
    file: str | None,
    backend: Backend,
) -> None:
    """Remove closed executions that ended long ago, with their histories.

    Executions that others may still need stay: open ones, children of an open parent, origins
    of open forks, earlier runs of a chain whose last run stays, and the newest run of an id as
    long as an older one stays.
    """
    request = PruneRequest(
        domain=domain,
        closed_before=time.time() - read_span(age).total_seconds(),
        type_name=type_name,
        statuses=tuple(Status[status.upper()] for status in statuses),
    )
    archive_or_none = Archive(Path(file)) if file and not dry else nullcontext()
    backend.note_missing()
    with backend.look() as client:
        pruning_of(client.service)
        with archive_or_none as archive:
            _report(prune_service(client.service, request, archive=archive, dry=dry), dry, file)


def _report(groups: Iterable[Pruned], dry: bool, file: str | None) -> None:
    found = removed = 0
    for pruned in groups:
        found += len(pruned.infos)
        removed += pruned.removed
        note(f"{found:,} found" if dry else f"{removed:,} removed")
        for info in pruned.infos if dry else ():
            print_row(info.workflow_id, info.run_id, info.status.name)
    if dry:
        print(f"partita: would be removed: {found}", file=sys.stderr)
        return
    into = f", after they were written to {file}" if file and found else ""
    print(f"partita: closed executions removed: {removed}{into}", file=sys.stderr)
    if removed < found:
        print(
            f"partita: {found - removed} more were removed by others, or became needed, meanwhile",
            file=sys.stderr,
        )


@click.group()
def retention() -> None:
    """Set how long closed executions are kept; workers remove them after that.

    By default everything is kept. Once an execution is removed, its workflow id is free, as if it
    had never been used.
    """


@retention.command("set")
@click.argument("span", metavar="SPAN")
@_domain_option
@backend_option
def set_(span: str, domain: str, backend: Backend) -> None:
    """Keep closed executions for SPAN after their end, such as 30d, 12h or 90m."""
    with backend.open() as client:
        set_retention(client.service, domain, read_span(span))
    print(f"partita: closed executions of domain {domain} are kept for {span}", file=sys.stderr)


@retention.command()
@_domain_option
@backend_option
def off(domain: str, backend: Backend) -> None:
    """Keep everything."""
    with backend.open() as client:
        set_retention(client.service, domain, None)
    print(f"partita: closed executions of domain {domain} are kept", file=sys.stderr)


@retention.command()
@backend_option
@format_option("table", "json")
def show(backend: Backend, output: str) -> None:
    """Show how long each domain keeps them; a domain that is not listed keeps everything."""
    backend.note_missing()
    with backend.look() as client:
        found = pruning_of(client.service).retentions()
    if output == "json":
        print_json(found)
    else:
        rows = [[domain, span_text(seconds)] for domain, seconds in sorted(found.items())]
        print_table(["DOMAIN", "KEPT FOR"], rows)
