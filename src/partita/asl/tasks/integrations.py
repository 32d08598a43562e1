"""Know the actions of services that Task states can call: `sqs:sendMessage` and the like.

Each is an activity `states:SERVICE:ACTION`, whose input is the state's parameters. A handler is
registered by name; without one the service itself is called, by `outside`. Lambda is in `lambdas`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.tasks import outside
from partita.authoring.activity import ActivityFunction, activity
from partita.authoring.registry import register

Handler = Callable[[Any], Any]
"""Carries out an action, given its parameters; raises TaskFailedError if that fails."""

WAIT = "wait"
"""The suffix of an action that waits for the end of what `.sync` has started."""

STOP = "stop"
"""The suffix of an action that stops what `.sync` has started."""

_handlers: dict[str, Handler] = {}
_activities: dict[str, ActivityFunction[..., Any]] = {}


def register_integration(name: str, handler: Handler) -> None:
    """Register a callable for the action of that name, such as `sqs:sendMessage`."""
    _handlers[name] = handler


def activity_of(name: str) -> str:
    """Return the name of the activity of an action, which this process then has."""
    type_name = f"states:{name}"
    if type_name not in _activities:

        def perform(parameters: Any = None) -> Any:
            return _perform(name, parameters)

        _activities[type_name] = activity(name=type_name)(perform)
    register(_activities[type_name])
    return type_name


def has_wait(name: str) -> bool:
    """Return whether `.sync` of an action only starts what another activity then waits for."""
    return f"{name}.{WAIT}" in _handlers


def served() -> dict[str, ActivityFunction[..., Any]]:
    """Return the activities of the actions that this process has, by their types' keys."""
    return {one.key: one for one in list(_activities.values())}


def _perform(name: str, parameters: Any) -> Any:
    handler = _handlers.get(name)
    return outside.perform(name, parameters) if handler is None else handler(parameters)


def forget_integration(name: str) -> None:
    """Undo `register_integration`."""
    _handlers.pop(name, None)
