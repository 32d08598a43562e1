"""Count the transitions of a typical execution, whose activities return typical values."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from partita.asl.frame import Execution, Function
from partita.asl.machines import compiled_text, identity_of, interpret
from partita.asl.trail import Chain, Trail
from partita.authoring.workflow import WorkflowDefinition, workflow
from partita.compile.activity_calls import activities_of
from partita.compile.tree import Program
from partita.compile.types import Type, UnknownHintError, of_hint
from partita.stepfunctions.emitter.states import states_of
from partita.stepfunctions.emitter.tasks import LAMBDA

MOST = 1_000
"""Transitions after which counting ends: the workflow waits for what typical values never are."""

_SCALARS: dict[str, Any] = {"float": 1.5, "str": "text", "none": None}


class _EndlessError(Exception):
    """The execution has taken more transitions than are counted."""


class _Count(Trail):
    """Counts the states that are entered."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = 0

    def add(self, type: str, details: dict[str, Any], chain: Chain) -> int:
        """Count an event."""
        self.entered += type.endswith("StateEntered")
        if self.entered >= MOST:
            raise _EndlessError
        return super().add(type, details, chain)


def typical(type: Type, number: int = 0) -> Any:
    """Return the typical value of a type with that number, as JSON; numbers grow."""
    match type.kind:
        case "int":
            return 3 + number
        case "bool":
            return number % 2 == 0
        case "list":
            return [typical(type.item, number)] * 3
        case "dict":
            return {name: typical(type.item, number) for name in ("a", "b")}
        case "tuple":
            return [typical(one, number) for one in type.parts]
        case "optional":
            return typical(type.item, number)
        case "record":
            return {name: typical(one, number) for name, one in type.fields}
        case kind:
            return _SCALARS.get(kind, "text")


def typical_input(definition: WorkflowDefinition[..., Any]) -> dict[str, Any]:
    """Return a typical input of a workflow."""
    hints = inspect.get_annotations(inspect.unwrap(definition.function), eval_str=True)
    names = inspect.signature(definition.function).parameters
    return {name: _of_hint(hints.get(name, str)) for name in names}


def _of_hint(hint: Any, number: int = 0) -> Any:
    try:
        return typical(of_hint(hint), number)
    except UnknownHintError:
        return "text"


def _result(activity: Any, number: int) -> Any:
    """Return what the call of an activity with that number returns."""
    function = inspect.unwrap(getattr(activity, "function", activity))
    hints = inspect.get_annotations(function, eval_str=True) if callable(function) else {}
    return _of_hint(hints.get("return", str), number)


def transitions(machine: Mapping[str, Any], program: Program, document: Any) -> int | None:
    """Return how many states an execution enters whose activities return typical values.

    None: it calls other services, so that it cannot be tried here.
    """
    if any(one["Type"] == "Task" and one["Resource"] != LAMBDA for _, one in states_of(machine)):
        return None
    text = json.dumps(_without_waits(machine))
    numbers = count()
    functions: dict[str, Function] = {
        name: lambda *_, one=one: _result(one, next(numbers))
        for name, one in activities_of(program).items()
    }
    trail = _Count()

    def run() -> None:
        execution = Execution(identity_of(), document, trail)
        execution.functions = functions
        interpret(compiled_text(text), execution, document)

    with suppress(Exception):  # it may fail, as executions do
        workflow(name="typical execution")(run)()
    return trail.entered


def _without_waits(machine: Mapping[str, Any]) -> Any:
    """Return a machine that does not wait."""
    made: Any = copy.deepcopy(machine)
    for _, state in states_of(made):
        if state["Type"] == "Wait":
            state["Type"] = "Pass"
            for field in ("Seconds", "Timestamp"):
                state.pop(field, None)
    return made
