"""The client for asyncio: the methods of `Client`, awaited.

Short calls run on threads of the client's own. A wait takes no thread: the service tells when an
execution ends, and where it cannot, the execution is described again and again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from partita.authoring.workflow import WorkflowDefinition
from partita.client.async_handle import AsyncHandle
from partita.client.async_waits import AsyncWaits, Threads
from partita.client.client import Client, Tasks
from partita.client.handle import Handle
from partita.client.schedules import Schedules
from partita.codec import plain_data, read_untyped
from partita.errors import InvalidOptionError
from partita.history import AnyEvent

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Sync = TypeVar("Sync", covariant=True)
T = TypeVar("T")


class _Awaited(Generic[Sync]):
    """What has a synchronous counterpart, and threads to call it on."""

    def __init__(self, sync: Sync, threads: Threads) -> None:
        self.sync = sync
        self.threads = threads


def _threaded(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[_Awaited[S], P], Coroutine[Any, Any, T]]:
    """Return a method that calls that of the counterpart on a thread."""

    async def call(self: _Awaited[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.threads.call(method, self.sync, *args, **kwargs)

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


def _handled(
    method: Callable[Concatenate[Client, P], Handle[R]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, AsyncHandle[R]]]:
    """Return a method that calls that of the client on a thread; its handle is awaited."""

    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncHandle[R]:
        return self._awaited(await self.threads.call(method, self.sync, *args, **kwargs))

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class AsyncTasks(_Awaited[Tasks]):
    """The `tasks` of a client for asyncio: the same methods, awaited."""

    complete = _threaded(Tasks.complete)
    """See `Tasks.complete`."""
    fail = _threaded(Tasks.fail)
    """See `Tasks.fail`."""
    cancel = _threaded(Tasks.cancel)
    """See `Tasks.cancel`."""
    heartbeat = _threaded(Tasks.heartbeat)
    """See `Tasks.heartbeat`."""


class AsyncSchedules(_Awaited[Schedules]):
    """The `schedules` of a client for asyncio: the same methods, awaited."""

    create = _threaded(Schedules.create)
    """See `Schedules.create`."""
    update = _threaded(Schedules.update)
    """See `Schedules.update`."""
    preview = _threaded(Schedules.preview)
    """See `Schedules.preview`."""
    get = _threaded(Schedules.get)
    """See `Schedules.get`."""
    list = _threaded(Schedules.list)
    """See `Schedules.list`."""
    pause = _threaded(Schedules.pause)
    """See `Schedules.pause`."""
    resume = _threaded(Schedules.resume)
    """See `Schedules.resume`."""
    trigger = _threaded(Schedules.trigger)
    """See `Schedules.trigger`."""
    backfill = _threaded(Schedules.backfill)
    """See `Schedules.backfill`."""
    delete = _threaded(Schedules.delete)
    """See `Schedules.delete`."""


class AsyncClient(_Awaited[Client]):
    """A `Client` for asyncio: the same methods, awaited. `sync` is the client behind it."""

    def __init__(self, sync: Client) -> None:
        if not isinstance(sync, Client):
            raise InvalidOptionError(
                f"{sync!r} is no Client; give one, such as Client(connect('sqlite:///orders.db'))"
            )
        super().__init__(sync, Threads())
        self.tasks = AsyncTasks(sync.tasks, self.threads)
        self.schedules = AsyncSchedules(sync.schedules, self.threads)
        self._waits = AsyncWaits(sync, self.threads)

    start = _handled(Client.start)
    """Start a workflow; see `Client.start`."""
    start_with = _handled(Client.start_with)
    """Start a workflow with options; see `Client.start_with`."""
    fork = _handled(Client.fork)
    """Begin a run that reuses what another has recorded; see `Client.fork`."""
    rerun = _handled(Client.rerun)
    """Run a failed execution again; see `Client.rerun`."""

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
    """See `Client.signal`."""
    query = _threaded(Client.query)
    """See `Client.query`."""
    limits = _threaded(Client.limits)
    """See `Client.limits`."""
    set_limits = _threaded(Client.set_limits)
    """See `Client.set_limits`."""
    cancel = _threaded(Client.cancel)
    """See `Client.cancel`."""
    terminate = _threaded(Client.terminate)
    """See `Client.terminate`."""
    pause = _threaded(Client.pause)
    """See `Client.pause`."""
    resume = _threaded(Client.resume)
    """See `Client.resume`."""
    pause_type = _threaded(Client.pause_type)
    """See `Client.pause_type`."""
    resume_type = _threaded(Client.resume_type)
    """See `Client.resume_type`."""
    pause_task_list = _threaded(Client.pause_task_list)
    """See `Client.pause_task_list`."""
    resume_task_list = _threaded(Client.resume_task_list)
    """See `Client.resume_task_list`."""
    pauses = _threaded(Client.pauses)
    """See `Client.pauses`."""
    why = _threaded(Client.why)
    """See `Client.why`."""
    listen = _threaded(Client.listen)
    """See `Client.listen`."""
    describe = _threaded(Client.describe)
    """See `Client.describe`."""
    status = _threaded(Client.status)
    """See `Client.status`."""
    history = _threaded(Client.history)
    """See `Client.history`."""
    export_history = _threaded(Client.export_history)
    """See `Client.export_history`."""
    import_history = _threaded(Client.import_history)
    """See `Client.import_history`."""
    stack = _threaded(Client.stack)
    """See `Client.stack`."""
    list = _threaded(Client.list)
    """See `Client.list`."""

    async def close(self) -> None:
        """Close the client behind it, and end its threads; do nothing the second time."""
        if self.threads.is_closed:
            return
        try:
            await self.threads.call(self.sync.close)
        finally:
            self.threads.close()
            self._waits.wake()

    async def __aenter__(self) -> AsyncClient:
        """Return itself."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close."""
        await self.close()
