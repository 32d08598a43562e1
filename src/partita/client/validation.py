"""Refuse what a caller cannot mean, before anything is sent: each with a way out.

Knows values and definitions; of services and executions it knows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from partita.authoring.definition import WorkflowSpec
from partita.codec import Converter
from partita.errors import InvalidOptionError


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


def hold_arguments(
    workflow: WorkflowSpec, kwargs: Mapping[str, Any], options: Collection[str]
) -> None:
    """Refuse, among a workflow's arguments, what can only be an option of its start.

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
    payload = converter.dump(value, f"the input of {workflow.label}")
    if workflow.signature.has_types:
        workflow.signature.load(converter, payload)
    return payload
