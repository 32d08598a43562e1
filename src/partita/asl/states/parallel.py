"""Parallel: run branches concurrently; the result is the array of their outputs."""

from __future__ import annotations

from typing import Any

from partita.asl.concurrency import run_parts
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
        self.branches = branches

    def work(self, frame: Frame, arguments: Any) -> Any:
        if frame.stub is not None:
            return frame.stub.result()
        frame.emit("ParallelStateStarted")

        def run(number: int, scope: Scope) -> Any:
            return self.branches[number].run(frame.execution, scope, arguments, is_branch=True)

        outputs = run_parts(frame, len(self.branches), len(self.branches), run)
        frame.emit("ParallelStateSucceeded")
        return outputs

    def failed(self, frame: Frame, failure: StateFailure) -> None:  # noqa: ARG002
        frame.emit("ParallelStateFailed")
