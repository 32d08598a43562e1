"""Define activities as classes: options in attributes, the work in `execute`.

class Charge(Activity):
    category = "payments"
    start_to_close = 30
    retry = Retry(max_attempts=3)

    def execute(self, card: str, cents: int) -> str:
        self.heartbeat("asking the bank")
        ...

Each attempt gets an instance of its own. `execute` returns its result, or returns or raises one
of the results of `partita.deciders` (`Completed`, `Failed`, `Aborted`, `Canceled`, `TimedOut`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from partita.authoring.activity import ActivityFunction, activity_function
from partita.authoring.class_options import check_attributes, check_keywords, entry
from partita.authoring.context import ActivityInfo, activity_info, heartbeat
from partita.authoring.definition import ActivityDefinition, ActivityOptions
from partita.authoring.foreign_options import ACTIVITIES
from partita.authoring.functions import check_code
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
    """The base class of activities; attributes are the options of `@activity`."""

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    task_list: ClassVar[str | Route | None] = None
    category: ClassVar[str | None] = None  # a synonym of task_list
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

    input: Any = None  # the argument, if `execute` takes no parameters

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Register the activity, unless the class is `abstract=True`."""
        super().__init_subclass__()
        check_keywords(cls, unknown)
        if not abstract:
            check_attributes(cls, _OPTIONS, ("task_list", *_TIMES), ACTIVITIES)
            cls.definition = register(_definition(cls))

    # -- what users override

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work; override this."""
        raise NotImplementedError(f"{type(self).__name__} has no execute(); write one")

    # -- for `execute`

    @property
    def info(self) -> ActivityInfo:
        """The task that this instance runs for."""
        return activity_info()

    def heartbeat(self, details: Any = None) -> None:
        """Record a heartbeat, as `partita.heartbeat` does."""
        heartbeat(details)

    # -- for workflows, and for plain Python

    @classmethod
    def call(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it, in a workflow durably, and return its result."""
        return cls.definition(*args, **kwargs)

    @classmethod
    def submit(cls, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a future of its result."""
        future: Future[Any] = cls.definition.submit(*args, **kwargs)
        return future

    @classmethod
    def map(
        cls, items: Iterable[Any], /, *, distributed: bool = False, batch: int | None = None
    ) -> Futures[Any]:
        """Submit it once per item, or batch of items; the futures are in the items' order."""
        definition: Any = cls.definition
        found: Futures[Any] = definition.map(items, distributed=distributed, batch=batch)
        return found

    @classmethod
    def options(cls, **changes: Any) -> ActivityFunction[..., Any]:
        """Return its definition with other options."""
        return cls.definition.options(**changes)


def activity_of(activity: ActivityDefinition | type[Activity]) -> ActivityDefinition:
    """Return the definition that a class, or the definition itself, stands for."""
    return activity.definition if isinstance(activity, type) else activity


def _definition(cls: type[Activity]) -> ActivityFunction[..., Any]:
    task_list: Any = inspect.getattr_static(cls, "task_list")  # a function is no method here
    if task_list is not None and cls.category is not None:
        raise InvalidOptionError(
            f"class {cls.__name__}: category is a synonym of task_list; give one of them"
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
    made: ActivityFunction[..., Any] = activity_function(_entry(cls), activity_type, settings)
    return made


def _entry(cls: type[Activity]) -> Callable[..., Any]:
    """Return `execute` as a function; without parameters of its own it reads `self.input`."""
    check_code(f"{cls.__qualname__}.execute", cls.execute)
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
