"""Invoke Lambda functions: Python functions of this process, or those of a Lambda endpoint.

Knows no execution: who has asked for the invocation, and what becomes of the result, is for others.

Source: AWS Lambda API Reference, Invoke.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

RESULT_LIMIT = 32_768
"""Characters that a function may return, and that its failure may have."""

Handler = Callable[[Any, Any], Any]
"""What Lambda calls a handler: it is given the event and a context."""


class Context(Struct, frozen=True, kw_only=True):
    """What a handler is told besides its event; names are Lambda's."""

    function_name: str
    aws_request_id: str
    timeout: float  # seconds


class InvocationError(Exception):
    """A function failed; with its reason and details, as the decider is to see them."""

    def __init__(self, reason: str, details: str) -> None:
        super().__init__(reason)
        self.reason = reason[:256]
        self.details = details[:RESULT_LIMIT]


class LambdaFunctions:
    """Functions by name; those without a handler are at the endpoint at `url`, if there is one."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        url: str | None = None,
        *,
        limit: int = RESULT_LIMIT,
    ) -> None:
        self._handlers = dict(handlers)
        self._url = url
        self._limit = limit  # characters of a result

    def invoke(self, input: str | None, context: Context) -> str:
        """Invoke the function that the context names; return its result as JSON.

        Raises:
            InvocationError: it failed, is not there, or its result is too large.
        """
        name = context.function_name
        if name in self._handlers:
            result = _call(self._handlers[name], input, context)
        elif self._url is not None:
            result = _forward(self._url, input, context)
        else:
            raise InvocationError("ResourceNotFoundException", f"Function not found: {name}")
        if len(result) > self._limit:
            text = f"the result of {name} has {len(result):,} characters; {self._limit:,} may be"
            raise InvocationError("ResponseSizeTooLarge", text)
        return result


def _call(handler: Handler, input: str | None, context: Context) -> str:
    try:
        event = json.loads(input) if input else {}
    except ValueError:
        event = input  # any text may be an input
    try:
        return msgspec.json.encode(handler(event, context)).decode()
    except BaseException as error:  # a user's code; sys.exit() must not end what invokes it
        kind = type(error).__name__
        details = json.dumps({"errorType": kind, "errorMessage": str(error)})
        raise InvocationError(kind, details) from error


def _forward(url: str, input: str | None, context: Context) -> str:
    """Invoke a function at a Lambda endpoint, and return what it answers."""
    name = quote(context.function_name, safe="")
    request = urllib.request.Request(
        f"{url.rstrip('/')}/2015-03-31/functions/{name}/invocations",
        data=(input or "{}").encode(),
        headers={"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"},
        method="POST",
    )
    try:
        text, failed = _exchange(request, context.timeout)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InvocationError("ServiceException", f"{url} cannot be reached: {error}") from error
    if failed:
        raise InvocationError(failed, text)
    return text


def _exchange(request: urllib.request.Request, timeout: float) -> tuple[str, str | None]:
    """Return what a Lambda endpoint answers, and the kind of the function's error if it failed."""
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return _text(answer), answer.headers.get("X-Amz-Function-Error")
    except urllib.error.HTTPError as error:
        with error:
            return _text(error), error.headers.get("X-Amzn-Errortype") or "Error"


def _text(answer: Any) -> str:
    text: str = answer.read().decode("utf-8", "replace")
    return text
