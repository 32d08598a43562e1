"""Run `partita`, and kill it before or after the Nth call of a function or method.

`dying_endpoint.py MODULE:NAME before|after N ARGUMENTS...`
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import operator
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from partita.cli import main


def dying(call: Callable[..., Any], when: str, number: int) -> Callable[..., Any]:
    """Return a function that kills this process at one of its calls."""
    calls = itertools.count(1)

    def die(moment: str, count: int) -> None:
        if (moment, count) == (when, number):
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(call)
    def called(*arguments: Any, **named: Any) -> Any:
        count = next(calls)
        die("before", count)
        found = call(*arguments, **named)
        die("after", count)
        return found

    @functools.wraps(call)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        count = next(calls)
        die("before", count)
        found = await call(*arguments, **named)
        die("after", count)
        return found

    return awaited if inspect.iscoroutinefunction(call) else called


if __name__ == "__main__":
    place, moment, position, *given = sys.argv[1:]
    module, _, path = place.partition(":")
    owner, _, attribute = path.rpartition(".")
    around: Any = importlib.import_module(module)
    around = operator.attrgetter(owner)(around) if owner else around
    setattr(around, attribute, dying(getattr(around, attribute), moment, int(position)))
    sys.exit(main(given))
