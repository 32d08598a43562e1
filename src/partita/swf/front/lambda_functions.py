"""Invoke the Lambda functions that executions have scheduled: here, or at a Lambda endpoint.

Each is invoked at most once. If this process dies meanwhile, the function runs into its
timeout and the decider is told, as with Amazon; nobody invokes it a second time.
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from partita.errors import PartitaError, TaskLostError
from partita.ports.session import Command, QueueKey, Session
from partita.ports.state import LAMBDA_TASK_LIST, OpenLambda, State
from partita.rules.commands import CompleteLambdaFunction, FailLambdaFunction, StartLambdaFunction
from partita.rules.lambdas import DEFAULT_START_TO_CLOSE
from partita.swf.front.catalogue import domains
from partita.swf.front.operations import Front

log = logging.getLogger("partita.swf")

SLOTS = 16
"""Functions that are invoked at a time."""

SIGHT = 1.0
"""Seconds after which it looks for functions even if it has heard of none."""

GRACE = 5.0
"""Seconds that functions may take to end when the endpoint closes."""

RESULT_LIMIT = 32_768
"""Characters that a function may return, and that its failure may have."""

Handler = Callable[[Any, Any], Any]
"""What Lambda calls a handler: it is given the event and a context."""


class Context(Struct, frozen=True, kw_only=True):
    """What a handler is told besides its event; names are Lambda's."""

    function_name: str
    aws_request_id: str  # run id and started event id
    timeout: float  # seconds


class InvocationError(Exception):
    """A function failed; with its reason and details, as the decider is to see them."""

    def __init__(self, reason: str, details: str) -> None:
        super().__init__(reason)
        self.reason = reason[:256]
        self.details = details[:RESULT_LIMIT]


class _Invocation(Struct, frozen=True):
    token: str
    input: str | None
    context: Context


class Lambdas:
    """Invoke functions until closed. `functions` come before the endpoint at `url`."""

    def __init__(
        self, front: Front, functions: Mapping[str, Handler], url: str | None = None
    ) -> None:
        self._front = front
        self._functions = dict(functions)
        self._url = url
        self._news = threading.Event()
        self._closed = False
        self._slots = threading.Semaphore(SLOTS)
        self._end = front.service.subscribe(self._heard)
        self._thread = threading.Thread(target=self._run, name="partita lambdas", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Invoke nothing more; what runs is recorded if it ends within `GRACE` seconds."""
        self._end()
        self._closed = True
        self._news.set()
        self._thread.join()
        until = time.monotonic() + GRACE
        for _ in range(SLOTS):
            self._slots.acquire(timeout=max(0.0, until - time.monotonic()))

    def _heard(self, lines: set[QueueKey] | None) -> None:
        if lines is None or any(kind == OpenLambda.kind for kind, _, _ in lines):
            self._news.set()

    def _run(self) -> None:
        while not self._closed:
            try:
                more = self._look()
            except PartitaError as error:
                log.warning("cannot look for Lambda functions: %s", error)
                more = False
            if not more:
                self._news.wait(SIGHT)
                self._news.clear()

    def _look(self) -> bool:
        """Invoke what waits, as far as there are slots; return whether there may be more."""
        if not self._slots.acquire(timeout=SIGHT):
            return not self._closed
        found = self._front.service.transact(self._take)
        if found is None:
            self._slots.release()
            return False
        name = f"partita lambda {found.context.function_name}"
        threading.Thread(target=self._invoke, args=[found], name=name, daemon=True).start()
        return True

    def _take(self, session: Session) -> _Invocation | None:
        for domain in domains(session):
            for state, id in session.queued("lambda", domain.name, LAMBDA_TASK_LIST, SLOTS):
                found = self._start(session, state, id)
                if found is not None:
                    return found
        return None

    def _start(self, session: Session, state: State, id: str) -> _Invocation | None:
        if state.execution.lambda_role is None:
            failure = "the execution has no lambdaRole: start it, or register its type, with one"
            session.do(state, StartLambdaFunction(id=id, failure=failure))
            return None
        session.do(state, StartLambdaFunction(id=id))
        item = state.get("lambda", id)
        assert isinstance(item, OpenLambda)
        started = item.started_event_id
        patience = DEFAULT_START_TO_CLOSE if item.start_to_close is None else item.start_to_close
        context = Context(
            function_name=item.name,
            aws_request_id=f"{state.execution.run_id}-{started}",
            timeout=patience,
        )
        return _Invocation(session.token(state, started, id), item.input, context)

    # -- on a thread of the pool

    def _invoke(self, invocation: _Invocation) -> None:
        ending: Callable[..., Command]
        try:
            ending = partial(CompleteLambdaFunction, result=self._result(invocation))
        except InvocationError as error:
            ending = partial(FailLambdaFunction, reason=error.reason, details=error.details)
        try:
            self._front.service.transact(partial(_record, token=invocation.token, ending=ending))
        except TaskLostError:
            log.info("Lambda function %s ended too late", invocation.context.function_name)
        except PartitaError as error:
            log.warning("the end of a Lambda function is not recorded: %s", error)
        finally:
            self._slots.release()

    def _result(self, invocation: _Invocation) -> str:
        name = invocation.context.function_name
        if name in self._functions:
            result = _called(self._functions[name], invocation)
        elif self._url is not None:
            result = _forwarded(self._url, invocation)
        else:
            raise InvocationError("ResourceNotFoundException", f"Function not found: {name}")
        if len(result) > RESULT_LIMIT:
            text = f"the result of {name} has {len(result):,} characters; {RESULT_LIMIT:,} may be"
            raise InvocationError("ResponseSizeTooLarge", text)
        return result


def _record(session: Session, token: str, ending: Callable[..., Command]) -> None:
    state, started, id = session.held(token)
    session.do(state, ending(id=id, started_event_id=started))


def _called(function: Handler, invocation: _Invocation) -> str:
    """Call a function of this process, and return its result as JSON."""
    try:
        event = json.loads(invocation.input) if invocation.input else {}
    except ValueError:
        event = invocation.input  # SWF's inputs are any text
    try:
        return msgspec.json.encode(function(event, invocation.context)).decode()
    except BaseException as error:  # a user's code; sys.exit() must not end what invokes it
        kind = type(error).__name__
        details = json.dumps({"errorType": kind, "errorMessage": str(error)})
        raise InvocationError(kind, details) from error


def _forwarded(url: str, invocation: _Invocation) -> str:
    """Invoke a function at a Lambda endpoint, and return what it answers.

    Source: AWS Lambda API Reference, Invoke.
    """
    name = quote(invocation.context.function_name, safe="")
    request = urllib.request.Request(
        f"{url.rstrip('/')}/2015-03-31/functions/{name}/invocations",
        data=(invocation.input or "{}").encode(),
        headers={"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"},
        method="POST",
    )
    try:
        text, failed = _exchanged(request, invocation.context.timeout)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InvocationError("ServiceException", f"{url} cannot be reached: {error}") from error
    if failed:
        raise InvocationError(failed, text)
    return text


def _exchanged(request: urllib.request.Request, timeout: float) -> tuple[str, str | None]:
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
