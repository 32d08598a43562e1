"""Draw graphs of boxes and edges, and structured programs, as SVG and as Mermaid.

`model` and `structure` are what goes in; `layout` places boxes in layers and routes edges between
them, `nesting` places structured programs by recursion; `svg` and `mermaid` write the result.
Knows nothing of state machines or of workflows.
"""

from partita.graph.bars import BarPart, BarRow, bars_svg
from partita.graph.mermaid import mermaid
from partita.graph.model import Box, Edge, Graph, Shape
from partita.graph.structure import Cycle, Flow, Part, Region, Step, Structure, Ways
from partita.graph.svg import svg

__all__ = [
    "BarPart",
    "BarRow",
    "Box",
    "Cycle",
    "Edge",
    "Flow",
    "Graph",
    "Part",
    "Region",
    "Shape",
    "Step",
    "Structure",
    "Ways",
    "bars_svg",
    "mermaid",
    "svg",
]
