"""Interpret a program: visit states from its first to its last one."""

from __future__ import annotations

from typing import Any

from partita.asl.frame import Execution, Scope
from partita.asl.states.state import State
from partita.authoring.determinism import pause_if_long

TURN_SECONDS = 0.05
"""Seconds that states without a wait may take before other executions are decided."""


class StateProgram:
    """The states of a machine, a branch or an item processor."""

    def __init__(self, start: str, states: dict[str, State]) -> None:
        self.start = start
        self.states = states

    def run(self, execution: Execution, scope: Scope, input: Any, *, is_branch: bool) -> Any:
        """Return the output of the last state.

        Raises:
            StateFailure: a state failed, and nothing in the program caught that.
        """
        value, name = input, self.start
        if scope.resumption is not None:
            value, name = scope.resumption.input, scope.resumption.state
            execution.stored += scope.assign(scope.resumption.variables)
        try:
            while True:
                pause_if_long(TURN_SECONDS)
                state = self.states[name]
                value, next = state.visit(execution, scope, value, is_branch=is_branch)
                if next is None:
                    return value
                name = next
        finally:
            execution.stored -= sum(scope.sizes.values())
