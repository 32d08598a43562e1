"""Leave the event loop of a thread while an activity runs on it.

Plain Python runs the sync activities that a workflow calls on the workflow's own thread, which
has an event loop if the workflow is async or is called in a notebook. On an engine they have a
thread without one, so that they may call `asyncio.run`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def runs_event_loop() -> bool:
    """Return whether an event loop runs on this thread."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


@contextmanager
def outside_event_loop() -> Iterator[None]:
    """Hide the event loop and the task that run on this thread."""
    from asyncio import events, tasks  # loaded already

    loop = events.get_running_loop()
    task = tasks.current_task(loop)
    if task is not None:
        tasks._leave_task(loop, task)
    events._set_running_loop(None)
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)
        events._set_running_loop(loop)
        if task is not None:
            tasks._enter_task(loop, task)
