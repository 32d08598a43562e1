"""Run an activity in this process, attempt after attempt, as its retry policy says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from partita.authoring.context import ActivityContext, ActivityInfo, context
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import Failure
from partita.authoring.hooks import ActivityCall, middleware_of
from partita.authoring.results import Aborted, Failed, Result, as_failed, plainly
from partita.authoring.runtime import WorkflowInfo, current
from partita.errors import ActivityFailedError, CancelledError, UsageError


def attempts(
    definition: ActivityDefinition,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    workflow: WorkflowInfo,
    key: str,
    unwanted: Callable[[], bool],
) -> Any:
    """Return the result of the first attempt that has one; raise what the last one raised.

    Once it is `unwanted`, its next heartbeat raises CancelledError.
    """
    policy = definition.settings.retry_policy
    attempt = 0
    beaten: list[Any] = [None]

    def beat(details: Any) -> None:
        beaten.append(beaten[-1] if details is None else details)
        if unwanted():
            raise CancelledError("the activity was asked to cancel itself")

    while True:
        attempt += 1
        info = ActivityInfo(
            workflow_id=workflow.workflow_id,
            run_id=workflow.run_id,
            activity_id=key,
            name=definition.activity_type.name,
            attempt=attempt,
            last_heartbeat=beaten[-1],
        )
        token = context.set(ActivityContext(info, beat))
        outside = current.set(None)  # an activity is not a part of the workflow's code
        try:
            return _no_exit(definition, args, kwargs, info)
        except Exception as error:
            if policy is None or isinstance(error, (UsageError, CancelledError)):
                raise
            if isinstance(_told(error), Aborted) or policy.is_final(_reason(error)):
                raise
            if policy.max_attempts and attempt >= policy.max_attempts:
                raise
        finally:
            context.reset(token)
            current.reset(outside)
        time.sleep(policy.delay(attempt))


def _no_exit(
    definition: ActivityDefinition, args: Sequence[Any], kwargs: dict[str, Any], info: ActivityInfo
) -> Any:
    """Make of `sys.exit()` in an activity what an engine makes of it: a failure."""
    try:
        result = surrounded(definition, args, kwargs, info)
    except Result as told:
        return plainly(told)
    except SystemExit as error:
        raise ActivityFailedError("SystemExit", str(error)) from error
    return plainly(result) if isinstance(result, Result) else result


def _reason(error: Exception) -> str:
    """Return what a history would give as the reason of this failure."""
    told = _told(error)
    return Failure.of(error).reason if told is None else told.reason or ""


def _told(error: Exception) -> Failed | None:
    """Return the failure that the activity named itself, if that is what was raised."""
    return as_failed(error.__cause__) if isinstance(error.__cause__, Result) else None


def surrounded(
    definition: ActivityDefinition,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    info: ActivityInfo,
) -> Any:
    """Call the function with its middleware around it; an async one is run to its end here."""
    function = awaited(definition.function) if definition.is_async else definition.function
    if not middleware_of(definition):
        return function(*args, **kwargs)
    with _middleware(definition, args, kwargs, info) as finish:
        return finish(function(*args, **kwargs))


async def surrounded_async(
    definition: ActivityDefinition,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    info: ActivityInfo,
) -> Any:
    """Do as `surrounded` does, on the event loop that runs here."""
    if not middleware_of(definition):
        return await definition.function(*args, **kwargs)
    with _middleware(definition, args, kwargs, info) as finish:
        return finish(await definition.function(*args, **kwargs))


@contextmanager
def _middleware(
    definition: ActivityDefinition,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    info: ActivityInfo,
) -> Iterator[Callable[[Any], Any]]:
    """Enter all that surrounds an activity; yield what the result must be passed through."""
    around = middleware_of(definition)
    call = ActivityCall(info=info, args=tuple(args), kwargs=kwargs)

    def finish(result: Any) -> Any:
        for one in reversed(around):
            if one.after is not None:
                one.after(call, result)
        return result

    with ExitStack() as stack:
        for one in around:
            if one.before is not None:
                one.before(call)
            if one.around is not None:
                stack.enter_context(one.around(call))
        yield finish


def awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an async function as one that can be called from any thread without a loop."""

    def call(*args: Any, **kwargs: Any) -> Any:
        import asyncio  # 25 ms that most programs need not pay at `import partita`

        return asyncio.run(function(*args, **kwargs))

    return call
