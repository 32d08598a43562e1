"""Answer SWF's wire protocol: JSON 1.0 over HTTP, one operation a request.

Everything that comes in is suspect until its signature and its shape have been checked;
whatever goes wrong, the answer is a fault that SDKs understand.

Source: the AWS JSON 1.0 protocol; Amazon SWF API Reference (2012-01-25).
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from partita.aws import shapes, signature
from partita.aws.faults import (
    InternalFault,
    RequestTooLargeFault,
    UnknownOperationFault,
    fault_of,
)
from partita.swf.front.catalogue import domain_of
from partita.swf.front.history_pages import next_page
from partita.swf.front.long_polls import Polls
from partita.swf.front.operations import LOOKING, WRITING, Answer, Front, Given

for _name in ("domains", "executions", "registration", "tasks", "visibility"):
    importlib.import_module(f"partita.swf.front.{_name}")  # they enter their operations

PREFIX = "SimpleWorkflowService"
"""What `X-Amz-Target` begins with."""

MEDIA_TYPE = "application/x-amz-json-1.0"

BODY_LIMIT = 1024 * 1024
"""Bytes that a request may have."""

POLL = 60.0
"""Seconds that a poll waits."""

POLLS = {"PollForActivityTask": "activity", "PollForDecisionTask": "decision"}

_NOTHING: dict[str, Given] = {
    "activity": {"startedEventId": 0},
    "decision": {"startedEventId": 0, "previousStartedEventId": 0},
}
"""What a poll is answered if no task has come, as Amazon's service does."""

log = logging.getLogger("partita.swf")


class SwfProtocol:
    """SWF's protocol over one front."""

    prefix = PREFIX

    def __init__(
        self,
        front: Front,
        *,
        keyring: signature.Keyring | None = None,
        poll: float = POLL,
    ) -> None:
        self._front = front
        self._keyring = keyring  # None: whoever reaches us may do everything
        self._poll_seconds = poll
        self._polls: Polls | None = None
        self._known: set[str] = set()  # domains
        self._closed = False

    async def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        number = str(uuid.uuid4())
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            fault = fault_of(error)
            if isinstance(fault, InternalFault):
                log.exception("request %s broke the endpoint", number)
            return self._respond(fault.body(), number, fault.status)
        return self._respond(answer, number)

    def _respond(self, answer: Answer, number: str, status: int = 200) -> Response:
        body = b"" if answer is None else msgspec.json.encode(answer)
        headers = {"x-amzn-RequestId": number}
        return Response(body, status, headers, media_type=MEDIA_TYPE)

    async def _answer(self, request: Request) -> Answer:
        body = await _body(request)
        if self._keyring is not None:
            self._keyring.verify(_signed(request, body))
        target = request.headers.get("x-amz-target", "")
        prefix, _, operation = target.partition(".")
        if prefix != PREFIX:
            raise UnknownOperationFault(f"X-Amz-Target must be {PREFIX}.OPERATION, not {target!r}")
        given = shapes.checked(operation, body)
        if operation in POLLS:
            return await self._poll(request, operation, given)
        if operation in LOOKING:
            return await run_in_threadpool(LOOKING[operation], self._front, given)
        return await self._write(WRITING[operation], given)

    async def _write(self, operation: Callable[..., Answer], given: Given) -> Answer:
        front = self._front
        work = front.service.submit(lambda session: operation(front, session, given))
        return await asyncio.wrap_future(work)

    # -- polls

    async def _poll(self, request: Request, operation: str, given: Given) -> Answer:
        front = self._front
        if given["domain"] not in self._known:  # a domain that was registered once stays
            await run_in_threadpool(domain_of, front.committed, given["domain"])
            self._known.add(given["domain"])
        if "nextPageToken" in given:
            return await run_in_threadpool(next_page, front, given)
        kind = POLLS[operation]
        poll = self.polls.poll(kind, given, self._poll_seconds, request.is_disconnected)
        answer = await _unless_gone(request, poll)
        return _NOTHING[kind] if answer is None else answer

    @property
    def polls(self) -> Polls:
        """All who wait; made by the first of them."""
        if self._polls is None:
            self._polls = Polls(self._front)
            if self._closed:
                self._polls.close()
        return self._polls

    def close(self) -> None:
        """Let all who wait go; whoever polls from now on is told at once that there is nothing."""
        self._closed = True
        if self._polls is not None:
            self._polls.close()


async def _unless_gone(request: Request, work: Any) -> Answer:
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
        answer: Answer = working.result()
        return answer
    finally:
        for task in (working, gone):
            task.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise RequestTooLargeFault(f"a request may have {BODY_LIMIT:,} bytes at most")
    return body


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
