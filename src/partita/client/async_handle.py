"""Refer to one execution in asyncio: the methods of a handle, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import Any, Generic, TypeVar, overload

from partita.authoring.messages import Signal
from partita.client.async_waits import AsyncWaits, Threads
from partita.client.execution_status import ExecutionStatus
from partita.client.handle import Handle
from partita.codec import plain_data, read_untyped
from partita.history import AnyEvent
from partita.ports.service import ExecutionDetail
from partita.views.verdicts import Verdict

R = TypeVar("R")
T = TypeVar("T")


class AsyncHandle(Generic[R]):
    """One execution, as the client for asyncio that started it sees it. `sync` is its `Handle`."""

    def __init__(self, sync: Handle[R], threads: Threads, waits: AsyncWaits) -> None:
        self.sync = sync
        self.workflow_id = sync.workflow_id
        self.run_id = sync.run_id
        self._call = threads.call
        self._waits = waits

    def __repr__(self) -> str:
        return f"<Async{repr(self.sync)[1:]}"

    def _repr_html_(self) -> str:
        """Return how the execution stands now as a table, for a notebook; it waits for that."""
        return self.sync._repr_html_()

    @overload
    async def result(
        self: AsyncHandle[Coroutine[Any, Any, T]], timeout: float | None = None
    ) -> T: ...
    @overload
    async def result(self, timeout: float | None = None) -> R: ...
    async def result(self, timeout: float | None = None) -> Any:
        """Wait for the result; see `Client.result`."""
        workflow = self.sync.workflow
        decode = read_untyped if workflow is None else workflow.signature.decode_result
        return await self._waits.result(self.workflow_id, self.run_id, timeout, workflow, decode)

    async def result_data(self, timeout: float | None = None) -> Any:
        """Wait for the result as JSON data for people; see `Client.result_data`."""
        return await self._waits.result(
            self.workflow_id, self.run_id, timeout, self.sync.workflow, plain_data
        )

    async def signal(self, name: str | Signal[Any], value: Any = None) -> None:
        """Send a signal; see `Client.signal`."""
        await self._call(self.sync.signal, name, value)

    async def query(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Query the workflow's code; see `Client.query`."""
        return await self._call(self.sync.query, name, *args, **kwargs)

    async def update(
        self, name: str, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Send an update and wait for its answer; see `Client.update`."""
        return await self._waits.update(self.workflow_id, self.run_id, name, args, kwargs, timeout)

    async def cancel(self) -> None:
        """Ask the workflow to cancel itself."""
        await self._call(self.sync.cancel)

    async def terminate(self, reason: str | None = None) -> None:
        """End the execution at once."""
        await self._call(self.sync.terminate, reason)

    async def pause(self, reason: str | None = None) -> None:
        """Pause the execution; see `Client.pause`."""
        await self._call(self.sync.pause, reason)

    async def resume(self) -> None:
        """Resume the execution; see `Client.resume`."""
        await self._call(self.sync.resume)

    async def why(self) -> Verdict:
        """Return why the execution is not done, or how it ended; see `Client.why`."""
        return await self._call(self.sync.why)

    async def describe(self) -> ExecutionDetail:
        """Return how the execution stands."""
        return await self._call(self.sync.describe)

    async def status(self) -> ExecutionStatus:
        """Return how the execution stands, and how it has ended; see `Client.status`."""
        return await self._call(self.sync.status)

    async def history(self, *, after: int = 0) -> list[AnyEvent]:
        """Return the events so far, from the one after number `after` on."""
        return await self._call(self.sync.history, after=after)

    def follow(self, *, after: int = 0) -> AsyncIterator[AnyEvent]:
        """Yield the events after number `after` as they are recorded, until the run is closed."""
        return self._waits.follow(self.workflow_id, self.run_id, after)
