"""Place the parts of a structured program by recursion: the first way straight on, others beside.

A part has an axis, on which it is entered and left. Nothing that comes later in the source moves
what comes before it, and boxes are of one width: so an edit moves only what is after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from partita.graph import texts
from partita.graph.model import Shape
from partita.graph.structure import Cycle, Flow, Part, Region, Step, Structure, Ways

WIDTH = 208.0  # of each box
GAP = 26.0  # between a part and the next one
BESIDE = 30.0  # between ways
LANE = 16.0  # beside the body of a cycle
PADDING = 14.0  # within a region
HEADER = 24.0  # above the flow of a region
LEFT = WIDTH / 2 + 2 * LANE + PADDING  # of every flow at least: what goes around stays in it
COLUMNS = 27  # characters of a line in a box
_DOT = 22.0  # the start and the end


class Extent(NamedTuple):
    """How far a part reaches from its axis, and down; whether it is left at its bottom."""

    left: float
    right: float
    height: float
    is_open: bool = True


class Placed(NamedTuple):
    """A box, its top left corner and its size."""

    step: Step
    x: float
    y: float
    width: float
    height: float
    is_holder: bool = False


class Line(NamedTuple):
    """A line along corners; its label is at its last corner."""

    points: tuple[tuple[float, float], ...]
    label: str = ""
    kind: str = ""
    has_head: bool = True


@dataclass
class Drawing:
    """The boxes and the lines of a program."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Placed] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def arrange(structure: Structure) -> Drawing:
    """Return the places of the boxes and lines of a program."""
    begin = Step("start", shape=Shape.START)
    flow: Flow = (begin, *structure.flow)
    nesting = _Nesting()
    extent = nesting.flow(flow)
    if extent.is_open:
        flow = (*flow, Step("end", shape=Shape.END, is_end=True))
        extent = nesting.flow(flow)
    nesting.place_flow(flow, extent.left, 0.0)
    nesting.drawing.width = extent.left + extent.right
    nesting.drawing.height = extent.height
    return nesting.drawing


def captions(step: Step) -> list[str]:
    """Return the lines of a box: its label, and its details."""
    label = step.label
    short = [label] if len(label) <= COLUMNS else texts.lines(label, COLUMNS)
    return [*short, *details(step)]


def details(step: Step) -> list[str]:
    """Return the smaller lines of a box: its note, and where it is in the source."""
    note = texts.lines(step.note, COLUMNS + 5)[:2] if step.note else []
    return [*note, f"line {step.line}"] if step.line else note


class _Nesting:
    """Measures parts, each once, and places them."""

    def __init__(self) -> None:
        self.drawing = Drawing()
        self._extents: dict[int, tuple[Part, Extent]] = {}

    # -- extents

    def flow(self, flow: Flow) -> Extent:
        """Return the extent of a flow."""
        if not flow:
            return Extent(LEFT, WIDTH / 2, 0.0)
        extents = [self.extent(part) for part in flow]
        return Extent(
            max(LEFT, *(one.left for one in extents)),
            max(one.right for one in extents),
            sum(one.height for one in extents) + GAP * (len(extents) - 1),
            extents[-1].is_open,
        )

    def extent(self, part: Part) -> Extent:
        """Return the extent of a part."""
        found = self._extents.get(id(part))
        if found is None:
            found = (part, self._measured(part))
            self._extents[id(part)] = found
        return found[1]

    def _measured(self, part: Part) -> Extent:
        match part:
            case Step():
                width, height = self._size(part)
                left = self._left(part)
                return Extent(left, width - left, height, not part.is_end)
            case Ways():
                test = self.extent(part.test)
                beside = self._beside([flow for _, flow in part.flows], test)
                return beside._replace(height=test.height + GAP + beside.height)
            case Cycle():
                return self._cycle_extent(part)
            case Region():
                return self._region_extent(part)

    def _size(self, step: Step) -> tuple[float, float]:
        if step.shape in (Shape.START, Shape.END):
            return _DOT, _DOT
        height = texts.LINE * len(captions(step)) + 16.0
        if not step.inner:
            return WIDTH, height
        inner = [self._inner(one) for one in step.inner]
        width = sum(one.left + one.right for one in inner) + PADDING * (len(inner) + 1)
        return width, height + max(one.height for one in inner) + PADDING

    def _inner(self, flow: Flow) -> Extent:
        """Return the extent of a flow within a box."""
        is_step = len(flow) == 1 and isinstance(flow[0], Step)
        return self.extent(flow[0]) if is_step else self.flow(flow)

    def _left(self, step: Step) -> float:
        """Return how far a box reaches to the left: with steps in it, it grows to the right."""
        if step.inner:
            return self._inner(step.inner[0]).left + PADDING
        return self._size(step)[0] / 2

    def _beside(self, flows: list[Flow], first: Extent) -> Extent:
        """Return the extent of ways that part and meet again; the first one is under a box."""
        extents = [self.flow(flow) for flow in flows]
        right = max(extents[0].right, first.right)
        for one in extents[1:]:
            right += BESIDE + one.left + one.right
        is_open = any(one.is_open for one in extents)
        meeting = GAP / 2 if is_open and len(flows) > 1 else 0.0
        height = max(one.height for one in extents) + meeting
        return Extent(max(extents[0].left, first.left), right, height, is_open)

    def _cycle_extent(self, part: Cycle) -> Extent:
        test, body, after = self.extent(part.test), self.flow(part.body), self.flow(part.after)
        left = max(test.left, body.left) + LANE
        right = max(test.right, body.right) + LANE
        height = test.height + GAP + body.height + GAP
        if part.after:
            height += GAP / 2 + after.height
        return Extent(max(left, after.left), max(right, after.right), height, after.is_open)

    def _region_extent(self, part: Region) -> Extent:
        body = self._held(self.flow(part.body))
        whole = self._beside([(), *(flow for _, flow in part.handlers)], body)
        height = max(body.height, whole.height + (HEADER if part.handlers else 0.0))
        is_open = body.is_open or (bool(part.handlers) and whole.is_open and self._rest_open(part))
        if part.handlers and is_open:
            height += GAP / 2
        if part.final:
            final = self._held(self.flow(part.final))
            left, right = max(whole.left, final.left), max(whole.right, final.right)
            whole = Extent(left, right, 0.0)
            height += GAP + final.height
        return Extent(whole.left, whole.right, height, is_open)

    def _rest_open(self, part: Region) -> bool:
        return any(self.flow(flow).is_open for _, flow in part.handlers)

    def _held(self, inner: Extent) -> Extent:
        """Return the extent of a box around a flow."""
        height = inner.height + HEADER + PADDING
        return Extent(inner.left, inner.right + PADDING, height, inner.is_open)

    # -- places

    def place_flow(self, flow: Flow, x: float, y: float) -> float:
        """Place the parts of a flow below each other; return where it ends."""
        is_first = True
        for part in flow:
            if not is_first:
                self._line((x, y), (x, y + GAP))
                y += GAP
            is_first = False
            self._place(part, x, y)
            y += self.extent(part).height
        return y

    def _place(self, part: Part, x: float, y: float) -> None:
        match part:
            case Step():
                self._box(part, x, y)
            case Ways():
                self._place_ways(part, x, y)
            case Cycle():
                self._place_cycle(part, x, y)
            case Region():
                self._place_region(part, x, y)

    def _line(self, *points: tuple[float, float], label: str = "", kind: str = "") -> None:
        self.drawing.lines.append(Line(points, label, kind))

    def _join(self, *points: tuple[float, float]) -> None:
        """Draw a line that has no head, since another one goes on where it ends."""
        self.drawing.lines.append(Line(points, has_head=False))

    def _box(self, step: Step, x: float, y: float) -> None:
        width, height = self._size(step)
        left, holds = x - self._left(step), bool(step.inner)
        self.drawing.boxes.append(Placed(step, left, y, width, height, holds))
        top = y + texts.LINE * len(captions(step)) + 16.0
        for flow in step.inner:
            extent = self._inner(flow)
            left += PADDING + extent.left
            self.place_flow(flow, left, top)
            left += extent.right

    def _place_ways(self, part: Ways, x: float, y: float) -> None:
        test, bottom = self.extent(part.test), y + self.extent(part).height
        self._box(part.test, x, y)
        top, axis, right = y + test.height + GAP, x, 0.0
        for number, (label, flow) in enumerate(part.flows):
            one = self.flow(flow)
            if number:
                axis += right + BESIDE + one.left
                middle = y + test.height / 2
                self._enter(flow, ((x + test.right, middle), (axis, middle)), axis, top, label)
                right = one.right
            else:
                self._enter(flow, ((x, y + test.height),), axis, top, label)
                right = max(one.right, test.right)
            self._end(flow, axis, top, x, bottom)

    def _enter(
        self, flow: Flow, way: tuple[tuple[float, float], ...], x: float, y: float, label: str
    ) -> None:
        """Draw the line to a flow and the flow."""
        if flow:
            self._line(*way, (x, y), label=label)
        else:
            self.drawing.lines.append(Line((*way, (x, y)), label, has_head=False))
        self.place_flow(flow, x, y)

    def _end(self, flow: Flow, axis: float, top: float, x: float, bottom: float) -> None:
        """Lead the end of a flow to where ways meet."""
        one = self.flow(flow)
        if one.is_open and top + one.height < bottom:
            end = (axis, top + one.height)
            self._join(end, (axis, bottom), *([(x, bottom)] if axis != x else []))

    def _place_cycle(self, part: Cycle, x: float, y: float) -> None:
        test, body = self.extent(part.test), self.flow(part.body)
        self._box(part.test, x, y)
        middle, top = y + test.height / 2, y + test.height + GAP
        self._enter(part.body, ((x, y + test.height),), x, top, "")
        end = top + body.height
        left = x - max(test.left, body.left) - LANE / 2
        if body.is_open:
            turn = end + GAP / 3
            corners = ((x, end), (x, turn), (left, turn), (left, middle), (x - test.left, middle))
            self._line(*corners, kind="loop")
        right, below = x + max(test.right, body.right) + LANE / 2, end + GAP
        self._join((x + test.right, middle), (right, middle), (right, below), (x, below))
        if part.after:
            self._line((x, below), (x, below + GAP / 2))
            self.place_flow(part.after, x, below + GAP / 2)

    def _place_region(self, part: Region, x: float, y: float) -> None:
        body = self.flow(part.body)
        self._holder(part.title, part.body, x, y)
        held, whole = self._held(body), self.extent(part)
        final = self._held(self.flow(part.final))
        bottom = y + whole.height - (GAP + final.height if part.final else 0.0)
        if body.is_open and y + held.height < bottom:
            self._join((x, y + held.height), (x, bottom))
        axis, right, middle = x, held.right, y + HEADER / 2
        for label, flow in part.handlers:
            one = self.flow(flow)
            axis, right = axis + right + BESIDE + one.left, one.right
            corners = ((x + held.right, middle), (axis, middle), (axis, y + HEADER + GAP))
            self._line(*corners, label=label, kind="catch")
            self.place_flow(flow, axis, y + HEADER + GAP)
            self._end(flow, axis, y + HEADER + GAP, x, bottom)
        if part.final:
            self._line((x, bottom), (x, bottom + GAP))
            self._holder(Step("finally", "region"), part.final, x, bottom + GAP)

    def _holder(self, title: Step, flow: Flow, x: float, y: float) -> None:
        """Place a box and the flow in it."""
        held = self._held(self.flow(flow))
        width = held.left + held.right
        self.drawing.boxes.append(Placed(title, x - held.left, y, width, held.height, True))
        end = self.place_flow(flow, x, y + HEADER)
        if held.is_open:
            self._join((x, end), (x, y + held.height))
