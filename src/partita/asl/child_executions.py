"""Run the child executions of a distributed Map state: one for each item or batch.

They run inside the workflow of the machine, or of a page of the items. Each has a context, a trail
and variables of its own. In a redrive those that have succeeded keep their results; the others go
on, or run again if they are of an express processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

from msgspec import Struct

from partita.asl.concurrency import Control, run_all
from partita.asl.failures import TOLERANCE_EXCEEDED, StateFailure
from partita.asl.frame import Execution, Frame, Scope, timestamp
from partita.asl.json_text import json_text
from partita.asl.result_writers import ChildResult, Status, Writer, state_output
from partita.asl.resumption import Child, Part, Unfinished
from partita.asl.states.state import Program, run_program
from partita.asl.trail import Chain
from partita.authoring.determinism import now, uuid4
from partita.authoring.execution import workflow_info
from partita.errors import CancelledError

CONCURRENCY = 1000
"""Executions of a distributed Map state that run at a time at most."""


PAGE_PREFIX = "map-run "
"""What the ids of the workflows of pages begin with."""


def marked_id() -> str:
    """Return a new UUID by which the machine's workflow is found again, as by a hash."""
    info = workflow_info()
    is_page = info.workflow_id.startswith(PAGE_PREFIX) and info.parent is not None
    owner = info.parent.workflow_id if is_page and info.parent else info.workflow_id
    text = str(uuid4())
    return f"{text[:9]}{mark_of(owner)}{text[13:]}"


def mark_of(workflow_id: str) -> str:
    """Return what the UUIDs of a workflow have in common: the second group."""
    return f"{crc32(workflow_id.encode()) & 0xFFFF:04x}"


@dataclass(frozen=True)
class Processor:
    """What runs for each item or batch."""

    program: Program
    label: str  # of the Map state
    is_express: bool


class Tally(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many executions, or items, have ended how. Plain data."""

    succeeded: int = 0
    failed: int = 0
    aborted: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.succeeded + self.failed + self.aborted + self.pending


class Executions:
    """The executions for some items, and how they have ended."""

    def __init__(
        self,
        processor: Processor,
        frame: Frame,
        map_run_arn: str,
        inputs: list[Any],
        *,
        is_batched: bool,
        tolerated: float,
        page: int | None = None,
    ) -> None:
        self._processor = processor
        self._frame = frame
        self._map_run_arn = map_run_arn
        self._inputs = inputs
        self._sizes = [len(one["Items"]) if is_batched else 1 for one in inputs]
        self._page = page  # None: the items are in one
        known, frame.parts = frame.parts[: len(inputs)], []
        self._parts: list[Part | Unfinished | None] = [*known, *[None] * (len(inputs) - len(known))]
        frame.scope.parts = self._parts
        self.tolerated = tolerated
        self.failed = 0  # items
        self.failure: StateFailure | None = None  # if more have failed than are tolerated

    def run(self, control: Control, *, is_changed: bool = False) -> None:
        """Run those that have not succeeded; `is_changed` tells whether others set the control."""
        left = [n for n, one in enumerate(self._parts) if not _is_done(one)]
        bodies = [partial(self._run_one, number) for number in left]
        try:
            run_all(bodies, control.limit, Chain(), control if is_changed else None)
        except StateFailure as failure:
            self.failure = failure

    def tally(self, *, of_items: bool) -> Tally:
        """Return how many executions or items have ended how."""
        counts: dict[str, int] = {}
        for part, size in zip(self._parts, self._sizes, strict=True):
            status = _status(part).lower()
            counts[status] = counts.get(status, 0) + (size if of_items else 1)
        return Tally(**counts)

    def outputs(self, writer: Writer | None) -> Any:
        """Return what the executions have returned, and how those failed that did."""
        if writer is not None:
            return state_output(writer, self.results())
        return [_shown(one) for one in self._parts]

    def results(self) -> list[ChildResult]:
        """Return how the executions have ended, those that did not begin, too."""
        pairs = zip(self._parts, self._inputs, strict=True)
        return [self._result(part, input) for part, input in pairs]

    def _result(self, part: Part | Unfinished | None, input: Any) -> ChildResult:
        if part is None:
            return ChildResult(status="PENDING", input=json_text(input))
        found, failure = part.part() if isinstance(part, ChildRun) else part, None
        if isinstance(part, ChildRun):
            failure = part.failure
        assert isinstance(found, Part)
        assert found.child is not None
        child, status = found.child, _status(part)
        identity = self._frame.execution.identity.child(child.name, self._processor.label)
        return ChildResult(
            status=status,
            input=json_text(input),
            name=child.name,
            execution_arn=identity.execution_arn,
            machine_arn=identity.machine_arn,
            output=json_text(found.output) if status == "SUCCEEDED" else None,
            error=None if failure is None else failure.error,
            cause=None if failure is None else failure.cause,
            started=child.started,
            stopped=child.stopped,
            redrives=child.redrives,
        )

    def _run_one(self, number: int, _chain: Chain) -> None:
        part, input = self._parts[number], self._inputs[number]
        before = part.child if isinstance(part, Part) else None
        if before is None or self._processor.is_express:
            child = self._begun(input, None if before is None else before.name)
        else:
            assert isinstance(part, Part)
            child = self._continued(input, part, before)
        self._parts[number] = child
        child.run(self._processor.program, input)
        if child.failure is not None:
            self._count(child.failure, self._sizes[number])

    def _begun(self, input: Any, before: str | None) -> ChildRun:
        """Return a new execution; `before` is the name of one that it replaces."""
        name = marked_id()
        if self._page is not None:  # so that it can be found again
            name = f"{self._page:08x}{name[8:]}"
        return ChildRun(self._execution(name, input, before))

    def _continued(self, input: Any, part: Part, child: Child) -> ChildRun:
        """Return an execution that goes on where it has ended before."""
        execution = self._execution(child.name, input, child.name)
        execution.trail.last_id = child.events
        execution.redriven(child.redrives + 1, child.started)
        made = ChildRun(execution, started=child.started, redrives=child.redrives + 1)
        made.scope.resumption = part.rest
        return made

    def _execution(self, name: str, input: Any, before: str | None) -> Execution:
        outer = self._frame.execution
        trail = outer.trail.child(name, self._map_run_arn, before)
        return outer.child(outer.identity.child(name, self._processor.label), input, trail)

    def _count(self, failure: StateFailure, items: int) -> None:
        self.failed += items
        if self.failed > self.tolerated:
            raise too_many_failed() from failure


class ChildRun:
    """A child execution that runs, or has ended."""

    def __init__(self, execution: Execution, *, started: str = "", redrives: int = 0) -> None:
        self._execution = execution
        self._started = started or timestamp(now())
        self._stopped = ""
        self._redrives = redrives
        self.scope = Scope()
        self.status: Status | None = None  # None: it runs
        self.output: Any = None
        self.failure: StateFailure | None = None

    def run(self, program: Program, input: Any) -> None:
        """Run it to its end."""
        begun, resumption = None, self.scope.resumption
        if self._redrives:
            begun = ("ExecutionRedriven", {"redriveCount": self._redrives})
        try:
            self.output = run_program(
                program, self._execution, input, begun, resumption, self.scope
            )
            self._end("SUCCEEDED")
        except StateFailure as failure:
            self.failure = failure
            self._end("FAILED")
        except CancelledError:
            self._execution.trail.add("ExecutionAborted", {}, Chain())
            self._end("ABORTED")
            raise

    def _end(self, status: Status) -> None:
        self.status, self._stopped = status, timestamp(now())

    def part(self) -> Part:
        """Return its output, or where it goes on."""
        has_succeeded = self.status == "SUCCEEDED"
        child = Child(
            name=self._execution.identity.execution_name,
            started=self._started,
            stopped=self._stopped,
            events=self._execution.trail.last_id,
            redrives=self._redrives,
            has_succeeded=has_succeeded,
        )
        if has_succeeded:
            return Part(output=self.output, child=child)
        return Part(rest=self.scope.progress(), child=child)


def _is_done(part: Part | Unfinished | None) -> bool:
    return isinstance(part, Part) and part.is_done


def _status(part: Part | Unfinished | None) -> Status:
    if isinstance(part, ChildRun):
        return part.status or "ABORTED"
    return "SUCCEEDED" if _is_done(part) else "PENDING"


def _shown(part: Part | Unfinished | None) -> Any:
    """Return what stands for an execution in the state's output."""
    if isinstance(part, ChildRun) and part.failure is not None:
        return {"Status": "FAILED", **part.failure.output}
    assert isinstance(part, (ChildRun, Part))
    return part.output


def too_many_failed() -> StateFailure:
    """Return the failure of a run in which more executions failed than are tolerated."""
    return StateFailure(
        TOLERANCE_EXCEEDED, "The specified tolerated failure threshold was exceeded"
    )
