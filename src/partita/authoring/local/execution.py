"""Run an execution in this process: run after run, with its hooks, until it has a result."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from partita.authoring.context_managers import context_manager
from partita.authoring.coroutine_watch import noting_origins
from partita.authoring.definition import WorkflowSpec
from partita.authoring.local.base_exceptions import fails_run
from partita.authoring.local.crossing import Arguments, carried_result
from partita.authoring.local.runtime import ContinuedAsNew, LocalRuntime, new_info, open_runs
from partita.authoring.local.waits import Aborted
from partita.authoring.runtime import Runtime, WorkflowInfo, current
from partita.errors import CancelledError


def active_runtime() -> Runtime:
    """Return the runtime of the workflow that runs here; outside one, a stand-in."""
    return current.get() or _stand_in()


@functools.cache
def _stand_in() -> LocalRuntime:
    nobody = WorkflowInfo(
        workflow_id="local", run_id="local", name="", version="", task_list="default"
    )
    return LocalRuntime(nobody, _live)


def run(spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a workflow on this thread and return its result."""
    return _live(spec, Arguments(spec, args, kwargs), _first(spec))


async def run_async(spec: WorkflowSpec, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an async workflow on the event loop that runs here and return its result."""
    return await _live_async(spec, Arguments(spec, args, kwargs), _first(spec))


def _first(spec: WorkflowSpec) -> LocalRuntime:
    return LocalRuntime(new_info(spec, None, None), _live, spec.hooks)


def _live(spec: WorkflowSpec, arguments: Arguments, runtime: LocalRuntime) -> Any:
    if spec.is_async:
        import asyncio  # 25 ms that most programs need not pay at `import partita`

        try:
            return asyncio.run(_live_async(spec, arguments, runtime))
        except asyncio.CancelledError as error:
            cancelled = CancelledError(str(error))
        raise cancelled
    execution = _Execution(spec, arguments, runtime)
    while not execution.is_over:
        with execution.run() as (args, kwargs):
            execution.complete(spec.function(*args, **kwargs))
    return execution.result


async def _live_async(spec: WorkflowSpec, arguments: Arguments, runtime: LocalRuntime) -> Any:
    from partita.authoring.asyncio_sets import order_asyncio_sets  # asyncio, as above

    order_asyncio_sets()
    execution = _Execution(spec, arguments, runtime)
    while not execution.is_over:
        with execution.run() as (args, kwargs):
            execution.complete(await spec.function(*args, **kwargs))
    return execution.result


class _Execution:
    """The runs of one execution."""

    def __init__(self, spec: WorkflowSpec, arguments: Arguments, runtime: LocalRuntime) -> None:
        self.is_over = False
        self.result: Any = None
        self._spec = spec
        self._arguments = arguments
        self._runtime = runtime

    def complete(self, result: Any) -> None:
        """End the execution with a result."""
        self._runtime.unawaited.check(self._spec.label, result)
        carried = carried_result(self._spec, result)
        if self._spec.hooks.on_completed is not None:
            self._spec.hooks.on_completed(result)
        self.result, self.is_over = carried, True

    @context_manager
    def run(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Enter the next run and yield its arguments; prepare another if it continues as new."""
        with self._entered():
            try:
                yield self._arguments.read()
                return
            except ContinuedAsNew as end:
                continuation = end.continuation
            except Aborted as aborted:
                raise aborted.error from None
            except BaseException as error:
                hook = self._spec.hooks.on_failure
                if hook is not None and fails_run(error):
                    hook(error)
                raise
        self._arguments = Arguments(self._spec, continuation.args, continuation.kwargs)
        old = self._runtime.info()
        info = replace(old, run_id=uuid4().hex, continued_from=old.run_id)
        self._runtime = LocalRuntime(info, _live, self._spec.hooks, self._runtime)

    @context_manager
    def _entered(self) -> Iterator[None]:
        """Make the run the current one, and open to signals."""
        runtime, hooks = self._runtime, self._spec.hooks
        id = runtime.info().workflow_id
        open_runs[id] = runtime
        runtime.thread.is_async = self._spec.is_async
        token = current.set(runtime)
        if hooks.before_replay is not None:
            hooks.before_replay()
        try:
            with noting_origins():
                yield
        finally:
            if hooks.after_replay is not None:
                hooks.after_replay()
            current.reset(token)
            runtime.unawaited.close()
            if open_runs.get(id) is runtime:
                del open_runs[id]
