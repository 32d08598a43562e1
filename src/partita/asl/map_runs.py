"""Run a distributed Map state: one execution for each item or batch.

The executions run inside the one of the machine. Each has a context, a trail and variables of
its own, as child executions have on AWS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from partita.asl.concurrency import run_all
from partita.asl.failures import TOLERANCE_EXCEEDED, StateFailure
from partita.asl.frame import Frame
from partita.asl.json_text import json_text
from partita.asl.numbers import Number
from partita.asl.states.map import Item
from partita.asl.states.state import Program, run_program
from partita.asl.trail import Chain
from partita.authoring.determinism import uuid4

CONCURRENCY = 1000
"""Executions of a distributed Map state that run at a time at most."""


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

    def limit(self, frame: Frame, total: int) -> float:
        """Return how many executions may fail."""
        limits = [] if self.count is None else [self.count(frame)]
        if self.percentage is not None:
            limits.append(self.percentage(frame) * total / 100)
        return min(limits, default=0)


@dataclass(frozen=True)
class DistributedRun:
    """How a distributed Map state runs its items."""

    program: Program
    concurrency: Number
    batcher: Batcher | None
    tolerance: Tolerance
    label: str

    def run(self, frame: Frame, items: list[Item], select: Callable[[Item], Any]) -> Any:
        """Return the outputs of the executions, in the order of the items.

        Raises:
            StateFailure: more executions have failed than are tolerated.
        """
        most = int(self.concurrency(frame)) or CONCURRENCY
        tolerated = self.tolerance.limit(frame, len(items))
        run_id = str(uuid4())
        frame.emit("MapRunStarted", label=self.label, run=run_id, concurrency=most)
        inputs = [select(item) for item in items]
        if self.batcher is not None:
            inputs = self.batcher.batches(frame, inputs)
        attempts = _Attempts(self.program, frame, tolerated)
        try:
            outputs = run_all(
                [partial(attempts.run, input) for input in inputs],
                min(most, CONCURRENCY),
                Chain(),
            )
        except StateFailure as failure:
            frame.emit("MapRunFailed", error=failure.error, cause=failure.cause)
            raise
        frame.emit("MapRunSucceeded")
        return outputs


class _Attempts:
    """The executions of one run, and how many of them have failed."""

    def __init__(self, program: Program, frame: Frame, tolerated: float) -> None:
        self._program = program
        self._frame = frame
        self._tolerated = tolerated
        self._failed = 0

    def run(self, input: Any, _chain: Chain) -> Any:
        """Return the output of one execution, or its error output if that is tolerated."""
        execution = self._frame.execution.child(str(uuid4()), input)
        try:
            return run_program(self._program, execution, input)
        except StateFailure as failure:
            self._failed += 1
            if self._failed > self._tolerated:
                raise StateFailure(
                    TOLERANCE_EXCEEDED, "The specified tolerated failure threshold was exceeded"
                ) from failure
            return failure.output
