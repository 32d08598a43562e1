"""Write calls of activities: Task states with retries, and the values of their failures."""

from __future__ import annotations

import builtins
import math
from typing import Any

from partita.authoring.definition import ActivityDefinition, LambdaSpec, WorkflowSpec
from partita.compile.jsonata import text_of
from partita.compile.tree import Call, SignalWait, Value
from partita.integrations.aws_calls import Action
from partita.stepfunctions.emitter.states import expression, field
from partita.stepfunctions.error_texts import SEPARATOR

LAMBDA = "arn:aws:states:::lambda:invoke"
SIGNALS = "partita-signals"
"""The Lambda function that keeps the tokens of waits for signals."""
_EXECUTION = "arn:aws:states:::states:startExecution.sync:2"
_TRANSIENT = {
    "ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ],
    "IntervalSeconds": 2,
    "MaxAttempts": 6,
    "BackoffRate": 2.0,
}
_LONGEST_SECONDS = 31_622_400
_MOST_ATTEMPTS = 99_999_999

_ERROR = (
    '$contains($cause, "\\"errorType\\"") ? '
    '($told := $split($parse($cause).errorMessage, "\\n\\nPartita: "); '
    "$more := $count($told) > 1 ? $parse($told[-1]) : {}; "
    '$merge([$exists($more.args) ? {"args": $more.args, "repr": $more.repr} : {}, '
    '$exists($more.exceptions) ? {"exceptions": $more.exceptions, "text": $more.text} : {}, '
    '{"type": $name, "message": $count($told) > 1 ? '
    "$join($filter($told, function($v, $i) {$i < $count($told) - 1}), "
    '"\\n\\nPartita: ") : $told[0], '
    '"bases": $append([], $more.bases), '
    '"attributes": $exists($more.attributes) ? $more.attributes : {}}])) : '
    '{"type": $name, "message": $exists($cause) ? $cause : "", "bases": []}'
)
_FAILED_ACTIVITY = (
    f"($name := $states.errorOutput.Error; $cause := $states.errorOutput.Cause; {_ERROR})"
)
_FAILED_CHILD = (
    '($failed := $contains($states.errorOutput.Cause, "\\"ExecutionArn\\"") ? '
    "$parse($states.errorOutput.Cause) : $states.errorOutput; $name := $failed.Error; "
    f"$cause := $failed.Cause; {_ERROR})"
)
_REFUSED_CALL = (
    '($name := $states.errorOutput.Error; {"type": $name = "States.Timeout" ? '
    '"ActivityTimedOutError" : $name, "message": $states.errorOutput.Cause, '
    '"bases": $substringBefore($name, ".") = "States" ? [] : ["ClientError"]})'
)


def result(call: Call) -> str:
    """Return the expression of a call's result."""
    if isinstance(call.activity, Action | SignalWait):
        return "$states.result"
    return f"$states.result.{'Output' if _is_child(call) else 'Payload'}"


def error(call: Call) -> str:
    """Return the expression of a call's caught failure, as `Raise` has them."""
    if isinstance(call.activity, Action):
        return _REFUSED_CALL
    if isinstance(call.activity, SignalWait):
        return _missed(call.activity)
    if call.limit is not None:
        return _late(f'"{call.activity.label} was not done within {float(call.limit)} s"')
    settings = call.activity.settings if isinstance(call.activity, ActivityDefinition) else None
    if settings is not None and (settings.start_to_close or settings.schedule_to_close):
        kind = "START_TO_CLOSE" if settings.start_to_close else "SCHEDULE_TO_CLOSE"
        text = f"{call.activity.label} ran out of time ({kind})"
        return _late(text_of(text), "ActivityTimedOutError")
    return _FAILED_CHILD if _is_child(call) else _FAILED_ACTIVITY


def cause(error: Value) -> str:
    """Return the expression of the cause that tells an error's text, and what it has if any."""
    has_members = '"attributes": ' in error.text or '"exceptions": ' in error.text
    if error.constant is not None and not has_members:
        return str(error.constant[1])
    more = (
        '$merge([{"bases": $append([], $raised.bases), "attributes": $raised.attributes}, '
        '$exists($raised.exceptions) ? {"exceptions": $raised.exceptions, "text": $raised.text} '
        ": {}])"
    )
    told = f"$raised.message & {text_of(SEPARATOR)} & $string({more})"
    cause = f'$string({{"errorType": $raised.type, "errorMessage": {told}}})'
    has_more = (
        "$exists($raised.attributes) ? $raised.attributes != {} : $exists($raised.exceptions)"
    )
    return f"($raised := {error.text}; ({has_more}) ? {cause} : $raised.message)"


def _is_child(call: Call) -> bool:
    return isinstance(call.activity, WorkflowSpec)


def task(call: Call) -> dict[str, Any]:
    """Return the Task state of a call, without what comes after it."""
    if isinstance(call.activity, WorkflowSpec):
        return _child(call, call.activity)
    if isinstance(call.activity, LambdaSpec):
        return _function(call, call.activity)
    if isinstance(call.activity, Action):
        return _service(call, call.activity)
    if isinstance(call.activity, SignalWait):
        return _wait(call.activity)
    settings = call.activity.settings
    payload = {name: field(value) for name, value in call.arguments.items()}
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {"FunctionName": call.activity.activity_type.name, "Payload": payload},
    }
    state |= _times(settings, call.limit)
    policy = settings.retry_policy
    is_once = policy is not None and policy.max_attempts == 1
    state["Retry"] = [] if is_once else [_TRANSIENT, *_retries(call.activity)]
    return state


def _service(call: Call, action: Action) -> dict[str, Any]:
    """Return the state that calls AWS without Lambda."""
    pattern = f".{action.pattern}" if action.pattern else ""
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{action.operation.resource}{pattern}",
        "Arguments": {name: field(value) for name, value in call.arguments.items()},
        **_times(action.settings),
    }
    retries = _retries(action)
    return {**state, "Retry": retries} if retries else state


def _times(settings: Any, limit: int | None = None) -> dict[str, int]:
    timeout = limit or settings.start_to_close or settings.schedule_to_close
    if timeout is None:
        return {}
    times = {"TimeoutSeconds": _whole(timeout)}
    if settings.heartbeat is not None and _whole(settings.heartbeat) < _whole(timeout):
        times["HeartbeatSeconds"] = _whole(settings.heartbeat)
    return times


def _child(call: Call, workflow: WorkflowSpec) -> dict[str, Any]:
    """Return the state that runs a workflow's machine, which has its name, in the same account."""
    own = '$substringBefore($states.context.StateMachine.Id, ":stateMachine:")'
    arn = f"{own} & {text_of(f':stateMachine:{workflow.workflow_type.name}')}"
    given = {name: field(value) for name, value in call.arguments.items()}
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": _EXECUTION,
        "Arguments": {"StateMachineArn": expression(arn), "Input": given},
    }
    timeout = workflow.settings.execution_start_to_close
    if timeout is not None:
        state["TimeoutSeconds"] = _whole(timeout)
    return state


def _wait(signal: SignalWait) -> dict[str, Any]:
    """Return the state that hands out a token, and waits until it comes back."""
    payload = {
        "signal": signal.name,
        "token": expression("$states.context.Task.Token"),
        "execution": expression("$states.context.Execution.Id"),
    }
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": f"{LAMBDA}.waitForTaskToken",
        "Arguments": {"FunctionName": SIGNALS, "Payload": payload},
    }
    if signal.seconds is not None:
        state["TimeoutSeconds"] = field(signal.seconds)
    return state


def _missed(signal: SignalWait) -> str:
    """Return the failure of a wait for a signal that did not come in time."""
    seconds = '"0"' if signal.seconds is None else f"$string({signal.seconds.text})"
    text = text_of(f"signal {signal.name} was not done within ")
    return _late(f'{text} & {seconds} & ".0 s"')


def _late(text: str, kind: str = "WaitTimeoutError") -> str:
    """Return the failure of a wait that took too long, with that text."""
    late = f'{{"type": "{kind}", "message": {text}, "bases": []}}'
    return f'($states.errorOutput.Error = "States.Timeout" ? {late} : {_FAILED_ACTIVITY})'


def _function(call: Call, function: LambdaSpec) -> dict[str, Any]:
    """Return the state that invokes a Lambda function with one value."""
    payload = field(call.arguments["input"]) if "input" in call.arguments else None
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Arguments": {"FunctionName": function.name, "Payload": payload},
    }
    if function.start_to_close is not None:
        state["TimeoutSeconds"] = _whole(function.start_to_close)
    return {**state, "Retry": [_TRANSIENT]}


def _whole(seconds: float) -> int:
    return max(1, min(math.ceil(seconds), _LONGEST_SECONDS))


def _retries(activity: Any) -> list[dict[str, Any]]:
    policy = activity.settings.retry_policy
    retries: list[dict[str, Any]] = []
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
        "BackoffRate": float(policy.backoff),
    }
    longest = interval if policy.max_interval is None else math.ceil(policy.max_interval)
    if longest > interval:
        last["MaxDelaySeconds"] = _whole(longest)
    elif policy.max_interval is not None:  # which has to be larger than the interval
        last |= {"IntervalSeconds": longest, "BackoffRate": 1.0}
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
