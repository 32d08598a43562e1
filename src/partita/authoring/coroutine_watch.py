"""Note the coroutines that workflow code drops without awaiting them.

Python only warns of them, and a workflow would end as if nothing were missing. What other code
drops, Python warns of as ever.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Any

from partita.authoring.frames import user_line
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
            line = user_line(sys._getframe(1)) or _defined_at(coroutine)
            where.unawaited.drop(coroutine.__qualname__, line)

    vars(warnings)["_warn_unawaited_coroutine"] = note


def _defined_at(coroutine: Any) -> str:
    code = coroutine.cr_code
    return f"{code.co_filename}:{code.co_firstlineno}"
