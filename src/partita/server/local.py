"""Serve a protocol to this process alone: for tests of code that speaks to AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from msgspec.structs import replace

from partita.asl.machines import ACCOUNT
from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.aws.lambda_functions import Handler, LambdaFunctions
from partita.connect import connect
from partita.openwhisk.endpoint.protocol import BLOCKING_SECONDS
from partita.ports.service import Service
from partita.server.process import bind, on_thread, url_of
from partita.server.protocols import (
    OPENWHISK,
    POLL_SECONDS,
    STEP_FUNCTIONS,
    SWF,
    Setup,
    serving,
)
from partita.server.routes import Router


@contextmanager
def swf_endpoint(
    backend: str | Service = "memory://",
    *,
    port: int = 0,
    poll_seconds: float = POLL_SECONDS,
    lambdas: Mapping[str, Handler] | None = None,
) -> Iterator[str]:
    """Serve Amazon SWF's protocol on loopback until the block ends; yield the URL.

    Requests need no signature, so any access key will do. A service that is given as `backend`
    stays open; `lambdas` are the Lambda functions that executions may invoke, by name.

    Raises:
        InvalidOptionError: the backend is no embedded engine, or the port is taken.
        StoreError: the database cannot be opened.
    """
    functions = None if lambdas is None else LambdaFunctions(lambdas)
    setup = Setup(poll_seconds=poll_seconds, lambdas=functions)
    with _endpoint(SWF, backend, setup, port) as url:
        yield url


@contextmanager
def stepfunctions_endpoint(
    backend: str | Service = "memory://",
    *,
    port: int = 0,
    poll_seconds: float = POLL_SECONDS,
    lambdas: Mapping[str, Handler] | None = None,
    account: str = ACCOUNT,
    mocks: str | None = None,
) -> Iterator[str]:
    """Serve Step Functions' protocol on loopback until the block ends; yield the URL.

    Requests need no signature, so any access key will do. A service that is given as `backend`
    stays open, and must have no worker; `lambdas` are the Lambda functions that machines may
    invoke, by name; `mocks` is the path of a mock file, whose test cases are named after the ARN
    of a machine: `ARN#CASE`.

    Raises:
        InvalidOptionError: the backend is no embedded engine, or the port is taken.
        StoreError: the database cannot be opened.
    """
    given = lambdas or {}
    for name, handler in given.items():
        register_lambda(name, handler)
    setup = Setup(poll_seconds=poll_seconds, account=account, mocks=mocks)
    try:
        with _endpoint(STEP_FUNCTIONS, backend, setup, port) as url:
            yield url
    finally:
        for name in given:
            forget_lambda(name)


@contextmanager
def openwhisk_endpoint(
    backend: str | Service = "memory://",
    *,
    port: int = 0,
    blocking_seconds: float = BLOCKING_SECONDS,
) -> Iterator[str]:
    """Serve OpenWhisk's API on loopback until the block ends; yield the URL.

    Requests need no key, so any will do. A service that is given as `backend` stays open.

    Raises:
        InvalidOptionError: the backend is no embedded engine, or the port is taken.
        StoreError: the database cannot be opened.
    """
    setup = Setup(blocking_seconds=blocking_seconds)
    with _endpoint(OPENWHISK, backend, setup, port) as url:
        yield url


@contextmanager
def _endpoint(name: str, backend: str | Service, setup: Setup, port: int) -> Iterator[str]:
    with ExitStack() as stack:
        service = connect(backend) if isinstance(backend, str) else backend
        if service is not backend:
            stack.callback(service.close)
        listening = stack.enter_context(bind("127.0.0.1", port))
        url = url_of(listening)
        protocols = stack.enter_context(serving([name], service, replace(setup, url=url)))
        stack.enter_context(on_thread(Router(protocols, only_local=True), listening))
        yield url
