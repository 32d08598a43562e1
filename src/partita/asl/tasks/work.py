"""Carry out one attempt of a Task state: record what AWS records, and call what does the work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from partita.asl.failures import TIMEOUT, EvaluationFault, StateFailure, too_large
from partita.asl.frame import Frame
from partita.asl.json_text import is_too_large, json_text
from partita.asl.tasks import integrations, jobs, lambdas
from partita.asl.tasks.callbacks import note_end, wait_for_answer
from partita.asl.tasks.calls import call_activity
from partita.asl.tasks.jobs import Job
from partita.asl.tasks.resources import (
    ActivityResource,
    LambdaResource,
    Resource,
    ServiceResource,
)
from partita.authoring.determinism import now
from partita.authoring.registry import register
from partita.errors import CancelledError

LAMBDA = "lambda:invoke"
EXECUTION = "states:startExecution"


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task. Times are in seconds."""

    frame: Frame
    input: Any
    timeout: float | None
    heartbeat: float | None
    begun: datetime
    credentials: dict[str, Any] | None = None

    @property
    def limits(self) -> dict[str, Any]:
        """The times and the role, as AWS's history names them."""
        role = None if self.credentials is None else self.credentials.get("RoleArn")
        named = {
            "timeoutInSeconds": self.timeout,
            "heartbeatInSeconds": self.heartbeat,
            "taskCredentials": None if role is None else {"roleArn": role},
        }
        return {name: value for name, value in named.items() if value is not None}

    def call(self, activity: str, input: Any) -> Any:
        """Return the result of an activity of this package, which sends no heartbeats."""
        return call_activity(activity, input, self.timeout, None)

    @property
    def time_left(self) -> float | None:
        """The seconds of the attempt's time that are left; None: there is no limit."""
        if self.timeout is None:
            return None
        return max(0.0, self.timeout - (now() - self.begun).total_seconds())

    def call_worker(self, activity: str) -> Any:
        """Return the result of an activity that workers of their own poll for."""
        prefix = self.frame.execution.serving.activities
        task_list = None if prefix is None else prefix + activity
        return call_activity(activity, self.input, self.timeout, self.heartbeat, task_list)

    def guarded(self, prefix: str, what: str, work: Callable[[], Any], **described: Any) -> Any:
        """Return the result of the work; record whether it succeeded, failed or timed out.

        Raises:
            StateFailure: it failed, or its result is too large.
        """
        try:
            result = work()
            if is_too_large(result):
                raise too_large(what)
        except StateFailure as failure:
            outcome = "TimedOut" if failure.error == TIMEOUT else "Failed"
            self.frame.emit(prefix + outcome, error=failure.error, cause=failure.cause, **described)
            raise
        self.frame.emit(f"{prefix}Succeeded", output=result, **described)
        return result


def perform(resource: Resource, attempt: Attempt) -> Any:
    """Return the result of a task.

    Raises:
        StateFailure: it failed.
    """
    match resource:
        case LambdaResource():
            return _invoke(resource, attempt)
        case ActivityResource():
            return _run_activity(resource, attempt)
        case ServiceResource():
            return _call_service(resource, attempt)
        case _:
            assert_never(resource)


def _mocked(attempt: Attempt) -> Callable[[], Any] | None:
    frame = attempt.frame
    mocks = frame.execution.mocks
    return None if mocks is None or not mocks.has(frame.name) else lambda: mocks.answer(frame.name)


def _invoke(resource: LambdaResource, attempt: Attempt) -> Any:
    emit = attempt.frame.emit
    emit("LambdaFunctionScheduled", resource=resource.arn, input=attempt.input, **attempt.limits)
    emit("LambdaFunctionStarted")
    mocked = _mocked(attempt)

    def work() -> Any:
        if mocked is None:
            request = {"FunctionName": resource.arn, "Payload": attempt.input}
            return attempt.call(lambdas.CALL, request)
        response = mocked()
        return response.get("Payload") if isinstance(response, dict) else response

    return attempt.guarded("LambdaFunction", resource.arn, work)


def _run_activity(resource: ActivityResource, attempt: Attempt) -> Any:
    emit = attempt.frame.emit
    emit("ActivityScheduled", resource=resource.arn, input=attempt.input, **attempt.limits)
    work = _mocked(attempt) or (lambda: attempt.call_worker(resource.name))

    def started() -> Any:
        try:
            result = work()
        except StateFailure as failure:
            if failure.error != TIMEOUT or failure.also:  # without a heartbeat, too, it was taken
                emit("ActivityStarted")
            raise
        emit("ActivityStarted")
        return result

    return attempt.guarded("Activity", resource.arn, started)


def _call_service(resource: ServiceResource, attempt: Attempt) -> Any:
    frame, described = attempt.frame, resource.described
    scheduled = {**described, "region": frame.execution.identity.region, **attempt.limits}
    frame.emit("TaskScheduled", parameters=attempt.input, **scheduled)
    frame.emit("TaskStarted", **described)
    work = _mocked(attempt) or (lambda: _requested(resource, attempt))
    mocks = frame.execution.mocks
    if resource.pattern and mocks is not None and mocks.has(frame.name):
        submitted = mocks.submitted(frame.name)
        if submitted is not None:
            frame.emit("TaskSubmitted", output=submitted, **described)
    return attempt.guarded("Task", resource.service, work, **described)


def _requested(resource: ServiceResource, attempt: Attempt) -> Any:
    waits = attempt.frame.execution.waits
    if waits and resource.pattern == "waitForTaskToken" and isinstance(attempt.input, dict):
        own = waits.get(str(attempt.input.get("FunctionName")))
        if own is not None:
            limits = attempt.time_left, attempt.heartbeat
            return own(attempt.frame.name, attempt.input.get("Payload"), *limits)
    if attempt.frame.signal is not None:
        return _answered(resource, attempt, attempt.frame.signal)
    response = _response(resource, attempt)
    started = jobs.started_by(response)
    if started is not None:
        attempt.frame.emit("TaskSubmitted", output=started, **resource.described)
        job = Job(resource.name, attempt.input, started)
        result = jobs.wait_for_job(job, attempt.time_left)
        return jobs.parsed(result) if resource.pattern == "sync:2" else result
    awaited = jobs.awaited_by(response)
    if awaited is not None:
        attempt.frame.emit("TaskSubmitted", output=awaited, **resource.described)
        wait = integrations.activity_of(f"{resource.name}.{integrations.WAIT}")
        stop = integrations.activity_of(f"{resource.name}.{integrations.STOP}")
        result = jobs.wait_for_end(wait, stop, awaited, attempt.time_left)
        return jobs.parsed(result) if resource.pattern == "sync:2" else result
    return response


def _answered(resource: ServiceResource, attempt: Attempt, signal: str) -> Any:
    """Return what comes back with the attempt's token."""
    try:
        response = _response(resource, attempt)
        attempt.frame.emit("TaskSubmitted", output=response, **resource.described)
        return wait_for_answer(signal, attempt.time_left, attempt.heartbeat)
    except (StateFailure, CancelledError):
        note_end(signal)
        raise


def _response(resource: ServiceResource, attempt: Attempt) -> Any:
    nested = _nested(resource, attempt)
    if nested is not None:
        return nested()
    if resource.name != LAMBDA:
        activity = integrations.activity_of(_action(resource))
        if resource.pattern.startswith("sync") and integrations.has_wait(resource.name):
            # a start that is cut off by the time limit would leave something that nobody stops
            return call_activity(activity, attempt.input, None, None)
        return attempt.call(activity, attempt.input)
    if not isinstance(attempt.input, dict) or "FunctionName" not in attempt.input:
        raise EvaluationFault(_NO_FUNCTION.format(json_text(attempt.input)))
    function = attempt.frame.execution.functions.get(str(attempt.input["FunctionName"]))
    if function is not None:
        limits = attempt.timeout, attempt.heartbeat
        result = function(attempt.frame.name, attempt.input.get("Payload"), *limits)
        return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}
    try:
        return attempt.call(lambdas.INVOKE, _with_arn(attempt))
    except StateFailure as failure:
        raise StateFailure(failure.error, _compact(failure.cause), also=failure.also) from None


def _nested(resource: ServiceResource, attempt: Attempt) -> Callable[[], Any] | None:
    """Return what runs a nested execution in this process; None: the machine is elsewhere."""
    if resource.name != EXECUTION or not isinstance(attempt.input, dict):
        return None
    name = str(attempt.input.get("StateMachineArn")).rpartition(":")[2]
    run, frame = attempt.frame.execution.machines.get(name), attempt.frame
    if run is None or not resource.pattern.startswith("sync"):
        return None

    def result() -> dict[str, Any]:
        given = attempt.input.get("Input")
        output = run(frame.name, given, attempt.timeout, attempt.heartbeat)
        return {"Status": "SUCCEEDED", "Input": given, "Output": output}

    return result


_NO_FUNCTION = (
    "The Parameters '{}' could not be used to start the Task: "
    "[The field 'FunctionName' is required but was missing]"
)


def _action(resource: ServiceResource) -> str:
    is_sync = resource.pattern.startswith("sync")
    return f"{resource.name}.{resource.pattern}" if is_sync else resource.name


def _with_arn(attempt: Attempt) -> Any:
    """Return a request to Lambda with the function's full ARN."""
    request = attempt.input
    name = request.get("FunctionName") if isinstance(request, dict) else None
    if not isinstance(name, str) or name.startswith("arn:"):
        return request
    function = lambdas.function_name(name)
    prefix = attempt.frame.execution.identity.lambda_prefix
    return {**request, "FunctionName": f"{prefix}:{function}"}


def prepare(resource: Resource) -> None:
    """Define the activity that a resource needs in this process."""
    if isinstance(resource, ServiceResource) and resource.name != LAMBDA:
        integrations.activity_of(_action(resource))
        if resource.pattern.startswith("sync"):
            jobs.prepare()
    elif not isinstance(resource, ActivityResource):
        register(lambdas.invoke)
        register(lambdas.call)


def _compact(cause: str | None) -> str | None:
    """Return a cause that is JSON without spaces, as the integration with Lambda does."""
    try:
        return json_text(json.loads(cause)) if cause and cause.startswith("{") else cause
    except ValueError:
        return cause
