"""Put several wire protocols behind one address.

AWS's protocols all come as `POST /` and say by `X-Amz-Target` which service is meant. Knows no
protocol: each is told by its prefix.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class WireProtocol(Protocol):
    """What an orchestrator's protocol must do to be served."""

    prefix: str  # of X-Amz-Target, before the dot

    async def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""

    def close(self) -> None:
        """Let all requests that wait for something end."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; a name that we do not know is not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def mounted(protocols: Sequence[WireProtocol], *, only_local: bool = False) -> Starlette:
    """Return the application that answers all of these protocols.

    With `only_local`, requests must name this machine by a loopback address: a web page whose
    name was made to point here is turned away.
    """
    by_prefix = {protocol.prefix: protocol for protocol in protocols}

    async def answer(request: Request) -> Response:
        if only_local and not is_loopback(_host(request)):
            return _refusal(403, "AccessDeniedException", "only for this machine")
        prefix = request.headers.get("x-amz-target", "").partition(".")[0]
        protocol = by_prefix.get(prefix)
        if protocol is None:
            known = ", ".join(sorted(by_prefix))
            text = f"no service {prefix[:80]!r} here; X-Amz-Target may begin with: {known}"
            return _refusal(400, "UnknownOperationException", text)
        try:
            return await protocol.answer(request)
        except asyncio.CancelledError:  # the server ends, and has waited for long enough
            return _refusal(503, "ServiceUnavailableException", "this endpoint ends; try again")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


def _host(request: Request) -> str:
    return request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")


def _refusal(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"__type": kind, "message": message}, status)
