"""Read the outcome of a call from the event that ends it: a value or an error.

One row per event. Knows no workflow and no greenlet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from partita import errors
from partita import history as h
from partita.authoring.definition import ActivityDefinition, LambdaSpec, Submittable, WorkflowSpec
from partita.authoring.failure import Failure, rebuild
from partita.authoring.runtime import id_is_taken, not_open
from partita.codec import Converter, decoder

_load_any = decoder(Any)

Outcome = tuple[Any, BaseException | None]
"""A value, or an error and no value."""


class Caller(NamedTuple):
    """The workflow that called, which an outcome is read for."""

    workflow: WorkflowSpec
    converter: Converter


BY_SCHEDULED: dict[type[Any], Callable[[Any, Submittable, Caller], Outcome]] = {}
"""Ends of calls that a `scheduled_event_id` names."""

ACTIVITY_ENDS = frozenset(
    {h.ActivityTaskCompleted, h.ActivityTaskFailed, h.ActivityTaskTimedOut, h.ActivityTaskCanceled}
)
"""Ends after which the service holds one activity less."""

BY_INITIATED: dict[type[Any], Callable[[Any, Any, Caller], Outcome]] = {}
"""Ends of calls that an `initiated_event_id` names."""


def refused(event: h.AnyEvent, definition: Submittable) -> BaseException:
    """Return the error of a call that could not be scheduled."""
    cause = getattr(event, "cause", "")
    if "TYPE_DOES_NOT_EXIST" in cause:
        return errors.UnknownTypeError(f"there is no {definition.label}: {cause}")
    return errors.ActivityAbortedError(f"{definition.label} was not scheduled: {cause}")


def _result(definition: Submittable, result: str | None, caller: Caller) -> Outcome:
    decode = _load_any if isinstance(definition, LambdaSpec) else definition.signature.decode_result
    try:
        return caller.converter.load(result, decode, definition.result_label), None
    except errors.UsageError as error:
        return None, error


def _failure(
    definition: Submittable, event: Any, caller: Caller, otherwise: type[Exception]
) -> Outcome:
    failure = Failure.load(event.details, event.reason)
    near = (definition.function, caller.workflow.function)
    return None, rebuild(failure, near, otherwise)


BY_SCHEDULED.update(
    {
        h.ActivityTaskCompleted: lambda e, d, c: _result(d, e.result, c),
        h.ActivityTaskFailed: lambda e, d, c: _failure(d, e, c, errors.ActivityFailedError),
        h.ActivityTaskTimedOut: lambda e, d, _: (None, _activity_timed_out(d, e)),
        h.ActivityTaskCanceled: lambda _, d, __: (
            None,
            errors.CancelledError(f"{d.label} was cancelled"),
        ),
        h.LambdaFunctionCompleted: lambda e, d, c: _result(d, e.result, c),
        h.LambdaFunctionFailed: lambda e, d, c: _failure(d, e, c, errors.ActivityFailedError),
        h.LambdaFunctionTimedOut: lambda e, d, _: (None, _lambda_timed_out(d, e)),
        h.StartLambdaFunctionFailed: lambda e, d, _: (None, refused(e, d)),
    }
)


def _activity_timed_out(definition: Submittable, event: h.ActivityTaskTimedOut) -> BaseException:
    assert isinstance(definition, ActivityDefinition)
    name = definition.activity_type.name
    return errors.ActivityTimedOutError(name, event.timeout_type.value, event.details)


def _lambda_timed_out(definition: Submittable, event: h.LambdaFunctionTimedOut) -> BaseException:
    return errors.ActivityTimedOutError(definition.key, str(event.timeout_type or "START_TO_CLOSE"))


def _not_started(event: h.StartChildWorkflowExecutionFailed, spec: WorkflowSpec) -> BaseException:
    if event.cause == "WORKFLOW_ALREADY_RUNNING":
        return errors.ExecutionAlreadyStartedError(id_is_taken(spec.label, event.workflow_id))
    return refused(event, spec)


def _unknown(event: Any) -> Outcome:
    return None, errors.ExecutionNotFoundError(not_open(event.workflow_id))


BY_INITIATED.update(
    {
        h.ChildWorkflowExecutionCompleted: lambda e, d, c: _result(d, e.result, c),
        h.ChildWorkflowExecutionFailed: lambda e, d, c: _failure(
            d, e, c, errors.WorkflowFailedError
        ),
        h.ChildWorkflowExecutionCanceled: lambda _, d, __: (
            None,
            errors.CancelledError(f"{d.label} was cancelled"),
        ),
        h.ChildWorkflowExecutionTerminated: lambda _, d, __: (
            None,
            errors.WorkflowTerminatedError(f"{d.label} was terminated"),
        ),
        h.ChildWorkflowExecutionTimedOut: lambda _, d, __: (
            None,
            errors.WorkflowTimedOutError(f"{d.label} outlived its timeout"),
        ),
        h.StartChildWorkflowExecutionFailed: lambda e, d, _: (None, _not_started(e, d)),
        h.ExternalWorkflowExecutionSignaled: lambda *_: (None, None),
        h.ExternalWorkflowExecutionCancelRequested: lambda *_: (None, None),
        h.SignalExternalWorkflowExecutionFailed: lambda e, *_: _unknown(e),
        h.RequestCancelExternalWorkflowExecutionFailed: lambda e, *_: _unknown(e),
    }
)
