"""Wait in asyncio for the ends, the answers and the events of executions, without a thread each."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

from partita import errors
from partita import history as h
from partita.authoring.workflow import WorkflowDefinition
from partita.client.execution_client import ExecutionClient
from partita.client.messages import RETRY_INTERVAL, unanswered
from partita.client.validation import checked_wait
from partita.ports.capabilities import SupportsClosings, supports
from partita.ports.outage import Outage
from partita.ports.service import ExecutionInfo, title_of
from partita.ports.state import Status

log = logging.getLogger("partita.client")

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 32
"""Calls that one client makes at a time, at most; none of them waits for an execution."""

FIRST_INTERVAL, MAX_INTERVAL = 0.01, 0.5
"""Seconds between two looks at an execution: at first, and at most."""


class Threads:
    """The threads of one client, which are made as they are needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "partita-client")
        self.is_closed = False

    async def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function returns, called on a thread with the caller's context.

        Raises:
            StoreUnavailableError: the client is closed.
        """
        if self.is_closed:
            raise errors.StoreUnavailableError("this client is closed; open another")
        run: Callable[[], T] = partial(
            contextvars.copy_context().run, partial(function, *args, **kwargs)
        )
        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self) -> None:
        """End the threads that have nothing to do."""
        self.is_closed = True
        self._pool.shutdown(wait=False)


class AsyncWaits:
    """The waits of one client."""

    def __init__(self, client: ExecutionClient, threads: Threads) -> None:
        self._client = client
        self._call = threads.call
        self._wakes: set[Callable[[], None]] = set()  # of those who wait for an end
        service = client.service
        self._outage: Outage = getattr(service, "outage", None) or Outage(title_of(service), log)

    async def result(
        self,
        workflow_id: str,
        run_id: str,
        timeout: float | None,
        workflow: WorkflowDefinition[..., Any] | None,
        decode: Callable[[str], Any],
    ) -> Any:
        """Wait for the result, also of later runs; see `Client.result`."""
        until = _Deadline(checked_wait(timeout))
        run_id = (await self._call(self._client.describe, workflow_id, run_id=run_id)).info.run_id
        while True:
            if not await self._is_closed(h.WorkflowExecution(workflow_id, run_id), until):
                raise await self._call(self._client.late, workflow_id, run_id, timeout)
            ended = await self._patiently(
                partial(self._client.ended, workflow_id, run_id, workflow, decode), until
            )
            if not isinstance(ended, h.WorkflowExecutionContinuedAsNew):
                return ended
            run_id = ended.new_execution_run_id

    async def update(
        self,
        workflow_id: str,
        run_id: str,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None,
        timeout: float | None,
    ) -> Any:
        """Send an update and wait for its answer; see `Client.update`."""
        until = _Deadline(checked_wait(timeout))
        messages = self._client.messages
        payload = messages.payload(args, kwargs, f"the arguments of update {name}")
        execution = h.WorkflowExecution(workflow_id, run_id)
        update = await self._call(messages.send, execution, name, payload)
        for interval in _intervals():
            answer = await self._patiently(partial(messages.look, update), until)
            if answer is not None:
                return await self._call(messages.value, update, answer)
            if until.is_over:
                raise unanswered(name, timeout)
            await until.sleep(interval)
        raise AssertionError("the intervals do not end")

    async def follow(self, workflow_id: str, run_id: str, after: int) -> AsyncIterator[h.AnyEvent]:
        """Yield the events of a run as they are recorded, until it is closed."""
        info = (await self._call(self._client.describe, workflow_id, run_id=run_id)).info
        read = partial(self._client.history, workflow_id, run_id=info.run_id)
        for interval in _intervals():
            is_closed = info.status is not Status.OPEN
            events = await self._patiently(partial(read, after=after), _Deadline(None))
            for event in events:
                yield event
                after = event.event_id
            if is_closed:
                return
            if not events:
                await asyncio.sleep(interval)
            info = await self._patiently(partial(self._info, info), _Deadline(None))

    def _info(self, before: ExecutionInfo) -> ExecutionInfo:
        return self._client.describe(before.workflow_id, run_id=before.run_id).info

    async def _is_closed(self, execution: h.WorkflowExecution, until: _Deadline) -> bool:
        """Wait until an execution is closed; return False if the time is over before."""
        service = self._client.service
        if not supports(service, SupportsClosings):
            return await self._is_described_as_closed(execution, until)
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(closed.set)

        stop = await self._call(service.on_closed, self._client.domain, execution, wake)
        self._wakes.add(wake)
        try:
            await asyncio.wait_for(closed.wait(), until.left)
        except TimeoutError:
            return False
        finally:
            self._wakes.discard(wake)
            stop()
        return True

    def wake(self) -> None:
        """Wake all that wait for ends, since the client is closed."""
        for wake in list(self._wakes):
            wake()

    async def _is_described_as_closed(
        self, execution: h.WorkflowExecution, until: _Deadline
    ) -> bool:
        id, run_id = execution.workflow_id, execution.run_id
        info = (await self._call(self._client.describe, id, run_id=run_id)).info
        for interval in _intervals():
            if info.status is not Status.OPEN:
                return True
            if until.is_over:
                return False
            await until.sleep(interval)
            info = await self._patiently(partial(self._info, info), until)
        raise AssertionError("the intervals do not end")

    async def _patiently(self, function: Callable[[], T], until: _Deadline) -> T:
        """Call a function; while the service is out of reach, again until the time is over."""
        while True:
            try:
                found = await self._call(function)
            except errors.StoreUnavailableError as error:
                if until.is_over or self._client.is_closed:
                    raise
                self._outage.failed(error)
            else:
                self._outage.over()
                return found
            await until.sleep(RETRY_INTERVAL)


class _Deadline:
    def __init__(self, seconds: float | None) -> None:
        self._at = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    @property
    def is_over(self) -> bool:
        return self.left == 0.0

    async def sleep(self, seconds: float) -> None:
        left = self.left
        await asyncio.sleep(seconds if left is None else min(seconds, left))


def _intervals() -> Iterator[float]:
    interval = FIRST_INTERVAL
    while True:
        yield interval
        interval = min(MAX_INTERVAL, interval * 1.3)
