"""Validate what callers give, before anything is sent.

Knows values and definitions; of services and executions it knows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from partita.authoring.definition import WorkflowSpec
from partita.codec import Converter
from partita.errors import InvalidOptionError
from partita.ports.service import ReusePolicy, TaskListLimits


def checked_wait(timeout: float | None) -> float | None:
    """Return how long to wait, in seconds; None is without end.

    Raises:
        InvalidOptionError: it is not a number.
    """
    if timeout is None:
        return None
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or math.isnan(timeout):
        raise InvalidOptionError(f"timeout={timeout!r}; give a number of seconds, or None")
    return timeout


def check_arguments(
    workflow: WorkflowSpec, kwargs: Mapping[str, Any], options: Collection[str]
) -> None:
    """Validate that no option of the start is given among a workflow's arguments.

    Raises:
        InvalidOptionError: there is one.
    """
    misplaced = [name for name in kwargs if name in options and not workflow.signature.takes(name)]
    if misplaced:
        first = misplaced[0]
        raise InvalidOptionError(
            f"{workflow.label} has no parameter {first}; for the option of that name write "
            f"start_with(workflow, args, {first}=...)"
        )


def input_of(
    workflow: WorkflowSpec, converter: Converter, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str:
    """Return a call's arguments as the payload that the workflow will read.

    Raises:
        InvalidOptionError: `args` is no list.
        TypeError: they do not fit the workflow's parameters.
        SerializationError: one has no JSON form.
        InvalidInputError: one cannot be read as its parameter's type.
    """
    if isinstance(args, (str, bytes, Mapping)) or not isinstance(args, Iterable):
        raise InvalidOptionError(f"args={args!r}; give a list of arguments, such as [1, 'two']")
    value = workflow.signature.bind(tuple(args), dict(kwargs))
    what = f"the input of {workflow.label}"
    payload = converter.dump(value, what, workflow.signature.arguments)
    if workflow.signature.has_types:
        workflow.signature.load(converter, payload)
    return payload


def reuse_policy_of(value: ReusePolicy | str) -> ReusePolicy:
    """Return a reuse policy that may be given by its name.

    Raises:
        InvalidOptionError: there is none of that name.
    """
    try:
        return ReusePolicy(value)
    except ValueError:
        names = ", ".join(policy.value for policy in ReusePolicy)
        raise InvalidOptionError(f"reuse_policy={value!r}; give one of {names}") from None


def checked_limits(
    task_list: str, concurrency: int | None, per_second: float | None, burst: float | None
) -> TaskListLimits:
    """Return the limits of a task list.

    Raises:
        InvalidOptionError: a limit is not above 0, or the task list has no name.
    """
    if not task_list or not isinstance(task_list, str):
        raise InvalidOptionError(f"task_list={task_list!r}; give a name")
    whole = isinstance(concurrency, int) and not isinstance(concurrency, bool)
    if concurrency is not None and not (whole and 0 < concurrency < 1_000_000_000):
        raise InvalidOptionError(f"concurrency={concurrency!r}; give a whole number above 0")
    for name, value in (("per_second", per_second), ("burst", burst)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value) and value > 0):
            raise InvalidOptionError(f"{name}={value!r}; give a number above 0, or None")
    tokens = max(1.0, burst if burst is not None else per_second or 1.0)
    return TaskListLimits(concurrency=concurrency, per_second=per_second, burst=tokens)
