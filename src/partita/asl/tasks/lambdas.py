"""Invoke Lambda functions: Python callables of the worker, activities, or an endpoint's.

Two activities, `invoke` and `call`, do it in the worker, which knows the functions by name.
"""

from __future__ import annotations

import base64
import json
import linecache
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from inspect import Parameter, signature
from typing import Any

from partita.asl.json_text import json_text
from partita.authoring.activity import activity
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.errors import TaskFailedError
from partita.worker import child_setup

INVOKE = "states:lambda:invoke"
"""The type of the activity for the integration with Lambda."""

CALL = "states:lambda:call"
"""The type of the activity for tasks whose resource is a function."""

Handler = Callable[..., Any]
"""A function of the event, or of the event and a context."""

Fallback = Callable[[str, str], str]
"""Invokes a function by its name, given the payload's JSON text; returns the result's."""

_KIND = "lambda"  # of registrations

_handlers: dict[str, Handler] = {}
_fallbacks: list[Fallback] = []


def register_lambda(name: str, handler: Handler) -> None:
    """Register a Python callable as the Lambda function of that name in this process."""
    _handlers[name] = handler
    child_setup.remember(_KIND, name, handler)


def forget_lambda(name: str) -> None:
    """Undo `register_lambda`."""
    _handlers.pop(name, None)
    child_setup.forget(_KIND, name)


def forward_lambdas(fallback: Fallback | None) -> None:
    """Invoke functions that this process does not have by `fallback`; None: by nothing."""
    _fallbacks[:] = [] if fallback is None else [fallback]


def function_name(arn: str) -> str:
    """Return the name in an ARN, a partial ARN, or a name with a qualifier."""
    parts = arn.split(":")
    if "function" in parts:
        return parts[parts.index("function") + 1]
    return parts[0]


@activity(name=INVOKE)
def invoke(request: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function; return what AWS's Invoke returns to a state machine.

    Raises:
        TaskFailedError: the function failed, or there is none of that name.
    """
    arn = str(request.get("FunctionName"))
    payload = request.get("Payload")
    text = _invoked(arn, {} if payload is None else payload)
    return _response(text, has_log=request.get("LogType") == "Tail")


@activity(name=CALL)
def call(request: dict[str, Any]) -> Any:
    """Call a function; return its result alone.

    Raises:
        TaskFailedError: the function failed, or there is none of that name.
    """
    return json.loads(_invoked(str(request.get("FunctionName")), request.get("Payload")))


def _invoked(arn: str, event: Any) -> str:
    name = function_name(arn)
    handler = _handlers.get(name) or child_setup.find(_KIND, name) or _activity(name)
    if handler is not None:
        return _called(handler, event, name)
    child_setup.need_worker(f"function {name}")
    if _fallbacks:
        return _fallbacks[0](name, json_text(event))
    raise TaskFailedError(
        "Lambda.ResourceNotFoundException",
        f"Function not found: {arn}:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: "
        f"ResourceNotFoundException; Request ID: {uuid.uuid4()}; Proxy: null)",
    )


def _activity(name: str) -> Handler | None:
    """Return the activity of that name that this process has."""
    found = [one for one in known(ActivityDefinition) if one.activity_type.name == name]
    return found[0].function if len(found) == 1 else None


def _called(handler: Handler, event: Any, name: str) -> str:
    given = (event, _Context(name)) if _takes_context(handler) else (event,)
    try:
        return json_text(handler(*given))
    except TaskFailedError:
        raise
    except Exception as error:
        raise TaskFailedError(type(error).__name__, _cause(error)) from error


def _takes_context(handler: Handler) -> bool:
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        one
        for one in signature(handler).parameters.values()
        if one.kind in kinds and one.default is one.empty
    ]
    return len(needed) == 2


class _Context:
    """What a handler is told besides its event, by Lambda's names."""

    def __init__(self, name: str) -> None:
        self.function_name = name
        self.function_version = "$LATEST"
        self.aws_request_id = str(uuid.uuid4())


def _cause(error: Exception) -> str:
    """Return the payload of a failed function, as Python's runtime on Lambda writes it."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    lines = [line for frame in frames if (line := _shown(frame))]
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": str(uuid.uuid4()),
            "stackTrace": lines,
        }
    )


def _shown(frame: traceback.FrameSummary) -> str:
    line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {line}\n'


def _response(text: str, *, has_log: bool) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    headers = _headers(text, request_id)
    response: dict[str, Any] = {"ExecutedVersion": "$LATEST"}
    if has_log:
        log = f"START RequestId: {request_id} Version: $LATEST\nEND RequestId: {request_id}\n"
        headers["X-Amz-Log-Result"] = base64.b64encode(log.encode()).decode()
        response["LogResult"] = headers["X-Amz-Log-Result"]
    return {
        **response,
        "Payload": json.loads(text),
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }


def _headers(text: str, request_id: str) -> dict[str, str]:
    return {
        "X-Amz-Executed-Version": "$LATEST",
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": str(len(text.encode())),
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "X-Amzn-Trace-Id": f"root=1-{request_id[:8]}-{request_id[-12:]}{request_id[:12]};sampled=0",
        "Content-Type": "application/json",
    }
