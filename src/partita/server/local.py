"""Serve a protocol to this process alone: for tests of code that speaks to Amazon SWF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from partita.aws.lambda_functions import Handler, LambdaFunctions
from partita.connect import connect
from partita.errors import InvalidOptionError
from partita.ports.service import Service
from partita.ports.session import Transactional
from partita.server.process import in_background
from partita.server.routes import Router
from partita.swf.front.front import Front
from partita.swf.front.lambdas import Lambdas
from partita.swf.front.protocol import POLL_SECONDS, SwfProtocol


@contextmanager
def swf_endpoint(
    backend: str | Service = "memory://",
    *,
    port: int = 0,
    poll_seconds: float = POLL_SECONDS,
    lambdas: Mapping[str, Handler] | None = None,
) -> Iterator[str]:
    """Speak Amazon SWF's protocol on loopback for as long as the block lasts; yield the URL.

    Requests need no signature, so any access key will do. A service that is given as `backend`
    stays open; `lambdas` are the Lambda functions that executions may invoke, by name.

    Raises:
        InvalidOptionError: the backend is no embedded engine, or the port is taken.
        StoreError: the database cannot be opened.
    """
    with ExitStack() as stack:
        service = connect(backend) if isinstance(backend, str) else backend
        if service is not backend:
            stack.callback(service.close)
        front = Front(transactional(service), lambdas=lambdas is not None)
        if lambdas is not None:
            stack.callback(Lambdas(front, LambdaFunctions(lambdas)).close)
        protocol = SwfProtocol(front, poll=poll_seconds)
        yield stack.enter_context(in_background(Router([protocol], only_local=True), port=port))


def transactional(service: Service) -> Transactional:
    """Return a service that fronts can be put before.

    Raises:
        InvalidOptionError: it is another orchestrator.
    """
    if isinstance(service, Transactional):
        return service
    raise InvalidOptionError(
        "only the embedded engine can be served: give memory://, sqlite:///PATH or postgresql://"
    )
