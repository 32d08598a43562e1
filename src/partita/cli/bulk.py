"""`--where FILTER`: do a command to all executions that pass a filter, after a preview."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click

from partita.cli import options as o
from partita.cli import output as out
from partita.cli.filters import planned, read_filter
from partita.cli.offers import Offers, completed
from partita.cli.working import Working
from partita.client import Client
from partita.client.bulk import Bulk, Outcome, carry_out, is_newest
from partita.client.filter_terms import Term
from partita.client.search import Search, among, every
from partita.errors import InvalidFilterError, InvalidOptionError
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter
from partita.views.failures import escaped

F = TypeVar("F", bound=Callable[..., Any])

SAMPLE = 5
"""Executions that a preview shows."""

BAR = 30
"""Characters of a bar."""

id_or_where = click.argument(
    "workflow_id", metavar="[ID]", required=False, shell_complete=completed(Offers.IDS)
)

_OPTIONS = (
    click.option(
        "--where",
        metavar="FILTER",
        help="All that pass a filter, such as status:open type:checkout started:>2h.",
    ),
    click.option("--yes", "-y", is_flag=True, help="With --where: do not ask."),
    click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "jsonl"]),
        default="table",
        help="With --where: jsonl prints a line for each execution.",
    ),
)


def bulk_options(command: F) -> F:
    """Add --where, --yes and -o; the command takes `where`, `yes` and `output`."""
    return o.add_options(command, *_OPTIONS)


def chosen(workflow_id: str | None, where: str | None, run_id: str = "") -> str | None:
    """Return the workflow id; None if a filter is given instead.

    Raises:
        InvalidOptionError: neither is given, or both are.
    """
    if where is None:
        if workflow_id is None:
            raise InvalidOptionError("which execution? Give its ID, or --where FILTER for many")
        return workflow_id
    if workflow_id is not None or run_id:
        raise InvalidOptionError("give either an execution's ID or --where FILTER")
    return None


def run_bulk(backend: o.Backend, bulk: Bulk, where: str, *, yes: bool, output: str) -> int:
    """Preview, ask, and do it to all that pass; return the exit status."""
    terms = read_filter([where])
    if not terms:
        raise InvalidFilterError(
            "an empty filter would touch every execution; if that is meant, write id:*", where
        )
    backend.note_missing()
    with backend.look() as client:
        infos = _found(client, bulk, terms)
        if not infos or not _confirmed(bulk, infos, yes=yes):
            return 0
        return _reported(
            bulk, len(infos), _shown(bulk, infos, carry_out(client, bulk, infos)), output
        )


def _found(client: Client, bulk: Bulk, terms: Iterable[Term]) -> list[ExecutionInfo]:
    """Return the executions that it is to be done to; say what is passed over."""
    base = Search(filter=ExecutionFilter(domain=client.domain))
    search = among(planned(client, base, terms), bulk.statuses)
    found = list(every(client.service, search))
    left = [info for info in found if not bulk.is_done(info)]
    if bulk.newest_only:
        left = [info for info in left if is_newest(client, info)]
    if passed := len(found) - len(left):
        _say(f"passed over, since that was done already: {passed:,} of {len(found):,}")
    if not left:
        _say(f"no execution to {bulk.verb} passes the filter")
    return left


def _say(text: str) -> None:
    print(f"partita: {escaped(text)}", file=sys.stderr)


def _confirmed(bulk: Bulk, infos: list[ExecutionInfo], *, yes: bool) -> bool:
    """Show what would be touched, and ask; whether to go on.

    Raises:
        InvalidOptionError: nobody is there to be asked.
    """
    _say(f"{bulk.verb} {_executions(len(infos))}:")
    for info in infos[:SAMPLE]:
        started = out.clock_time(info.started_at)
        cells = (info.workflow_id, info.workflow_type.name, info.status.name, started)
        print("  " + escaped("  ".join(cells)), file=sys.stderr)
    if len(infos) > SAMPLE:
        print(f"  … and {len(infos) - SAMPLE:,} more", file=sys.stderr)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InvalidOptionError(f"nothing was done; say --yes to {bulk.verb} them")
    return click.confirm("Go on?", err=True)


def _executions(count: int) -> str:
    return f"{count:,} execution{'s' * (count != 1)}"


def _shown(
    bulk: Bulk, infos: list[ExecutionInfo], outcomes: Iterator[Outcome]
) -> Iterator[Outcome]:
    """Yield the outcomes, with a bar on a terminal, and say how far it came if it is broken off."""
    done, total = 0, len(infos)
    try:
        for outcome in outcomes:
            done += 1
            if Working.current is not None:
                Working.current.note(f"{_bar(done / total)} {done:,} of {total:,}")
            yield outcome
    except BaseException:
        _say(f"{bulk.verb}: broken off after {done:,} of {total:,}; repeat the command to go on")
        raise


def _bar(part: float) -> str:
    full = int(part * BAR)
    return "[" + "#" * full + "-" * (BAR - full) + "]"


def _reported(bulk: Bulk, total: int, outcomes: Iterator[Outcome], output: str) -> int:
    begun = time.monotonic()
    counts = {"done": 0, "passed over": 0, "failed": 0}
    for one in outcomes:
        counts[one.outcome] += 1
        if output == "jsonl":
            out.print_json(one)
        if one.outcome == "failed":
            _say(f"{one.workflow_id}: {one.reason}")
    took = out.duration(time.monotonic() - begun)
    more = "".join(
        f", {counts[what]:,} {what}" for what in ("passed over", "failed") if counts[what]
    )
    _say(f"{counts['done']:,} of {_executions(total)} {bulk.done} in {took}{more}")
    return 1 if counts["failed"] else 0
