"""Place the boxes of a graph in layers from top to bottom, and route its edges.

Loops are drawn as such: an edge that leads back leaves below its source, rises in a lane of its
own to the right of the boxes between, and enters its target from above.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from partita.graph import texts
from partita.graph.layers import Point, arrange, connect
from partita.graph.model import Box, Edge, Graph, Shape
from partita.graph.ranks import ranks, split_loops

ROW_GAP = 24.0  # between a layer of boxes and the layer of labels below it
PADDING = 16.0  # within a box that holds graphs
HEADER = 26.0  # above the graphs in a box
STACKED = 8.0  # by which the boxes behind another are seen
LANE = 16.0  # between lanes of loops
TURN = 11.0  # from a box to where a loop turns
_MIN_WIDTH = 96.0
_DOT = 22.0  # the start and the end


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box, its top left corner within its graph, its size, and the graphs within it."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    inner: tuple[tuple[float, float, Layout], ...] = ()  # left, top, layout

    @property
    def lines(self) -> list[str]:
        """The lines of the label."""
        return texts.lines(self.box.label)


@dataclass(frozen=True, slots=True)
class Route:
    """An edge, the points that it passes, and where its label is."""

    edge: Edge
    points: tuple[tuple[float, float], ...]
    label: tuple[float, float] | None
    is_loop: bool = False


@dataclass(slots=True)
class Layout:
    """A graph that is placed."""

    width: float
    height: float
    boxes: list[PlacedBox] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    def shift(self, by: float, more: list[Route]) -> None:
        """Move everything to the right, also routes that are not in it yet."""
        if by:
            self.width += by
            self.boxes[:] = [replace(placed, x=placed.x + by) for placed in self.boxes]
            self.routes[:] = [_shifted(route, by) for route in self.routes]
            more[:] = [_shifted(route, by) for route in more]


def _shifted(route: Route, by: float) -> Route:
    label = None if route.label is None else (route.label[0] + by, route.label[1])
    return replace(route, points=tuple((x + by, y) for x, y in route.points), label=label)


def lay_out(graph: Graph) -> Layout:
    """Return the places of the boxes and edges of a graph."""
    return _Layers(graph).layout()


class _Layers:
    """The layers of a graph: boxes are in the even ones, labels of edges in the odd ones."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.forward, self.loops = split_loops(graph)
        self.rank = ranks((box.id for box in graph.boxes), self.forward)
        self.placed = {box.id: _sized(box) for box in graph.boxes}
        self.points = {
            name: Point(placed.width, placed.height) for name, placed in self.placed.items()
        }
        depth = 2 * max(self.rank.values(), default=0) + 1
        self.layers: list[list[Point]] = [[] for _ in range(depth)]
        for box in graph.boxes:
            self._add(self.points[box.id], 2 * self.rank[box.id])
        self.ways = [self._way(edge) for edge in self.forward]

    def _way(self, edge: Edge) -> list[Point]:
        """Add the points that an edge passes to the layers between its ends."""
        first, last = 2 * self.rank[edge.source], 2 * self.rank[edge.target]
        way = [self.points[edge.source]]
        for layer in range(first + 1, last):
            point = Point(*(_label_size(edge) if layer == first + 1 else (4.0, 0.0)))
            self._add(point, layer)
            connect(way[-1], point)
            way.append(point)
        connect(way[-1], self.points[edge.target])
        return [*way, self.points[edge.target]]

    def _add(self, point: Point, layer: int) -> None:
        point.layer = layer
        self.layers[layer].append(point)

    def layout(self) -> Layout:
        """Return the places of boxes and edges."""
        arrange(self.layers)
        layout = Layout(self._right_of((0, len(self.layers))), self._set_tops())
        layout.boxes += [self._moved(name, placed) for name, placed in self.placed.items()]
        for edge, way in zip(self.forward, self.ways, strict=True):
            layout.routes.append(self._route(edge, way))
        layout.routes += self._loop_routes(layout)
        return layout

    def _set_tops(self) -> float:
        """Set the top and the height of each layer; return the bottom of the last."""
        turn = TURN if self.loops else 0.0
        self.heights = [max((p.height for p in layer), default=0.0) for layer in self.layers]
        self.tops = [
            turn + sum(self.heights[:number]) + ROW_GAP * number
            for number in range(len(self.layers))
        ]
        return self.tops[-1] + self.heights[-1] + turn

    def _moved(self, name: str, placed: PlacedBox) -> PlacedBox:
        point = self.points[name]
        x, y = point.x - placed.width / 2, self._edge_of(point, is_bottom=False)
        return PlacedBox(placed.box, x, y, placed.width, placed.height, placed.inner)

    def _route(self, edge: Edge, way: list[Point]) -> Route:
        """Route an edge: through layers it goes straight down, between them it moves aside."""
        start, end = way[0], way[-1]
        leave, enter = self._port(start, way[1], start.below), self._port(end, way[-2], end.above)
        points = [(leave, self._edge_of(start, is_bottom=True))]
        places = [(leave, start), *((point.x, point) for point in way[1:-1]), (enter, end)]
        for (x, upper), (to_x, lower) in pairwise(places):
            points += [(x, self._row_end(upper, is_bottom=True))]
            points += [(to_x, self._row_end(lower, is_bottom=False))]
        points.append((enter, self._edge_of(end, is_bottom=False)))
        label = (way[1].x, self._middle(way[1])) if edge.label else None
        return Route(edge, tuple(dict.fromkeys(points)), label)

    def _port(self, point: Point, other: Point, neighbours: list[Point]) -> float:
        """Return where along a box an edge begins or ends, by the order of its neighbours."""
        order = sorted(neighbours, key=lambda one: one.x)
        share = (order.index(other) + 1) / (len(order) + 1)
        return point.x + (share - 0.5) * min(point.width * 0.7, 40.0 * len(order))

    def _middle(self, point: Point) -> float:
        return self.tops[point.layer] + self.heights[point.layer] / 2

    def _edge_of(self, point: Point, *, is_bottom: bool) -> float:
        middle = self._middle(point)
        return middle + point.height / 2 if is_bottom else middle - point.height / 2

    def _loop_routes(self, layout: Layout) -> list[Route]:
        """Route each loop in a lane beside the boxes that it spans; shorter loops further in."""
        self.loops.sort(key=lambda edge: self.rank[edge.source] - self.rank[edge.target])
        routes: list[Route] = []
        self.lanes: list[tuple[int, int, float, float]] = []
        for edge in self.loops:
            span = (self.rank[edge.target], self.rank[edge.source])
            is_left = not edge.label and self._is_left(edge, span)
            lane = self._lane(edge, span, is_left=is_left)
            routes.append(self._loop(edge, lane, is_left=is_left))
        layout.width = max([layout.width, *(end for _, _, _, end in self.lanes)])
        layout.shift(-min([0.0, *(begin for _, _, begin, _ in self.lanes)]), routes)
        return routes

    def _lane(self, edge: Edge, span: tuple[int, int], *, is_left: bool) -> float:
        """Return where a lane is that no other loop of the same ranks is in, and take it."""
        room = texts.width(edge.label) * texts.SMALL + 10.0 if edge.label else 2.0
        step = -LANE if is_left else LANE
        lane = step + (self._left_of(span) if is_left else self._right_of(span))
        beside = [one for one in self.lanes if one[0] <= span[1] and span[0] <= one[1]]
        for _, _, begin, end in sorted(beside, key=lambda one: one[2], reverse=is_left):
            if begin - LANE / 2 < lane + room and lane - LANE / 2 < end:
                lane = (begin if is_left else end) + step
        self.lanes.append((*span, lane - 2.0, lane + room))
        return lane

    def _is_left(self, edge: Edge, span: tuple[int, int]) -> bool:
        middle = (self._left_of(span) + self._right_of(span)) / 2
        return self.points[edge.source].x + self.points[edge.target].x < 2 * middle

    def _right_of(self, span: tuple[int, int]) -> float:
        layers = self.layers[2 * span[0] : 2 * span[1] + 1]
        return max((p.x + p.width / 2 for layer in layers for p in layer), default=0.0)

    def _left_of(self, span: tuple[int, int]) -> float:
        layers = self.layers[2 * span[0] : 2 * span[1] + 1]
        return min((p.x - p.width / 2 for layer in layers for p in layer), default=0.0)

    def _loop(self, edge: Edge, lane: float, *, is_left: bool) -> Route:
        source, target = self.points[edge.source], self.points[edge.target]
        side = -1.0 if is_left else 1.0
        out = self._place(edge, [one for one in self.loops if one.source == edge.source])
        into = self._place(edge, [one for one in self.loops if one.target == edge.target])
        leave, enter = source.x + side * source.width * out, target.x + side * target.width * into
        bottom, top = self._edge_of(source, is_bottom=True), self._edge_of(target, is_bottom=False)
        below = self._row_end(source, is_bottom=True) + TURN * (1.15 - out)
        over = self._row_end(target, is_bottom=False) - TURN * (1.15 - into)
        points = ((leave, bottom), (leave, below), (lane, below), (lane, over), (enter, over))
        label = (lane + 6.0, (below + over) / 2) if edge.label else None
        return Route(edge, (*points, (enter, top)), label, is_loop=True)

    def _place(self, edge: Edge, loops: list[Edge]) -> float:
        """Return where along a box a loop begins or ends: a share of its width from the middle.

        The outer of several loops are nearer to the middle, so that they do not cross.
        """
        number = next(number for number, one in enumerate(loops) if one is edge)
        return 0.45 - 0.3 * (number + 1) / (len(loops) + 1)

    def _row_end(self, point: Point, *, is_bottom: bool) -> float:
        """Return the bottom or top of the whole layer that a box is in."""
        return self.tops[point.layer] + (self.heights[point.layer] if is_bottom else 0.0)


def _label_size(edge: Edge) -> tuple[float, float]:
    if not edge.label:
        return 4.0, 0.0
    wrapped = texts.lines(edge.label)
    return texts.widest(wrapped) * texts.SMALL + 8.0, texts.LINE * texts.SMALL * len(wrapped) + 2.0


def _sized(box: Box) -> PlacedBox:
    """Return a box with its size, at no place yet."""
    if box.shape in (Shape.START, Shape.END):
        return PlacedBox(box, 0.0, 0.0, _DOT, _DOT)
    wrapped = texts.lines(box.label)
    width = max(texts.widest(wrapped), texts.width(box.detail) * texts.SMALL) + 28.0
    height = texts.LINE * (len(wrapped) + bool(box.detail)) + 18.0
    if box.shape is Shape.CHOICE:
        width += 28.0
    if box.inner:
        return _holding(box, width)
    behind = STACKED if box.shape is Shape.STACK else 0.0
    return PlacedBox(box, 0.0, 0.0, max(width, _MIN_WIDTH) + behind, height + behind)


def _holding(box: Box, width: float) -> PlacedBox:
    """Return the size of a box with graphs in it, side by side."""
    layouts = [lay_out(graph) for graph in box.inner]
    content = sum(layout.width for layout in layouts) + PADDING * (len(layouts) + 1)
    whole = max(content, width, _MIN_WIDTH)
    top = HEADER + texts.LINE * (len(texts.lines(box.label)) - 1 + bool(box.detail))
    behind = STACKED if box.shape is Shape.STACK else 0.0
    left, top, inner = PADDING + (whole - content) / 2, top + behind, []
    for layout in layouts:
        inner.append((left, top, layout))
        left += layout.width + PADDING
    height = top + max(layout.height for layout in layouts) + PADDING
    return PlacedBox(box, 0.0, 0.0, whole + behind, height, tuple(inner))
