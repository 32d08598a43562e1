"""Draw what a run has done on the graph of its state machine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from partita.graph import Box, Graph, Shape
from partita.views.durations import duration
from partita.views.state_visits import StateVisit


def on_machine(
    graph: Graph, visits: Sequence[StateVisit], status: str, *, has_all: bool = True
) -> Graph:
    """Return a graph whose states say what became of their visits.

    `status` is that of the execution: what is not left is running while that is OPEN, has failed
    if the execution has, and was left otherwise. Without `has_all`, only visits of Task states are
    known.
    """
    named: dict[str, list[StateVisit]] = {}
    for visit in visits:
        named.setdefault(visit.name, []).append(visit)

    def drawn(one: Graph) -> Graph:
        return replace(one, boxes=tuple(map(box, one.boxes)))

    def box(one: Box) -> Box:
        if one.shape in (Shape.START, Shape.END) or one.kind == "missing":
            return one
        found = named.get(one.label, [])
        detail = ", ".join(filter(None, (one.detail, _note(found))))
        is_known = bool(found) or has_all or one.kind == "task"
        state = _status(found, status) if is_known else ""
        return replace(one, inner=tuple(map(drawn, one.inner)), detail=detail, status=state)

    return drawn(graph)


def _status(visits: Sequence[StateVisit], status: str) -> str:
    if not visits:
        return "unreached"
    if all(one.is_aborted for one in visits):
        return "canceled"
    is_open = any(one.ended_at is None for one in visits)
    if not is_open or visits[-1].kind in ("Succeed", "Fail"):
        return "failed" if visits[-1].kind == "Fail" else "succeeded"
    if status == "OPEN":
        return "running"
    return "failed" if status in ("FAILED", "TIMED_OUT") else "canceled"


def _note(visits: Sequence[StateVisit]) -> str:
    """Return how often a state was visited, how long the last visit took, and its last error."""
    if not visits:
        return ""
    last = visits[-1]
    parts = [f"{len(visits):,} times"] if len(visits) > 1 else []
    if last.ended_at is not None and last.ended_at > last.begun_at:
        parts.append(duration(last.ended_at - last.begun_at))
    if last.error:
        parts.append(last.error if len(last.error) <= 80 else f"{last.error[:77]}...")
    return ", ".join(parts)
