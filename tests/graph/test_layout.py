"""Places of boxes and routes of edges."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from partita.graph import Box, Edge, Graph, Shape, texts
from partita.graph.layers import Point, arrange, connect
from partita.graph.layout import Layout, PlacedBox, Route, lay_out
from partita.graph.ranks import ranks, split_loops


def graph(*pairs: str, labels: bool = False) -> Graph:
    """Return the graph of edges such as `ab`."""
    names = dict.fromkeys("".join(pairs))
    edges = (Edge(one[0], one[1], "label" if labels else "") for one in pairs)
    return Graph(tuple(Box(name, name) for name in names), tuple(edges))


def at(layout: Layout, name: str) -> PlacedBox:
    return next(placed for placed in layout.boxes if placed.box.id == name)


def test_ranks_are_the_longest_ways() -> None:
    drawn = graph("ab", "bc", "ac", "cd")
    assert ranks("abcd", drawn.edges) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_edges_that_lead_back_are_loops() -> None:
    forward, loops = split_loops(graph("ab", "bc", "ca", "cc", "cd"))
    assert [edge.source + edge.target for edge in forward] == ["ab", "bc", "cd"]
    assert [edge.source + edge.target for edge in loops] == ["ca", "cc"]


def test_layers_go_down() -> None:
    layout = lay_out(graph("ab", "bc"))
    assert at(layout, "a").y < at(layout, "b").y < at(layout, "c").y
    assert layout.height == at(layout, "c").y + at(layout, "c").height


def test_a_chain_is_straight() -> None:
    layout = lay_out(graph("ab", "bc"))
    assert len({placed.x for placed in layout.boxes}) == 1
    assert all(len({x for x, _ in route.points}) == 1 for route in layout.routes)


def test_orders_are_improved_until_nothing_crosses() -> None:
    upper, lower = [Point(10) for _ in range(3)], [Point(10) for _ in range(3)]
    for number, point in enumerate(upper):
        connect(point, lower[2 - number])
    layers = [list(upper), list(lower)]
    arrange(layers)
    assert [point.x for point in layers[0]] == [point.x for point in layers[1]]


def test_a_loop_rises_beside_the_boxes_that_it_spans() -> None:
    layout = lay_out(graph("ab", "bc", "ca", "bd"))
    [loop] = [route for route in layout.routes if route.is_loop]
    assert (loop.edge.source, loop.edge.target) == ("c", "a")
    xs, ys = zip(*loop.points, strict=True)
    assert min(xs) < min(p.x for p in layout.boxes) or max(xs) > max(
        p.x + p.width for p in layout.boxes
    )
    assert min(ys) < at(layout, "a").y
    assert max(ys) > at(layout, "c").y + at(layout, "c").height


def test_a_box_holds_its_graphs() -> None:
    inner = (graph("ab"), graph("xy", "yx"))
    layout = lay_out(Graph((Box("p", "both", inner=inner), Box("q", "q")), (Edge("p", "q"),)))
    holder = at(layout, "p")
    for left, top, within in holder.inner:
        assert left > 0
        assert left + within.width < holder.width
        assert top > 0
        assert top + within.height < holder.height
    (first, _, one), (second, _, _) = holder.inner
    assert first + one.width < second


def random_graph(chance: random.Random, depth: int = 0) -> Graph:
    count = chance.randint(1, 9)
    boxes = tuple(
        Box(
            str(number),
            "x" * chance.randint(0, 60),
            shape=chance.choice([*Shape]),
            inner=(random_graph(chance, depth + 1),)
            if depth < 2 and chance.random() < 0.15
            else (),
        )
        for number in range(count)
    )
    edges = tuple(
        Edge(
            str(chance.randrange(count)),
            str(chance.randrange(count)),
            chance.choice(["", "a label", "a label that is long " * 4]),
        )
        for _ in range(chance.randint(0, 2 * count))
    )
    return Graph(boxes, edges)


def layouts(layout: Layout) -> Iterator[Layout]:
    yield layout
    for placed in layout.boxes:
        for _, _, inner in placed.inner:
            yield from layouts(inner)


def overlap(one: PlacedBox, other: PlacedBox) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def crosses(route: Route, placed: PlacedBox) -> bool:
    """Tell whether an edge runs through a box: its vertical lines are what is in layers."""
    for (x, y), (to_x, to_y) in zip(route.points, route.points[1:], strict=False):
        low, high = sorted((y, to_y))
        inside = placed.x < min(x, to_x) and max(x, to_x) < placed.x + placed.width
        if inside and low < placed.y + placed.height - 0.1 and placed.y + 0.1 < high:
            return True
    return False


@pytest.mark.parametrize("seed", range(60))
def test_no_loop_runs_through_the_label_of_another(seed: int) -> None:
    for layout in layouts(lay_out(random_graph(random.Random(seed)))):
        loops = [route for route in layout.routes if route.is_loop]
        for route in loops:
            if route.label is None:
                continue
            x, y = route.label
            end = x + texts.width(route.edge.label) * texts.SMALL
            for other in loops:
                lane, below, over = other.points[2][0], other.points[2][1], other.points[3][1]
                assert other is route or not (x <= lane <= end and over <= y <= below)


@pytest.mark.parametrize("seed", range(60))
def test_nothing_overlaps(seed: int) -> None:
    for layout in layouts(lay_out(random_graph(random.Random(seed)))):
        for number, one in enumerate(layout.boxes):
            assert not any(overlap(one, other) for other in layout.boxes[number + 1 :])
            assert not any(crosses(route, one) for route in layout.routes)
            assert one.x >= -0.1
            assert one.x + one.width <= layout.width + 0.1
        for route in layout.routes:
            assert all(-0.1 <= x <= layout.width + 0.1 for x, _ in route.points)
            assert all(-0.1 <= y <= layout.height + 0.1 for _, y in route.points)


def test_a_large_graph_is_laid_out() -> None:
    chance = random.Random(3)
    boxes = tuple(Box(str(number), str(number)) for number in range(600))
    chain = [Edge(str(number), str(number + 1)) for number in range(599)]
    more = [Edge(str(chance.randrange(600)), str(chance.randrange(600))) for _ in range(40)]
    layout = lay_out(Graph(boxes, (*chain, *more)))
    assert len(layout.boxes) == 600
