"""Answer probes over HTTP: `/healthz`, `/readyz` and `/metrics`, and nothing else.

Healthy is a process whose engine still turns; restart it if it is not. Ready is one that takes
tasks: its database answers, it is on record there, and it is not about to stop. Beyond
loopback nobody is answered without the token.
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from partita.errors import InvalidOptionError, StoreError
from partita.ports.service import Watchable
from partita.telemetry.bounded_call import Patient

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

STUCK = 30.0
"""Seconds after which an engine whose thread has not gone round is taken for stuck."""

TOKEN = "PARTITA_LISTEN_TOKEN"
"""Environment variable with the token that is asked for; needed beyond loopback."""

Check = Callable[[], str | None]
"""Return what is wrong, in a few words; None if nothing is."""

Render = Callable[[str], tuple[bytes, str]]
"""Return the metrics for an `Accept` header, and their content type."""

NO_METRICS = "metrics need prometheus-client, not installed here: pip install 'partita[metrics]'"


class Stoppable(Protocol):
    """What of a worker is looked at."""

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new is taken."""

    @property
    def running_activities(self) -> int:
        """How many activities run now."""


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name that is no address may be anywhere."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def after(self, places: int) -> Address:
        """Return the address so many ports further; any free port stays any.

        Raises:
            InvalidOptionError: there is no such port.
        """
        if self.port == 0:
            return self
        return parse_address(f"[{self.host}]:{self.port + places}")

    @property
    def url(self) -> str:
        """How to reach it."""
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


def checks_of(service: Any, worker: Stoppable) -> tuple[dict[str, Check], dict[str, Check]]:
    """Return the checks that `/healthz` makes, and those that `/readyz` makes besides."""
    ready: dict[str, Check] = {"worker": lambda: _stopping(worker)}
    if not isinstance(service, Watchable):
        return {}, ready
    ask = Patient(service.is_on_record)
    return {"engine": lambda: _stuck(service)}, {
        "store": lambda: _unreachable(ask),
        "worker": lambda: _stopping(worker) or _detached(service),
    }


def _stuck(service: Watchable) -> str | None:
    silent = service.standing().silent_for
    return None if silent < STUCK else f"its thread has not gone round for {silent:.0f} s"


def _unreachable(ask: Patient[bool]) -> str | None:
    try:
        known = ask()
    except (StoreError, TimeoutError) as error:
        return f"{error}"
    return None if known else "this worker is not on record"


def _stopping(worker: Stoppable) -> str | None:
    if not worker.is_stopping:
        return None
    return f"stopping; activities that still run: {worker.running_activities}"


def _detached(service: Watchable) -> str | None:
    return None if service.standing().is_serving else "not attached yet, or not any more"


def make_app(
    live: Mapping[str, Check],
    ready: Mapping[str, Check],
    metrics: Render | None,
    token: str | None,
) -> Starlette:
    """Return the application: what it answers does not depend on where it listens."""
    from starlette.applications import Starlette
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

    def guarded(endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def guard(request: Request) -> Response:
            if token is None or _is_allowed(request.headers.get("authorization", ""), token):
                return endpoint(request)
            says = {"www-authenticate": "Bearer"}
            return PlainTextResponse(f"send Authorization: Bearer, with {TOKEN}\n", 401, says)

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
    right = hmac.compare_digest(given.strip().encode(), token.encode())
    return right and scheme.lower() == "bearer"


def bind(address: Address, *, shared: bool = False) -> tuple[socket.socket, str | None]:
    """Return a socket that listens there, and the token that must be asked for, if any.

    With `shared`, others of this user who say the same may listen there, too.

    Raises:
        InvalidOptionError: it is beyond loopback and there is no token, or it cannot be had.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not address.is_loopback:
        raise InvalidOptionError(
            f"--listen {address.host}:{address.port} can be reached from elsewhere, and nothing "
            f"may be without a token: set {TOKEN}, or listen on 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    shared = shared and hasattr(socket, "SO_REUSEPORT")
    try:
        where = (address.host, address.port)
        return socket.create_server(where, family=family, reuse_port=shared), token
    except OSError as error:
        raise InvalidOptionError(
            f"cannot listen on {address.host}:{address.port} ({_why(error)}); "
            "give another address or port with --listen"
        ) from error


def _why(error: OSError) -> str:
    number = error.errno or 0  # below 0 where no address was found
    return os.strerror(number) if number > 0 else f"{error}"


@contextlib.contextmanager
def serving(
    address: Address,
    live: Mapping[str, Check],
    ready: Mapping[str, Check],
    metrics: Render | None = None,
    *,
    shared: bool = False,
) -> Iterator[Address]:
    """Answer probes on a thread, until the block ends; yield where.

    Raises:
        InvalidOptionError: nobody may, or can, listen there.
    """
    listening, token = bind(address, shared=shared)
    with listening:
        import uvicorn

        config = uvicorn.Config(
            make_app(live, ready, metrics, token),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, args=([listening],), name="partita-health", daemon=True
        )
        thread.start()
        try:
            yield Address(address.host, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(5.0)
