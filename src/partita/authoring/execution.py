"""Inspect and control the execution of the workflow that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn, ParamSpec, TypeVar

from partita.authoring.future import Future
from partita.authoring.local import active_runtime
from partita.authoring.messages import External
from partita.authoring.options import Deadline, checked_text, duration, policy_of, tag_list
from partita.authoring.runtime import Continuation, Runtime, WorkflowInfo, current
from partita.errors import InvalidOptionError, UsageError, WaitTimeoutError
from partita.history import ChildPolicy

P = ParamSpec("P")
R = TypeVar("R")


def workflow_info() -> WorkflowInfo:
    """Return the execution that this code runs as.

    Raises:
        UsageError: no workflow runs here.
    """
    return _inside("workflow_info").info()


def parent() -> External | None:
    """Return the execution that started this one as a child, or None."""
    found = _inside("parent").info().parent
    return None if found is None else External(found)


def _inside(what: str) -> Runtime:
    where = current.get()
    if where is None:
        raise UsageError(f"{what}() is for the code of a workflow, and none runs here")
    return where


def spawn(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """Run a function of the workflow's own code concurrently; return a future of its result.

    It may call activities, wait and sleep as the workflow may. Cancelling the future raises
    CancelledError where the function waits.
    """
    name = getattr(function, "__name__", "function")
    return active_runtime().spawn(lambda: function(*args, **kwargs), name)


def wait_until(condition: Callable[[], bool], timeout: Deadline | None = None) -> None:
    """Wait until a condition of the workflow's own state is true.

    It is evaluated whenever a handler, a part or a callback has run, so it must be cheap and
    depend only on what these change.

    Raises:
        WaitTimeoutError: it was not true within the time.
    """
    where = active_runtime()
    seconds = None if timeout is None else duration("wait_until", timeout, where.now)
    if not where.wait(condition, seconds):
        raise WaitTimeoutError(f"the condition was not true within {seconds} s")


def continue_as_new(
    *args: Any,
    version: str | None = None,
    task_list: str | None = None,
    tags: Iterable[str] | None = None,
    child_policy: ChildPolicy | str | None = None,
    **kwargs: Any,
) -> NoReturn:
    """End this run and begin the next one of the same workflow id, with these arguments.

    The next run gets the signals not received yet. Its history starts empty, so that a workflow
    can live for ever.
    """
    continuation = Continuation(
        args=args,
        kwargs=kwargs,
        version=checked_text("version", version),
        task_list=checked_text("task_list", task_list),
        tags=None if tags is None else tag_list(tags),
        child_policy=None if child_policy is None else policy_of(child_policy),
    )
    _inside("continue_as_new").continue_as_new(continuation)


def patched(id: str) -> bool:
    """Return True in runs that first get here with this code, False in older ones.

    if patched("2026-ship-by-rail"): ... new way ... else: ... old way ...
    """
    if not id:
        raise InvalidOptionError("patched(''): give the change a name")
    return active_runtime().patched(id)


def record_marker(name: str, value: Any = None) -> None:
    """Record a marker in the history, for people and tools that read it."""
    if not name or name.startswith("$"):
        raise InvalidOptionError(f"a marker cannot be named {name!r}; begin with a letter")
    active_runtime().record_marker(name, value)


def upsert_search_attributes(**attributes: str | int | float | bool | datetime | None) -> None:
    """Set attributes by which the execution can be found; None removes one."""
    active_runtime().upsert_search_attributes(search_attributes(attributes))


def search_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return search attributes with datetimes as ISO strings.

    Raises:
        InvalidOptionError: a value is not a string, number, boolean or datetime.
    """
    plain = {}
    for name, value in attributes.items():
        if not (isinstance(name, str) and name):
            raise InvalidOptionError(f"search attribute {name!r}: give it a name")
        if isinstance(value, datetime):
            value = value.isoformat()
        if value is not None and not isinstance(value, (str, int, float, bool)):
            raise InvalidOptionError(
                f"search attribute {name}={value!r}; give text, a number, a truth value or a time"
            )
        plain[name] = value
    return plain
