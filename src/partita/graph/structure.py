"""Define structured programs: steps one after the other, ways, cycles and regions within them.

Each part is entered at its top and left at its bottom, so that such programs are drawn by
recursion. Knows nothing of where they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from partita.graph.model import Shape


@dataclass(frozen=True)
class Step:
    """One box, and the line of the source that it comes from."""

    label: str
    kind: str = ""  # a word for the style, such as `task`
    line: int = 0  # 0: none
    shape: Shape = Shape.RECTANGLE
    is_end: bool = False  # nothing follows it
    inner: tuple[Flow, ...] = ()  # at the same time, side by side
    status: str = ""  # of a run, such as `failed`; a word for the style
    note: str = ""  # a line more, smaller, such as what a run came to


@dataclass(frozen=True)
class Ways:
    """A choice, and the flows that it leads to, each with its condition."""

    test: Step
    flows: tuple[tuple[str, Flow], ...]


@dataclass(frozen=True)
class Cycle:
    """A test, the flow that it repeats, and the flow after the last round."""

    test: Step
    body: Flow
    after: Flow = ()


@dataclass(frozen=True)
class Region:
    """A flow whose errors lead to others, and the flow that ends each of them."""

    title: Step
    body: Flow
    handlers: tuple[tuple[str, Flow], ...] = ()
    final: Flow = ()


Part: TypeAlias = Step | Ways | Cycle | Region
Flow: TypeAlias = tuple[Part, ...]


@dataclass(frozen=True)
class Structure:
    """A whole program."""

    label: str
    flow: Flow
