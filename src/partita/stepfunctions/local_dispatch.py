"""Dispatch the calls of a deployed machine to the activities that this process has.

For machines that are deployed to an endpoint without Lambda: `--lambda NAME=FILE`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from partita.asl.failures import StateFailure
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.codec import Converter
from partita.errors import InvalidInputError
from partita.stepfunctions.error_texts import named_error
from partita.stepfunctions.nested import check_integers, text_telling


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
        return _called(activity, args, kwargs)
    except StateFailure as failure:
        raise named_error(str(failure.error), str(failure.cause)) from failure


def _called(activity: ActivityDefinition, args: Any, kwargs: Any) -> Any:
    """Return what an activity returns, as JSON data.

    Raises:
        StateFailure: an integer in its result, or in its error, is beyond 2**53.
    """
    try:
        result = activity.function(*args, **kwargs)
        if asyncio.iscoroutine(result):
            result = asyncio.run(result)
    except Exception as error:
        told = text_telling(error, activity.label)
        raise named_error(type(error).__name__, told) from error
    form = activity.signature.result_form
    value = json.loads(Converter().dump(result, activity.result_label, form=form))
    check_integers(value, activity.label, activity.result_label)
    return value
