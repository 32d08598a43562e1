"""Run an asyncio event loop on a thread of its own. Knows nothing of activities."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio  # costs 25 ms, which only workers with asynchronous activities pay

CLOSE_TIMEOUT = 2.5
"""Seconds that `close` waits for the thread, which code on the loop may block."""


class EventLoop:
    """An event loop; its thread starts with the first call. Safe to use from many threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop's thread, soon."""
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop, self._thread = _started(asyncio.new_event_loop(), self._name)
        self._loop.call_soon_threadsafe(function, *args)

    def close(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Cancel what runs on the loop, and wait for its thread."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout)


def _started(
    loop: asyncio.AbstractEventLoop, name: str
) -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    """Start a thread for a loop; close the loop if the system gives none."""
    thread = threading.Thread(target=_run, args=[loop], name=name, daemon=True)
    try:
        thread.start()
    except BaseException:
        loop.close()
        raise
    return loop, thread


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
