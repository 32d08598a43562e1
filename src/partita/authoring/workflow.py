"""Define workflows as functions.

Called outside an engine a workflow is an ordinary function whose activities run in this process.
Called inside another workflow it is a child with a history of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from partita.authoring.activity import awaited_call, begin
from partita.authoring.definition import WorkflowOptions, WorkflowSpec
from partita.authoring.functions import checked_function
from partita.authoring.future import ChildFuture, Future, Futures
from partita.authoring.hooks import NO_HOOKS, Hooks
from partita.authoring.local import run, run_async
from partita.authoring.options import (
    Seconds,
    checked_id,
    checked_priority,
    checked_text,
    policy_of,
    seconds,
    tag_list,
)
from partita.authoring.registry import register
from partita.authoring.runtime import current
from partita.errors import InvalidOptionError
from partita.history import ChildPolicy, WorkflowType

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


def _definition(workflow: Any) -> WorkflowSpec:
    """Return a workflow whose type was given up for the sake of inference."""
    found: WorkflowSpec = workflow
    return found


class WorkflowDefinition(WorkflowSpec, Generic[P, R]):
    """A function as a workflow. `R` is the type of a call: of an async one, a coroutine."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it as plain Python, or inside a workflow as a child, and return its result."""
        runtime = current.get()
        result: Any
        if runtime is None:
            result = (run_async if self.is_async else run)(self, args, kwargs)
        elif self.is_async:
            result = awaited_call(runtime, self, args, kwargs)
        else:
            result = runtime.call(self, args, kwargs)
        return result  # type: ignore[no-any-return]

    @overload
    def submit(
        self: WorkflowDefinition[P, Coroutine[Any, Any, A]], *args: P.args, **kwargs: P.kwargs
    ) -> ChildFuture[A]: ...
    @overload
    def submit(self: Callable[P, B], *args: P.args, **kwargs: P.kwargs) -> ChildFuture[B]: ...
    @overload
    def submit(self: Callable[[A], B], a: A | Future[A], /) -> ChildFuture[B]: ...
    @overload
    def submit(
        self: Callable[[A, C], B], a: A | Future[A], c: C | Future[C], /
    ) -> ChildFuture[B]: ...
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Start it as a child and return a future of its result."""
        return begin(_definition(self), args, kwargs)

    @overload
    def map(
        self: WorkflowDefinition[[A], Coroutine[Any, Any, B]],
        items: Iterable[A | Future[A]],
        /,
    ) -> Futures[B]: ...
    @overload
    def map(
        self: Callable[Concatenate[A, ...], B], items: Iterable[A | Future[A]], /
    ) -> Futures[B]: ...
    def map(self, items: Iterable[Any], /) -> Any:
        """Start a child per item; the futures are in the items' order."""
        return Futures(begin(_definition(self), (item,), {}) for item in items)

    def starmap(self, items: Iterable[Iterable[Any]], /) -> Futures[R]:
        """Start a child per item, with the item's elements as arguments."""
        return Futures(begin(self, tuple(item), {}) for item in items)

    def options(
        self,
        *,
        workflow_id: str | None = None,
        task_list: str | None = None,
        task_priority: int | None = None,
        execution_start_to_close: Seconds | None = None,
        task_start_to_close: Seconds | None = None,
        child_policy: ChildPolicy | str | None = None,
        tags: Iterable[str] | None = None,
        search_attributes: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the workflow with other options: `flow.options(tags=("x",)).submit(1)`.

        Raises:
            InvalidOptionError: one is invalid, such as an id with control characters.
        """
        given = {
            "workflow_id": checked_id(checked_text("workflow_id", workflow_id)),
            "task_list": checked_text("task_list", task_list),
            "task_priority": checked_priority(task_priority),
            "execution_start_to_close": seconds(
                "execution_start_to_close", execution_start_to_close
            ),
            "task_start_to_close": seconds("task_start_to_close", task_start_to_close),
            "child_policy": None if child_policy is None else policy_of(child_policy),
            "tag_list": None if tags is None else tag_list(tags),
            "search_attributes": None if search_attributes is None else dict(search_attributes),
        }
        return self.with_settings(**{k: v for k, v in given.items() if v is not None})


class _Decorator(Protocol):
    def __call__(self, function: Callable[P, R], /) -> WorkflowDefinition[P, R]: ...


@overload
def workflow(function: Callable[P, R], /) -> WorkflowDefinition[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str | None = None,
    task_priority: int = 0,
    execution_start_to_close: Seconds | None = None,
    task_start_to_close: Seconds | None = None,
    child_policy: ChildPolicy | str = ChildPolicy.TERMINATE,
    tags: Iterable[str] = (),
    hooks: Hooks = NO_HOOKS,
) -> _Decorator: ...
def workflow(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    task_list: str | None = None,
    task_priority: int = 0,
    execution_start_to_close: Seconds | None = None,
    task_start_to_close: Seconds | None = None,
    child_policy: ChildPolicy | str = ChildPolicy.TERMINATE,
    tags: Iterable[str] = (),
    hooks: Hooks = NO_HOOKS,
) -> Any:
    """Make a function, sync or async, a workflow.

    Args:
        function: the function, if the decorator is used without options.
        name: its name in histories; the function's own name by default.
        version: distinguishes incompatible versions, which can run side by side.
        task_list: which workers decide for it, and by default run its activities.
        task_priority: higher first.
        execution_start_to_close: seconds that an execution may take.
        task_start_to_close: seconds that one decision may take.
        child_policy: what becomes of open children if it is terminated or times out.
        tags: by which its executions can be found.
        hooks: functions to call in the course of its life.

    Raises:
        InvalidOptionError: an option is invalid, or the function cannot be a workflow.
    """
    if not isinstance(hooks, Hooks):
        raise InvalidOptionError(f"hooks={hooks!r}; give Hooks(...)")
    settings = WorkflowOptions(
        task_list=checked_text("task_list", task_list),
        task_priority=checked_priority(task_priority) or 0,
        execution_start_to_close=seconds("execution_start_to_close", execution_start_to_close),
        task_start_to_close=seconds("task_start_to_close", task_start_to_close),
        child_policy=policy_of(child_policy),
        tag_list=tag_list(tags),
    )

    def decorate(function: Callable[..., Any]) -> WorkflowDefinition[..., Any]:
        function = checked_function("workflow", function, name)
        workflow_type = WorkflowType(name or function.__name__, version)
        return register(WorkflowDefinition(function, workflow_type, settings, hooks))

    return decorate if function is None else decorate(function)
