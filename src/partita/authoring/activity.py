"""Define activities as functions: real work that workflows ask for and engines record.

Outside a workflow an activity is an ordinary function. Inside one, a call goes to the runtime.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from partita.authoring.definition import ActivityDefinition, ActivityOptions, Submittable
from partita.authoring.functions import checked_function
from partita.authoring.future import Future, Futures
from partita.authoring.local import active_runtime
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
from partita.authoring.runtime import Runtime, current
from partita.errors import InvalidOptionError
from partita.history import ActivityType

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


def begin(definition: Submittable, args: Any, kwargs: Any) -> Future[Any]:
    """Submit it to the runtime of the workflow that runs here, or outside one to threads."""
    return active_runtime().submit(definition, args, kwargs)


def _definition(activity: Any) -> ActivityDefinition:
    """Return an activity whose type was given up for the sake of inference."""
    found: ActivityDefinition = activity
    return found


class _Activity(ActivityDefinition):
    """What sync and async activities share."""

    def options(
        self,
        *,
        task_list: str | Route | None = None,
        task_priority: int | None = None,
        schedule_to_start: Seconds | None = None,
        start_to_close: Seconds | None = None,
        schedule_to_close: Seconds | None = None,
        heartbeat: Seconds | None = None,
        retry: Retry | int | None = None,
        idempotent: bool | None = None,
    ) -> Self:
        """Return the activity with other options: `f.options(task_list="gpu").submit(1)`."""
        given = {
            "task_priority": checked_priority(task_priority),
            "schedule_to_start": seconds("schedule_to_start", schedule_to_start),
            "start_to_close": seconds("start_to_close", start_to_close),
            "schedule_to_close": seconds("schedule_to_close", schedule_to_close),
            "heartbeat": seconds("heartbeat", heartbeat),
            "retry_policy": retry_policy_of(retry),
            "idempotent": idempotent,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return self.with_settings(**changes, **routing(task_list))


class ActivityFunction(_Activity, Generic[P, R]):
    """A sync function as an activity. A call gives its result; `submit` gives a future."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it, in a workflow durably, and return its result."""
        runtime = current.get()
        if runtime is None:
            result: R = self.function(*args, **kwargs)
        else:
            result = runtime.call(self, args, kwargs)
        return result

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
    @overload
    def submit(self: Callable[[A], R], a: A | Future[A], /) -> Future[R]: ...
    @overload
    def submit(self: Callable[[A, B], R], a: A | Future[A], b: B | Future[B], /) -> Future[R]: ...
    @overload
    def submit(
        self: Callable[[A, B, C], R], a: A | Future[A], b: B | Future[B], c: C | Future[C], /
    ) -> Future[R]: ...
    @overload
    def submit(
        self: Callable[[A, B, C, D], R],
        a: A | Future[A],
        b: B | Future[B],
        c: C | Future[C],
        d: D | Future[D],
        /,
    ) -> Future[R]: ...
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Return a future of its result; futures among the arguments are waited for first."""
        return begin(self, args, kwargs)

    @overload
    def map(
        self: Callable[Concatenate[A, ...], R],
        items: Iterable[A | Future[A]],
        /,
        *,
        distributed: bool = False,
    ) -> Futures[R]: ...
    @overload
    def map(
        self,
        items: Iterable[Any],
        /,
        *,
        distributed: bool = False,
        batch: int,
    ) -> Futures[R]: ...
    def map(
        self,
        items: Iterable[Any],
        /,
        *,
        distributed: bool = False,  # noqa: ARG002  # for compiled workflows
        batch: int | None = None,
    ) -> Any:
        """Submit it once per item; the futures are in the items' order.

        `distributed` lets a compiled workflow run each item in an execution of its own, for more
        items than one execution has room for; elsewhere it changes nothing. With `batch`, it is
        submitted once per list of up to so many items.
        """
        return Futures(begin(_definition(self), (one,), {}) for one in _batches(items, batch))

    def starmap(self, items: Iterable[Iterable[Any]], /) -> Futures[R]:
        """Submit it once per item, with the item's elements as arguments."""
        return Futures(begin(self, tuple(item), {}) for item in items)


class AsyncActivityFunction(_Activity, Generic[P, R]):
    """An `async def` function as an activity. A call gives a coroutine; `submit` a future.

    In a sync workflow, which cannot await, a call waits and gives the result itself. Type
    checkers cannot see that; write `submit(...).result()` for them.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Return a coroutine that runs it, in a workflow durably."""
        runtime = current.get()
        coroutine: Coroutine[Any, Any, R]
        if runtime is None:
            coroutine = self.function(*args, **kwargs)
        else:
            coroutine = awaited_call(runtime, self, args, kwargs)
        return coroutine

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
    @overload
    def submit(self: Callable[[A], Coroutine[Any, Any, R]], a: A | Future[A], /) -> Future[R]: ...
    @overload
    def submit(
        self: Callable[[A, B], Coroutine[Any, Any, R]], a: A | Future[A], b: B | Future[B], /
    ) -> Future[R]: ...
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Return a future of its result; futures among the arguments are waited for first."""
        return begin(self, args, kwargs)

    @overload
    def map(
        self: Callable[Concatenate[A, ...], Coroutine[Any, Any, R]],
        items: Iterable[A | Future[A]],
        /,
        *,
        distributed: bool = False,
    ) -> Futures[R]: ...
    @overload
    def map(
        self,
        items: Iterable[Any],
        /,
        *,
        distributed: bool = False,
        batch: int,
    ) -> Futures[R]: ...
    def map(
        self,
        items: Iterable[Any],
        /,
        *,
        distributed: bool = False,  # noqa: ARG002  # for compiled workflows
        batch: int | None = None,
    ) -> Any:
        """Submit it once per item, as an `ActivityFunction` does."""
        return Futures(begin(_definition(self), (one,), {}) for one in _batches(items, batch))

    def starmap(self, items: Iterable[Iterable[Any]], /) -> Futures[R]:
        """Submit it once per item, with the item's elements as arguments."""
        return Futures(begin(self, tuple(item), {}) for item in items)


def _batches(items: Iterable[Any], size: int | None) -> Iterable[Any]:
    """Return the items, or lists of up to `size` of them.

    Raises:
        InvalidOptionError: it is no positive whole number.
    """
    if size is None:
        return items
    if type(size) is not int or size < 1:
        raise InvalidOptionError(f"batch={size!r} is no number of items; give 1 or more")
    every = list(items)
    return [every[first : first + size] for first in range(0, len(every), size)]


def awaited_call(
    runtime: Runtime, definition: Submittable, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return a coroutine of the result, or in a sync workflow the result itself."""
    if runtime.is_async():
        work = functools.partial(begin, definition, args, kwargs)
        return runtime.unawaited.call(definition.label, work)
    return runtime.call(definition, args, kwargs)


def activity_function(
    function: Callable[..., Any], activity_type: ActivityType, settings: ActivityOptions
) -> Any:
    """Return a function as an activity, sync or async as the function is."""
    is_async = inspect.iscoroutinefunction(function)
    kind = AsyncActivityFunction if is_async else ActivityFunction
    made: Any = kind(function, activity_type, settings)
    return made


class _Decorator(Protocol):
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncActivityFunction[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> ActivityFunction[P, R]: ...


@overload
def activity(  # type: ignore[overload-overlap]
    function: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncActivityFunction[P, R]: ...
@overload
def activity(function: Callable[P, R], /) -> ActivityFunction[P, R]: ...
@overload
def activity(
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str | Route | None = None,
    task_priority: int | None = None,
    schedule_to_start: Seconds | None = None,
    start_to_close: Seconds | None = None,
    schedule_to_close: Seconds | None = None,
    heartbeat: Seconds | None = None,
    retry: Retry | int | None = None,
    process: bool = False,
    idempotent: bool = False,
    auto_complete: bool = True,
    middleware: Sequence[Middleware] = (),
) -> _Decorator: ...
def activity(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str | Route | None = None,
    task_priority: int | None = None,
    schedule_to_start: Seconds | None = None,
    start_to_close: Seconds | None = None,
    schedule_to_close: Seconds | None = None,
    heartbeat: Seconds | None = None,
    retry: Retry | int | None = None,
    process: bool = False,
    idempotent: bool = False,
    auto_complete: bool = True,
    middleware: Sequence[Middleware] = (),
) -> Any:
    """Make a function an activity.

    Args:
        function: the function, if the decorator is used without options.
        name: its name in histories; the function's own name by default.
        version: distinguishes incompatible versions.
        task_list: which workers run it, or a function that returns that for the arguments.
        task_priority: higher first.
        schedule_to_start: seconds that it may wait for a worker.
        start_to_close: seconds that one attempt may take.
        schedule_to_close: seconds for everything, retries included.
        heartbeat: seconds that may pass between two calls of `heartbeat`.
        retry: a policy, or a number of attempts; without one, the first failure is final.
        process: run it in a process of its own, so that it can be killed when it is late.
        idempotent: do the same call once per run; later ones share its result.
        auto_complete: False if it goes on after the function has returned, until it is ended by
            `Client.tasks` and `activity_info().task_token`. Ignored in plain Python.
        middleware: what is done before, around and after each attempt.

    Raises:
        InvalidOptionError: a time is not a positive number of seconds, or what is decorated
            is no function that a worker can call, such as a method.
    """
    settings = ActivityOptions(
        **routing(task_list),
        task_priority=checked_priority(task_priority),
        schedule_to_start=seconds("schedule_to_start", schedule_to_start),
        start_to_close=seconds("start_to_close", start_to_close),
        schedule_to_close=seconds("schedule_to_close", schedule_to_close),
        heartbeat=seconds("heartbeat", heartbeat),
        retry_policy=retry_policy_of(retry),
        process=process,
        idempotent=idempotent,
        auto_complete=auto_complete,
        middleware=tuple(middleware),
    )

    def decorate(function: Callable[..., Any]) -> Any:
        function = checked_function("activity", function, name)
        activity_type = ActivityType(name or function.__name__, version)
        return register(activity_function(function, activity_type, settings))

    return decorate if function is None else decorate(function)
