"""Tell what the garbage collector does from what the code does.

The collector runs at any time, in the middle of any code. What happens because it found a cycle
cannot be repeated by a replay, nor be blamed on the code that runs just then.
"""

from __future__ import annotations

import functools
import gc
import threading
from typing import Any


class _State(threading.local):
    is_collecting = False


_state = _State()


def _note(phase: str, _: dict[str, Any]) -> None:
    _state.is_collecting = phase == "start"


@functools.cache
def watch_collector() -> None:
    """Record when the garbage collector runs, for `is_collecting`."""
    gc.callbacks.append(_note)


def is_collecting() -> bool:
    """Return whether this thread is inside the garbage collector."""
    return _state.is_collecting
