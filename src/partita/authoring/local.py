"""Run workflows as plain Python: activities are called, `submit` uses threads, `sleep` sleeps.

Nothing is stored. What an engine would do, this does as well: futures among arguments are
waited for, retry policies, hooks and middleware are kept, children run, signals arrive, a
run continues as new. Every run gets a `LocalRun` of its own.
"""

from __future__ import annotations

import functools
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from partita.authoring.definition import WorkflowSpec
from partita.authoring.local_runtime import (
    ContinuedAsNew,
    LocalRun,
    info_of,
    open_runs,
)
from partita.authoring.local_waits import Aborted
from partita.authoring.runtime import Continuation, WorkflowInfo, current
from partita.errors import CancelledError


@functools.cache
def runtime() -> LocalRun:
    """Return what answers outside any workflow."""
    nobody = WorkflowInfo(
        workflow_id="local", run_id="local", name="", version="", task_list="default"
    )
    return LocalRun(nobody, live)


def run(spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a workflow on this thread, through as many runs as it continues for."""
    return live(spec, args, kwargs, LocalRun(info_of(spec, None, None), live, spec.hooks))


def live(spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any], this: LocalRun) -> Any:
    """Be one execution: run after run, with hooks, until there is a result or an error."""
    if spec.is_async:
        import asyncio  # 25 ms that most programs need not pay at `import partita`

        return asyncio.run(live_async(spec, args, kwargs, this))
    while True:
        with _entered(spec, this):
            try:
                return _finished(spec, spec.function(*args, **kwargs), this)
            except ContinuedAsNew as wish:
                args, kwargs = _next(spec, wish.continuation)
            except Aborted as aborted:
                raise aborted.error from None
            except Exception as error:
                _failed(spec, error)
                raise
        this = _heir(this)


async def run_async(spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an async workflow on the event loop that runs here."""
    return await live_async(
        spec, args, kwargs, LocalRun(info_of(spec, None, None), live, spec.hooks)
    )


async def live_async(
    spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any], this: LocalRun
) -> Any:
    """Do as `live` does, for an `async def` workflow."""
    while True:
        with _entered(spec, this):
            try:
                return _finished(spec, await spec.function(*args, **kwargs), this)
            except ContinuedAsNew as wish:
                args, kwargs = _next(spec, wish.continuation)
            except Aborted as aborted:
                raise aborted.error from None
            except Exception as error:
                _failed(spec, error)
                raise
        this = _heir(this)


@contextmanager
def _entered(spec: WorkflowSpec, this: LocalRun) -> Iterator[None]:
    id = this.info().workflow_id
    open_runs[id] = this
    this.line.is_async = spec.is_async
    token = current.set(this)
    if spec.hooks.before_replay is not None:
        spec.hooks.before_replay()
    try:
        yield
    finally:
        if spec.hooks.after_replay is not None:
            spec.hooks.after_replay()
        current.reset(token)
        if open_runs.get(id) is this:
            del open_runs[id]


def _finished(spec: WorkflowSpec, result: Any, this: LocalRun) -> Any:  # noqa: ARG001
    if spec.hooks.on_completed is not None:
        spec.hooks.on_completed(result)
    return result


def _failed(spec: WorkflowSpec, error: Exception) -> None:
    if spec.hooks.on_failure is not None and not isinstance(error, CancelledError):
        spec.hooks.on_failure(error)


def _next(spec: WorkflowSpec, continuation: Continuation) -> tuple[tuple[Any, ...], dict[str, Any]]:
    spec.signature.bind(continuation.args, continuation.kwargs)
    return continuation.args, continuation.kwargs


def _heir(this: LocalRun) -> LocalRun:
    """Return the next run, which inherits the signals that nobody has received."""
    old = this.info()
    info = replace(old, run_id=uuid4().hex, continued_from=old.run_id)
    heir = LocalRun(info, live, this.hooks)
    with this.settled:
        heir.inbox = this.inbox
        this.inbox = defaultdict(deque)
    return heir


__all__ = ["LocalRun", "live", "run", "run_async", "runtime"]
