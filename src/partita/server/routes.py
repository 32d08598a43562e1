"""Route requests to several wire protocols behind one address.

A protocol is told by the path, or, where several share one as AWS's do, by X-Amz-Target. What no
protocol answers is answered here: health, unknown addresses, requests from elsewhere, and those
that the end of the server cuts off. Knows no protocol.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH_PATH = "/healthz"

HOST_PREFIX = "sync-"
"""What AWS's SDKs put before the host of some operations."""

Handler = Callable[[Request], Awaitable[Response]]


class WireProtocol(Protocol):
    """What an orchestrator's protocol must do to be served."""

    @property
    def path(self) -> str:
        """Where it answers, as Starlette writes paths: `/`, or `/api/v1/{rest:path}`."""

    @property
    def methods(self) -> Sequence[str]:
        """Which HTTP methods it answers."""

    @property
    def target(self) -> str | None:
        """What X-Amz-Target must begin with, before the dot; None: the path is its own."""

    async def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""

    def close(self) -> None:
        """End all requests that wait for something."""


class Router:
    """The application that answers these protocols.

    With `only_local`, requests must name this machine by a loopback address: a web page whose name
    was made to point here is turned away.
    """

    def __init__(self, protocols: Sequence[WireProtocol], *, only_local: bool = False) -> None:
        self._protocols = protocols
        self._only_local = only_local
        routes = [Route(HEALTH_PATH, self._guarded(_health))]
        for place in dict.fromkeys((one.path, tuple(one.methods)) for one in protocols):
            path, methods = place
            sharing = [one for one in protocols if (one.path, tuple(one.methods)) == place]
            routes.append(Route(path, self._guarded(_answerer(sharing)), methods=methods))
        self.application = as_proxied(Starlette(routes=routes))

    def close(self) -> None:
        """End all requests that wait for something."""
        for protocol in self._protocols:
            protocol.close()

    def _guarded(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            if self._only_local and not is_loopback(_host(request)):
                return _refusal(403, "AccessDeniedException", "only for this machine")
            try:
                return await handler(request)
            except asyncio.CancelledError:  # the server ends, and has waited for long enough
                text = "this endpoint ends; try again"
                return _refusal(503, "ServiceUnavailableException", text)

        return answer


def _answerer(protocols: Sequence[WireProtocol]) -> Handler:
    """Return what answers requests to one path."""
    if protocols[0].target is None:
        return protocols[0].answer
    by_target = {protocol.target: protocol for protocol in protocols}

    async def answer(request: Request) -> Response:
        target = request.headers.get("x-amz-target", "").partition(".")[0]
        protocol = by_target.get(target)
        if protocol is None:
            known = ", ".join(sorted(filter(None, by_target)))
            text = f"no service {target[:80]!r} here; X-Amz-Target may begin with: {known}"
            return _refusal(400, "UnknownOperationException", text)
        return await protocol.answer(request)

    return answer


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def as_proxied(application: ASGIApp) -> ASGIApp:
    """Return an application that also answers requests which name the whole URL.

    Clients that are told to use this endpoint as their HTTP proxy send such ones; so they reach
    it by any host name, `sync-localhost` for instance. Nothing is passed on to other hosts.

    Source: RFC 9112, "absolute-form".
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("http://"):
            raw = scope.get("raw_path") or path.encode()
            scope = {**scope, "path": _path_in(path), "raw_path": _path_in(raw.decode()).encode()}
        await application(scope, receive, send)

    return answer


def _path_in(url: str) -> str:
    return "/" + url.removeprefix("http://").partition("/")[2]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name that we do not know is not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(request: Request) -> str:
    whole = request.headers.get("host", "")
    return (whole.rpartition(":")[0] or whole).removeprefix(HOST_PREFIX)


def _refusal(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"__type": kind, "message": message}, status)
