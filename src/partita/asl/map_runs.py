"""Run a distributed Map state: one execution for each item or batch.

The executions run inside the one of the machine. Each has a context, a trail and variables of
its own, as child executions have on AWS. The items of a data set that has more than one page run
in child workflows, one for each page: see `page_runs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from partita.asl.concurrency import Control, run_all
from partita.asl.failures import TOLERANCE_EXCEEDED, StateFailure
from partita.asl.frame import Frame, Identity, Probe, timestamp
from partita.asl.item_reader import WriterOf
from partita.asl.json_text import json_text
from partita.asl.numbers import Number
from partita.asl.result_writers import ChildResult, Part, Writer, state_output
from partita.asl.states.map import Item
from partita.asl.states.state import Program, run_program
from partita.asl.tasks import map_activities
from partita.asl.tasks.calls import call_function
from partita.asl.trail import Chain
from partita.authoring.determinism import now, uuid4
from partita.authoring.execution import spawn
from partita.authoring.messages import wait_signal

CONCURRENCY = 1000
"""Executions of a distributed Map state that run at a time at most."""

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

    def limit(self, frame: Frame, total: int | None) -> float:
        """Return how many items may fail; `total` is None if nobody knows it yet.

        A threshold of 0 counts as not set.
        """
        limits = [] if self.count is None else [self.count(frame)]
        share = 0.0 if self.percentage is None else self.percentage(frame)
        if share:
            limits.append(float("inf") if total is None else share * total / 100)
        return min((limit for limit in limits if limit), default=0)


@dataclass(frozen=True)
class DistributedRun:
    """How a distributed Map state runs its items."""

    program: Program
    concurrency: Number
    batcher: Batcher | None
    tolerance: Tolerance
    writer: WriterOf | None
    label: str

    def run(self, frame: Frame, items: list[Item], select: Select) -> Any:
        """Return the outputs of the executions, in the order of the items, or where they are.

        Raises:
            StateFailure: more executions have failed than are tolerated.
        """
        return self.recorded(frame, lambda arn: self.run_items(frame, arn, items, select))

    def note_tolerance(self, frame: Frame, probe: Probe) -> None:
        """Tell the probe of a test what is tolerated.

        Raises:
            StateFailure: the test has more iterations fail than that.
        """
        tolerance = self.tolerance
        if tolerance.count is not None:
            frame.note("toleratedFailureCount", int(tolerance.count(frame)))
        if tolerance.percentage is not None:
            frame.note("toleratedFailurePercentage", float(tolerance.percentage(frame)))
        is_limited = tolerance.count is not None or tolerance.percentage is not None
        if is_limited and probe.is_over(lambda total: tolerance.limit(frame, total)):
            raise too_many_failed()

    def recorded(self, frame: Frame, work: Callable[[str], Any]) -> Any:
        """Return the result of the work, which is given the run's ARN; record how it ends."""
        arn = frame.execution.identity.map_run_arn(self.label, str(uuid4()))
        frame.emit("MapRunStarted", mapRunArn=arn, **self._bounds(frame))
        try:
            output = work(arn)
        except StateFailure as failure:
            frame.emit("MapRunFailed", error=failure.error, cause=failure.cause)
            raise
        frame.emit("MapRunSucceeded")
        return output

    def _bounds(self, frame: Frame) -> dict[str, float]:
        """Return what the run keeps to, as the API names it."""
        count, percentage = self.tolerance.count, self.tolerance.percentage
        return {
            "maxConcurrency": int(self.concurrency(frame)),
            "toleratedFailureCount": 0 if count is None else int(count(frame)),
            "toleratedFailurePercentage": 0.0 if percentage is None else percentage(frame),
        }

    def run_items(self, frame: Frame, arn: str, items: list[Item], select: Select) -> Any:
        """Return the result of the run with this ARN."""
        writer = None if self.writer is None else self.writer(frame)
        tolerated = self.tolerance.limit(frame, len(items))
        executions = self.execute(frame, items, select, tolerated, arn)
        if writer is None or writer.bucket is None:
            if executions.failure is not None:
                raise executions.failure
            return executions.outputs(writer)
        part = write_part(writer, arn, 0, executions.results())
        output = write_manifest(writer, arn, [part])
        if executions.failure is not None:
            raise executions.failure
        return output

    def execute(
        self,
        frame: Frame,
        items: list[Item],
        select: Select,
        tolerated: float,
        arn: str | None = None,
    ) -> Executions:
        """Run the executions of some items, until more have failed than are tolerated.

        With an ARN they are all of a run, which may be changed.
        """
        most = int(self.concurrency(frame)) or CONCURRENCY
        inputs = [select(item) for item in items]
        if self.batcher is not None:
            inputs = self.batcher.batches(frame, inputs)
        executions = Executions(self, frame, inputs, tolerated)
        executions.run(min(most, CONCURRENCY), arn)
        return executions


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


class Executions:
    """The executions for some items, and how they have ended."""

    def __init__(
        self, map_run: DistributedRun, frame: Frame, inputs: list[Any], tolerated: float
    ) -> None:
        self._map_run = map_run
        self._frame = frame
        self._inputs = inputs
        self._tolerated = tolerated
        self._ended: dict[int, _Ended] = {}
        self.failed = 0  # items
        self.failure: StateFailure | None = None  # if more have failed than are tolerated

    def run(self, concurrency: int, arn: str | None = None) -> None:
        """Run them, at most so many at a time; an endpoint may change the run with this ARN."""
        bodies = [partial(self._run_one, number) for number in range(len(self._inputs))]
        control, listener = Control(concurrency), None
        if arn is not None and self._frame.execution.serving.seal is not None:
            listener = spawn(self._listen, arn, control)
        try:
            run_all(bodies, concurrency, Chain(), control if listener else None)
        except StateFailure as failure:
            self.failure = failure
        finally:
            if listener is not None:
                listener.cancel()

    def _listen(self, arn: str, control: Control) -> None:
        """Apply the changes that are asked of the run."""
        while True:
            change = wait_signal(change_signal(arn))
            self._frame.execution.trail.change_run(arn, change)
            limits = [change["toleratedFailureCount"]] if "toleratedFailureCount" in change else []
            if "toleratedFailurePercentage" in change:
                limits.append(change["toleratedFailurePercentage"] * len(self._inputs) / 100)
            self._tolerated = min(limits, default=self._tolerated)
            if "maxConcurrency" in change:
                control.set(min(change["maxConcurrency"] or CONCURRENCY, CONCURRENCY))

    @property
    def count(self) -> int:
        """How many items they are for."""
        return sum(map(self._items, self._inputs))

    def _items(self, input: Any) -> int:
        return 1 if self._map_run.batcher is None else len(input["Items"])

    def outputs(self, writer: Writer | None) -> Any:
        """Return what the executions have returned, and how those failed that did."""
        if writer is not None:
            return state_output(writer, self.results())
        ended = [self._ended[number] for number in range(len(self._inputs))]
        return [one.shown for one in ended]

    def results(self) -> list[ChildResult]:
        """Return how the executions have ended, those that did not begin, too."""
        return [
            self._ended[number].result(input) if number in self._ended else _pending(input)
            for number, input in enumerate(self._inputs)
        ]

    def _run_one(self, number: int, _chain: Chain) -> None:
        input = self._inputs[number]
        execution = self._frame.execution.child(str(uuid4()), input, self._map_run.label)
        ended = _Ended(execution.identity, timestamp(now()))
        try:
            ended.output = run_program(self._map_run.program, execution, input)
        except StateFailure as failure:
            ended.failure = failure
        ended.stopped = timestamp(now())
        self._ended[number] = ended
        if ended.failure is not None:
            self._count(ended.failure, self._items(input))

    def _count(self, failure: StateFailure, items: int) -> None:
        self.failed += items
        if self.failed > self._tolerated:
            raise too_many_failed() from failure


def too_many_failed() -> StateFailure:
    """Return the failure of a run in which more executions failed than are tolerated."""
    return StateFailure(
        TOLERANCE_EXCEEDED, "The specified tolerated failure threshold was exceeded"
    )


@dataclass
class _Ended:
    """An execution that has ended."""

    identity: Identity
    started: str
    output: Any = None
    failure: StateFailure | None = None
    stopped: str = ""

    @property
    def shown(self) -> Any:
        """What stands for it in the state's output."""
        return self.output if self.failure is None else {"Status": "FAILED", **self.failure.output}

    def result(self, input: Any) -> ChildResult:
        failure = self.failure
        return ChildResult(
            status="SUCCEEDED" if failure is None else "FAILED",
            input=json_text(input),
            name=self.identity.execution_name,
            execution_arn=self.identity.execution_arn,
            machine_arn=self.identity.machine_arn,
            output=json_text(self.output) if failure is None else None,
            error=None if failure is None else failure.error,
            cause=None if failure is None else failure.cause,
            started=self.started,
            stopped=self.stopped,
        )


def _pending(input: Any) -> ChildResult:
    return ChildResult(status="PENDING", input=json_text(input))
