"""Describe how far the states of an execution are, so that another run can go on there. Plain data.

A machine goes on with the state that it entered last. If that is a Parallel or a Map state, its
branches, iterations or child executions that have succeeded keep their outputs; the others go on
likewise. A distributed Map state that reads its items in pages keeps the pages that are done.
"""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct


class Resumption(Struct, frozen=True, omit_defaults=True):
    """The state with which a machine, a branch or an iteration goes on."""

    state: str
    input: Any
    variables: dict[str, Any] = {}  # of this scope alone
    parts: list[Part | None] = []  # the state's branches or iterations; None: it has not begun
    map_run: MapRunRest | None = None  # of a distributed Map state


class Part(Struct, frozen=True, omit_defaults=True):
    """A branch, an iteration or a child execution: its output, or where it goes on."""

    output: Any = None
    rest: Resumption | None = None
    child: Child | None = None  # if it is a child execution

    @property
    def is_done(self) -> bool:
        """Whether it has succeeded."""
        return self.rest is None if self.child is None else self.child.has_succeeded


class Child(Struct, frozen=True, omit_defaults=True):
    """A child execution of a distributed Map state."""

    name: str
    started: str  # as AWS writes times
    stopped: str = ""
    events: int = 0  # that its history has so far
    redrives: int = 0
    has_succeeded: bool = False


class MapRunRest(Struct, frozen=True, omit_defaults=True):
    """The run of a distributed Map state."""

    arn: str
    redrives: int = 0
    changes: dict[str, Any] = {}  # of what it keeps to, as the API names them
    pages: list[PageRest] = []  # in order; none if the items are in the state's own workflow


class PageRest(Struct, frozen=True, omit_defaults=True):
    """A page of a run's items."""

    position: Any = None  # where it begins
    workflow_ids: list[str] = []  # of the workflows that ran it, the last one first
    result: Any = None  # a `PageResult`; None: it has not ended


class Unfinished(Protocol):
    """What runs a part."""

    def part(self) -> Part | None:
        """Return how far it is; None if it has not begun."""


class UnfinishedMapRun(Protocol):
    """What runs the items of a distributed Map state."""

    def rest(self) -> MapRunRest:
        """Return how far it is."""


class KnownMapRun(Struct, frozen=True):
    """A run of before a redrive, with which nothing goes on yet."""

    known: MapRunRest

    def rest(self) -> MapRunRest:
        """Return how far it was."""
        return self.known
