"""Run an asyncio event loop on a thread of its own. Knows nothing of activities."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio  # costs 25 ms, which only workers with asynchronous activities pay

log = logging.getLogger("partita.worker")

CLOSE_TIMEOUT = 2.5
"""Seconds that `close` waits for the thread, which code on the loop may block."""


class EventLoop:
    """An event loop; its thread starts with the first call. Safe to use from many threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()  # not made yet

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop's thread, soon, or once there is a thread: see `retry`."""
        self._calls.append((function, args))
        self.retry()

    def retry(self) -> None:
        """Start the thread if it could not be started for a call; call this now and then."""
        if not self._calls:
            return
        with self._lock:
            try:
                loop = self._loop or self._started()
            except (RuntimeError, MemoryError, OSError) as error:
                log.warning("the event loop of activities cannot be started now: %s", error)
                return
            while self._calls:
                function, args = self._calls.popleft()
                loop.call_soon_threadsafe(function, *args)

    @property
    def is_short(self) -> bool:
        """Whether calls wait because the thread could not be started."""
        return bool(self._calls)

    def _started(self) -> asyncio.AbstractEventLoop:
        """Start the thread; close the loop if the system gives none."""
        import asyncio

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=[loop], name=self._name, daemon=True)
        try:
            thread.start()
        except BaseException:
            loop.close()
            raise
        self._loop, self._thread = loop, thread
        return loop

    def close(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Cancel what runs on the loop, and wait for its thread."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, then end what still runs on it."""
    import asyncio

    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
