"""Serve a protocol to this process alone: for tests of code that speaks to Amazon SWF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from partita.connect import connect
from partita.errors import InvalidOptionError
from partita.ports.service import Service
from partita.ports.session import Transactional
from partita.server.process import in_background
from partita.server.routes import mounted
from partita.swf.front.lambda_functions import Handler, Lambdas
from partita.swf.front.operations import Front
from partita.swf.front.protocol import POLL, SwfProtocol


@contextmanager
def swf_endpoint(
    backend: str | Service = "memory://",
    *,
    port: int = 0,
    poll_seconds: float = POLL,
    lambdas: Mapping[str, Handler] | None = None,
) -> Iterator[str]:
    """Speak Amazon SWF's protocol on loopback for as long as the block lasts; give the URL.

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
            stack.callback(Lambdas(front, lambdas).close)
        protocol = SwfProtocol(front, poll=poll_seconds)
        application = mounted([protocol], only_local=True)
        yield stack.enter_context(in_background(application, protocol.close, port=port))


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
