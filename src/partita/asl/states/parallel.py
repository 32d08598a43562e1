"""Parallel: run branches concurrently; the result is the array of their outputs."""

from __future__ import annotations

from functools import partial
from typing import Any

from partita.asl.concurrency import run_all
from partita.asl.failures import StateFailure
from partita.asl.flows import Flow
from partita.asl.frame import Frame, Scope
from partita.asl.recovery import Recovery
from partita.asl.states.state import Program, RecoveringState


class ParallelState(RecoveringState):
    """Run branches concurrently."""

    type = "Parallel"

    def __init__(
        self, name: str, next: str | None, flow: Flow, recovery: Recovery, branches: list[Program]
    ) -> None:
        super().__init__(name, next, flow, recovery)
        self._branches = branches

    def work(self, frame: Frame, arguments: Any) -> Any:
        frame.emit("ParallelStateStarted")
        outputs = run_all(
            [
                partial(branch.run, frame.execution, Scope(frame.scope), arguments, is_branch=True)
                for branch in self._branches
            ],
            len(self._branches),
        )
        frame.emit("ParallelStateSucceeded")
        return outputs

    def failed(self, frame: Frame, failure: StateFailure) -> None:  # noqa: ARG002
        frame.emit("ParallelStateFailed")
