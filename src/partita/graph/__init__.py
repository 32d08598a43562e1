"""Draw graphs of boxes and edges, as SVG and as Mermaid.

`model` is what goes in; `layout` places boxes in layers and routes edges between them; `svg` and
`mermaid` write the result. Knows nothing of state machines or of workflows.
"""

from partita.graph.mermaid import mermaid
from partita.graph.model import Box, Edge, Graph, Shape
from partita.graph.svg import svg

__all__ = ["Box", "Edge", "Graph", "Shape", "mermaid", "svg"]
