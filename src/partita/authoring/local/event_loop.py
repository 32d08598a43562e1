"""Leave the event loop of a thread while an activity runs on it.

An async workflow in plain Python runs the sync activities that it calls on its own thread. On an
engine they have a thread without an event loop, so that they may call `asyncio.run`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def outside_event_loop() -> Iterator[None]:
    """Hide the event loop and the task that run on this thread, if they do."""
    if "asyncio" not in sys.modules:
        yield
        return
    from asyncio import events, tasks  # loaded already

    loop = events._get_running_loop()
    task = None if loop is None else tasks.current_task(loop)
    if loop is not None and task is not None:
        tasks._leave_task(loop, task)
    events._set_running_loop(None)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)
        events._set_running_loop(loop)
        if loop is not None and task is not None:
            tasks._enter_task(loop, task)
