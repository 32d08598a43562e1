"""Make actions of activities: their source, with what it needs of its module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.errors import ComposerError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.emitter.definitions import Definitions
from partita.openwhisk.emitter.hints import add_classes, types_of, written
from partita.openwhisk.function_source import ACTION_KIND

Activity = ActivityFunction[..., Any] | AsyncActivityFunction[..., Any]
Refuse = Callable[[str, str, str], Exception]

SLEEP = "partita_sleep"
"""The action that waits."""

LONGEST_SLEEP = 240
"""Seconds that one activation waits; an action may run for five minutes."""

_LONGEST_TIMEOUT = 600_000  # milliseconds; the most that OpenWhisk lets be configured
_SHORTEST_TIMEOUT = 100
_OWN_IMPORT = re.compile(r"^from partita\.[^)]*\)\n", re.MULTILINE)
_RESERVED = ("error", "$composer")

_SLEEP_CODE = """import time


def main(args):
    time.sleep(args["seconds"])
    return {"value": None}
"""


@cache
def values_source() -> str:
    """Return the source of what carries values between steps."""
    here = Path(__file__)
    writing, values = (
        here.with_name(name).read_text(encoding="utf-8").rstrip()
        for name in ("step_writing.py", "step_values.py")
    )
    return f"{writing}\n\n\n{_OWN_IMPORT.sub('', values)}"


def sleep_definition() -> dict[str, Any]:
    """Return the definition of the action that waits for `seconds`."""
    code = {"kind": ACTION_KIND, "code": _SLEEP_CODE}
    limits = {"timeout": (LONGEST_SLEEP + 60) * 1000}
    return {"exec": code, "limits": limits}


def activity_definition(activity: Activity, refuse: Refuse) -> dict[str, Any]:
    """Return the definition of the action that an activity becomes."""
    _check(activity, refuse)
    name = activity.activity_type.name
    function = inspect.unwrap(activity.function)
    namespace = function.__globals__
    definitions = Definitions(refuse, with_activities=True)
    own = function.__name__
    if namespace.get(own) is not activity:
        raise refuse(
            f"activity {name}",
            f"{own} of its module is something else, so that its source cannot be found",
            "define activities at the top of a module",
        )
    definitions.add(own, namespace)
    types = types_of(function)
    add_classes(definitions, types, namespace)
    code = {"kind": ACTION_KIND, "code": _code(activity, function, definitions, types)}
    made: dict[str, Any] = {"exec": code}
    timeout = activity.settings.start_to_close or activity.settings.schedule_to_close
    if timeout is not None:
        limit = max(_SHORTEST_TIMEOUT, min(round(timeout * 1000), _LONGEST_TIMEOUT))
        made["limits"] = {"timeout": limit}
    return made


def _check(activity: Activity, refuse: Refuse) -> None:
    settings, name = activity.settings, activity.activity_type.name
    if settings.middleware or settings.route or not settings.auto_complete or settings.idempotent:
        raise refuse(
            f"activity {name}",
            "middleware, routes, idempotent and auto_complete=False are not compiled",
            "leave them out",
        )
    try:
        qualified_name(name)
    except ComposerError:
        raise refuse(
            f"activity {name}", "OpenWhisk has no such name of an action", "give it another name"
        ) from None
    for parameter in inspect.signature(activity.function).parameters.values():
        kinds = (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY)
        if parameter.kind in kinds or parameter.name in _RESERVED:
            raise refuse(
                f"activity {name}",
                f"an action cannot have a parameter {parameter}",
                "give it another name, by which it can be passed",
            )


def _code(
    activity: Activity, function: Any, definitions: Definitions, types: dict[str, Any]
) -> str:
    parameters = inspect.signature(function).parameters
    hints = ", ".join(f"{name!r}: {written(types[name])}" for name in parameters)
    defaults = [name for name, one in parameters.items() if one.default is not one.empty]
    call = "_activity(**given)"
    if isinstance(activity, AsyncActivityFunction):
        call = f"__import__('asyncio').run({call})"
    return f"""{definitions.text}_activity = {function.__name__}


{values_source()}


_step = StepValues(globals())


def main(args):
    try:
        given = _step.arguments(args, {{{hints}}}, {defaults!r})
        return {{"value": _step.written({call})}}
    except Exception as error:
        return _step.failure(error)
"""
