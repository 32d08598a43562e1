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
from partita.asl.trail import Chain


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
        outputs = run_all(
            [partial(self._run_branch, branch, frame, arguments) for branch in self.branches],
            len(self.branches),
            frame.scope.chain,
        )
        frame.emit("ParallelStateSucceeded")
        return outputs

    def _run_branch(self, branch: Program, frame: Frame, input: Any, chain: Chain) -> Any:
        scope = Scope(frame.scope, chain=chain)
        return branch.run(frame.execution, scope, input, is_branch=True)

    def failed(self, frame: Frame, failure: StateFailure) -> None:  # noqa: ARG002
        frame.emit("ParallelStateFailed")
