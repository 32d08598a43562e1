"""Write a graph as SVG: one file that needs nothing else, light or dark as its reader is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import quoteattr

from partita.graph import texts
from partita.graph.elements import caption, cornered, hexagon, rectangle, text_of, valid
from partita.graph.flows import drawn
from partita.graph.layout import STACKED, Layout, PlacedBox, Route, lay_out
from partita.graph.model import Graph, Shape
from partita.graph.nesting import arrange
from partita.graph.structure import Structure

_MARGIN = 16.0
# colours by name: in the light, in the dark
_COLOURS = {
    "ink": ("#1f2430", "#e5e7eb"),
    "soft": ("#6b7280", "#9ca3af"),
    "fill": ("#ffffff", "#1f2430"),
    "line": ("#8a93a3", "#6b7280"),
    "back": ("#f6f7f9", "#171a21"),
    "task": ("#2563eb", "#60a5fa"),
    "choice": ("#b45309", "#fbbf24"),
    "good": ("#15803d", "#4ade80"),
    "bad": ("#b91c1c", "#f87171"),
    "loop": ("#7c3aed", "#c4b5fd"),
}
# selector: (property, colour)
_PAINT = {
    ".paper": (("fill", "back"),),
    ".box": (("fill", "fill"), ("stroke", "line")),
    ".holder": (("fill", "back"),),
    ".task": (("stroke", "task"),),
    ".choice": (("stroke", "choice"),),
    ".fail, .missing, .failed": (("stroke", "bad"),),
    ".succeed, .succeeded": (("stroke", "good"),),
    ".running": (("stroke", "task"),),
    ".waiting, .canceled": (("stroke", "choice"),),
    ".start": (("fill", "ink"),),
    ".end": (("stroke", "ink"),),
    "text": (("fill", "ink"),),
    ".detail, .label": (("fill", "soft"),),
    ".edge": (("stroke", "line"),),
    ".catch": (("stroke", "bad"),),
    ".loop": (("stroke", "loop"),),
    ".head": (("fill", "line"),),
}
_FORM = """
svg { font-family: system-ui, sans-serif; font-size: 13px; }
text { text-anchor: middle; } .beside { text-anchor: start; } .detail, .label { font-size: 11px; }
.box, .edge { stroke-width: 1.3; } .edge, .end { fill: none; } .end { stroke-width: 2; }
.running, .failed, .waiting { stroke-width: 2.6; } .catch { stroke-dasharray: 5 3; }
.missing, .opaque { stroke-dasharray: 4 3; }
.unreached { opacity: 0.45; stroke-dasharray: 2 3; }
""".strip()


def _style() -> str:
    light, dark = (
        "\n".join(
            f"{selector} {{ "
            + " ".join(f"{name}: {_COLOURS[colour][shade]};" for name, colour in paints)
            + " }"
            for selector, paints in _PAINT.items()
        )
        for shade in (0, 1)
    )
    return f"{_FORM}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def svg(graph: Graph | Structure) -> str:
    """Return the text of an SVG file."""
    if isinstance(graph, Structure):
        drawing = arrange(graph)
        body = "\n".join(drawn(drawing, _MARGIN, _MARGIN))
        return document(graph.label, body, drawing.width, drawing.height)
    layout = lay_out(graph)
    body = "\n".join(_drawn(layout, _MARGIN, _MARGIN))
    return document(graph.label, body, layout.width, layout.height)


def document(label: str, body: str, width: float, height: float, style: str = "") -> str:
    """Return an SVG file with these elements; `style` is what they need besides."""
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    arrow = f"arrow-{hashlib.sha256(body.encode(errors='replace')).hexdigest()[:8]}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} '
        f'{height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">\n'
        f"<title>{text_of(label)}</title>\n<style>{_style()}{style}</style>\n"
        f'<defs><marker id="{arrow}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>\n'
        f"{body.replace('url(#arrow)', f'url(#{arrow})')}\n</svg>\n"
    )


def _drawn(layout: Layout, left: float, top: float) -> Iterator[str]:
    """Yield the elements of a layout: edges first, so that boxes are over them."""
    for route in layout.routes:
        yield _edge(route, left, top)
    for placed in layout.boxes:
        yield from _box(placed, left + placed.x, top + placed.y)
    for route in layout.routes:
        yield from _label(route, left, top)


def _box(placed: PlacedBox, x: float, y: float) -> Iterator[str]:
    box, width, height = placed.box, placed.width, placed.height
    style = " ".join(filter(None, ("box", box.kind, box.status, "holder" if box.inner else "")))
    if box.shape in (Shape.START, Shape.END):
        radius = width / 2 - (3 if box.shape is Shape.START else 1.5)
        yield (
            f'<circle class="{text_of(box.shape.value)}" cx="{x + width / 2:.1f}" '
            f'cy="{y + height / 2:.1f}" r="{radius:.1f}"/>'
        )
        return
    if box.shape is Shape.STACK:
        width, height = width - STACKED, height - STACKED
        for by in (STACKED, STACKED / 2):
            yield rectangle(style, x + by, y + STACKED - by, width, height)
    front = y + STACKED if box.shape is Shape.STACK else y
    if box.shape is Shape.CHOICE:
        yield hexagon(style, x, y, width, height)
    else:
        yield rectangle(style, x, front, width, height)
    yield from _captions(placed, x + width / 2, front, height)
    for left, top, layout in placed.inner:
        yield from _drawn(layout, x + left, y + top)


def _captions(placed: PlacedBox, middle: float, y: float, height: float) -> Iterator[str]:
    """Yield the label and the detail: in the middle, or on top of the graphs within."""
    lines = placed.lines
    count = len(lines) + bool(placed.box.detail)
    first = 18.0 if placed.inner else (height - texts.LINE * count) / 2 + 12.5
    for number, line in enumerate(lines):
        yield caption("", middle, y + first + texts.LINE * number, line)
    if placed.box.detail:
        yield caption("detail", middle, y + first + texts.LINE * len(lines), placed.box.detail)


def _edge(route: Route, left: float, top: float) -> str:
    points = [(left + x, top + y) for x, y in route.points]
    path = cornered(points) if route.is_loop else _curved(points)
    style = " ".join(filter(None, ("edge", route.edge.kind, "loop" if route.is_loop else "")))
    return f'<path class={quoteattr(valid(style))} d="{path}" marker-end="url(#arrow)"/>'


def _curved(points: list[tuple[float, float]]) -> str:
    """Return a path that leaves and enters each point vertically."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (to_y - y) / 2
        if abs(to_x - x) < 0.1:
            path.append(f"V{to_y:.1f}")
        else:
            path.append(
                f"C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}"
            )
    return "".join(path)


def _label(route: Route, left: float, top: float) -> Iterator[str]:
    if route.label is None:
        return
    x, y = left + route.label[0], top + route.label[1]
    lines = [route.edge.label] if route.is_loop else texts.lines(route.edge.label)
    height = texts.LINE * texts.SMALL
    style = "label beside" if route.is_loop else "label"
    if not route.is_loop:
        width = texts.widest(lines) * texts.SMALL + 4.0
        yield (
            f'<rect class="paper" x="{x - width / 2:.1f}" y="{y - height * len(lines) / 2:.1f}" '
            f'width="{width:.1f}" height="{height * len(lines):.1f}"/>'
        )
    for number, line in enumerate(lines):
        yield caption(style, x, y + height * (number - len(lines) / 2) + 11.0, line)
