"""Notify listeners of what is recorded, while it happens.

A notice is one recorded event, or a heartbeat, in one form for all. Listening is for watching:
a notice is sent after what it tells of has been committed, once, by the process that committed
it; one that is killed in between sends none. What must not be missed is in the histories.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from msgspec import Struct

from partita.errors import InvalidOptionError
from partita.history import AnyEvent, WorkflowExecution, WorkflowType
from partita.ports.state import OpenActivity


class Notice(Struct, frozen=True, kw_only=True):
    """Something that happened to an execution."""

    name: str  # one of NAMES, such as "activity_completed"
    domain: str
    execution: WorkflowExecution
    workflow_type: WorkflowType
    time: float  # seconds since the epoch, UTC
    started_at: float = 0.0  # of the execution, in seconds since the epoch
    trace_context: str | None = None  # of the execution: W3C traceparent of whoever started it
    event: AnyEvent | None = None  # None for a heartbeat, which no history records
    activity: OpenActivity | None = (
        None  # of its start, end, retry or heartbeat, as it stood just before
    )
    activity_id: str | None = None  # of a heartbeat
    details: str | None = None  # of a heartbeat: its payload


def _name(event_type: type[Any]) -> str:
    """Return what a listener calls an event: `activity_timed_out` for ActivityTaskTimedOut."""
    name = event_type.__name__.replace("WorkflowExecution", "Process").replace(
        "ActivityTask", "Activity"
    )
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.replace("LambdaFunction", "Lambda")).lower()


BY_EVENT: dict[type[Any], str] = {kind: _name(kind) for kind in get_args(AnyEvent)}
"""The name of the notice of each type of event."""

HEARTBEAT = "activity_heartbeat"

NAMES = frozenset([*BY_EVENT.values(), HEARTBEAT])
"""What a notice can be named."""

Listen = Callable[[Notice], object]


class Listener:
    """Receive everything that happens: define a method `on_NAME(notice)` for what you want.

    Or override `__call__`, which is given every notice, or those that `wants` names: an engine
    whose listeners all say what they want makes no other notices. Methods are called in the order
    in which things were committed, on a thread of their own: they may take their time, speak to
    the service, and raise, which is logged. Who falls 100,000 notices behind misses some.
    """

    wants: frozenset[str] | None = None  # names of notices; None: all

    def __init_subclass__(cls) -> None:
        """Refuse methods for what never happens.

        Raises:
            InvalidOptionError: no notice has a method's name, or a method is async.
        """
        super().__init_subclass__()
        for name, value in vars(cls).items():
            if name.startswith("on_") and name[3:] not in NAMES:
                close = get_close_matches(name[3:], NAMES, n=1)
                hint = f"; did you mean on_{close[0]}?" if close else ""
                raise InvalidOptionError(f"class {cls.__name__}: nothing is named {name}{hint}")
            if name.startswith("on_") or name == "__call__":
                _refuse_async(f"{cls.__name__}.{name}", value)

    def __call__(self, notice: Notice) -> None:
        """Take a notice."""
        method: Listen | None = getattr(self, f"on_{notice.name}", None)
        if method is not None:
            method(notice)


class Subscription(NamedTuple):
    """A listener, and what it is told of."""

    listener: Listen
    names: frozenset[str] | None  # of notices; None: all
    types: frozenset[type[Any]] = frozenset()  # of the events with these names


def subscription(listener: Listen) -> Subscription:
    """Return a listener with what its attribute `wants` names; all without that.

    Raises:
        InvalidOptionError: it cannot be called with a notice, or wants what never happens.
    """
    names = getattr(checked(listener), "wants", None)
    if names is None:
        return Subscription(listener, None)
    for name in names:
        if name not in NAMES:
            close = get_close_matches(str(name), NAMES, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InvalidOptionError(f"a listener wants {name!r}, and nothing is named that{hint}")
    types = frozenset(kind for kind, name in BY_EVENT.items() if name in names)
    return Subscription(listener, frozenset(names), types)


EVERYWHERE: dict[object, Subscription] = {}
"""The listeners of every service of this process, by a key of their own."""


def use_listener(listener: Listen) -> Callable[[], None]:
    """Listen to every engine of this process; return what ends it.

    Amazon SWF tells only those that listen to a service of it: histories are read for them.

    Raises:
        InvalidOptionError: it cannot be called with a notice, or wants what never happens.
    """
    key = object()
    EVERYWHERE[key] = subscription(listener)
    return lambda: forget(EVERYWHERE, key)


def pass_on(notice: Notice, subscriptions: Iterable[Subscription], log: logging.Logger) -> None:
    """Call those listeners that want a notice; what they raise is logged."""
    for one in subscriptions:
        if one.names is not None and notice.name not in one.names:
            continue
        try:
            one.listener(notice)
        except BaseException:  # sys.exit() in one must not silence the others
            log.exception("a listener broke on %s; the execution goes on", notice.name)


def checked(listener: Listen) -> Listen:
    """Return a listener that can be called.

    Raises:
        InvalidOptionError: it is a class, is async, or is no function.
    """
    if isinstance(listener, type):
        name = listener.__name__
        raise InvalidOptionError(f"{name} is a class; give an instance of it: {name}()")
    if not callable(listener):
        raise InvalidOptionError(f"{listener!r} cannot listen; give a Listener, or a function")
    _refuse_async(getattr(listener, "__name__", f"{listener!r}"), listener)
    return listener


def _refuse_async(name: str, function: object) -> None:
    if inspect.iscoroutinefunction(function):
        raise InvalidOptionError(f"{name} is async and would never be awaited; write a plain def")


def forget(listeners: dict[object, Subscription], key: object) -> None:
    """Remove the listener under a key; a second time does nothing."""
    listeners.pop(key, None)
