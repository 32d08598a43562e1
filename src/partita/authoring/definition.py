"""Hold what runtimes and workers know of what can be submitted: function, type, settings."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from partita.authoring.hooks import Hooks, Middleware
from partita.authoring.signature import Signature
from partita.errors import UnknownTypeError
from partita.history import ActivityType, ChildPolicy, RetryPolicy, WorkflowType


class ActivityOptions(Struct, frozen=True, kw_only=True):
    """What an activity's decorator says of it. Times are in seconds; None is no limit."""

    task_list: str | None = None  # None: the workflow's own
    route: Callable[..., str] | None = None  # tells the task list from the arguments
    task_priority: int | None = None
    schedule_to_start: float | None = None
    start_to_close: float | None = None
    schedule_to_close: float | None = None
    heartbeat: float | None = None
    retry_policy: RetryPolicy | None = None
    process: bool = False  # run it in a process of its own, which can be killed
    idempotent: bool = False  # the same call is done once per run
    auto_complete: bool = True  # False: it goes on after its function has returned
    middleware: tuple[Middleware, ...] = ()


class WorkflowOptions(Struct, frozen=True, kw_only=True):
    """What a workflow's decorator says of it. Times are in seconds; None is no limit."""

    task_list: str | None = None  # None: the parent's own, or the default one
    task_priority: int = 0
    execution_start_to_close: float | None = None
    task_start_to_close: float | None = None
    child_policy: ChildPolicy = ChildPolicy.TERMINATE
    tag_list: tuple[str, ...] = ()
    workflow_id: str | None = None  # of one execution; for `options`
    lambda_role: str | None = None
    search_attributes: dict[str, Any] = {}


def namespace_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the names of the module that a function was written in."""
    names: Mapping[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    return names


class _Function:
    """A user's function, with what both kinds of definition know of it."""

    key: str
    settings: Any

    def __init__(self, function: Callable[..., Any], label: str) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.function = function
        self.signature = Signature(function)
        self.is_async = inspect.iscoroutinefunction(function)
        self.label = label  # what it is, for people
        self.arguments_label = f"the arguments of {label}"
        self.result_label = f"the result of {label}"

    @property
    def namespace(self) -> Mapping[str, Any]:
        """Return the names of the module that the function lives in."""
        return namespace_of(self.function)

    def with_settings(self, **changes: Any) -> Self:
        """Return the same definition with other settings."""
        changed = copy.copy(self)
        changed.settings = replace(self.settings, **changes)
        return changed


class ActivityDefinition(_Function):
    """What runtimes and workers know of an activity."""

    def __init__(
        self,
        function: Callable[..., Any],
        activity_type: ActivityType,
        settings: ActivityOptions,
    ) -> None:
        super().__init__(function, f"activity {activity_type.name}")
        self.activity_type = activity_type
        self.key = activity_type.key
        self.settings: ActivityOptions = settings

    def __repr__(self) -> str:
        return f"<activity {self.key}>"


class WorkflowSpec(_Function):
    """What runtimes and workers know of a workflow."""

    def __init__(
        self,
        function: Callable[..., Any],
        workflow_type: WorkflowType,
        settings: WorkflowOptions,
        hooks: Hooks,
    ) -> None:
        super().__init__(function, f"workflow {workflow_type.name}")
        self.workflow_type = workflow_type
        self.key = workflow_type.key
        self.settings: WorkflowOptions = settings
        self.hooks = hooks

    @property
    def is_replayed(self) -> bool:
        """Whether its function is what decides; else a decider does, which was written by hand."""
        return True

    def __repr__(self) -> str:
        return f"<workflow {self.key}>"


class LambdaSpec:
    """An AWS Lambda function, which a workflow asks the orchestrator to invoke."""

    def __init__(self, name: str, start_to_close: float | None, stand_in: Any) -> None:
        self.name = name
        self.label = f"Lambda function {name}"  # what it is, for people
        self.arguments_label = f"the arguments of {self.label}"
        self.result_label = f"the result of {self.label}"
        self.start_to_close = start_to_close
        self.stand_in: ActivityDefinition | None = None  # what engines without Lambda run
        if stand_in is not None:
            kind = ActivityType(f"lambda:{name}")
            settings = ActivityOptions(start_to_close=start_to_close)
            self.stand_in = ActivityDefinition(stand_in, kind, settings)
        self.function: Callable[..., Any] = stand_in or self._absent
        self.signature = Signature(_one_value)
        self.namespace: Mapping[str, Any] = {}

    @property
    def key(self) -> str:
        """Its name."""
        return self.name

    def _absent(self, _: Any = None) -> Any:
        raise UnknownTypeError(
            f"Lambda function {self.name} can be invoked only where AWS is; "
            "give lambda_function(..., local=callable) to run it here"
        )


def _one_value(input: Any = None) -> Any:
    """Have the signature of every Lambda function: one JSON value."""


Submittable = ActivityDefinition | WorkflowSpec | LambdaSpec
"""What a runtime can be asked to begin."""
