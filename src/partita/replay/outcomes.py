"""Read from an event how an operation ended: with a value, or with which error.

One row per event. Knows no workflow and no greenlet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, Submittable, WorkflowSpec
from partita.authoring.failure import Failure
from partita.authoring.runtime import id_is_taken, nobody_hears
from partita.codec import Converter, decoder
from partita.errors import (
    ActivityAbortedError,
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    ExecutionAlreadyStartedError,
    ExecutionNotFoundError,
    UnknownTypeError,
    UsageError,
    WorkflowFailedError,
    WorkflowTerminatedError,
    WorkflowTimedOutError,
)
from partita.history import (
    ActivityTaskCanceled,
    ActivityTaskCompleted,
    ActivityTaskFailed,
    ActivityTaskTimedOut,
    AnyEvent,
    ChildWorkflowExecutionCanceled,
    ChildWorkflowExecutionCompleted,
    ChildWorkflowExecutionFailed,
    ChildWorkflowExecutionTerminated,
    ChildWorkflowExecutionTimedOut,
    ExternalWorkflowExecutionCancelRequested,
    ExternalWorkflowExecutionSignaled,
    LambdaFunctionCompleted,
    LambdaFunctionFailed,
    LambdaFunctionTimedOut,
    RequestCancelExternalWorkflowExecutionFailed,
    SignalExternalWorkflowExecutionFailed,
    StartChildWorkflowExecutionFailed,
    StartLambdaFunctionFailed,
)

_load_any = decoder(Any)

Outcome = tuple[Any, BaseException | None]
"""A value, or an error and no value."""

BY_SCHEDULED: dict[type[Any], Callable[[Any, Submittable, Converter], Outcome]] = {}
"""Ends of what a `scheduled_event_id` names."""

ACTIVITY_ENDS = frozenset(
    {ActivityTaskCompleted, ActivityTaskFailed, ActivityTaskTimedOut, ActivityTaskCanceled}
)
"""After each of these, the service holds one activity less."""

BY_INITIATED: dict[type[Any], Callable[[Any, Any, Converter], Outcome]] = {}
"""Ends of what an `initiated_event_id` names."""


def refused(event: AnyEvent, definition: Submittable) -> BaseException:
    """Return the error of what could not even be scheduled."""
    cause = getattr(event, "cause", "")
    if "TYPE_DOES_NOT_EXIST" in cause:
        return UnknownTypeError(f"there is no {definition.label}: {cause}")
    return ActivityAbortedError(f"{definition.label} was not scheduled: {cause}")


def _result(definition: Submittable, result: str | None, converter: Converter) -> Outcome:
    decode = _load_any if isinstance(definition, LambdaSpec) else definition.signature.decode_result
    try:
        return converter.load(result, decode, definition.result_label), None
    except UsageError as error:
        return None, error


def _failure(definition: Submittable, event: Any, otherwise: Any) -> Outcome:
    failure = Failure.load(event.details, event.reason)
    return None, failure.rebuild(definition.namespace, otherwise)


BY_SCHEDULED.update(
    {
        ActivityTaskCompleted: lambda e, d, c: _result(d, e.result, c),
        ActivityTaskFailed: lambda e, d, _: _failure(d, e, ActivityFailedError),
        ActivityTaskTimedOut: lambda e, d, _: (None, _activity_timed_out(d, e)),
        ActivityTaskCanceled: lambda _, d, __: (None, CancelledError(f"{d.label} was cancelled")),
        LambdaFunctionCompleted: lambda e, d, c: _result(d, e.result, c),
        LambdaFunctionFailed: lambda e, d, _: _failure(d, e, ActivityFailedError),
        LambdaFunctionTimedOut: lambda e, d, _: (None, _lambda_timed_out(d, e)),
        StartLambdaFunctionFailed: lambda e, d, _: (None, refused(e, d)),
    }
)


def _activity_timed_out(definition: Submittable, event: ActivityTaskTimedOut) -> BaseException:
    assert isinstance(definition, ActivityDefinition)
    name = definition.activity_type.name
    return ActivityTimedOutError(name, event.timeout_type.value, event.details)


def _lambda_timed_out(definition: Submittable, event: LambdaFunctionTimedOut) -> BaseException:
    return ActivityTimedOutError(definition.key, str(event.timeout_type or "START_TO_CLOSE"))


def _not_started(event: StartChildWorkflowExecutionFailed, spec: WorkflowSpec) -> BaseException:
    if event.cause == "WORKFLOW_ALREADY_RUNNING":
        return ExecutionAlreadyStartedError(id_is_taken(spec.label, event.workflow_id))
    return refused(event, spec)


def _unknown(event: Any) -> Outcome:
    return None, ExecutionNotFoundError(nobody_hears(event.workflow_id))


BY_INITIATED.update(
    {
        ChildWorkflowExecutionCompleted: lambda e, d, c: _result(d, e.result, c),
        ChildWorkflowExecutionFailed: lambda e, d, _: _failure(d, e, WorkflowFailedError),
        ChildWorkflowExecutionCanceled: lambda _, d, __: (
            None,
            CancelledError(f"{d.label} was cancelled"),
        ),
        ChildWorkflowExecutionTerminated: lambda _, d, __: (
            None,
            WorkflowTerminatedError(f"{d.label} was terminated"),
        ),
        ChildWorkflowExecutionTimedOut: lambda _, d, __: (
            None,
            WorkflowTimedOutError(f"{d.label} outlived its timeout"),
        ),
        StartChildWorkflowExecutionFailed: lambda e, d, _: (None, _not_started(e, d)),
        ExternalWorkflowExecutionSignaled: lambda *_: (None, None),
        ExternalWorkflowExecutionCancelRequested: lambda *_: (None, None),
        SignalExternalWorkflowExecutionFailed: lambda e, *_: _unknown(e),
        RequestCancelExternalWorkflowExecutionFailed: lambda e, *_: _unknown(e),
    }
)
