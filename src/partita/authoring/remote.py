"""Define activities, workflows and Lambda functions whose code is elsewhere, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from partita.authoring.activity import ActivityFunction, begin
from partita.authoring.definition import ActivityOptions, LambdaSpec, WorkflowOptions
from partita.authoring.future import Future, Futures
from partita.authoring.hooks import NO_HOOKS
from partita.authoring.options import Seconds, seconds
from partita.authoring.registry import register, register_remote
from partita.authoring.runtime import current
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import UnknownTypeError
from partita.history import ActivityType, WorkflowType


def _absent(kind: str, name: str, version: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG001
        raise UnknownTypeError(
            f"{kind} {name}@{version} lives elsewhere; run the workflow on a backend whose "
            "workers have it"
        )

    function.__name__ = function.__qualname__ = name
    return function


def remote_activity(
    name: str, version: str = "1", *, local: Callable[..., Any] | None = None, **options: Any
) -> ActivityFunction[..., Any]:
    """Return an activity of other workers, by name and version.

    `options` are those of `Activity.options`; `local` replaces it in plain Python.
    """
    function = local or _absent("activity", name, version)
    made: ActivityFunction[..., Any] = ActivityFunction(
        function, ActivityType(name, version), ActivityOptions()
    )
    return register_remote(made.options(**options) if options else made)


def child_workflow(
    name: str, version: str = "1", *, local: Callable[..., Any] | None = None, **options: Any
) -> WorkflowDefinition[..., Any]:
    """Return a workflow of other workers, by name and version.

    `options` are those of `WorkflowDefinition.options`; `local` replaces it in plain Python.
    """
    function = local or _absent("workflow", name, version)
    made: WorkflowDefinition[..., Any] = WorkflowDefinition(
        function, WorkflowType(name, version), WorkflowOptions(), NO_HOOKS
    )
    return register_remote(made.options(**options) if options else made)


class LambdaFunction(LambdaSpec):
    """An AWS Lambda function; it takes one JSON value."""

    def __call__(self, input: Any = None) -> Any:
        """Invoke it and return its result."""
        runtime = current.get()
        return self.function(input) if runtime is None else runtime.call(self, (input,), {})

    def submit(self, input: Any = None) -> Future[Any]:
        """Return a future of its result."""
        return begin(self, (input,), {})

    def map(self, inputs: Iterable[Any]) -> Futures[Any]:
        """Invoke it once per input; the futures are in the inputs' order."""
        return Futures(self.submit(input) for input in inputs)


def lambda_function(
    name: str,
    *,
    start_to_close: Seconds | None = None,
    local: Callable[[Any], Any] | None = None,
) -> LambdaFunction:
    """Return a Lambda function by name.

    `local` replaces it outside AWS: in plain Python, and as an activity `lambda:NAME` on the
    embedded engine.
    """
    made = LambdaFunction(name, seconds("start_to_close", start_to_close), local)
    if made.stand_in is not None:
        register(made.stand_in)
    return register_remote(made)
