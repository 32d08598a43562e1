"""Run an activity in this process, attempt after attempt, by its retry policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from partita.authoring.context import ActivityContext, ActivityInfo, context
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import describe
from partita.authoring.failure.state import CAUSE
from partita.authoring.local.base_exceptions import (
    as_exception,
    ends_program,
    is_asyncio_cancellation,
)
from partita.authoring.local.crossing import Arguments, carried_result, carried_value
from partita.authoring.middleware import call_activity
from partita.authoring.results import Aborted, Failed, Result, as_failed, value_of
from partita.authoring.runtime import WorkflowInfo, current
from partita.errors import CancelledError, UsageError


def run_attempts(
    definition: ActivityDefinition,
    arguments: Arguments,
    workflow: WorkflowInfo,
    key: str,
    is_unwanted: Callable[[], bool],
) -> Any:
    """Return the result of the first attempt that succeeds; raise the error of the last one.

    Once `is_unwanted()`, its next heartbeat raises CancelledError.
    """
    policy = definition.settings.retry_policy
    attempt = 0
    last_heartbeat: Any = None

    def beat(details: Any) -> None:
        nonlocal last_heartbeat
        if details is not None:
            last_heartbeat = carried_value(details, "the heartbeat")
        if is_unwanted():
            raise CancelledError("the activity was asked to cancel itself")

    while True:
        attempt += 1
        info = ActivityInfo(
            workflow_id=workflow.workflow_id,
            run_id=workflow.run_id,
            activity_id=key,
            name=definition.activity_type.name,
            attempt=attempt,
            last_heartbeat=last_heartbeat,
        )
        token = context.set(ActivityContext(info, beat))
        outside = current.set(None)  # an activity is no part of the workflow's code
        try:
            return _attempt(definition, arguments, info)
        except Exception as error:
            if policy is None or isinstance(error, (UsageError, CancelledError)):
                raise
            if isinstance(_named_failure(error), Aborted) or policy.is_final(*_reason(error)):
                raise
            if policy.max_attempts and attempt >= policy.max_attempts:
                raise
        finally:
            context.reset(token)
            current.reset(outside)
        time.sleep(policy.delay(attempt))


def _attempt(definition: ActivityDefinition, arguments: Arguments, info: ActivityInfo) -> Any:
    """Call the activity; turn what it raises or names into what an engine makes of it."""
    args, kwargs = arguments.read()
    fault: BaseException | None = None
    try:
        result = call_activity(definition, args, kwargs, info)
    except Result as raised:
        result = raised
    except Exception:
        raise
    except BaseException as raised:
        if ends_program(raised):
            raise
        fault = raised
    if fault is not None:
        if is_asyncio_cancellation(fault):
            raise CancelledError(f"{definition.label} was cancelled")
        raise as_exception(fault, (definition.function,))
    value = value_of(result) if isinstance(result, Result) else result
    return carried_result(definition, value)


def _reason(error: Exception) -> tuple[str, str | None]:
    """Return what a history would record as the reason and the details of this failure."""
    named = _named_failure(error)
    if named is not None:
        return named.reason or "", named.details
    failure = describe(error)
    return failure.reason, failure.dump()


def _named_failure(error: Exception) -> Failed | None:
    """Return the failure that the activity returned or raised by name, if it did."""
    cause = CAUSE.__get__(error)
    return as_failed(cause) if isinstance(cause, Result) else None
