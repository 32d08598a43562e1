"""Run a distributed Map state: begin its run, or go on with it, and keep to its limits.

The executions of the items run inside the one of the machine: see `child_executions`. The items
of a data set that has more than one page run in child workflows: see `page_runs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from partita.asl.child_executions import (
    CONCURRENCY,
    Executions,
    Processor,
    marked_id,
    too_many_failed,
)
from partita.asl.concurrency import Control
from partita.asl.failures import StateFailure
from partita.asl.frame import Frame, Probe
from partita.asl.item_reader import WriterOf
from partita.asl.json_text import json_text
from partita.asl.numbers import Number
from partita.asl.result_writers import ChildResult, Part, Writer
from partita.asl.resumption import MapRunRest, PageRest
from partita.asl.states.map import Item
from partita.asl.tasks import map_activities
from partita.asl.tasks.calls import call_function
from partita.authoring.execution import spawn
from partita.authoring.messages import wait_signal

Select = Callable[[Item], Any]
"""Returns the input of an execution."""


@dataclass(frozen=True)
class Batcher:
    """`ItemBatcher`: how items are put together."""

    max_items: Number | None
    max_bytes: Number | None
    input: Callable[[Frame], Any] | None

    def batches(self, frame: Frame, inputs: list[Any]) -> list[Any]:
        """Return the inputs of the executions."""
        shared = {} if self.input is None else {"BatchInput": self.input(frame)}
        return [{**shared, "Items": items} for items in self._groups(frame, inputs)]

    def _groups(self, frame: Frame, inputs: list[Any]) -> list[list[Any]]:
        most = int(self.max_items(frame)) if self.max_items else len(inputs)
        room = int(self.max_bytes(frame)) if self.max_bytes else None
        groups: list[list[Any]] = []
        used = 0
        for one in inputs:
            size = 0 if room is None else len(json_text(one).encode()) + 1
            is_full = not groups or len(groups[-1]) >= most or (room and used + size > room)
            if is_full:
                groups.append([])
                used = 0
            groups[-1].append(one)
            used += size
        return groups


@dataclass(frozen=True)
class Tolerance:
    """`ToleratedFailureCount` and `ToleratedFailurePercentage`."""

    count: Number | None
    percentage: Number | None


class Bounds(Struct, frozen=True):
    """What a run keeps to; the API may change it while the run is open."""

    concurrency: int  # 0: as many as there may be
    count: int | None  # failed items that are tolerated
    percentage: float | None  # of all items

    @property
    def at_a_time(self) -> int:
        """How many executions may run at a time."""
        return min(self.concurrency or CONCURRENCY, CONCURRENCY)

    def limit(self, total: int | None) -> float:
        """Return how many items may fail; `total` is None if nobody knows it yet.

        A threshold of 0 counts as not set.
        """
        limits: list[float] = [] if self.count is None else [self.count]
        if self.percentage:
            limits.append(float("inf") if total is None else self.percentage * total / 100)
        return min((limit for limit in limits if limit), default=0)

    def changed(self, change: dict[str, Any]) -> Bounds:
        """Return the bounds after a change, as the API names its members."""
        return Bounds(
            change.get("maxConcurrency", self.concurrency),
            change.get("toleratedFailureCount", self.count),
            change.get("toleratedFailurePercentage", self.percentage),
        )


class MapRun:
    """One run: what it is called, what it keeps to, and what it has done so far."""

    def __init__(self, rest: MapRunRest, bounds: Bounds) -> None:
        self.arn = rest.arn
        self.redrives = rest.redrives
        self.changes = rest.changes
        self.known = rest.pages  # before a redrive
        self.bounds = bounds.changed(rest.changes)
        self.rest_of_pages: Callable[[], list[PageRest]] = lambda: self.known

    def rest(self) -> MapRunRest:
        """Return how far the run is."""
        return MapRunRest(self.arn, self.redrives, self.changes, self.rest_of_pages())

    def listen(self, frame: Frame, apply: Callable[[], None]) -> None:
        """Apply the changes that are asked of the run, without end."""
        while True:
            change = wait_signal(change_signal(self.arn))
            frame.execution.trail.change_run(self.arn, change)
            self.changes = self.changes | change
            self.bounds = self.bounds.changed(change)
            apply()


@dataclass(frozen=True)
class DistributedRun:
    """How a distributed Map state runs its items."""

    processor: Processor
    concurrency: Number
    batcher: Batcher | None
    tolerance: Tolerance
    writer: WriterOf | None

    def run(self, frame: Frame, items: list[Item], select: Select) -> Any:
        """Return the outputs of the executions, in the order of the items, or where they are.

        Raises:
            StateFailure: more executions have failed than are tolerated.
        """
        return self.recorded(frame, lambda run: self.run_items(frame, run, items, select))

    def note_batches(self, frame: Frame, inputs: list[Any]) -> None:
        """Tell the probe of a test how inputs are put together, if they are."""
        if self.batcher is not None:
            frame.note("afterItemBatcher", self.batcher.batches(frame, inputs))

    def note_tolerance(self, frame: Frame, probe: Probe) -> None:
        """Tell the probe of a test what is tolerated.

        Raises:
            StateFailure: the test has more iterations fail than that.
        """
        tolerance, bounds = self.tolerance, self._bounds(frame)
        if tolerance.count is not None:
            frame.note("toleratedFailureCount", bounds.count)
        if tolerance.percentage is not None:
            frame.note("toleratedFailurePercentage", bounds.percentage)
        is_limited = tolerance.count is not None or tolerance.percentage is not None
        if is_limited and probe.is_over(bounds.limit):
            raise too_many_failed()

    def recorded(self, frame: Frame, work: Callable[[MapRun], Any]) -> Any:
        """Return the result of the work, which is given the run; record how it ends."""
        run = self._begun(frame)
        frame.scope.map_run = run
        try:
            output = work(run)
        except StateFailure as failure:
            frame.emit("MapRunFailed", error=failure.error, cause=failure.cause)
            raise
        frame.emit("MapRunSucceeded")
        return output

    def _begun(self, frame: Frame) -> MapRun:
        """Return a new run, or the one that goes on after a redrive."""
        known, frame.map_run = frame.map_run, None
        bounds = self._bounds(frame)
        if known is not None:
            run = MapRun(replace(known, redrives=known.redrives + 1), bounds)
            frame.emit("MapRunRedriven", mapRunArn=run.arn, redriveCount=run.redrives)
            return run
        frame.scope.parts = []
        arn = frame.execution.identity.map_run_arn(self.processor.label, marked_id())
        shown = {
            "maxConcurrency": bounds.concurrency,
            "toleratedFailureCount": bounds.count or 0,
            "toleratedFailurePercentage": bounds.percentage or 0.0,
        }
        frame.emit("MapRunStarted", mapRunArn=arn, **shown)
        return MapRun(MapRunRest(arn), bounds)

    def _bounds(self, frame: Frame) -> Bounds:
        count, percentage = self.tolerance.count, self.tolerance.percentage
        return Bounds(
            int(self.concurrency(frame)),
            None if count is None else int(count(frame)),
            None if percentage is None else float(percentage(frame)),
        )

    def run_items(self, frame: Frame, run: MapRun, items: list[Item], select: Select) -> Any:
        """Return the result of a run whose items are here."""
        writer = None if self.writer is None else self.writer(frame)
        executions = self.executions(frame, run.arn, items, select)
        self._execute(frame, run, executions, len(items))
        if writer is None or writer.bucket is None:
            if executions.failure is not None:
                raise executions.failure
            return executions.outputs(writer)
        part = write_part(writer, run.arn, 0, executions.results())
        output = write_manifest(writer, run.arn, [part])
        if executions.failure is not None:
            raise executions.failure
        return output

    def _execute(self, frame: Frame, run: MapRun, executions: Executions, total: int) -> None:
        """Run all executions, while an endpoint may change the run."""
        control, listener = Control(run.bounds.at_a_time), None
        executions.tolerated = run.bounds.limit(total)

        def apply() -> None:
            executions.tolerated = run.bounds.limit(total)
            control.set(run.bounds.at_a_time)

        if frame.execution.serving.seal is not None:
            listener = spawn(run.listen, frame, apply)
        try:
            executions.run(control, is_changed=listener is not None)
        finally:
            if listener is not None:
                listener.cancel()

    def executions(
        self,
        frame: Frame,
        arn: str,
        items: list[Item],
        select: Select,
        *,
        tolerated: float = 0,
        page: int | None = None,
    ) -> Executions:
        """Return the executions of some items of the run with that ARN."""
        inputs = [select(item) for item in items]
        if self.batcher is not None:
            inputs = self.batcher.batches(frame, inputs)
        return Executions(
            self.processor,
            frame,
            arn,
            inputs,
            is_batched=self.batcher is not None,
            tolerated=tolerated,
            page=page,
        )


def change_signal(arn: str) -> str:
    """Return the name of the signals that change a run."""
    return f"change {arn}"


def write_part(writer: Writer, arn: str, number: int, results: list[ChildResult]) -> Part:
    """Write the results of a part by an activity.

    Raises:
        StateFailure: States.ResultWriterFailed.
    """
    return call_function(map_activities.write_part, writer, arn, number, results)


def write_manifest(writer: Writer, arn: str, parts: list[Part]) -> Any:
    """Write the manifest of a run by an activity; return the state's output.

    Raises:
        StateFailure: States.ResultWriterFailed.
    """
    return call_function(map_activities.write_manifest, writer, arn, parts)
