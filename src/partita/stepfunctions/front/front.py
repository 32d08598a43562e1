"""What every operation of the endpoint is given, and the limits that it keeps to.

An operation that writes is a function of the front, a session and the request's members, and runs
within one transaction: it must raise before it changes anything, or not at all. One that only reads
is a function of the front and the members, and reads what is committed. Each module of operations
has a table of both kinds, `WRITES` and `READS`, by Step Functions' names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from partita.asl.machines import ACCOUNT, REGION
from partita.aws.faults import ValidationFault
from partita.aws.json_protocol import Answer
from partita.aws.paging import Pager
from partita.aws.shapes import Members
from partita.aws.tokens import seal_of
from partita.ports.session import Committed, Session, Transactional
from partita.ports.store import Record
from partita.stepfunctions.arns import Names
from partita.stepfunctions.execution.beginning import Beginning
from partita.stepfunctions.execution.records import beginning_of
from partita.stepfunctions.faults import InvalidToken
from partita.stepfunctions.front.tasks_over import TasksOver

T = TypeVar("T")


BEGINNINGS = 100
"""Beginnings of executions that are kept in memory, because a history is read as a whole."""


class Limits(Struct, frozen=True, kw_only=True):
    """Amazon's quotas.

    Source: AWS Step Functions Developer Guide, "Service quotas".
    """

    machines: int = 100_000
    activities: int = 100_000
    definition: int = 1024 * 1024  # bytes
    input: int = 256 * 1024  # bytes
    versions: int = 1_000  # of a machine
    aliases: int = 100  # of a machine
    tags: int = 50  # of a resource
    pollers: int = 1_000  # of an activity
    page: int = 1_000  # entries of an answer
    default_page: int = 100


class Front:
    """One endpoint over one service."""

    def __init__(
        self,
        service: Transactional,
        *,
        limits: Limits | None = None,
        region: str = REGION,
        account: str = ACCOUNT,
        mocks: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Put the API before a service; `mocks` is the path of a mock file.

        `clock` returns the seconds since the epoch, for answers that depend on the time.
        """
        self.clock = clock
        self.service = service
        self.limits = limits or Limits()
        self.names = Names(region, account)
        self.mocks = mocks
        self.seal = seal_of(service, "states.secret")
        self._pager = Pager(self.seal, self.limits.page, size="maxResults", token="nextToken")
        self.over = TasksOver()
        self._beginnings: dict[int, Beginning | None] = {}  # of runs; they never change
        self._lock = threading.Lock()
        service.keep_retentions()

    @property
    def committed(self) -> Committed:
        """Reads of what is committed."""
        return self.service.committed

    def beginning(self, record: Record) -> Beginning | None:
        """Return what an execution began with; None if it was not started through the API."""
        with self._lock:
            if record.run in self._beginnings:
                return self._beginnings[record.run]
        found = beginning_of(self.committed.events(record.run, 0)[:1])
        with self._lock:
            self._beginnings[record.run] = found
            if len(self._beginnings) > BEGINNINGS:
                self._beginnings.pop(next(iter(self._beginnings)))
        return found

    def token(self, text: str) -> str:
        """Return the task token that a state gives out for what it says."""
        return self.seal.close("task", text)

    def page(
        self,
        operation: str,
        request: Members,
        rows: Sequence[tuple[Any, T]],
        *,
        backwards: bool = False,
    ) -> tuple[list[T], Members]:
        """Return one page of rows, each behind its key, and the member that leads to the next one.

        Raises:
            InvalidToken: the token is not ours, or belongs to another request.
        """
        asked = {**request, "maxResults": request.get("maxResults") or self.limits.default_page}
        try:
            return self._pager.page(operation, asked, rows, backwards=backwards)
        except ValidationFault as fault:
            raise InvalidToken("Invalid token") from fault

    def place(self, operation: str, request: Members) -> Any:
        """Return the key of the last row of the page before; None for the first page.

        Raises:
            InvalidToken: the token is not ours, or belongs to another request.
        """
        try:
            return self._pager.place(operation, request)
        except ValidationFault as fault:
            raise InvalidToken("Invalid token") from fault


Write = Callable[[Front, Session, Members], Answer]
Read = Callable[[Front, Members], Answer]
