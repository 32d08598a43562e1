"""Write calls of activities: Task states with retries, and the values of their failures."""

from __future__ import annotations

import builtins
import math
from typing import Any

from partita.compile.tree import Call
from partita.stepfunctions.emitter.states import field

RESULT = "$states.result.Payload"
LAMBDA = "arn:aws:states:::lambda:invoke"
_TRANSIENT = {
    "ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ],
    "IntervalSeconds": 2,
    "MaxAttempts": 6,
    "BackoffRate": 2,
}
_LONGEST_SECONDS = 31_622_400
_MOST_ATTEMPTS = 99_999_999

SEPARATOR = "\n\nPartita: "
"""What an error's text ends before, where a function tells more of it: bases and attributes."""

ERROR = (
    '($cause := $states.errorOutput.Cause; $contains($cause, "\\"errorType\\"") ? '
    '($told := $split($parse($cause).errorMessage, "\\n\\nPartita: "); '
    "$more := $count($told) > 1 ? $parse($told[-1]) : {}; "
    '{"type": $states.errorOutput.Error, "message": $count($told) > 1 ? '
    "$join($filter($told, function($v, $i) {$i < $count($told) - 1}), "
    '"\\n\\nPartita: ") : $told[0], '
    '"bases": $append([], $more.bases), '
    '"attributes": $exists($more.attributes) ? $more.attributes : {}}) : '
    '{"type": $states.errorOutput.Error = "States.Timeout" ? "ActivityTimedOutError" : '
    '$states.errorOutput.Error, "message": $cause, "bases": []})'
)
"""The value of a caught failure, as `Raise` has them."""


def task(call: Call) -> dict[str, Any]:
    """Return the Task state of a call, without what comes after it."""
    settings = call.activity.settings
    payload = {name: field(value) for name, value in call.arguments.items()}
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {"FunctionName": call.activity.activity_type.name, "Payload": payload},
    }
    timeout = settings.start_to_close or settings.schedule_to_close
    if timeout is not None:
        state["TimeoutSeconds"] = _whole(timeout)
        if settings.heartbeat is not None and _whole(settings.heartbeat) < _whole(timeout):
            state["HeartbeatSeconds"] = _whole(settings.heartbeat)
    state["Retry"] = _retries(call.activity)
    return state


def _whole(seconds: float) -> int:
    return max(1, min(math.ceil(seconds), _LONGEST_SECONDS))


def _retries(activity: Any) -> list[dict[str, Any]]:
    policy = activity.settings.retry_policy
    retries: list[dict[str, Any]] = [_TRANSIENT]
    if policy is None or policy.max_attempts == 1:
        return retries
    if policy.non_retryable:
        names = sorted({n for one in policy.non_retryable for n in _final_names(one, activity)})
        retries.append({"ErrorEquals": names, "MaxAttempts": 0})
    interval = _whole(policy.initial_interval)
    last: dict[str, Any] = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": interval,
        "MaxAttempts": policy.max_attempts - 1 if policy.max_attempts else _MOST_ATTEMPTS,
        "BackoffRate": policy.backoff,
    }
    if policy.max_interval is not None and _whole(policy.max_interval) > interval:
        last["MaxDelaySeconds"] = _whole(policy.max_interval)
    return [*retries, last]


def _final_names(name: str, activity: Any) -> set[str]:
    """Return a name of exceptions, and those of the loaded classes that are derived from it."""
    name = name.rpartition(".")[2]
    kind = activity.namespace.get(name, getattr(builtins, name, None))
    names, pending = {name}, [kind] if isinstance(kind, type) else []
    while pending:
        one = pending.pop()
        names.add(one.__name__)
        pending += one.__subclasses__()
    return names
