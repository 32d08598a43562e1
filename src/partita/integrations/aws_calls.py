"""Call AWS from workflows: `aws.dynamodb.update_item(TableName=..., ...)`.

A call is an activity here, and a Task state without Lambda in a compiled machine. Its result is
that of the Task state, in both. `.sync` waits for the job that a call begins,
`.wait_for_task_token` for whoever sends back the token, which `TASK_TOKEN` stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from partita.authoring.definition import ActivityOptions
from partita.authoring.determinism import now, uuid4
from partita.authoring.execution import spawn, workflow_info
from partita.authoring.future import Future
from partita.errors import (
    ActivityTimedOutError,
    InvalidOptionError,
    TaskFailedError,
    UnsupportedError,
)
from partita.integrations import aws_activities
from partita.integrations.aws_arguments import spelled
from partita.integrations.aws_errors import error_class, refusal
from partita.integrations.aws_models import (
    Operation,
    attribute_name,
    is_job,
    methods,
    operation_of,
    services,
    suggestion,
)
from partita.integrations.task_tokens import FAILURE, TaskToken, TaskTokenMark
from partita.integrations.waits import wait_for_answer, wait_for_job


@dataclass(frozen=True)
class Service:
    """A service of AWS; its attributes are the methods of boto3's client."""

    name: str  # boto3's
    is_namespace = True  # whose attributes the compiler may follow

    def __getattr__(self, name: str) -> Action:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in methods(self.name):
            shown = f"aws.{attribute_name(self.name)}"
            raise AttributeError(f"{shown} has no {name}{suggestion(name, methods(self.name))}")
        return Action(self.name, name)

    @property
    def exceptions(self) -> Exceptions:
        """The classes of the service's errors, as boto3's client has them."""
        return Exceptions(self.name)


@dataclass(frozen=True)
class Exceptions:
    """The classes of a service's errors."""

    service: str
    is_namespace = True

    def __getattr__(self, name: str) -> type[Exception]:
        if name.startswith("__"):
            raise AttributeError(name)
        return error_class(self.service, name)


@dataclass(frozen=True)
class Action:
    """An operation of a service that can be called."""

    service: str
    method: str
    pattern: str = ""  # sync, waitForTaskToken
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)  # options of an activity
    is_namespace = True

    @property
    def name(self) -> str:
        """Its name in state machines and errors."""
        return f"{self.service}.{self.method}"

    @property
    def settings(self) -> ActivityOptions:
        """The times and the retries."""
        options: ActivityOptions = aws_activities.call.options(**self.given).settings
        return options

    @property
    def exceptions(self) -> Exceptions:
        """The classes of the service's errors."""
        return Exceptions(self.service)

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The names of the module of an activity's code: none."""
        return {}

    @property
    def operation(self) -> Operation:
        """What is called."""
        return operation_of(self.service, self.method)

    @property
    def sync(self) -> Action:
        """The same, but it waits for the end of the job that it begins.

        Raises:
            UnsupportedError: it begins none that Step Functions can wait for.
        """
        if not is_job(self.operation):
            raise UnsupportedError(f"{self.operation.shown} begins no job to wait for")
        return replace(self, pattern="sync")

    @property
    def wait_for_task_token(self) -> Action:
        """The same, but it waits for the answer of whoever is given TASK_TOKEN."""
        return replace(self, pattern="waitForTaskToken")

    def __getattr__(self, name: str) -> Any:
        parts = "submit, sync, wait_for_task_token, options and exceptions"
        raise AttributeError(f"aws.{self.name} has no {name}; it has {parts}")

    def options(self, **settings: Any) -> Action:
        """Return the action with options of an activity: `retry`, `start_to_close`, ..."""
        policy = aws_activities.call.options(**settings).settings.retry_policy
        if policy is not None and policy.non_retryable:
            raise InvalidOptionError(
                f"{self.name}: errors of AWS have no classes for non_retryable"
            )
        return replace(self, given={**self.given, **settings})

    def submit(self, /, **arguments: Any) -> Future[Any]:
        """Return a future of the result."""
        return spawn(self, **arguments)

    @property
    def __name__(self) -> str:
        """Its name where it runs beside other code."""
        return f"aws.{self.name}"

    def __call__(self, /, **arguments: Any) -> Any:
        """Return the result of the Task state that the call is in a state machine."""
        operation = self.operation
        given = spelled(operation, arguments)
        try:
            if self.pattern == "sync":
                return _wait_for_job(self, str(operation.resource), given)
            if self.pattern:
                return _wait_for_answer(self, str(operation.resource), given)
            return self._activity(aws_activities.call)(str(operation.resource), _plain(given))
        except TaskFailedError as error:
            raise refusal(operation, error) from error

    def _activity(self, activity: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = activity.options(**self.given) if self.given else activity
        return found


def _plain(value: Any, token: str | None = None) -> Any:
    """Return arguments with the token in its place."""
    if isinstance(value, TaskTokenMark):
        if token is None:
            raise UnsupportedError("TASK_TOKEN is for .wait_for_task_token; no other call has one")
        return token
    if isinstance(value, dict):
        return {name: _plain(one, token) for name, one in value.items()}
    return [_plain(one, token) for one in value] if isinstance(value, list) else value


def _wait_for_job(action: Action, name: str, arguments: dict[str, Any]) -> Any:
    timeout = _time_limit(action)
    end = None if timeout is None else now().timestamp() + timeout
    started = action._activity(aws_activities.start)(name, _plain(arguments))

    def stop() -> None:
        with suppress(TaskFailedError):  # the job goes on; the workflow does not wait for it
            aws_activities.stop(name, arguments, started)

    standing = wait_for_job(
        lambda: aws_activities.check(name, arguments, started),
        stop,
        None if end is None else end - now().timestamp(),
    )
    if standing is None:
        raise ActivityTimedOutError(name, "START_TO_CLOSE")
    return standing.output


def _time_limit(action: Action) -> float | None:
    """Return the seconds that the whole call may take, the wait for its end included."""
    return action.settings.start_to_close or action.settings.schedule_to_close


def _wait_for_answer(action: Action, name: str, arguments: dict[str, Any]) -> Any:
    info = workflow_info()
    signal = f"task-{uuid4()}"
    token = TaskToken(info.workflow_id, info.run_id, signal).text()
    timeout, heartbeat = _time_limit(action), action.settings.heartbeat
    end = None if timeout is None else now().timestamp() + timeout
    aws_activities.call(name, _plain(arguments, token))
    left = None if end is None else max(0.0, end - now().timestamp())
    answer = wait_for_answer(name, signal, left, heartbeat)
    if answer.kind == FAILURE:
        raise TaskFailedError(answer.error, answer.cause)
    return answer.output


def service(name: str) -> Service:
    """Return a service by its name as an attribute.

    Raises:
        AttributeError: there is none.
    """
    found = services().get(name)
    if found is None:
        raise AttributeError(f"AWS has no service {name}{suggestion(name, services())}")
    return Service(found)
