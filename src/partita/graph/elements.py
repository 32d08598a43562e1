"""Write the elements of SVG that all drawings have."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

_ROUND = 9.0  # radius of corners of lines


def rectangle(style: str, x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle with round corners."""
    return (
        f'<rect class={quoteattr(valid(style))} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="7"/>'
    )


def hexagon(style: str, x: float, y: float, width: float, height: float) -> str:
    """Return a hexagon."""
    cut, middle = 14.0, y + height / 2
    corners = [
        (x + cut, y),
        (x + width - cut, y),
        (x + width, middle),
        (x + width - cut, y + height),
        (x + cut, y + height),
        (x, middle),
    ]
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return f'<polygon class={quoteattr(valid(style))} points="{points}"/>'


def caption(style: str, x: float, y: float, text: str) -> str:
    """Return a line of text around, or from, a place."""
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{text_of(text)}</text>'


def cornered(points: list[tuple[float, float]]) -> str:
    """Return a path of straight lines with round corners."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path.append("L{:.1f} {:.1f}".format(*_towards(corner, before)))
        path.append("Q{:.1f} {:.1f} {:.1f} {:.1f}".format(*corner, *_towards(corner, after)))
    return "".join([*path, "L{:.1f} {:.1f}".format(*points[-1])])


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the place a radius away from a corner, or half of the way if that is shorter."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    share = min(_ROUND, length / 2) / length
    return corner[0] + dx * share, corner[1] + dy * share


def text_of(text: str) -> str:
    """Return a text as XML."""
    return escape(valid(text))


def valid(text: str) -> str:
    """Return a text without what XML cannot hold: control characters, halves of characters."""
    return "".join(one if one >= " " and not "\ud800" <= one <= "\udfff" else "�" for one in text)
