"""Rank the boxes of a graph from top to bottom; find the edges that lead back: loops.

Source: Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System
Structures (1981); ranks by the longest path, back edges by a depth-first search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from partita.graph.model import Edge, Graph


def split_loops(graph: Graph) -> tuple[list[Edge], list[Edge]]:
    """Return the edges that lead forward, and those that lead back to where they come from."""
    targets: dict[str, list[Edge]] = {box.id: [] for box in graph.boxes}
    for edge in graph.edges:
        targets[edge.source].append(edge)
    back: set[int] = set()
    seen: set[str] = set()
    for box in graph.boxes:
        if box.id not in seen:
            _search(box.id, targets, seen, back)
    forward = [edge for edge in graph.edges if id(edge) not in back]
    return forward, [edge for edge in graph.edges if id(edge) in back]


def _search(start: str, targets: Mapping[str, list[Edge]], seen: set[str], back: set[int]) -> None:
    """Walk depth first without recursion; add the edges to boxes on the way to `back`."""
    seen.add(start)
    on_the_way = {start}
    stack = [(start, iter(targets[start]))]
    while stack:
        at, edges = stack[-1]
        edge = next(edges, None)
        if edge is None:
            on_the_way.discard(at)
            stack.pop()
        elif edge.target in on_the_way:
            back.add(id(edge))
        elif edge.target not in seen:
            seen.add(edge.target)
            on_the_way.add(edge.target)
            stack.append((edge.target, iter(targets[edge.target])))


def ranks(ids: Iterable[str], forward: Iterable[Edge]) -> dict[str, int]:
    """Return the rank of each box: the length of the longest way to it."""
    edges = list(forward)
    rank = dict.fromkeys(ids, 0)
    waiting = dict.fromkeys(rank, 0)
    targets: dict[str, list[str]] = {name: [] for name in rank}
    for edge in edges:
        waiting[edge.target] += 1
        targets[edge.source].append(edge.target)
    ready = [name for name in rank if not waiting[name]]
    for name in ready:
        for target in targets[name]:
            rank[target] = max(rank[target], rank[name] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return rank
