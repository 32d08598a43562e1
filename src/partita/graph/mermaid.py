"""Write a graph as the text of a Mermaid flowchart.

Source: https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from collections.abc import Iterator

from partita.graph.model import Box, Edge, Graph, Shape
from partita.graph.ranks import split_loops
from partita.graph.structure import Structure
from partita.graph.unfolded import unfolded

_FORMS = {
    Shape.RECTANGLE: ("[", "]"),
    Shape.CHOICE: ("{{", "}}"),
    Shape.START: ("((", "))"),
    Shape.END: ("(((", ")))"),
    Shape.STACK: ("[[", "]]"),
}
_DASHED = frozenset({"catch"})
STYLES = {
    "succeeded": "stroke:#15803d,stroke-width:2px",
    "failed": "stroke:#b91c1c,stroke-width:3px",
    "running": "stroke:#2563eb,stroke-width:3px",
    "waiting": "stroke:#b45309,stroke-width:2px",
    "canceled": "stroke:#b45309,stroke-dasharray:4 3",
    "unreached": "opacity:0.45,stroke-dasharray:2 3",
}
"""How boxes are drawn, by their status in a run."""


def mermaid(graph: Graph | Structure) -> str:
    """Return the text of a flowchart from top to bottom."""
    if isinstance(graph, Structure):
        graph = unfolded(graph)
    lines = ["flowchart TD", *_lines(graph, "n", "    "), *_styles(graph, "n", "    ")]
    return "\n".join(lines) + "\n"


def _lines(graph: Graph, prefix: str, indent: str) -> Iterator[str]:
    """Yield the lines of a graph; `prefix` makes the names of its boxes unique."""
    names = {box.id: f"{prefix}{number}" for number, box in enumerate(graph.boxes)}
    for box in graph.boxes:
        yield from _box(box, names[box.id], indent)
    _, loops = split_loops(graph)
    back = {id(edge) for edge in loops}
    for edge in graph.edges:
        yield f"{indent}{_edge(edge, names, is_loop=id(edge) in back)}"


def _box(box: Box, name: str, indent: str) -> Iterator[str]:
    caption = f"{box.label}<br/>{box.detail}" if box.detail else box.label
    if not box.inner:
        opening, closing = _FORMS[box.shape]
        label = " " if box.shape in (Shape.START, Shape.END) else _quoted(caption)
        yield f'{indent}{name}{opening}"{label}"{closing}'
        return
    yield f'{indent}subgraph {name} ["{_quoted(caption)}"]'
    for number, inner in enumerate(box.inner):
        if len(box.inner) > 1:
            yield f'{indent}    subgraph {name}b{number} ["{_quoted(inner.label) or " "}"]'
            yield from _lines(inner, f"{name}b{number}n", f"{indent}        ")
            yield f"{indent}    end"
        else:
            yield from _lines(inner, f"{name}b{number}n", f"{indent}    ")
    yield f"{indent}end"


def _styles(graph: Graph, prefix: str, indent: str) -> list[str]:
    """Return the lines that give boxes the style of their status in a run."""
    named: dict[str, list[str]] = {}
    for name, status in _statuses(graph, prefix):
        named.setdefault(status, []).append(name)
    known = {status: names for status, names in sorted(named.items()) if status in STYLES}
    styles = [f"{indent}classDef {status} {STYLES[status]}" for status in known]
    return styles + [f"{indent}class {','.join(names)} {one}" for one, names in known.items()]


def _statuses(graph: Graph, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the names of boxes that have a status, as `_lines` makes them, and the status."""
    for number, box in enumerate(graph.boxes):
        if box.status:
            yield f"{prefix}{number}", box.status
        for place, inner in enumerate(box.inner):
            yield from _statuses(inner, f"{prefix}{number}b{place}n")


def _edge(edge: Edge, names: dict[str, str], *, is_loop: bool) -> str:
    arrow = "-.->" if edge.kind in _DASHED else "==>" if is_loop else "-->"
    label = f'|"{_quoted(edge.label)}"|' if edge.label else ""
    return f"{names[edge.source]} {arrow}{label} {names[edge.target]}"


def _quoted(text: str) -> str:
    """Return a text as Mermaid takes it in quotes, without markup but `<br/>`."""
    parts = text.split("<br/>")
    return "<br/>".join("".join(map(_character, part)) for part in parts)


def _character(one: str) -> str:
    if one < " ":
        return " "
    if "\ud800" <= one <= "\udfff":
        return "\ufffd"
    if one == '"':
        return "#quot;"
    return f"#{ord(one)};" if one in "#<>&`\\" else one
