"""The client for asyncio: the methods of `Client`, awaited.

Short calls run on threads of the client's own. A wait takes no thread: the service tells when an
execution ends, and where it cannot, the execution is described again and again.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from partita.authoring.class_options import WorkflowClass
from partita.authoring.messages import Signal
from partita.authoring.options import Seconds
from partita.authoring.workflow import WorkflowDefinition
from partita.client.async_handle import AsyncHandle
from partita.client.async_waits import AsyncWaits, Threads
from partita.client.client import Client, Tasks
from partita.client.handle import Handle
from partita.client.schedules import Schedules
from partita.codec import plain_data, read_untyped
from partita.history import AnyEvent
from partita.ports.service import ReusePolicy

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Sync = TypeVar("Sync", covariant=True)
T = TypeVar("T")


class _Threaded(Protocol[Sync]):
    """What has a synchronous counterpart, and threads to call it on."""

    @property
    def sync(self) -> Sync: ...
    @property
    def threads(self) -> Threads: ...


def _threaded(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[_Threaded[S], P], Coroutine[Any, Any, T]]:
    async def call(self: _Threaded[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.threads.call(method, self.sync, *args, **kwargs)

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class AsyncTasks:
    """The `tasks` of a client for asyncio: the same methods, awaited."""

    def __init__(self, sync: Tasks, threads: Threads) -> None:
        self.sync = sync
        self.threads = threads

    complete = _threaded(Tasks.complete)
    fail = _threaded(Tasks.fail)
    cancel = _threaded(Tasks.cancel)
    heartbeat = _threaded(Tasks.heartbeat)


class AsyncSchedules:
    """The `schedules` of a client for asyncio: the same methods, awaited."""

    def __init__(self, sync: Schedules, threads: Threads) -> None:
        self.sync = sync
        self.threads = threads

    create = _threaded(Schedules.create)
    get = _threaded(Schedules.get)
    list = _threaded(Schedules.list)
    pause = _threaded(Schedules.pause)
    resume = _threaded(Schedules.resume)
    trigger = _threaded(Schedules.trigger)
    backfill = _threaded(Schedules.backfill)
    delete = _threaded(Schedules.delete)


class AsyncClient:
    """A `Client` for asyncio: the same methods, awaited. `sync` is the client behind it."""

    def __init__(self, sync: Client) -> None:
        self.sync = sync
        self.threads = Threads()
        self.tasks = AsyncTasks(sync.tasks, self.threads)
        self.schedules = AsyncSchedules(sync.schedules, self.threads)
        self._waits = AsyncWaits(sync, self.threads)

    async def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncHandle[R]:
        """Start a workflow; see `Client.start`."""
        return self._awaited(await self.threads.call(self.sync.start, workflow, *args, **kwargs))

    async def start_with(
        self,
        workflow: WorkflowDefinition[..., R] | type[WorkflowClass],
        args: tuple[Any, ...] | builtins.list[Any] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        workflow_id: str | None = None,
        reuse_policy: ReusePolicy | str = ReusePolicy.RETURN_EXISTING,
        task_list: str | None = None,
        task_priority: int | None = None,
        execution_start_to_close: Seconds | None = None,
        tags: Iterable[str] | None = None,
        search_attributes: Mapping[str, Any] | None = None,
        signal: tuple[str | Signal[Any], Any] | None = None,
    ) -> AsyncHandle[R]:
        """Start a workflow with options; see `Client.start_with`."""

        def start() -> Handle[R]:
            return self.sync.start_with(
                workflow,
                args,
                kwargs,
                workflow_id=workflow_id,
                reuse_policy=reuse_policy,
                task_list=task_list,
                task_priority=task_priority,
                execution_start_to_close=execution_start_to_close,
                tags=tags,
                search_attributes=search_attributes,
                signal=signal,
            )

        return self._awaited(await self.threads.call(start))

    @overload
    def handle(
        self, workflow_id: str, run_id: str = "", *, workflow: WorkflowDefinition[..., R]
    ) -> AsyncHandle[R]: ...
    @overload
    def handle(
        self, workflow_id: str, run_id: str = "", *, workflow: None = None
    ) -> AsyncHandle[Any]: ...
    def handle(
        self,
        workflow_id: str,
        run_id: str = "",
        *,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> AsyncHandle[Any]:
        """Return a handle for an execution that was started elsewhere; see `Client.handle`."""
        return self._awaited(self.sync.handle(workflow_id, run_id, workflow=workflow))

    async def fork(self, workflow_id: str, **options: Any) -> AsyncHandle[Any]:
        """Begin a run that reuses what another has recorded; see `Client.fork`."""
        return self._awaited(await self.threads.call(self.sync.fork, workflow_id, **options))

    async def rerun(
        self, workflow_id: str, *, run_id: str = "", task_list: str | None = None
    ) -> AsyncHandle[Any]:
        """Run a failed execution again; see `Client.rerun`."""
        rerun = await self.threads.call(
            self.sync.rerun, workflow_id, run_id=run_id, task_list=task_list
        )
        return self._awaited(rerun)

    def _awaited(self, handle: Handle[R]) -> AsyncHandle[R]:
        return AsyncHandle(handle, self.threads, self._waits)

    # -- waits

    async def result(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        timeout: float | None = None,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Any:
        """Wait for the result; see `Client.result`."""
        decode = read_untyped if workflow is None else workflow.signature.decode_result
        return await self._waits.result(workflow_id, run_id, timeout, workflow, decode)

    async def result_data(
        self,
        workflow_id: str,
        *,
        run_id: str = "",
        timeout: float | None = None,
        workflow: WorkflowDefinition[..., Any] | None = None,
    ) -> Any:
        """Wait for the result as JSON data for people; see `Client.result_data`."""
        return await self._waits.result(workflow_id, run_id, timeout, workflow, plain_data)

    async def update(
        self,
        workflow_id: str,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        run_id: str = "",
        timeout: float | None = None,
    ) -> Any:
        """Send an update and wait for its answer; see `Client.update`."""
        return await self._waits.update(workflow_id, run_id, name, args, kwargs, timeout)

    def follow(
        self, workflow_id: str, *, run_id: str = "", after: int = 0
    ) -> AsyncIterator[AnyEvent]:
        """Yield the events after number `after` as they are recorded, until the run is closed."""
        return self._waits.follow(workflow_id, run_id, after)

    # -- short calls

    signal = _threaded(Client.signal)
    query = _threaded(Client.query)
    limits = _threaded(Client.limits)
    set_limits = _threaded(Client.set_limits)
    cancel = _threaded(Client.cancel)
    terminate = _threaded(Client.terminate)
    listen = _threaded(Client.listen)
    describe = _threaded(Client.describe)
    history = _threaded(Client.history)
    export_history = _threaded(Client.export_history)
    import_history = _threaded(Client.import_history)
    stack = _threaded(Client.stack)
    list = _threaded(Client.list)

    async def close(self) -> None:
        """Close the client behind it, and end its threads."""
        try:
            await self.threads.call(self.sync.close)
        finally:
            self.threads.close()

    async def __aenter__(self) -> AsyncClient:
        """Return itself."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close."""
        await self.close()
