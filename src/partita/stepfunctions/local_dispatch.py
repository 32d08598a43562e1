"""Dispatch the calls of a deployed machine to the activities that this process has.

For machines that are deployed to an endpoint without Lambda: `--lambda NAME=FILE`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.codec import Converter
from partita.errors import InvalidInputError
from partita.stepfunctions.error_texts import SEPARATOR


def dispatcher() -> Callable[[Any, Any], Any]:
    """Return a function's handler that calls the activities which are loaded now."""
    loaded = {one.activity_type.name: one for one in known(ActivityDefinition)}
    return lambda event, _: _dispatch(event, loaded)


def _dispatch(event: Any, loaded: Mapping[str, ActivityDefinition]) -> Any:
    """Call the activity that an event names, as a bundle's handler does; return its result.

    Raises:
        InvalidInputError: there is no such activity, or the arguments do not fit.
    """
    if isinstance(event, dict) and event.keys() >= {"signal", "token"}:
        return None
    name = event.get("activity") if isinstance(event, dict) else None
    if not isinstance(name, str) or name not in loaded:
        raise InvalidInputError(f"the event names no activity that is loaded here: {name!r}")
    activity = loaded[name]
    call = json.dumps({"args": [], "kwargs": event.get("arguments") or {}})
    args, kwargs = activity.signature.load(Converter(), call)
    try:
        result = activity.function(*args, **kwargs)
        if asyncio.iscoroutine(result):
            result = asyncio.run(result)
    except Exception as error:
        raise _told(error) from error
    form = activity.signature.result_form
    return json.loads(Converter().dump(result, activity.result_label, form=form))


def _told(error: Exception) -> Exception:
    """Return an exception of the same name that tells of its bases and attributes."""
    bases = [one.__name__ for one in type(error).__mro__ if issubclass(one, Exception)]
    kept = {k: one for k, one in vars(error).items() if isinstance(one, str | int | bool)}
    more = json.dumps({"bases": bases, "attributes": kept})
    made: Any = type(type(error).__name__, (Exception,), {})
    told: Exception = made(f"{error}{SEPARATOR}{more}")
    return told
