"""The pages of `watch` as lines: all executions, and one run. Pure: snapshots in, lines out.

A page fits the terminal: as many rows as it has lines, and no line longer than it is wide.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct
from rich.text import Text

from partita.cli.output import STATUS_COLOURS, clock_time, duration
from partita.cli.timelines import COLOURS
from partita.client.overview import MOST_FILTERED, Overview, Row
from partita.ports.service import ExecutionInfo
from partita.ports.state import Status
from partita.views.failures import printable
from partita.views.timelines import BLOCKS, PLAIN, RunTime, bars

MAX_TYPES = 5
"""Workflow types that the page of all executions counts."""


class Screen(Struct, frozen=True):
    """What a page is drawn on."""

    columns: int
    lines: int
    is_unicode: bool = True

    @property
    def marks(self) -> dict[str, str]:
        """The characters of bars."""
        return BLOCKS if self.is_unicode else PLAIN

    @property
    def cursor(self) -> str:
        """What stands before the chosen row."""
        return "▶ " if self.is_unicode else "> "


class RunSnapshot(Struct, frozen=True, kw_only=True):
    """One run at one moment."""

    info: ExecutionInfo
    time: RunTime
    done: str  # how many steps are done, of how many
    why: str = ""  # the verdict, as one sentence


def overview_page(found: Overview, chosen: int, place: str, screen: Screen) -> list[Text]:
    """Return the page of all executions; `chosen` is the number of a row."""
    head = [
        _line([(f"{place}  {clock_time(found.at)}", "bold")]),
        _line(_counts(found)),
        *map(_type_line, list(found.types.items())[:MAX_TYPES]),
        Text(""),
    ]
    room = max(1, screen.lines - len(head) - 1)
    first = max(0, min(chosen - room + 1, len(found.rows) - room))
    rows = [
        _row_line(row, number == chosen, screen)
        for number, row in enumerate(found.rows[first : first + room], first)
    ]
    keys = "up, down: choose   Enter: into the run   q: quit"
    return _fitted([*head, *rows], [Text(keys, style="dim")], screen)


def run_page(found: RunSnapshot, can_return: bool, screen: Screen) -> list[Text]:
    """Return the page of one run."""
    info = found.info
    name, status = printable(info.workflow_id), info.status.name
    head = [
        Text.assemble((name, "bold"), f" {info.workflow_type.key}  run {info.run_id}"),
        Text.assemble(
            (status, STATUS_COLOURS.get(status, "")),
            f"  {duration(found.time.total)} since {clock_time(found.time.begin)}  {found.done}",
        ),
        *_wrapped(found.why, screen.columns),
        Text(""),
    ]
    room = max(1, screen.lines - len(head) - 1)
    lines = [
        Text.assemble(bar.label, "  ", (bar.bar, COLOURS.get(bar.status, "")), "  ", bar.note)
        for bar in bars(found.time, screen.columns, room, screen.marks)
    ]
    keys = ("Esc: back   " if can_return else "") + "q: quit"
    return _fitted([*head, *lines], [Text(keys, style="dim")], screen)


def counts_text(found: Overview) -> str:
    """Return how many executions there are by status, in one line."""
    return "".join(text for text, _ in _counts(found))


def _counts(found: Overview) -> list[tuple[str, str]]:
    shown = [
        status
        for status in Status
        if found.counts[status] or status in (Status.OPEN, Status.COMPLETED, Status.FAILED)
    ]
    parts = [
        (f"{status.name.lower()} {found.counts[status]:,}   ", STATUS_COLOURS.get(status.name, ""))
        for status in shown
    ]
    if found.per_second is not None:
        parts.append((f"closed {found.per_second:.1f}/s   ", ""))
    if found.is_cut:
        parts.append((f"of the newest {MOST_FILTERED:,}   ", ""))
    stuck = sum(row.is_stuck for row in found.rows)
    return [*parts, (f"stuck {stuck}", "red" if stuck else "")]


def _type_line(counted: tuple[str, dict[Status, int]]) -> Text:
    name, counts = counted
    numbers = ", ".join(f"{count} {status.name.lower()}" for status, count in counts.items())
    return Text.assemble("  ", printable(name), (f"  {numbers}", "dim"))


def _row_line(row: Row, is_chosen: bool, screen: Screen) -> Text:
    info = row.info
    end = info.closed_at if info.status is not Status.OPEN else time.time()
    took = duration(max(0.0, (end or info.started_at) - info.started_at))
    status = info.status.name
    line = Text.assemble(
        screen.cursor if is_chosen else "  ",
        f"{printable(info.workflow_id)}  ",
        (f"{printable(info.workflow_type.name)}  ", "dim"),
        (status, STATUS_COLOURS.get(status, "")),
        f"  {took}",
        (f"  {printable(row.note)}" if row.note else "", "red" if row.is_stuck else "yellow"),
    )
    if is_chosen:
        line.stylize("reverse")
    return line


def _line(parts: Sequence[tuple[str, str]]) -> Text:
    return Text.assemble(*parts)


def _wrapped(text: str, columns: int) -> list[Text]:
    """Return a sentence as lines, three at most."""
    lines: list[str] = []
    for word in printable(text).split():
        if lines and len(lines[-1]) + 1 + len(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [Text(line) for line in lines[:3]]


def _fitted(body: list[Text], foot: list[Text], screen: Screen) -> list[Text]:
    """Return a page that fills the screen, its lines cut where they are too long."""
    room = max(0, screen.lines - len(foot))
    page = [*body[:room], *[Text("")] * (room - len(body)), *foot]
    for line in page:
        line.truncate(screen.columns)
    return page
