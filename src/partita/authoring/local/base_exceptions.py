"""Turn what is no Exception into one where it leaves an activity or a child, as an engine does.

On an engine such an exception ends an activity or a run and nothing else, so a workflow can
catch it as an Exception. In plain Python the exceptions that end the program or the test must
reach it: they pass through all calls.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from partita.authoring.failure import describe, rebuild
from partita.authoring.failure.state import PARTS
from partita.errors import ActivityFailedError, CancelledError

_PASSING = ("partita.", "_pytest.", "hypothesis.")
"""Modules whose exceptions, if they are no Exceptions, end a run or a test."""


def ends_program(error: BaseException) -> bool:
    """Return whether an exception ends more than what raised it: Ctrl-C, or the end of a test."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(ends_program, PARTS.__get__(error)))
    if isinstance(error, (Exception, KeyboardInterrupt)):
        return isinstance(error, KeyboardInterrupt)
    return any(place.__module__.startswith(_PASSING) for place in type(error).__mro__)


def fails_run(error: BaseException) -> bool:
    """Return whether an exception of a workflow's code fails its run, rather than ending it."""
    if isinstance(error, Exception):
        return not isinstance(error, CancelledError)
    is_end = isinstance(error, GeneratorExit) or is_asyncio_cancellation(error)
    return not is_end and not ends_program(error)


def is_asyncio_cancellation(error: BaseException) -> bool:
    """Return whether it is asyncio's CancelledError."""
    asyncio = sys.modules.get("asyncio")  # not imported: nobody can raise its errors
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def as_exception(
    error: BaseException,
    near: tuple[Callable[..., Any], ...],
    otherwise: type[Exception] = ActivityFailedError,
) -> Exception:
    """Return the Exception that an engine makes of one that is none.

    `near` and `otherwise` are those of `rebuild`.
    """
    return rebuild(describe(error), near, otherwise)
