"""Answer Step Functions' wire protocol: each operation of its model, and those that wait.

Source: AWS Step Functions API Reference (2016-11-23).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from partita.aws.faults import UnknownOperationFault
from partita.aws.json_protocol import Answer, JsonProtocol, unless_gone
from partita.aws.long_polls import LongPolls
from partita.aws.shapes import Members
from partita.aws.signature import Keyring
from partita.ports.session import Session
from partita.stepfunctions.execution.single_states import SingleStates
from partita.stepfunctions.faults import ActivityWorkerLimitExceeded, fault_of
from partita.stepfunctions.front import (
    activities,
    aliases,
    child_executions,
    executions,
    map_runs,
    redrives,
    starts,
    state_machines,
    state_tests,
    tags,
    task_answers,
    validation,
    versions,
)
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.sync_executions import wait_for_result
from partita.stepfunctions.model import stepfunctions_model
from partita.telemetry.body_budget import BodyBudget

T = TypeVar("T")

TARGET = "AWSStepFunctions"
"""What `X-Amz-Target` begins with."""

WRITES: dict[str, Write] = (
    activities.WRITES
    | aliases.WRITES
    | executions.WRITES
    | starts.WRITES
    | state_machines.WRITES
    | tags.WRITES
    | task_answers.WRITES
    | versions.WRITES
)
READS: dict[str, Read] = (
    activities.READS
    | aliases.READS
    | executions.READS
    | map_runs.READS
    | state_machines.READS
    | tags.READS
    | validation.READS
    | versions.READS
)

POLL_SECONDS = 60.0
"""Seconds that GetActivityTask waits."""

WAITING = 200
"""Synchronous executions that are waited for at a time."""

log = logging.getLogger("partita.stepfunctions")


class StepFunctionsProtocol(JsonProtocol):
    """Step Functions' protocol over one front."""

    body_limit = 8 * 1024 * 1024  # a definition of 1 MB may be escaped

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
            stepfunctions_model(),
            fault_of,
            version="1.0",
            service="states",
            keyring=keyring,
            bodies=bodies,
            log=log,
        )
        self._front = front
        self._poll_seconds = poll
        self._polls: LongPolls | None = None
        self._tests = SingleStates()
        self._closed = False
        self._waiting = ThreadPoolExecutor(WAITING, "partita sync executions")

    async def call(self, request: Request, operation: str, members: Members) -> Answer:
        """Do one operation of Step Functions'."""
        if operation in child_executions.READS and child_executions.is_child(members):
            read = child_executions.READS[operation]
            return await run_in_threadpool(read, self._front, members)
        if operation in child_executions.REFUSALS and child_executions.is_child(members):
            refuse = child_executions.REFUSALS[operation]
            await run_in_threadpool(refuse, self._front, members)
        if operation == "ListExecutions" and "mapRunArn" in members:
            listed = child_executions.list_child_executions
            return await run_in_threadpool(listed, self._front, members)
        if operation in READS:
            return await run_in_threadpool(READS[operation], self._front, members)
        if operation == "StartSyncExecution":
            return await self._start_sync(members)
        if operation == "TestState":
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._waiting, self._test, members)
        if operation == "GetActivityTask":
            return await self._poll(request, members)
        if operation == "RedriveExecution":
            start = await run_in_threadpool(redrives.plan, self._front, members)
            return await self._transact(lambda session: redrives.redrive_execution(session, start))
        if operation == "UpdateMapRun":
            found = await run_in_threadpool(map_runs.run_to_change, self._front, members)
            return await self._transact(
                lambda session: map_runs.update_map_run(session, found, members)
            )
        if operation in task_answers.WRITES:
            await run_in_threadpool(task_answers.check_open, self._front, members)
        if operation not in WRITES:
            raise UnknownOperationFault(f"{operation} is not served yet")
        front, write = self._front, WRITES[operation]
        return await self._transact(lambda session: write(front, session, members))

    async def _transact(self, work: Callable[[Session], T]) -> T:
        return await asyncio.wrap_future(self._front.service.submit(work))

    async def _poll(self, request: Request, members: Members) -> Answer:
        front = self._front
        found = await run_in_threadpool(
            activities.activity_of, front, front.committed, members["activityArn"]
        )
        queue = activities.queue_of(found.name)
        poll = self.polls.poll(queue, members, self._poll_seconds, request.is_disconnected)
        return await unless_gone(request, poll) or {}

    @property
    def polls(self) -> LongPolls:
        """All who wait; made by the first of them, in its event loop."""
        if self._polls is None:
            self._polls = LongPolls(
                self._front.service,
                activities.hand_out(self._front),
                fault_of,
                limit=self._front.limits.pollers,
                too_many=ActivityWorkerLimitExceeded,
            )
            if self._closed:
                self._polls.close()
        return self._polls

    def _test(self, members: Members) -> Answer:
        test = state_tests.state_test(self._front, members)
        return state_tests.outcome_to_api(test, self._tests.run(test), members)

    async def _start_sync(self, members: Members) -> Answer:
        front = self._front
        started = await self._transact(
            lambda session: starts.start_sync_execution(front, session, members)
        )
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiting, wait_for_result, front, started, members)

    def close(self) -> None:
        """End all polls, now and from now on, and no longer wait for synchronous executions."""
        self._closed = True
        if self._polls is not None:
            self._polls.close()
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._tests.close()
