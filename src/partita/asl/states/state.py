"""Visit states: what all types have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from partita.asl.failures import EvaluationFault, StateFailure, too_deep, too_large
from partita.asl.flows import Flow
from partita.asl.frame import Execution, Frame, Scope
from partita.asl.json_text import is_too_deep, is_too_large
from partita.asl.recovery import Caught, Recovery
from partita.asl.resumption import Resumption
from partita.errors import CancelledError

Visit = tuple[Any, str | None]
"""A state's output, and the name of the next state; None at the end."""


_CANNOT_COMPUTE = (ArithmeticError, RecursionError, ValueError)
"""What Python raises for data that it has no room for, such as numbers of 5,000 digits."""


class Program(Protocol):
    """A machine, a branch or an item processor, as the states that run one see it."""

    def run(self, execution: Execution, scope: Scope, input: Any, *, is_branch: bool) -> Any:
        """Return the output of its last state.

        Raises:
            StateFailure: a state failed, and nothing in the program caught that.
        """


def run_program(
    program: Program,
    execution: Execution,
    input: Any,
    begun: tuple[str, dict[str, Any]] | None = None,
    resumption: Resumption | None = None,
    scope: Scope | None = None,
) -> Any:
    """Return the output of a whole execution, and add its beginning and its end to the trail.

    `begun` is the event of the beginning if it is not ExecutionStarted, `resumption` where the
    states begin if it is not the first one, `scope` the outermost one.

    Raises:
        StateFailure: it failed.
    """
    scope, trail = scope or Scope(), execution.trail
    started = {"input": input, "roleArn": execution.identity.role_arn}
    trail.add(*(begun or ("ExecutionStarted", started)), scope.chain)
    scope.resumption = resumption
    trail.begin(scope)
    try:
        output = program.run(execution, scope, input, is_branch=False)
    except StateFailure as failure:
        details = {"error": failure.error, "cause": failure.cause}
        trail.add("ExecutionFailed", details, scope.chain)
        raise
    trail.add("ExecutionSucceeded", {"output": output}, scope.chain)
    return output


class State(ABC):
    """One state of a machine."""

    type: str
    is_abortable = False  # whether it can end because another branch or iteration fails

    def __init__(self, name: str, next: str | None, flow: Flow) -> None:
        self.name = name
        self.next = next
        self.flow = flow

    def visit(self, execution: Execution, scope: Scope, input: Any, *, is_branch: bool) -> Visit:
        """Run the state; `is_branch` tells whether it is inside a Parallel or Map state.

        Raises:
            StateFailure: it failed, and it does not catch that.
        """
        frame = Frame(execution, scope, self.name, input)
        frame.entered_id = frame.emit(f"{self.type}StateEntered", name=self.name, input=input)
        try:
            return self.run(frame, is_branch=is_branch)
        except CancelledError:
            if is_branch and self.is_abortable:
                frame.emit(f"{self.type}StateAborted")
            raise
        except StateFailure as failure:
            located = frame.located(failure)
            if located is failure:
                raise
            raise located from failure
        except _CANNOT_COMPUTE as error:
            raise frame.located(EvaluationFault(f"{type(error).__name__}: {error}")) from error

    @abstractmethod
    def run(self, frame: Frame, *, is_branch: bool) -> Visit:
        """Return the output and the next state's name."""

    def exit(self, frame: Frame, output: Any, next: str | None) -> Visit:
        """Record the end of the visit; fail it if the output is too large."""
        if is_too_large(output):
            raise too_large(self.name)
        if is_too_deep(output):
            raise too_deep(self.name)
        details = {"name": self.name, "output": output}
        if frame.assigned:
            details["assignedVariables"] = frame.assigned
        frame.emit(f"{self.type}StateExited", **details)
        return output, next


class SimpleState(State):
    """A state that neither retries nor catches."""

    def run(self, frame: Frame, *, is_branch: bool) -> Visit:  # noqa: ARG002
        arguments = self.flow.begin(frame)
        output = self.flow.finish(frame, self.work(frame, arguments))
        return self.exit(frame, output, self.next)

    def work(self, frame: Frame, arguments: Any) -> Any:  # noqa: ARG002
        """Return the state's result."""
        return arguments


class RecoveringState(State):
    """A state that may retry and catch: Task, Parallel, Map."""

    is_abortable = True

    def __init__(self, name: str, next: str | None, flow: Flow, recovery: Recovery) -> None:
        super().__init__(name, next, flow)
        self.recovery = recovery

    def run(self, frame: Frame, *, is_branch: bool) -> Visit:
        def final(failure: StateFailure) -> None:
            self.failed(frame, failure)

        frame.retries = 0
        try:
            found = self.recovery.run(frame, lambda: self._attempt(frame), final)
        except StateFailure as failure:
            if is_branch and not failure.is_fatal:
                self.aborted(frame)
            raise
        if isinstance(found, Caught):
            return self.exit(frame, found.output, found.next)
        return self.exit(frame, found, self.next)

    def _attempt(self, frame: Frame) -> Any:
        arguments = self.flow.begin(frame)
        return self.flow.finish(frame, self.work(frame, arguments))

    @abstractmethod
    def work(self, frame: Frame, arguments: Any) -> Any:
        """Return the state's result.

        Raises:
            StateFailure: the attempt failed.
        """

    def failed(self, frame: Frame, failure: StateFailure) -> None:
        """Record that the last attempt failed."""

    def aborted(self, frame: Frame) -> None:
        """Record that a failure leaves the branch."""
