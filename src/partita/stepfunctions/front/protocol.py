"""Answer Step Functions' wire protocol: each operation of its model, and those that wait.

Source: AWS Step Functions API Reference (2016-11-23).
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from partita.aws.faults import UnknownOperationFault
from partita.aws.json_protocol import Answer, JsonProtocol
from partita.aws.shapes import Members
from partita.aws.signature import Keyring
from partita.stepfunctions.faults import fault_of
from partita.stepfunctions.front import (
    aliases,
    executions,
    starts,
    state_machines,
    tags,
    versions,
)
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.sync import wait_for_result
from partita.stepfunctions.model import stepfunctions_model

TARGET = "AWSStepFunctions"
"""What `X-Amz-Target` begins with."""

WRITES: dict[str, Write] = (
    aliases.WRITES
    | executions.WRITES
    | starts.WRITES
    | state_machines.WRITES
    | tags.WRITES
    | versions.WRITES
)
READS: dict[str, Read] = (
    aliases.READS | executions.READS | state_machines.READS | tags.READS | versions.READS
)

WAITING = 200
"""Synchronous executions that are waited for at a time."""

log = logging.getLogger("partita.stepfunctions")


class StepFunctionsProtocol(JsonProtocol):
    """Step Functions' protocol over one front."""

    body_limit = 8 * 1024 * 1024  # a definition of 1 MB may be escaped

    def __init__(self, front: Front, *, keyring: Keyring | None = None) -> None:
        super().__init__(
            TARGET, stepfunctions_model(), fault_of, version="1.0", keyring=keyring, log=log
        )
        self._front = front
        self._waiting = ThreadPoolExecutor(WAITING, "partita sync executions")

    async def call(self, request: Request, operation: str, members: Members) -> Answer:  # noqa: ARG002
        """Do one operation of Step Functions'."""
        if operation in READS:
            return await run_in_threadpool(READS[operation], self._front, members)
        if operation == "StartSyncExecution":
            return await self._start_sync(members)
        if operation not in WRITES:
            raise UnknownOperationFault(f"{operation} is not served yet")
        front, write = self._front, WRITES[operation]
        return await asyncio.wrap_future(
            front.service.submit(lambda session: write(front, session, members))
        )

    async def _start_sync(self, members: Members) -> Answer:
        front = self._front
        execution = await asyncio.wrap_future(
            front.service.submit(lambda session: starts.start_sync_execution(front, session, members))
        )
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._waiting, wait_for_result, front, execution, members
        )

    def close(self) -> None:
        """End all requests that wait."""
        self._waiting.shutdown(wait=False, cancel_futures=True)
