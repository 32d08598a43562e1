"""Keep the events of an execution, as AWS's history would have them, while it is replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from partita.asl.frame import Scope
from partita.asl.page_lanes import PageRun
from partita.asl.trail import Chain, Trail, check_length
from partita.authoring.determinism import now

_ASIDE = frozenset(
    {
        "ExecutionRedriven",
        "ExecutionStarted",
        "MapIterationFailed",
        "MapIterationSucceeded",
        "MapStateSucceeded",
        "ParallelStateSucceeded",
    }
)
"""Types of events that the next one of their chain does not name as the previous one."""

_ENDS = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted"})


class RecordedEvent(Struct, frozen=True):
    """An event by AWS's type name; values in the details are not encoded."""

    id: int
    type: str
    details: dict[str, Any]
    previous: int  # 0: none
    at: float  # seconds since the epoch


class ChildTrail(Struct, frozen=True):
    """A child execution of a distributed Map state."""

    name: str
    map_run: str  # its ARN
    trail: Recorder


class Recorder(Trail):
    """The events of one execution so far."""

    __slots__ = (
        "activities",
        "changes",
        "children",
        "events",
        "is_limited",
        "pages",
        "root",
        "runs",
    )

    def __init__(self, *, is_limited: bool) -> None:
        super().__init__()
        self.events: list[RecordedEvent] = []
        self.activities: list[tuple[Recorder, int]] = []  # scheduled here and in children, in order
        self.children: list[ChildTrail] = []
        self.is_limited = is_limited
        self.changes: dict[str, dict[str, Any]] = {}  # of what map runs keep to
        self.pages: dict[str, Sequence[PageRun]] = {}  # by map run
        self.runs: dict[Chain, int] = {}  # events of map runs, which the state's exit follows
        self.root: Scope | None = None  # of the states

    def begin(self, root: Scope) -> None:
        """Keep the outermost scope."""
        self.root = root

    def add(self, type: str, details: dict[str, Any], chain: Chain) -> int:
        """Keep an event; return its number.

        Raises:
            StateFailure: the history would be too long.
        """
        if self.is_limited:
            check_length(self, type)
        return self.put(type, details, chain, now().timestamp())

    def put(self, type: str, details: dict[str, Any], chain: Chain, at: float) -> int:
        """Keep an event of that time."""
        self.last_id += 1
        self.events.append(RecordedEvent(self.last_id, type, details, chain.last, at))
        if type == "ActivityScheduled":
            self.activities.append((self, self.last_id))
        if type == "MapRunStarted" and self.has_items(chain.last):
            self.runs[chain] = self.last_id
        if type not in _ASIDE:
            chain.last = self.last_id
        elif type == "MapStateSucceeded":
            chain.last = self.runs.pop(chain, chain.last)
        return self.last_id

    def has_items(self, id: int) -> bool:
        """Return whether an event tells of a Map state whose items are in a part of its input."""
        if id < 2 or not self.events[id - 1].details.get("length"):
            return False
        return not isinstance(self.events[id - 2].details.get("input"), list)

    @property
    def has_ended(self) -> bool:
        """Whether the last event is the end of the execution."""
        return bool(self.events) and self.events[-1].type in _ENDS

    def ending(self) -> Chain:
        """Return the chain of an end that comes from outside, which follows no event."""
        return Chain()

    def append(self, type: str, details: dict[str, Any], previous: int, at: float) -> None:
        """Keep an event that the interpreter does not know of."""
        self.put(type, details, Chain(previous), at)

    def change_run(self, map_run_arn: str, change: dict[str, Any]) -> None:
        """Keep what a run keeps to from now on."""
        self.changes[map_run_arn] = self.changes.get(map_run_arn, {}) | change

    def begin_run(self, map_run_arn: str, pages: Sequence[PageRun]) -> None:
        """Keep the pages of a run, whose child executions are elsewhere."""
        self.pages[map_run_arn] = pages

    def child(self, name: str, map_run_arn: str, before: str | None) -> Trail:
        """Return the trail of an execution that a distributed Map state starts.

        After a redrive it is the trail that the execution had before, or replaces one.
        """
        made = ChildTrail(name, map_run_arn, Recorder(is_limited=self.is_limited))
        made.trail.activities = self.activities
        names = [one.name for one in self.children] if before is not None else []
        if before not in names:
            self.children.append(made)
        elif before == name:
            made = self.children[names.index(name)]
        else:
            self.children[names.index(before)] = made
        return made.trail

    def end_children(self, at: float) -> None:
        """Abort the child executions that have not ended, since this one has."""
        for child in self.children:
            child.trail.end_children(at)
            if not child.trail.has_ended:
                child.trail.put("ExecutionAborted", {}, Chain(), at)
