"""Invoke the Lambda functions that executions have scheduled.

Each is invoked at most once. If this process dies meanwhile, the function runs into its timeout and
the decider is told, as with Amazon; nobody invokes it a second time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from partita.aws.lambda_functions import Context, InvocationError, LambdaFunctions
from partita.errors import PartitaError, TaskLostError
from partita.ports.session import Command, QueueKey, Session
from partita.ports.state import LAMBDA_TASK_LIST, OpenLambda, State
from partita.rules.commands import CompleteLambdaFunction, FailLambdaFunction, StartLambdaFunction
from partita.rules.lambdas import DEFAULT_START_TO_CLOSE
from partita.swf.front.catalogue import domains
from partita.swf.front.front import Front

log = logging.getLogger("partita.swf")

CONCURRENCY = 16
"""Functions that are invoked at a time."""

POLL_INTERVAL_SECONDS = 1.0
"""Seconds after which it looks for functions even if no change was reported."""

CLOSE_SECONDS = 5.0
"""Seconds that functions may take to end when the endpoint closes."""


class _Invocation(Struct, frozen=True):
    token: str
    input: str | None
    context: Context


class Lambdas:
    """Invokes functions on threads until it is closed."""

    def __init__(self, front: Front, functions: LambdaFunctions) -> None:
        self._front = front
        self._functions = functions
        self._news = threading.Event()
        self._closed = False
        self._slots = threading.Semaphore(CONCURRENCY)
        self._unsubscribe = front.service.subscribe(self._changed)
        self._thread = threading.Thread(target=self._run, name="partita lambdas", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Invoke nothing more; what runs is recorded if it ends within `CLOSE_SECONDS`."""
        self._unsubscribe()
        self._closed = True
        self._news.set()
        self._thread.join()
        until = time.monotonic() + CLOSE_SECONDS
        for _ in range(CONCURRENCY):
            self._slots.acquire(timeout=max(0.0, until - time.monotonic()))

    def _changed(self, queues: set[QueueKey] | None) -> None:
        if queues is None or any(kind == OpenLambda.kind for kind, _, _ in queues):
            self._news.set()

    def _run(self) -> None:
        while not self._closed:
            try:
                more = self._look()
            except PartitaError as error:
                log.warning("cannot look for Lambda functions: %s", error)
                more = False
            if not more:
                self._news.wait(POLL_INTERVAL_SECONDS)
                self._news.clear()

    def _look(self) -> bool:
        """Invoke the next function, if there is a slot; return whether there may be more."""
        if not self._slots.acquire(timeout=POLL_INTERVAL_SECONDS):
            return not self._closed
        found = self._front.service.transact(_take)
        if found is None:
            self._slots.release()
            return False
        name = f"partita lambda {found.context.function_name}"
        threading.Thread(target=self._invoke, args=[found], name=name, daemon=True).start()
        return True

    def _invoke(self, invocation: _Invocation) -> None:
        ending: Callable[..., Command]
        try:
            result = self._functions.invoke(invocation.input, invocation.context)
            ending = partial(CompleteLambdaFunction, result=result)
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


def _take(session: Session) -> _Invocation | None:
    for domain in domains(session):
        queue = (OpenLambda.kind, domain.name, LAMBDA_TASK_LIST)
        for state, id in session.queued(*queue, CONCURRENCY):
            found = _start(session, state, id)
            if found is not None:
                return found
    return None


def _start(session: Session, state: State, id: str) -> _Invocation | None:
    if state.execution.lambda_role is None:
        failure = "the execution has no lambdaRole: start it, or register its type, with one"
        session.do(state, StartLambdaFunction(id=id, failure=failure))
        return None
    session.do(state, StartLambdaFunction(id=id))
    item = state.get(OpenLambda.kind, id)
    assert isinstance(item, OpenLambda)
    started = item.started_event_id
    timeout = DEFAULT_START_TO_CLOSE if item.start_to_close is None else item.start_to_close
    context = Context(
        function_name=item.name,
        aws_request_id=f"{state.execution.run_id}-{started}",
        timeout=timeout,
    )
    return _Invocation(session.token(state, started, id), item.input, context)


def _record(session: Session, token: str, ending: Callable[..., Command]) -> None:
    state, started, id = session.held(token)
    session.do(state, ending(id=id, started_event_id=started))
