"""Make a function a workflow: what decides, and must survive.

Called outside an engine it is an ordinary function whose activities run in this process.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from msgspec import Struct

from partita.authoring import local
from partita.authoring.activity import Seconds, seconds
from partita.authoring.registry import register
from partita.authoring.runtime import current
from partita.authoring.signature import Signature
from partita.errors import InvalidOptionError
from partita.history import ChildPolicy, WorkflowType
from partita.state import DEFAULT_TASK_LIST

P = ParamSpec("P")
R = TypeVar("R")


class WorkflowOptions(Struct, frozen=True, kw_only=True):
    """What a workflow's decorator says of it. Times are in seconds; None is no limit."""

    task_list: str = DEFAULT_TASK_LIST
    task_priority: int = 0
    execution_start_to_close: float | None = None
    task_start_to_close: float | None = None
    child_policy: ChildPolicy = ChildPolicy.TERMINATE
    tag_list: tuple[str, ...] = ()


class Workflow(Generic[P, R]):
    """A function as a workflow."""

    def __init__(
        self,
        function: Callable[P, R],
        workflow_type: WorkflowType,
        options: WorkflowOptions,
    ) -> None:
        self.function = function
        self.workflow_type = workflow_type
        self.options = options
        self.signature = Signature(function)
        functools.update_wrapper(self, function)

    @property
    def key(self) -> str:
        """`name@version`."""
        return self.workflow_type.key

    @property
    def namespace(self) -> Mapping[str, Any]:
        """Return the names of the module that the function lives in."""
        return self.function.__globals__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here and now, as plain Python; inside a workflow, as a part of that one."""
        if current.get() is not None:
            return self.function(*args, **kwargs)
        token = current.set(local.runtime())
        try:
            return self.function(*args, **kwargs)
        finally:
            current.reset(token)

    def __repr__(self) -> str:
        return f"<workflow {self.key}>"


class _Decorator(Protocol):
    def __call__(self, function: Callable[P, R], /) -> Workflow[P, R]: ...


@overload
def workflow(function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str = DEFAULT_TASK_LIST,
    task_priority: int = 0,
    execution_start_to_close: Seconds | None = None,
    task_start_to_close: Seconds | None = None,
    child_policy: ChildPolicy = ChildPolicy.TERMINATE,
    tags: tuple[str, ...] = (),
) -> _Decorator: ...
def workflow(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str = DEFAULT_TASK_LIST,
    task_priority: int = 0,
    execution_start_to_close: Seconds | None = None,
    task_start_to_close: Seconds | None = None,
    child_policy: ChildPolicy = ChildPolicy.TERMINATE,
    tags: tuple[str, ...] = (),
) -> Any:
    """Make a function a workflow.

    Args:
        function: the function, if the decorator is used without options.
        name: how histories name it; the function's own name by default.
        version: to tell apart what is not compatible.
        task_list: which workers decide for it, and run its activities by default.
        task_priority: higher first.
        execution_start_to_close: seconds that an execution may take in all.
        task_start_to_close: seconds that a decider may take for one answer.
        child_policy: what becomes of open children if it is ended from outside.
        tags: to find its executions by.

    Raises:
        InvalidOptionError: a time is not a positive number of seconds, or the function is
            not one that can be a workflow.
    """
    options = WorkflowOptions(
        task_list=task_list,
        task_priority=task_priority,
        execution_start_to_close=seconds("execution_start_to_close", execution_start_to_close),
        task_start_to_close=seconds("task_start_to_close", task_start_to_close),
        child_policy=child_policy,
        tag_list=tags,
    )

    def decorate(function: Callable[..., Any]) -> Workflow[..., Any]:
        if inspect.iscoroutinefunction(function) or not inspect.isfunction(function):
            raise InvalidOptionError(
                f"@workflow is for plain functions, not {function!r}; use def, not async def"
            )
        workflow_type = WorkflowType(name or function.__name__, version)
        return register(Workflow(function, workflow_type, options))

    return decorate if function is None else decorate(function)
