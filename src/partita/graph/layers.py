"""Arrange boxes in layers, so that few edges cross, and give each its horizontal place.

An edge that spans several layers passes through a point in each of them; its label is such a
point, too, with a width. So nothing overlaps by construction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 26.0  # between neighbours of a layer, in pixels
_SWEEPS = 8
_MAX_CROSSING_POINTS = 4_000  # above, orders are not improved: it would take long


@dataclass(eq=False, slots=True)
class Point:
    """Something with a place in a layer: a box, a label, or where an edge passes."""

    width: float
    height: float = 0.0
    layer: int = 0
    x: float = 0.0  # of its centre
    above: list[Point] = field(default_factory=list)
    below: list[Point] = field(default_factory=list)


def connect(upper: Point, lower: Point) -> None:
    """Tell two points of adjacent layers that an edge leads from one to the other."""
    upper.below.append(lower)
    lower.above.append(upper)


def arrange(layers: list[list[Point]]) -> None:
    """Sort the points of each layer, and set their `x`, from 0 on."""
    if sum(map(len, layers)) <= _MAX_CROSSING_POINTS:
        _improve_orders(layers)
    _place(layers)


def _improve_orders(layers: list[list[Point]]) -> None:
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        _sort(layers, downwards=sweep % 2 == 0)
        count = _crossings(layers)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _sort(layers: list[list[Point]], *, downwards: bool) -> None:
    """Sort each layer by the mean place of the neighbours in the layer before."""
    order = layers if downwards else layers[::-1]
    for fixed, moved in pairwise(order):
        place = {id(point): number for number, point in enumerate(fixed)}
        own = {id(point): number for number, point in enumerate(moved)}

        def key(
            point: Point, place: dict[int, int] = place, own: dict[int, int] = own
        ) -> tuple[float, int]:
            neighbours = point.above if downwards else point.below
            places = [place[id(one)] for one in neighbours]
            mean = sum(places) / len(places) if places else float(own[id(point)])
            return mean, own[id(point)]

        moved.sort(key=key)


def _crossings(layers: list[list[Point]]) -> int:
    return sum(_crossings_between(upper, lower) for upper, lower in pairwise(layers))


def _crossings_between(upper: list[Point], lower: list[Point]) -> int:
    """Count inversions, by insertion into a binary indexed tree."""
    place = {id(point): number for number, point in enumerate(lower)}
    ends = [end for point in upper for end in sorted(place[id(one)] for one in point.below)]
    tree, count = [0] * (len(lower) + 1), 0
    for number, end in enumerate(ends):
        at, smaller = end + 1, 0
        while at:
            smaller += tree[at]
            at &= at - 1
        count += number - smaller
        at = end + 1
        while at < len(tree):
            tree[at] += 1
            at += at & -at
    return count


def _place(layers: list[list[Point]]) -> None:
    for layer in layers:
        _spread(layer, [0.0] * len(layer))
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else layers[::-1]:
            _spread(layer, [_wish(point, downwards=downwards) for point in layer])
    left = min((point.x - point.width / 2 for layer in layers for point in layer), default=0.0)
    for layer in layers:
        for point in layer:
            point.x -= left


def _wish(point: Point, *, downwards: bool) -> float:
    neighbours = (point.above if downwards else point.below) or point.above or point.below
    return sum(one.x for one in neighbours) / len(neighbours) if neighbours else point.x


def _spread(layer: list[Point], wishes: Iterable[float]) -> None:
    """Set the places closest to the wishes that keep the order and the gaps.

    Minimises the sum of squares: isotonic regression by pooling adjacent violators.
    """
    offsets, offset = [], 0.0
    for number, point in enumerate(layer):
        if number:
            offset += (layer[number - 1].width + point.width) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # (mean, how many)
    for wish, shift in zip(wishes, offsets, strict=True):
        mean, count = wish - shift, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    means = [mean for mean, count in pools for _ in range(count)]
    for point, mean, shift in zip(layer, means, offsets, strict=True):
        point.x = mean + shift
