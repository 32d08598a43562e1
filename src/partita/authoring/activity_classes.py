"""Activities as classes: the definition in attributes, the work in `execute`.

class Charge(Activity):
    category = "payments"
    start_to_close = 30
    retry = Retry(max_attempts=3)

    def execute(self, card: str, cents: int) -> str:
        self.heartbeat("asking the bank")
        ...

Each attempt gets an instance of its own. `execute` returns its result, or one of the ends of
`partita.deciders` (`Completed`, `Failed`, `Aborted`, `Canceled`, `TimedOut`), or raises one of
those, or any exception.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.context import ActivityInfo, activity_info, heartbeat
from partita.authoring.declared import check_attributes, entry, refuse_unknown
from partita.authoring.definition import ActivityDefinition, ActivityOptions
from partita.authoring.future import Future, Futures
from partita.authoring.middleware import Middleware
from partita.authoring.options import (
    Route,
    Seconds,
    checked_priority,
    routing,
    seconds,
)
from partita.authoring.registry import register
from partita.authoring.retry import Retry, retry_policy_of
from partita.errors import InvalidOptionError
from partita.history import ActivityType

_OPTIONS = {
    "name": str,
    "version": str,
    "category": (str, type(None)),
    "task_priority": (int, type(None)),
    "retry": (Retry, int, type(None)),
    "process": bool,
    "idempotent": bool,
    "auto_complete": bool,
    "middleware": (tuple, list),
}
_TIMES = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat_timeout")


class Activity:
    """The base of activities in class form. Attributes are the options of `@activity`."""

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    task_list: ClassVar[str | Route | None] = None
    category: ClassVar[str | None] = None  # another word for its task list
    task_priority: ClassVar[int | None] = None
    schedule_to_start: ClassVar[Seconds | None] = None
    start_to_close: ClassVar[Seconds | None] = None
    schedule_to_close: ClassVar[Seconds | None] = None
    heartbeat_timeout: ClassVar[Seconds | None] = None
    retry: ClassVar[Retry | int | None] = None
    process: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False
    auto_complete: ClassVar[bool] = True
    middleware: ClassVar[tuple[Middleware, ...]] = ()
    definition: ClassVar[ActivityFunction[..., Any]]

    input: Any = None  # the first argument, for those who take no parameters in `execute`

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Define the activity; `class Base(Activity, abstract=True)` defines none."""
        super().__init_subclass__()
        refuse_unknown(cls, unknown)
        if not abstract:
            check_attributes(cls, _OPTIONS, ("task_list", *_TIMES))
            cls.definition = register(_definition(cls))

    # -- what users override

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work: override this."""
        raise NotImplementedError(f"{type(self).__name__} has no execute(); write one")

    # -- what the code uses

    @property
    def info(self) -> ActivityInfo:
        """The task that this instance works for."""
        return activity_info()

    def heartbeat(self, details: Any = None) -> None:
        """Say that the activity is alive, as `partita.heartbeat` does.

        Raises:
            CancelledError: somebody wants the activity to end.
        """
        heartbeat(details)

    # -- for workflows, and for plain Python

    @classmethod
    def call(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it and return its result; in a workflow, durably."""
        return cls.definition(*args, **kwargs)

    @classmethod
    def submit(cls, *args: Any, **kwargs: Any) -> Future[Any]:
        """Begin it and return a future."""
        future: Future[Any] = cls.definition.submit(*args, **kwargs)
        return future

    @classmethod
    def map(cls, items: Iterable[Any], /) -> Futures[Any]:
        """Submit it once per item; the futures are in the items' order."""
        return cls.definition.map(items)

    @classmethod
    def options(cls, **changes: Any) -> ActivityFunction[..., Any]:
        """Return its definition with other settings."""
        return cls.definition.options(**changes)


def activity_of(activity: ActivityDefinition | type[Activity]) -> ActivityDefinition:
    """Return the definition that a class, or the definition itself, stands for."""
    return activity.definition if isinstance(activity, type) else activity


def _definition(cls: type[Activity]) -> ActivityFunction[..., Any]:
    task_list = _unbound(cls, "task_list")
    if task_list is not None and cls.category is not None:
        raise InvalidOptionError(
            f"class {cls.__name__}: category is another word for task_list; give one of them"
        )
    settings = ActivityOptions(
        **routing(cls.category if task_list is None else task_list),
        task_priority=checked_priority(cls.task_priority),
        schedule_to_start=seconds("schedule_to_start", cls.schedule_to_start),
        start_to_close=seconds("start_to_close", cls.start_to_close),
        schedule_to_close=seconds("schedule_to_close", cls.schedule_to_close),
        heartbeat=seconds("heartbeat_timeout", cls.heartbeat_timeout),
        retry_policy=retry_policy_of(cls.retry),
        process=cls.process,
        idempotent=cls.idempotent,
        auto_complete=cls.auto_complete,
        middleware=tuple(cls.middleware),
    )
    activity_type = ActivityType(vars(cls).get("name", cls.__name__), cls.version)
    is_async = inspect.iscoroutinefunction(cls.execute)
    kind: Any = AsyncActivityFunction if is_async else ActivityFunction
    made: ActivityFunction[..., Any] = kind(_entry(cls), activity_type, settings)
    return made


def _unbound(cls: type[Any], name: str) -> Any:
    """Return an attribute that may be a function, as it was written."""
    return inspect.getattr_static(cls, name)


def _entry(cls: type[Activity]) -> Callable[..., Any]:
    """Return `execute` as a function; without parameters of its own it reads `self.input`."""
    if len(inspect.signature(cls.execute).parameters) > 1:
        return entry(cls.execute, cls)
    work = cls.execute

    def begun(input: Any) -> Activity:
        instance = cls()
        instance.input = input
        return instance

    if inspect.iscoroutinefunction(work):

        @functools.wraps(work)
        async def run_async(input: Any = None) -> Any:
            return await begun(input).execute()

        return _with_input(run_async)

    @functools.wraps(work)
    def run_sync(input: Any = None) -> Any:
        return begun(input).execute()

    return _with_input(run_sync)


def _with_input(function: Any) -> Callable[..., Any]:
    parameter = inspect.Parameter("input", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    function.__signature__ = inspect.Signature([parameter])
    return function  # type: ignore[no-any-return]
