"""Define graphs: boxes, which may hold graphs, and the edges between boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Shape(Enum):
    """How a box is drawn."""

    RECTANGLE = "rectangle"
    CHOICE = "choice"  # a hexagon
    START = "start"  # a small filled circle
    END = "end"  # a small ring
    STACK = "stack"  # a rectangle with others behind: several at once


@dataclass(frozen=True, slots=True)
class Box:
    """A step of a graph."""

    id: str  # unique in its graph
    label: str
    kind: str = ""  # a word for the style, such as `task`
    detail: str = ""  # a second line, smaller
    shape: Shape = Shape.RECTANGLE
    status: str = ""  # of a run, such as `failed`; a word for the style
    inner: tuple[Graph, ...] = ()  # drawn within the box, side by side


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from one box to another of the same graph, by their ids."""

    source: str
    target: str
    label: str = ""
    kind: str = ""  # a word for the style, such as `catch`


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and edges; the first box is where it begins."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...] = field(default=())
    label: str = ""
