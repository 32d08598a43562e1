"""Call activities with their middleware: what is done before, around and after each attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from msgspec import Struct

from partita.authoring.context import ActivityInfo
from partita.authoring.context_managers import context_manager
from partita.authoring.unawaited import check_result


class ActivityCall(Struct, frozen=True, kw_only=True):
    """One attempt of an activity, as middleware sees it."""

    info: ActivityInfo
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Middleware(Struct, frozen=True, kw_only=True):
    """What is done before, around and after each attempt of an activity.

    `before` may raise, and then the activity is not run; `around` is a context manager,
    entered after `before`; `after` is given the result of an attempt that succeeded.
    """

    before: Callable[[ActivityCall], object] | None = None
    around: Callable[[ActivityCall], AbstractContextManager[Any]] | None = None
    after: Callable[[ActivityCall, Any], object] | None = None


_global: list[Middleware] = []


def use_middleware(
    *,
    before: Callable[[ActivityCall], object] | None = None,
    around: Callable[[ActivityCall], AbstractContextManager[Any]] | None = None,
    after: Callable[[ActivityCall, Any], object] | None = None,
) -> Middleware:
    """Put middleware around every activity that runs in this process; the first is outermost."""
    middleware = Middleware(before=before, around=around, after=after)
    _global.append(middleware)
    return middleware


def remove_middleware(middleware: Middleware) -> None:
    """Undo `use_middleware`."""
    _global.remove(middleware)


class _Activity(Protocol):
    """An `ActivityDefinition`, which has middleware itself."""

    function: Callable[..., Any]
    is_async: bool
    label: str

    @property
    def settings(self) -> Any: ...


def call_activity(
    activity: _Activity, args: Sequence[Any], kwargs: dict[str, Any], info: ActivityInfo
) -> Any:
    """Call an activity with its middleware; run an async one to its end."""
    function = _sync(activity.function) if activity.is_async else activity.function
    middleware = _middleware_of(activity)
    if not middleware:
        return _checked(activity, function(*args, **kwargs))
    with _entered(middleware, args, kwargs, info) as finish:
        return finish(_checked(activity, function(*args, **kwargs)))


async def call_activity_async(
    activity: _Activity, args: Sequence[Any], kwargs: dict[str, Any], info: ActivityInfo
) -> Any:
    """Call an async activity with its middleware on the event loop that runs here."""
    middleware = _middleware_of(activity)
    if not middleware:
        return _checked(activity, await activity.function(*args, **kwargs))
    with _entered(middleware, args, kwargs, info) as finish:
        return finish(_checked(activity, await activity.function(*args, **kwargs)))


def _checked(activity: _Activity, result: Any) -> Any:
    check_result(activity.label, result)
    return result


def _middleware_of(activity: _Activity) -> tuple[Middleware, ...]:
    own: tuple[Middleware, ...] = activity.settings.middleware
    return (*_global, *own) if _global else own


@context_manager
def _entered(
    middleware: tuple[Middleware, ...],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    info: ActivityInfo,
) -> Iterator[Callable[[Any], Any]]:
    """Enter all middleware, outermost first; yield the function to pass the result through."""
    call = ActivityCall(info=info, args=tuple(args), kwargs=kwargs)

    def finish(result: Any) -> Any:
        for one in reversed(middleware):
            if one.after is not None:
                one.after(call, result)
        return result

    with ExitStack() as stack:
        for one in middleware:
            if one.before is not None:
                one.before(call)
            if one.around is not None:
                stack.enter_context(one.around(call))
        yield finish


def _sync(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return an async function as one to call from a thread without an event loop."""

    def call(*args: Any, **kwargs: Any) -> Any:
        import asyncio  # 25 ms that most programs need not pay at `import partita`

        return asyncio.run(function(*args, **kwargs))

    return call
