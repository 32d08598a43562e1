"""Answer the AWS JSON protocol over HTTP: one operation a request, named by X-Amz-Target.

Everything that comes in is suspect until its signature and its shape have been checked; whatever
goes wrong, the answer is a fault that SDKs understand. What an operation does is not known here.

Source: the AWS JSON 1.0 and 1.1 protocols.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from partita.aws import signature
from partita.aws.faults import (
    FaultError,
    InternalFault,
    RequestTooLargeFault,
    UnavailableFault,
    UnknownOperationFault,
)
from partita.aws.shapes import Members, ServiceModel
from partita.telemetry.body_budget import TOO_MANY, BodyBudget, address_of, is_drained

Answer = Members | None


class JsonProtocol(ABC):
    """One service at `POST /`; it is told from others by what X-Amz-Target begins with."""

    path = "/"
    methods = ("POST",)
    body_limit = 1024 * 1024  # bytes that a request may have

    def __init__(
        self,
        target: str,
        model: ServiceModel,
        fault_of: Callable[[Exception], FaultError],
        *,
        version: str,
        service: str,
        keyring: signature.Keyring | None,
        bodies: BodyBudget | None,
        log: logging.Logger,
    ) -> None:
        self.target = target
        self._model = model
        self._fault_of = fault_of
        self._media_type = f"application/x-amz-json-{version}"
        self._service = service  # as signatures name it
        self._bodies = bodies or BodyBudget()
        self._keyring = keyring  # None: whoever reaches us may do everything
        self._log = log

    @abstractmethod
    async def call(self, request: Request, operation: str, members: Members) -> Answer:
        """Do one operation of the model; `request` tells whether the client is still there."""

    async def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        id = str(uuid.uuid4())
        try:
            answer = await self._checked_call(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            fault = self._fault_of(error)
            if isinstance(fault, InternalFault):
                self._log.exception("request %s broke the endpoint", id)
            refused = self._respond(fault.body(), id, fault.status)
            if not await is_drained(request, 2 * self.body_limit):
                refused.headers["connection"] = "close"  # the rest of the body is not read
            return refused
        return self._respond(answer, id)

    def _respond(self, answer: Answer, id: str, status: int = 200) -> Response:
        body = b"" if answer is None else msgspec.json.encode(answer)
        return Response(body, status, {"x-amzn-RequestId": id}, media_type=self._media_type)

    async def _checked_call(self, request: Request) -> Answer:
        if self._keyring is not None:  # before anything is spent on the body
            self._keyring.admit(_signed(request, b""), self._service)
        with self._bodies.reading(address_of(request)) as has_room:
            body = await _body(request, self.body_limit, has_room)
            if self._keyring is not None:
                self._keyring.verify(_signed(request, body), self._service)
        target = request.headers.get("x-amz-target", "")
        prefix, _, operation = target.partition(".")
        if prefix != self.target:
            raise UnknownOperationFault(
                f"X-Amz-Target must be {self.target}.OPERATION, not {target!r}"
            )
        return await self.call(request, operation, self._model.check(operation, body))


async def unless_gone(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what `work` returns; cancel it if the client hangs up before.

    Raises:
        ClientDisconnect: it did.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, limit: int, has_room: Callable[[int], bool]) -> bytes:
    too_large = RequestTooLargeFault(f"a request may have {limit:,} bytes at most")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > limit):
        raise too_large
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        if not has_room(len(chunk)):
            raise UnavailableFault(TOO_MANY)
        chunks.append(chunk)
    return b"".join(chunks)


def _signed(request: Request, body: bytes) -> signature.Request:
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    return signature.Request(
        method=request.method,
        path=raw.decode("latin-1").partition("?")[0],
        query=request.scope["query_string"].decode("latin-1"),
        headers=[
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in request.scope["headers"]
        ],
        body=body,
    )
