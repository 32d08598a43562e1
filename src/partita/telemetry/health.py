"""Answer probes over HTTP: `/healthz`, `/readyz` and `/metrics`, and nothing else.

A process is healthy while its engine's thread makes progress; an unhealthy one needs a restart.
It is ready while it takes tasks: its database answers, it is registered there, and it is not
stopping. Beyond loopback every request needs the token.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from partita.errors import InvalidOptionError, StoreError
from partita.ports.capabilities import Watchable, supports
from partita.telemetry import server_log
from partita.telemetry.bounded_call import BoundedCall
from partita.telemetry.connection_guard import ConnectionGuard, guarded_protocol, guarded_socket

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

STUCK_AFTER_SECONDS = 30.0
"""How long an engine's thread may make no turn before the process counts as unhealthy."""

TOKEN_VARIABLE = "PARTITA_LISTEN_TOKEN"
"""Environment variable with the token that requests must carry; required beyond loopback."""

Handler = Callable[["Request"], Awaitable["Response"]]

Check = Callable[[], str | None]
"""Return what is wrong, in a few words; None if nothing is."""

Render = Callable[[str], tuple[bytes, str]]
"""Return the metrics for an `Accept` header, and their content type."""

NO_METRICS = "metrics need prometheus-client, not installed here: pip install 'partita[metrics]'"


class ProbedWorker(Protocol):
    """What the checks read of a worker."""

    @property
    def is_stopping(self) -> bool:
        """Whether it takes no more tasks."""

    @property
    def running_activities(self) -> int:
        """The number of activities that run now."""

    @property
    def is_short_of_threads(self) -> bool:
        """Whether activities wait because the system gives no thread for them."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a host name counts as reachable from anywhere."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def after(self, places: int) -> Address:
        """Return the address with the port number raised by `places`; port 0 stays 0.

        Raises:
            InvalidOptionError: there is no such port.
        """
        if self.port == 0:
            return self
        return parse_address(f"[{self.host}]:{self.port + places}")

    @property
    def url(self) -> str:
        """The URL by which it is reached."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `PORT`, `HOST:PORT` or `[HOST]:PORT`; without a host it is loopback.

    Raises:
        InvalidOptionError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InvalidOptionError(
            f"--listen {text!r} names no port; give one, such as 9090 or 127.0.0.1:9090"
        )
    return Address("127.0.0.1" if host == "localhost" else host, int(port))


def checks_for(service: Any, worker: ProbedWorker) -> tuple[dict[str, Check], dict[str, Check]]:
    """Return the checks of `/healthz`, and those that `/readyz` makes in addition."""
    if not supports(service, Watchable):
        return {}, {"worker": lambda: _check_worker(worker)}
    is_on_record = BoundedCall(service.is_on_record)
    return {"engine": lambda: _check_progress(service)}, {
        "store": lambda: _check_store(is_on_record),
        "worker": lambda: _check_worker(worker) or _check_attached(service),
    }


def _check_progress(service: Watchable) -> str | None:
    silent = service.standing().silent_for
    return None if silent < STUCK_AFTER_SECONDS else f"its thread made no turn for {silent:.0f} s"


def _check_store(is_on_record: Callable[[], bool]) -> str | None:
    try:
        return None if is_on_record() else "this worker is not registered"
    except (StoreError, TimeoutError) as error:
        return f"{error}"


def _check_worker(worker: ProbedWorker) -> str | None:
    if worker.is_short_of_threads:
        return "activities wait because no thread can be started"
    if not worker.is_stopping:
        return None
    return f"stopping; activities that still run: {worker.running_activities}"


def _check_attached(service: Watchable) -> str | None:
    return None if service.standing().is_serving else "not attached to its service"


def make_app(
    live: Mapping[str, Check],
    ready: Mapping[str, Check],
    metrics: Render | None,
    token: str | None,
) -> Starlette:
    """Return the HTTP application that answers the probes."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    def answer(checks: Mapping[str, Check]) -> Response:
        found = {name: check() for name, check in checks.items()}
        failing = any(found.values())
        body = {
            "status": "failing" if failing else "ok",
            "checks": {name: reason or "ok" for name, reason in found.items()},
        }
        return JSONResponse(body, 503 if failing else 200)

    def render(request: Request) -> Response:
        if metrics is None:
            return PlainTextResponse(NO_METRICS + "\n", 501)
        body, content_type = metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    def guarded(endpoint: Callable[[Request], Response]) -> Handler:
        async def guard(request: Request) -> Response:
            if token is None or _is_allowed(request.headers.get("authorization", ""), token):
                try:
                    return await run_in_threadpool(endpoint, request)
                except RuntimeError as error:  # the system gives no thread
                    return PlainTextResponse(f"failing: {error}\n", 503)
            headers = {"www-authenticate": "Bearer"}
            text = f"send Authorization: Bearer, with {TOKEN_VARIABLE}\n"
            return PlainTextResponse(text, 401, headers)

        return guard

    return Starlette(
        routes=[
            Route("/healthz", guarded(lambda _: answer(live))),
            Route("/readyz", guarded(lambda _: answer({**live, **ready}))),
            Route("/metrics", guarded(render)),
        ]
    )


def _is_allowed(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), token.encode())
    return is_right and scheme.lower() == "bearer"


def bind(address: Address, *, shared: bool = False) -> tuple[socket.socket, str | None]:
    """Return a socket that listens there, and the token that requests must carry, if any.

    With `shared`, other processes of this user that share it too may listen on the same port.

    Raises:
        InvalidOptionError: it is beyond loopback and no token is set, or the port is taken.
    """
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None and not address.is_loopback:
        raise InvalidOptionError(
            f"--listen {address.host}:{address.port} can be reached from other machines and needs "
            f"a token: set {TOKEN_VARIABLE}, or listen on 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    shared = shared and hasattr(socket, "SO_REUSEPORT")
    try:
        where = (address.host, address.port)
        return socket.create_server(where, family=family, reuse_port=shared), token
    except OSError as error:
        number = error.errno or 0  # negative if the host name has no address
        reason = os.strerror(number) if number > 0 else f"{error}"
        raise InvalidOptionError(
            f"cannot listen on {address.host}:{address.port} ({reason}); "
            "give another address or port with --listen"
        ) from error


@contextlib.contextmanager
def serve_probes(
    address: Address,
    live: Mapping[str, Check],
    ready: Mapping[str, Check],
    metrics: Render | None = None,
    *,
    shared: bool = False,
) -> Iterator[Address]:
    """Answer probes on a thread while the block runs; yield the address.

    Raises:
        InvalidOptionError: listening there is not allowed without a token, or the port is taken.
    """
    listening, token = bind(address, shared=shared)
    with listening:
        import uvicorn

        guard = ConnectionGuard()
        config = uvicorn.Config(
            make_app(live, ready, metrics, token),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http=guarded_protocol(guard),
            backlog=128,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server_log.install()
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run,
            args=([guarded_socket(listening, guard)],),
            name="partita-health",
            daemon=True,
        )
        thread.start()
        try:
            yield Address(address.host, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(5.0)
