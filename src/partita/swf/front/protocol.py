"""Answer SWF's wire protocol: each operation of its model, and the long polls.

Source: Amazon SWF API Reference (2012-01-25).
"""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from partita.aws.json_protocol import Answer, JsonProtocol, unless_gone
from partita.aws.long_polls import LongPolls
from partita.aws.shapes import Members
from partita.aws.signature import Keyring
from partita.swf.faults import LimitExceededFault, fault_of
from partita.swf.front import domains, executions, lists, tasks, types
from partita.swf.front.catalogue import domain_of
from partita.swf.front.front import Front, Read, Write
from partita.swf.model import swf_model
from partita.telemetry.body_budget import BodyBudget

TARGET = "SimpleWorkflowService"
"""What `X-Amz-Target` begins with."""

POLL_SECONDS = 60.0
"""Seconds that a poll waits."""

WRITES: dict[str, Write] = domains.WRITES | executions.WRITES | tasks.WRITES | types.WRITES
READS: dict[str, Read] = domains.READS | executions.READS | lists.READS | types.READS
POLLS = {"PollForActivityTask": "activity", "PollForDecisionTask": "decision"}

_NO_TASK: dict[str, Members] = {
    "activity": {"startedEventId": 0},
    "decision": {"startedEventId": 0, "previousStartedEventId": 0},
}
"""What a poll is answered if no task has come, as Amazon's service does."""

log = logging.getLogger("partita.swf")


class SwfProtocol(JsonProtocol):
    """SWF's protocol over one front."""

    def __init__(
        self,
        front: Front,
        *,
        keyring: Keyring | None = None,
        poll: float = POLL_SECONDS,
        bodies: BodyBudget | None = None,
    ) -> None:
        super().__init__(
            TARGET,
            swf_model(),
            fault_of,
            version="1.0",
            service="swf",
            keyring=keyring,
            bodies=bodies,
            log=log,
        )
        self._front = front
        self._poll_seconds = poll
        self._polls: LongPolls | None = None
        self._known_domains: set[str] = set()
        self._closed = False

    async def call(self, request: Request, operation: str, members: Members) -> Answer:
        """Do one operation of SWF's."""
        if operation in POLLS:
            return await self._poll(request, operation, members)
        if operation in READS:
            return await run_in_threadpool(READS[operation], self._front, members)
        front, write = self._front, WRITES[operation]
        return await asyncio.wrap_future(
            front.service.submit(lambda session: write(front, session, members))
        )

    async def _poll(self, request: Request, operation: str, members: Members) -> Answer:
        front = self._front
        if members["domain"] not in self._known_domains:  # a domain that was registered stays
            await run_in_threadpool(domain_of, front.committed, members["domain"])
            self._known_domains.add(members["domain"])
        if "nextPageToken" in members:
            return await run_in_threadpool(tasks.next_page, front, members)
        kind = POLLS[operation]
        queue = (kind, members["domain"], members["taskList"]["name"])
        poll = self.polls.poll(queue, members, self._poll_seconds, request.is_disconnected)
        return await unless_gone(request, poll) or _NO_TASK[kind]

    @property
    def polls(self) -> LongPolls:
        """All who wait; made by the first of them, in its event loop."""
        if self._polls is None:
            self._polls = LongPolls(
                self._front.service,
                tasks.hand_out(self._front),
                fault_of,
                limit=self._front.limits.pollers,
                too_many=LimitExceededFault,
            )
            if self._closed:
                self._polls.close()
        return self._polls

    def close(self) -> None:
        """End all polls; whoever polls from now on is told at once that there is nothing."""
        self._closed = True
        if self._polls is not None:
            self._polls.close()
