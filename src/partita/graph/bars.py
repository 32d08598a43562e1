"""Draw bars along one axis of time as SVG: a row for each, with its label and a note.

Knows nothing of what the bars stand for. Their parts are shares of the axis, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from partita.graph import texts
from partita.graph.elements import text_of
from partita.graph.svg import document

AXIS = 560.0
"""The width of the axis, in pixels."""

_ROW, _BAR = 20.0, 12.0  # heights
_GAP = 10.0  # between label, axis and note
_LEAST = 2.0  # width of a part that is too short to be seen
_MOST_COLUMNS = 40  # of a label or a note
_STYLE = """
.row { text-anchor: start; font-size: 12px; } .of { text-anchor: end; font-size: 12px; }
.tick { text-anchor: middle; font-size: 11px; } .rule { stroke: #9ca3af; stroke-width: 0.5; }
.waiting-part { fill: #cbd5e1; } .retrying-part { fill: #f59e0b; } .running-part { fill: #2563eb; }
.failed-part { fill: #b91c1c; } .at-once-part { fill: #7c3aed; }
""".strip()


@dataclass(frozen=True)
class BarPart:
    """A part of a bar: its style, and where it begins and ends."""

    style: str  # waiting, running, retrying, failed or at-once
    begin: float
    end: float


@dataclass(frozen=True)
class BarRow:
    """One row."""

    label: str
    parts: tuple[BarPart, ...]
    note: str = ""


def bars_svg(rows: Sequence[BarRow], ticks: Sequence[tuple[float, str]], label: str = "") -> str:
    """Return the text of an SVG file; ticks are places on the axis, with their labels."""
    left = max((_width(_short(row.label)) for row in rows), default=0.0) + _GAP
    right = max((_width(_short(row.note)) for row in rows), default=0.0) + _GAP
    height = _ROW * (len(rows) + 1)
    body = [*_ticks(ticks, left, height), *_rows(rows, left)]
    return document(label, "\n".join(body), left + AXIS + right, height, _STYLE)


def _ticks(ticks: Sequence[tuple[float, str]], left: float, height: float) -> Iterator[str]:
    for place, name in ticks:
        x = left + place * AXIS
        yield f'<path class="rule" d="M{x:.1f} {_ROW - 2:.1f}V{height:.1f}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{_ROW - 7:.1f}">{text_of(name)}</text>'


def _rows(rows: Sequence[BarRow], left: float) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        y = _ROW * number
        yield f"<g><title>{text_of(f'{row.label} {row.note}'.strip())}</title>"
        yield f'<text class="of" x="{left - _GAP:.1f}" y="{y + 11:.1f}">{_text(row.label)}</text>'
        for part in row.parts:
            x, width = left + part.begin * AXIS, max(_LEAST, (part.end - part.begin) * AXIS)
            style = f"{part.style}-part"
            yield (
                f'<rect class="{text_of(style)}" x="{x:.1f}" y="{y + 2:.1f}" '
                f'width="{width:.1f}" height="{_BAR:.1f}" rx="2"/>'
            )
        x = left + AXIS + _GAP
        yield f'<text class="row" x="{x:.1f}" y="{y + 11:.1f}">{_text(row.note)}</text></g>'


def _text(text: str) -> str:
    return text_of(_short(text))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_COLUMNS else f"{text[: _MOST_COLUMNS - 1]}…"


def _width(text: str) -> float:
    return texts.width(text) * 0.95
