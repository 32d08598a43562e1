"""Pass, Succeed, Fail."""

from __future__ import annotations

from typing import Any

from partita.asl.failures import StateFailure
from partita.asl.flows import Flow
from partita.asl.frame import Frame
from partita.asl.states.state import SimpleState, State, Visit
from partita.asl.texts import Text


class PassState(SimpleState):
    """Give the input, or a constant result, on."""

    type = "Pass"

    def __init__(
        self, name: str, next: str | None, flow: Flow, *, has_result: bool, result: Any
    ) -> None:
        super().__init__(name, next, flow)
        self._has_result = has_result
        self._result = result

    def work(self, frame: Frame, arguments: Any) -> Any:  # noqa: ARG002
        return self._result if self._has_result else arguments


class SucceedState(SimpleState):
    """End the machine or the branch."""

    type = "Succeed"


class FailState(State):
    """Fail the machine or the branch."""

    type = "Fail"

    def __init__(self, name: str, flow: Flow, error: Text | None, cause: Text | None) -> None:
        super().__init__(name, None, flow)
        self._error = error
        self._cause = cause

    def run(self, frame: Frame, *, is_branch: bool) -> Visit:  # noqa: ARG002
        frame.note("afterInputPath", frame.raw)
        error = None if self._error is None else self._error.text(frame)
        cause = None if self._cause is None else self._cause.text(frame)
        raise StateFailure(error, cause)
