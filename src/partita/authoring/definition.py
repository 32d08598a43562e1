"""Define what can be submitted: the function, type and settings of activities and workflows.

Knows the decisions that begin them, but neither who issues these nor how they run.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.authoring.hooks import Hooks
from partita.authoring.middleware import Middleware
from partita.authoring.signature import Signature
from partita.errors import InvalidOptionError, UnknownTypeError


class ActivityOptions(Struct, frozen=True, kw_only=True):
    """The options of an activity. Times are in seconds; None is no limit."""

    task_list: str | None = None  # None: the workflow's own
    route: Callable[..., str] | None = None  # returns the task list for the arguments
    task_priority: int | None = None
    schedule_to_start: float | None = None
    start_to_close: float | None = None
    schedule_to_close: float | None = None
    heartbeat: float | None = None
    retry_policy: h.RetryPolicy | None = None
    process: bool = False  # run it in a process of its own
    idempotent: bool = False  # the same call is done once per run
    auto_complete: bool = True  # False: it goes on after its function has returned
    middleware: tuple[Middleware, ...] = ()
    control: str | None = None  # what histories say of its calls, such as where they are


class WorkflowOptions(Struct, frozen=True, kw_only=True):
    """The options of a workflow. Times are in seconds; None is no limit."""

    task_list: str | None = None  # None: the parent's own, or the default one
    task_priority: int = 0
    execution_start_to_close: float | None = None
    task_start_to_close: float | None = None
    child_policy: h.ChildPolicy = h.ChildPolicy.TERMINATE
    tag_list: tuple[str, ...] = ()
    workflow_id: str | None = None  # of one execution
    lambda_role: str | None = None
    search_attributes: dict[str, Any] = {}


def namespace_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the global names of the module that defines a function."""
    names: Mapping[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    return names


class _Function:
    """A user's function: what both kinds of definition share."""

    key: str
    settings: Any

    def __init__(self, function: Callable[..., Any], label: str) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.function = function
        self.signature = Signature(function)
        self.signature.check()
        self.is_async = inspect.iscoroutinefunction(function)
        self.label = label  # for people
        self.arguments_label = f"the arguments of {label}"
        self.result_label = f"the result of {label}"

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The global names of the module that defines the function."""
        return namespace_of(self.function)

    def with_settings(self, **changes: Any) -> Self:
        """Return the same definition with other settings."""
        changed = copy.copy(self)
        changed.settings = replace(self.settings, **changes)
        return changed


class ActivityDefinition(_Function):
    """An activity."""

    def __init__(
        self,
        function: Callable[..., Any],
        activity_type: h.ActivityType,
        settings: ActivityOptions,
    ) -> None:
        super().__init__(function, f"activity {activity_type.name}")
        self.activity_type = activity_type
        self.key = activity_type.key
        self.settings: ActivityOptions = settings

    def decision(
        self,
        id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        payload: str,
        control: str | None = None,
    ) -> h.ScheduleActivityTask:
        """Return the decision to schedule it; `payload` carries the arguments.

        Raises:
            InvalidOptionError: its route does not return a task list.
        """
        settings = self.settings
        task_list = settings.task_list
        if settings.route is not None:
            task_list = settings.route(*args, **kwargs)
            if not isinstance(task_list, str):
                raise InvalidOptionError(
                    f"the route of {self.label} gave {task_list!r}; give a task list's name"
                )
        return h.ScheduleActivityTask(
            activity_id=id,
            activity_type=self.activity_type,
            input=payload,
            control=control or settings.control,
            task_list=task_list,
            task_priority=settings.task_priority,
            schedule_to_start=settings.schedule_to_start,
            start_to_close=settings.start_to_close,
            schedule_to_close=settings.schedule_to_close,
            heartbeat=settings.heartbeat,
            retry_policy=settings.retry_policy,
        )

    def __repr__(self) -> str:
        return f"<activity {self.key}>"


class WorkflowSpec(_Function):
    """A workflow."""

    takes_document = False  # True: its one argument is the whole input, as a state machine's is

    def __init__(
        self,
        function: Callable[..., Any],
        workflow_type: h.WorkflowType,
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
        """Whether its function is replayed; otherwise a decider is written by hand."""
        return True

    def decision(
        self, workflow_id: str, payload: str, control: str | None
    ) -> h.StartChildWorkflowExecution:
        """Return the decision to start it as a child; `payload` carries the arguments."""
        settings = self.settings
        return h.StartChildWorkflowExecution(
            workflow_id=workflow_id,
            workflow_type=self.workflow_type,
            control=control,
            input=payload,
            task_list=settings.task_list,
            task_priority=settings.task_priority or None,
            execution_start_to_close=settings.execution_start_to_close,
            task_start_to_close=settings.task_start_to_close,
            child_policy=settings.child_policy,
            tag_list=settings.tag_list,
            lambda_role=settings.lambda_role,
        )

    def __repr__(self) -> str:
        return f"<workflow {self.key}>"


class LambdaSpec:
    """An AWS Lambda function that the orchestrator invokes."""

    def __init__(self, name: str, start_to_close: float | None, stand_in: Any) -> None:
        self.name = name
        self.label = f"Lambda function {name}"  # for people
        self.arguments_label = f"the arguments of {self.label}"
        self.result_label = f"the result of {self.label}"
        self.start_to_close = start_to_close
        self.stand_in: ActivityDefinition | None = None  # runs where there is no Lambda
        if stand_in is not None:
            kind = h.ActivityType(f"lambda:{name}")
            settings = ActivityOptions(start_to_close=start_to_close)
            self.stand_in = ActivityDefinition(stand_in, kind, settings)
        self.function: Callable[..., Any] = stand_in or self._absent
        self.signature = Signature(_one_value)
        self.namespace: Mapping[str, Any] = {}

    @property
    def key(self) -> str:
        """Its name."""
        return self.name

    def decision(self, id: str, payload: str) -> h.ScheduleLambdaFunction:
        """Return the decision to invoke it; `payload` carries the argument."""
        return h.ScheduleLambdaFunction(
            id=id, name=self.name, input=payload, start_to_close=self.start_to_close
        )

    def _absent(self, _: Any = None) -> Any:
        raise UnknownTypeError(
            f"Lambda function {self.name} can be invoked only where AWS is; "
            "give lambda_function(..., local=callable) to run it here"
        )


def _one_value(input: Any = None) -> Any:
    """Provide the signature of every Lambda function: one JSON value."""


Submittable = ActivityDefinition | WorkflowSpec | LambdaSpec
"""What a runtime can begin."""
