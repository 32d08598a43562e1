"""Run machines in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from partita.asl import forget_lambda, machine, register_lambda
from partita.authoring.definition import ActivityDefinition
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import MachineFailedError, WorkflowFailedError
from partita.testing import Environment

Machine = WorkflowDefinition[[Any], Any]


def arn(name: str) -> str:
    """Return the ARN of a Lambda function."""
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def task(name: str, **fields: Any) -> dict[str, Any]:
    """Return a Task state that invokes a Lambda function; it ends the machine by default."""
    state = {"Type": "Task", "Resource": arn(name), **fields}
    return state if "Next" in fields else {**state, "End": True}


def of(states: Mapping[str, Any], *, jsonata: bool = False, **fields: Any) -> Machine:
    """Return a machine that starts at the first of its states."""
    language = {"QueryLanguage": "JSONata"} if jsonata else {}
    return machine({"StartAt": next(iter(states)), "States": states, **language, **fields}, "test")


@contextmanager
def lambdas(**handlers: Callable[..., Any]) -> Iterator[None]:
    """Let Lambda functions be Python callables for a while."""
    for name, handler in handlers.items():
        register_lambda(name, handler)
    try:
        yield
    finally:
        for name in handlers:
            forget_lambda(name)


def run(
    made: Machine,
    input: Any = None,
    activities: Sequence[ActivityDefinition] = (),
    **handlers: Callable[..., Any],
) -> Any:
    """Return a machine's output; `handlers` are Lambda functions."""
    with lambdas(**handlers), Environment(workflows=[made], activities=activities) as env:
        return env.run(made, {} if input is None else input)


def failure(
    made: Machine,
    input: Any = None,
    activities: Sequence[ActivityDefinition] = (),
    **handlers: Callable[..., Any],
) -> tuple[str | None, str | None]:
    """Return the error and the cause with which a machine fails."""
    try:
        output = run(made, input, activities, **handlers)
    except WorkflowFailedError as error:
        cause = error.__cause__
        assert isinstance(cause, MachineFailedError), cause
        return cause.error, cause.cause
    raise AssertionError(f"it succeeded: {output!r}")
