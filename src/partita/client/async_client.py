"""The client for asyncio: every method of `Client`, run on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from partita.authoring.workflow import WorkflowDefinition
from partita.client.client import Client, Tasks
from partita.client.handle import Handle

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Sync = TypeVar("Sync", covariant=True)  # what awaits a `Client` awaits all that it is
T = TypeVar("T")


class _Awaited(Generic[Sync]):
    def __init__(self, sync: Sync) -> None:
        self.sync = sync


def _threaded(
    method: Callable[Concatenate[S, P], T],
) -> Callable[Concatenate[_Awaited[S], P], Coroutine[Any, Any, T]]:
    async def call(self: _Awaited[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, self.sync, *args, **kwargs)

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class AsyncTasks(_Awaited[Tasks]):
    """The `tasks` of a client for asyncio: the same methods, awaited."""

    complete = _threaded(Tasks.complete)
    fail = _threaded(Tasks.fail)
    cancel = _threaded(Tasks.cancel)
    heartbeat = _threaded(Tasks.heartbeat)


class AsyncClient(_Awaited[Client]):
    """A `Client` for asyncio: the same methods, awaited. `sync` is the client behind it."""

    def __init__(self, sync: Client) -> None:
        super().__init__(sync)
        self.tasks = AsyncTasks(sync.tasks)

    async def start(
        self, workflow: WorkflowDefinition[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Handle[R]:
        """Start a workflow; see `Client.start`."""
        return await asyncio.to_thread(self.sync.start, workflow, *args, **kwargs)

    start_with = _threaded(Client.start_with)
    result = _threaded(Client.result)
    result_data = _threaded(Client.result_data)
    signal = _threaded(Client.signal)
    query = _threaded(Client.query)
    update = _threaded(Client.update)
    fork = _threaded(Client.fork)
    rerun = _threaded(Client.rerun)
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
    close = _threaded(Client.close)
