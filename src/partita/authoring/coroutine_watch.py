"""Note the coroutines that workflow code drops without awaiting them.

Python only warns of them, and a workflow would end as if nothing were missing. What other code
drops, Python warns of as ever.
"""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from partita.authoring.context_managers import context_manager
from partita.authoring.frames import is_user_code, user_line
from partita.authoring.garbage import is_collecting, watch_collector
from partita.authoring.runtime import current


@functools.cache
def watch_coroutines() -> None:
    """Begin to note them, in every run of this process."""
    warn = vars(warnings).get("_warn_unawaited_coroutine")  # which CPython calls
    if warn is None:
        return
    watch_collector()

    def note(coroutine: Any) -> None:
        where = current.get()
        if where is None or is_collecting():
            warn(coroutine)
        else:
            line = _made_at(coroutine) or user_line(sys._getframe(1)) or _defined_at(coroutine)
            where.unawaited.drop(coroutine.__qualname__, line)

    vars(warnings)["_warn_unawaited_coroutine"] = note


class _Thread(threading.local):
    """What a thread has to restore when no run is on it any more."""

    runs = 0
    depth_before = 0


_thread = _Thread()


@context_manager
def noting_origins() -> Iterator[None]:
    """Record where coroutines are created on this thread, during a run in plain Python."""
    if _thread.runs == 0:
        _thread.depth_before = sys.get_coroutine_origin_tracking_depth()
        note_origins()
    _thread.runs += 1
    try:
        yield
    finally:
        _thread.runs -= 1
        if _thread.runs == 0:
            sys.set_coroutine_origin_tracking_depth(_thread.depth_before)


def note_origins() -> None:
    """Record where coroutines are created on this thread, from now on."""
    if sys.get_coroutine_origin_tracking_depth() == 0:
        sys.set_coroutine_origin_tracking_depth(1)


def _made_at(coroutine: Any) -> str | None:
    """Return file:line of the user's code that made a coroutine, if Python has noted it."""
    for file, line, _ in coroutine.cr_origin or ():
        if is_user_code(file):
            return f"{file}:{line}"
    return None


def _defined_at(coroutine: Any) -> str:
    code = coroutine.cr_code
    return f"{code.co_filename}:{code.co_firstlineno}"
