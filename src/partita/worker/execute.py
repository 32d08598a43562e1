"""Run one activity for one task: decode the arguments, call, encode how it ended."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from contextvars import Token, copy_context
from typing import Any, NoReturn

from partita.authoring.context import ActivityContext, ActivityInfo, activity_info, context
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import Failure, describe
from partita.authoring.middleware import call_activity, call_activity_async
from partita.authoring.results import Aborted, Canceled, Completed, Result, as_failed
from partita.codec import Converter, decoder
from partita.errors import CancelledError, UsageError
from partita.ports.service import ActivityAnswer, ActivityTask
from partita.telemetry.spans import trace_activity

_load_any = decoder(Any)


def execute(
    definition: ActivityDefinition,
    task: ActivityTask,
    converter: Converter,
    heartbeat: Callable[[Any], None],
    clock: Callable[[], float] = time.time,
) -> ActivityAnswer:
    """Run a sync activity on this thread. Never raises what the activity raises.

    Context variables that it sets are those of this attempt alone. A process that it has forked,
    and that comes to its end, ends here: only this one has a worker to report to.
    """
    return copy_context().run(_traced, definition, task, converter, heartbeat, clock)


def _traced(
    definition: ActivityDefinition,
    task: ActivityTask,
    converter: Converter,
    heartbeat: Callable[[Any], None],
    clock: Callable[[], float],
) -> ActivityAnswer:
    with trace_activity(task) as ended:
        found = _execute(definition, task, converter, heartbeat, clock)
        ended(found)
    return found


def _execute(
    definition: ActivityDefinition,
    task: ActivityTask,
    converter: Converter,
    heartbeat: Callable[[Any], None],
    clock: Callable[[], float],
) -> ActivityAnswer:
    token, process = _enter(task, heartbeat, clock), os.getpid()
    try:
        args, kwargs = definition.signature.load(converter, task.input)
        result = call_activity(definition, args, kwargs, activity_info())
        if os.getpid() != process:
            end_fork(None)
        return answer(definition, task, converter, result)
    except BaseException as error:
        if os.getpid() != process:
            end_fork(error)
        return _ended(definition, task, converter, error)
    finally:
        context.reset(token)


def end_fork(error: BaseException | None) -> NoReturn:
    """End a process that an activity has forked, with the status that Python would give it."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
    elif error is not None:
        traceback.print_exception(error)
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status & 0xFF)


async def execute_async(
    definition: ActivityDefinition,
    task: ActivityTask,
    converter: Converter,
    heartbeat: Callable[[Any], None],
    clock: Callable[[], float] = time.time,
) -> ActivityAnswer:
    """Run an async activity on this event loop. Never raises what the activity raises."""
    with trace_activity(task) as ended:
        found = await _execute_async(definition, task, converter, heartbeat, clock)
        ended(found)
    return found


async def _execute_async(
    definition: ActivityDefinition,
    task: ActivityTask,
    converter: Converter,
    heartbeat: Callable[[Any], None],
    clock: Callable[[], float],
) -> ActivityAnswer:
    import asyncio  # loaded already: this is a coroutine

    token, process = _enter(task, heartbeat, clock), os.getpid()
    try:
        args, kwargs = definition.signature.load(converter, task.input)
        async with asyncio.timeout(task.start_to_close):
            result = await call_activity_async(definition, args, kwargs, activity_info())
        if os.getpid() != process:
            end_fork(None)
        return answer(definition, task, converter, result)
    except BaseException as error:
        if os.getpid() != process:
            end_fork(error)
        return _ended(definition, task, converter, error)
    finally:
        context.reset(token)


def answer(
    definition: ActivityDefinition, task: ActivityTask, converter: Converter, result: Any
) -> ActivityAnswer:
    """Return the answer for what an activity returned."""
    if isinstance(result, Result):
        return _told(definition, task, converter, result)
    if not definition.settings.auto_complete:
        return ActivityAnswer(token=task.token, outcome="pending")
    return _completed(definition, task, converter, result)


def _told(
    definition: ActivityDefinition, task: ActivityTask, converter: Converter, result: Result
) -> ActivityAnswer:
    """Return the answer for an end that the activity named itself."""
    if isinstance(result, Completed):
        return _completed(definition, task, converter, result.value)
    failed = as_failed(result)
    if failed is None:
        details = result.details if isinstance(result, Canceled) else None
        return ActivityAnswer(token=task.token, outcome="canceled", details=details)
    return ActivityAnswer(
        token=task.token,
        outcome="failed",
        reason=failed.reason,
        details=failed.details,
        retryable=not isinstance(failed, Aborted),
    )


def _completed(
    definition: ActivityDefinition, task: ActivityTask, converter: Converter, result: Any
) -> ActivityAnswer:
    signature, what = definition.signature, definition.result_label
    payload = converter.dump(result, what, signature.result_form)
    signature.check_result(converter, result, payload, what)
    return ActivityAnswer(token=task.token, outcome="completed", result=payload)


def _enter(
    task: ActivityTask, heartbeat: Callable[[Any], None], clock: Callable[[], float]
) -> Token[ActivityContext | None]:
    info = ActivityInfo(
        workflow_id=task.workflow_execution.workflow_id,
        run_id=task.workflow_execution.run_id,
        activity_id=task.activity_id,
        name=task.activity_type.name,
        attempt=task.attempt,
        domain=task.domain,
        task_token=task.token,
        last_heartbeat=_last_heartbeat(task.details),
    )
    return context.set(ActivityContext(info, heartbeat, clock))


def _last_heartbeat(details: str | None) -> Any:
    if details is None:
        return None
    try:
        return Converter().load(details, _load_any)
    except UsageError:  # written by others, or with codecs that are not here
        return details


def _ended(
    definition: ActivityDefinition, task: ActivityTask, converter: Converter, error: BaseException
) -> ActivityAnswer:
    if isinstance(error, Result):
        try:
            return _told(definition, task, converter, error)
        except UsageError as fault:  # the value that it completed with has no JSON form
            error = fault
    if _is_cancellation(error):
        return ActivityAnswer(token=task.token, outcome="canceled")
    return failed(task, describe(error), retryable=not isinstance(error, UsageError))


def _is_cancellation(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")  # not imported: nobody can raise its errors
    kinds = (CancelledError,) if asyncio is None else (CancelledError, asyncio.CancelledError)
    return isinstance(error, kinds)


def failed(task: ActivityTask, failure: Failure, *, retryable: bool = True) -> ActivityAnswer:
    """Return the answer for an error. What the types forbid is not tried again."""
    return _failed(task.token, failure, retryable=retryable)


def refused(answer: ActivityAnswer, error: UsageError) -> ActivityAnswer | None:
    """Return the failure to report instead of a result that the service refuses, if it is one."""
    if answer.outcome != "completed":
        return None
    return _failed(answer.token, describe(error), retryable=False)


def _failed(token: str, failure: Failure, *, retryable: bool) -> ActivityAnswer:
    return ActivityAnswer(
        token=token,
        outcome="failed",
        reason=failure.reason,
        details=failure.dump(),
        retryable=retryable,
    )
