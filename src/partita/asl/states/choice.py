"""Choice: go on where the first rule that is fulfilled points to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partita.asl.expressions import Fields
from partita.asl.failures import EvaluationFault
from partita.asl.flows import Flow
from partita.asl.frame import Frame
from partita.asl.states.state import State, Visit


@dataclass(frozen=True)
class Rule:
    """A rule: its condition, the next state, and the output if it is fulfilled."""

    condition: Callable[[Frame], bool]
    next: str
    finish: Callable[[Frame, Any], Any]


def expressed_condition(fields: Fields) -> Callable[[Frame], bool]:
    """Return the condition of a rule of a JSONata state."""
    return lambda frame: bool(fields.typed(frame, "boolean"))


class ChoiceState(State):
    """Choose the next state."""

    type = "Choice"

    def __init__(self, name: str, default: str | None, flow: Flow, rules: list[Rule]) -> None:
        super().__init__(name, default, flow)
        self._rules = rules

    def run(self, frame: Frame, *, is_branch: bool) -> Visit:  # noqa: ARG002
        arguments = self.flow.begin(frame)
        for rule in self._rules:
            if rule.condition(frame):
                return self.exit(frame, rule.finish(frame, arguments), rule.next)
        if self.next is None:
            raise EvaluationFault(
                "Failed to transition out of the state. The state does not point to a next state."
            )
        return self.exit(frame, self.flow.finish(frame, arguments), self.next)
