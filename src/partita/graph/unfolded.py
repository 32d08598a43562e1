"""Turn a structured program into a graph of boxes and edges, as Mermaid draws them."""

from __future__ import annotations

from partita.graph.model import Box, Edge, Graph, Shape
from partita.graph.structure import Cycle, Flow, Part, Region, Step, Structure, Ways

_Ends = list[tuple[str, str]]  # the ids of boxes that go on, and the label of the way from each


def unfolded(structure: Structure) -> Graph:
    """Return the graph of a program."""
    writer = _Writer()
    start = writer.box(Step("start", shape=Shape.START))
    ends = writer.flow(structure.flow, [(start, "")])
    if ends:
        writer.part(Step("end", shape=Shape.END), ends)
    return Graph(tuple(writer.boxes), tuple(writer.edges), structure.label)


class _Writer:
    """Collects boxes and edges."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []

    def box(self, step: Step) -> str:
        """Add the box of a step; return its id."""
        name = str(len(self.boxes))
        place = f"line {step.line}" if step.line else ""
        detail = ", ".join(filter(None, (place, step.note)))
        inner = tuple(_inner(flow) for flow in step.inner)
        box = Box(name, step.label, step.kind, detail, step.shape, step.status, inner)
        self.boxes.append(box)
        return name

    def flow(self, flow: Flow, ends: _Ends) -> _Ends:
        """Add the parts of a flow after those ends; return its own."""
        for part in flow:
            ends = self.part(part, ends)
        return ends

    def part(self, part: Part, ends: _Ends) -> _Ends:
        """Add a part after those ends; return its own."""
        match part:
            case Step():
                name = self._after(part, ends)
                return [] if part.is_end else [(name, "")]
            case Ways():
                name = self._after(part.test, ends)
                found = [self.flow(flow, [(name, label)]) for label, flow in part.flows]
                return [end for one in found for end in one]
            case Cycle():
                name = self._after(part.test, ends)
                for source, label in self.flow(part.body, [(name, "")]):
                    self.edges.append(Edge(source, name, label))
                return self.flow(part.after, [(name, "done")])
            case Region():
                return self._region(part, ends)

    def _after(self, step: Step, ends: _Ends) -> str:
        name = self.box(step)
        self.edges += [Edge(source, name, label) for source, label in ends]
        return name

    def _region(self, part: Region, ends: _Ends) -> _Ends:
        title = self._after(part.title, ends)
        found = self.flow(part.body, [(title, "")])
        for label, flow in part.handlers:
            first = len(self.edges)
            found += self.flow(flow, [(title, label)])
            if first < len(self.edges):
                edge = self.edges[first]
                self.edges[first] = Edge(edge.source, edge.target, edge.label, "catch")
        return self.flow(part.final, found) if part.final and found else found


def _inner(flow: Flow) -> Graph:
    """Return the graph of a flow within a box."""
    writer = _Writer()
    writer.flow(flow, [])
    return Graph(tuple(writer.boxes), tuple(writer.edges))
