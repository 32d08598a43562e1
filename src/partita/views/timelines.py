"""Draw a run's time: a bar for each step, as lines of text.

Pure: a history in, bars and lines out. Bars are drawn as SVG by `partita.graph`.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from partita import history as h
from partita.graph import texts
from partita.history.references import CLOSING
from partita.views.durations import duration
from partita.views.failures import printable
from partita.views.run_steps import RunStep, Span, run_steps

LABEL_COLUMNS = 30
"""Columns of a label at most."""

BLOCKS = {"waiting": "░", "running": "█", "retrying": "▒", "at once": "◆"}
PLAIN = {"waiting": ".", "running": "#", "retrying": "~", "at once": "*"}
"""How a part of a bar is drawn, by its state."""

_RANKS = {"": 0, "waiting": 1, "retrying": 2, "running": 3, "at once": 3}
_SHORTEST = 10  # columns of a bar


class RunTime(Struct, frozen=True, kw_only=True):
    """The time of a run; moments are seconds since the epoch."""

    begin: float
    end: float  # of the run, or now while it is open
    steps: list[RunStep]  # in the order in which they began

    @property
    def total(self) -> float:
        """Seconds that it took, or has taken so far."""
        return max(0.0, self.end - self.begin)


def time_of(events: Sequence[h.AnyEvent], now: float | None = None) -> RunTime:
    """Return the time of a whole history; what is open lasts until `now`."""
    begin, end = events[0].event_timestamp, events[-1].event_timestamp
    if type(events[-1]) not in CLOSING and now is not None:
        end = max(end, now)
    steps = [one for one in run_steps(events, now) if one.kind != "marker"]
    return RunTime(begin=begin, end=end, steps=steps)


class Bar(Struct, frozen=True):
    """A line of a timeline."""

    label: str
    bar: str
    note: str
    status: str  # succeeded, failed, running, waiting, canceled


def bars(time: RunTime, columns: int, limit: int, marks: dict[str, str] | None = None) -> list[Bar]:
    """Return the lines of the newest steps, up to `limit`, for so many columns."""
    shown = time.steps[-limit:]
    labels = [_cut(printable(step.title), LABEL_COLUMNS) for step in shown]
    widest = max(map(_width, labels), default=0)
    notes = [_note(step) for step in shown]
    left = columns - widest - max(map(len, notes), default=0) - 4
    width = max(_SHORTEST, left)
    return [
        Bar(_padded(label, widest), _bar(step, time, width, marks or BLOCKS), note, step.status)
        for label, step, note in zip(labels, shown, notes, strict=True)
    ]


def _note(step: RunStep) -> str:
    """Return how long a step took, and what else of it one looks for."""
    until = step.spans[-1].end if step.spans else step.ended_at
    parts = [] if until is None or until <= step.begun_at else [duration(until - step.begun_at)]
    if step.attempts > 1:
        parts.append(f"{step.attempts} attempts")
    if step.status != "succeeded":
        parts.append(step.state)
    return ", ".join(parts)


def _bar(step: RunStep, time: RunTime, width: int, marks: dict[str, str]) -> str:
    cells = [""] * width
    spans = step.spans or (Span("at once", step.begun_at, step.begun_at),)
    for span in spans:
        first = _place(span.begin, time, width)
        is_last = span.end >= time.end
        last = max(first, _place(span.end, time, width) - (0 if is_last else 1))
        for place in range(first, last + 1):
            if _RANKS.get(span.state, 1) >= _RANKS[cells[place]]:
                cells[place] = span.state
    return "".join(marks.get(cell, " ") for cell in cells).rstrip().ljust(width)


def _place(at: float, time: RunTime, width: int) -> int:
    """Return the column of a moment."""
    share = (at - time.begin) / time.total if time.total > 0 else 0.0
    return min(width - 1, max(0, int(share * width)))


def _width(text: str) -> int:
    """Return the columns of a text; characters of East Asia take two."""
    return round(texts.width(text) / texts.CHARACTER)


def _cut(text: str, columns: int) -> str:
    if _width(text) <= columns:
        return text
    while _width(text) > columns - 3:
        text = text[:-1]
    return f"{text}..."


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - _width(text))
