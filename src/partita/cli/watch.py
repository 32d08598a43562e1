"""`watch`: a live view of all executions, or of one run, in the terminal; else lines."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from partita.cli import options as o
from partita.cli.filters import planned, read_filter
from partita.cli.keys import Keys
from partita.cli.offers import Offers, completed
from partita.cli.output import clock_time, duration
from partita.cli.watch_pages import (
    RunSnapshot,
    Screen,
    counts_text,
    overview_page,
    run_page,
)
from partita.cli.watch_source import Source
from partita.client import Client
from partita.client.filter_terms import Term
from partita.client.overview import Overview
from partita.client.search import Search, plan
from partita.errors import InvalidOptionError
from partita.ports.service import ExecutionInfo
from partita.ports.state import ExecutionFilter, Status
from partita.views.failures import printable


@click.command()
@click.argument("workflow_id", metavar="[ID]", required=False, shell_complete=completed(Offers.IDS))
@o.run_option
@click.option("--where", metavar="FILTER", help="Only executions that pass it, as for `list`.")
@click.option("--once", is_flag=True, help="Look once, print what is there, and end.")
@o.backend_option
def watch(
    workflow_id: str | None, run_id: str, where: str | None, once: bool, backend: o.Backend
) -> int:
    """Show how all executions stand, or one run, while they go on.

    On a terminal: the arrow keys choose an execution, Enter shows its run, Esc goes back, q ends.
    Elsewhere it prints a line for each change; of one run until that is closed.
    """
    if workflow_id is not None and where is not None:
        raise InvalidOptionError("give an ID, or --where FILTER; not both")
    terms = None if where is None else read_filter([where])
    backend.note_missing()
    with backend.look() as client:
        info = None
        if workflow_id is not None:
            info = client.describe(workflow_id, run_id=run_id).info
        source = Source(client, info, None if terms is None else _searching(client, terms))
        with suppress(KeyboardInterrupt):
            if sys.stdout.isatty() and not once and not Console().is_dumb_terminal:
                _Terminal(source, info, backend.shown).run()
            else:
                _print_changes(source, once=once)
        source.close()
    return 0


def _searching(client: Client, terms: Sequence[Term]) -> Callable[[], Search]:
    """Return what plans the search anew: spans of time are from the moment of each look."""
    base = Search(filter=ExecutionFilter(domain=client.domain))
    planned(client, base, terms)  # which says by what is filtered here
    return lambda: plan(client.service, base, terms, time.time())


class _Terminal:
    """The live view."""

    def __init__(self, source: Source, info: ExecutionInfo | None, place: str) -> None:
        self._source = source
        self._place = place
        self._chosen: str | None = None  # the run id of the chosen row
        self._run = info  # None: all are shown
        self._can_return = info is None
        self._console = Console()
        self._is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")

    def run(self) -> None:
        """Show it until a key ends it."""
        _reconfigure_output()
        before = signal.signal(signal.SIGTERM, _interrupt)
        self._source.start()
        live = Live(console=self._console, screen=True, auto_refresh=False)
        try:
            with Keys() as keys, live:
                shown: list[Text] = []
                while True:
                    page = self._page()
                    if page != shown:
                        live.update(Group(*page), refresh=True)
                        shown = page
                    if any(self._press(key) for key in keys.read(0.1)):
                        return
        finally:
            signal.signal(signal.SIGTERM, before)

    def _press(self, key: str) -> bool:
        """Do what a key means; return whether it ends the view."""
        found = self._source.found
        if key == "quit":
            return True
        if key == "back" and self._run is not None and self._can_return:
            self._go(None)
        elif isinstance(found, Overview) and found.rows:
            number = self._number(found)
            if key == "enter":
                self._go(found.rows[number].info)
            elif key in ("up", "down"):
                number += 1 if key == "down" else -1
                self._chosen = found.rows[max(0, min(number, len(found.rows) - 1))].info.run_id
        return False

    def _go(self, info: ExecutionInfo | None) -> None:
        self._run = info
        self._source.go(info)

    def _number(self, found: Overview) -> int:
        """Return the number of the chosen row, which moves as others come and go."""
        runs = [row.info.run_id for row in found.rows]
        return runs.index(self._chosen) if self._chosen in runs else 0

    def _page(self) -> list[Text]:
        found, error = self._source.found, self._source.error
        size = self._console.size
        screen = Screen(size.width, size.height, self._is_unicode)
        if error:
            page = [Text(f"{printable(error)}; q: quit", style="red")]
        elif isinstance(found, Overview):
            if self._chosen is None and found.rows:
                self._chosen = found.rows[0].info.run_id
            page = overview_page(found, self._number(found), self._place, screen)
        elif found is not None:
            page = run_page(found, self._can_return, screen)
        else:
            page = [Text("looking ...")]
        return page


def _print_changes(source: Source, *, once: bool) -> None:
    """Print a line for each change."""
    seen: set[Any] = set()
    while True:
        pause = source.refresh()
        found = source.found
        if source.error:
            _say(source.error, seen, source.error)
        if isinstance(found, Overview):
            _print_overview(found, seen)
        elif found is not None:
            _print_run(found, seen)
            if found.info.status is not Status.OPEN:
                return
        if once:
            return
        time.sleep(max(1.0, pause))


def _print_overview(found: Overview, seen: set[Any]) -> None:
    for row in found.rows:
        if row.note:
            info = row.info
            what = "is stuck" if row.is_stuck else f"ended as {info.status.name}"
            _say(f"{info.workflow_id} {what}: {row.note}", seen, (info.run_id, row.note))
    _say(counts_text(found), seen, ("counts", tuple(found.counts.items())))


def _print_run(found: RunSnapshot, seen: set[Any]) -> None:
    for step in found.time.steps:
        took = f" after {duration(step.ended_at - step.begun_at)}" if step.ended_at else ""
        key = (step.title, step.begun_at, step.state, step.attempts)
        _say(f"{step.title} {step.state}{took}", seen, key)
    status = found.info.status.name
    _say(f"{found.info.workflow_id} {status}, {found.done}", seen, (status, found.done))
    _say(found.why, seen, found.why)


def _say(text: str, seen: set[Any], key: Any) -> None:
    """Print a line with the time, unless it was printed before."""
    if text and key not in seen:
        seen.add(key)
        print(f"{clock_time(time.time())} {printable(text)}", flush=True)


def _reconfigure_output() -> None:
    """Replace characters that the terminal's encoding does not have."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
