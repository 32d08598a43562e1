"""Write the drawing of a structured program as elements of SVG."""

from __future__ import annotations

from collections.abc import Iterator

from partita.graph import texts
from partita.graph.elements import caption, cornered, hexagon, rectangle, text_of
from partita.graph.model import Shape
from partita.graph.nesting import Drawing, Line, Placed, captions, details


def drawn(drawing: Drawing, left: float, top: float) -> Iterator[str]:
    """Yield the elements of a drawing: boxes around others, lines, boxes, and labels."""
    for box in drawing.boxes:
        if box.is_holder:
            yield from _box(box, left, top)
    for one in drawing.lines:
        yield _line(one, left, top)
    for box in drawing.boxes:
        if not box.is_holder:
            yield from _box(box, left, top)
    for one in drawing.lines:
        if one.label:
            yield _label(one, left, top)


def _line(one: Line, left: float, top: float) -> str:
    points = [(left + x, top + y) for x, y in one.points]
    style = f"edge {one.kind}" if one.kind else "edge"
    head = ' marker-end="url(#arrow)"' if one.has_head else ""
    if len(points) == 2:
        (x, y), (to_x, to_y) = points
        return f'<path class="{style}" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"{head}/>'
    return f'<path class="{style}" d="{cornered(points)}"{head}/>'


def _label(one: Line, left: float, top: float) -> str:
    x, y = one.points[-1]
    short = texts.lines(one.label, 24)[0] if len(one.label) > 24 else one.label
    return caption("label beside", left + x + 5.0, top + y - 9.0, short)


def _box(box: Placed, left: float, top: float) -> Iterator[str]:
    step, x, y = box.step, left + box.x, top + box.y
    if step.shape in (Shape.START, Shape.END):
        radius, middle = box.width / 2 - 2, (x + box.width / 2, y + box.height / 2)
        place = f'cx="{middle[0]:.1f}" cy="{middle[1]:.1f}" r="{radius:.1f}"'
        yield f'<circle class="{step.shape.value}" {place}/>'
        return
    yield f'<g data-line="{step.line}">' if step.line else "<g>"
    style = " ".join(
        filter(None, ("box", step.kind, step.status, "holder" if box.is_holder else ""))
    )
    shape = hexagon if step.shape is Shape.CHOICE else rectangle
    if step.shape is Shape.STACK:
        yield rectangle(style, x + 5, y + 5, box.width, box.height)
    yield shape(style, x, y, box.width, box.height)
    yield from _captions(box, x, y)
    if len(step.label) > 24 or step.note:
        title = f"{step.label} ({step.note})" if step.note else step.label
        yield f"<title>{text_of(title)}</title>"
    yield "</g>"


def _captions(box: Placed, x: float, y: float) -> Iterator[str]:
    lines = captions(box.step)
    if box.is_holder and not box.step.inner:
        yield caption("detail beside", x + 10.0, y + 16.0, " · ".join(lines))
        return
    middle, first = x + box.width / 2, len(lines) - len(details(box.step))
    for number, one in enumerate(lines):
        is_detail = number >= first
        yield caption("detail" if is_detail else "", middle, y + 20.0 + texts.LINE * number, one)
