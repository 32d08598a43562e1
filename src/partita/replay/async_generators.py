"""Close asynchronous generators of workflow code as `asyncio.run` does.

A generator that the code has dropped is closed by a task of its own; one that is left at the end
of the run is closed there. Both may await, so that activities in `finally` run.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from asyncio import events
from collections.abc import AsyncGenerator
from typing import Any

from partita.authoring.garbage import is_collecting, watch_collector

Generator = AsyncGenerator[Any, Any]


class AsyncGenerators:
    """The asynchronous generators of one event loop that have begun, in their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        watch_collector()
        self._loop = loop
        self._open: dict[int, weakref.ref[Generator]] = {}
        self._kept: list[Generator] = []  # dropped where no task could close them
        self._outer: Any = (None, None)  # the hooks of this thread

    def __bool__(self) -> bool:
        return bool(self._open or self._kept)

    def enter(self) -> None:
        """Watch the generators that begin on this thread."""
        self._outer = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._begin, finalizer=self._drop)

    def leave(self) -> None:
        """Give the thread its hooks back."""
        sys.set_asyncgen_hooks(*self._outer)

    async def close_all(self) -> None:
        """Close what is left; what is raised by that goes to the exception handler."""
        left = [found for one in self._open.values() if (found := one()) is not None]
        left += self._kept
        self._open.clear()
        self._kept = []
        closed = await asyncio.gather(*(one.aclose() for one in left), return_exceptions=True)
        for generator, error in zip(left, closed, strict=True):
            if isinstance(error, Exception):
                message = f"an error occurred while closing {generator.__name__}"  # type: ignore[attr-defined]
                self._loop.call_exception_handler({"message": message, "exception": error})

    def _begin(self, generator: Generator) -> None:
        number, open = id(generator), self._open
        open[number] = weakref.ref(generator, lambda _: open.pop(number, None))

    def _drop(self, generator: Generator) -> None:
        """Close a generator that nothing refers to.

        The garbage collector drops a cycle at any time, which a replay could not repeat; such a
        generator is kept until the end of the run.
        """
        if self._loop.is_closed():
            return
        if is_collecting() or events._get_running_loop() is not self._loop:
            self._kept.append(generator)
        else:
            self._loop.call_soon(self._loop.create_task, generator.aclose())
