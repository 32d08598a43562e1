"""Describe executions, and wait for their events and their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from partita.engine import catalogue
from partita.engine.executions import not_found
from partita.engine.leases import living
from partita.engine.scheduler import Scheduler
from partita.errors import InvalidOptionError, StoreUnavailableError, WaitTimeoutError
from partita.history import (
    AnyEvent,
    WorkflowExecution,
)
from partita.ports.capabilities import Obstacle, SupportsObstacles, supports
from partita.ports.catalogue import WorkerRecord
from partita.ports.matching import FIELDS
from partita.ports.requests import check_filter
from partita.ports.service import (
    ExecutionDetail,
    ExecutionInfo,
    ExecutionPage,
)
from partita.ports.state import (
    ExecutionFilter,
    OpenActivity,
    OpenChild,
    OpenDecision,
    OpenTimer,
    Status,
)
from partita.ports.store import Record
from partita.ports.texts import check_names


class Reads:
    """The part of the service that only reads."""

    _scheduler: Scheduler

    def _found(self, domain: str, execution: WorkflowExecution) -> Record:
        try:
            check_names("id", (domain, execution.workflow_id, execution.run_id))
            record = self._scheduler.store.find(domain, execution.workflow_id, execution.run_id)
        except InvalidOptionError:
            record = None  # no execution can have such an id
        if record is None:
            raise not_found(domain, execution)
        return record

    def describe(self, domain: str, execution: WorkflowExecution) -> ExecutionDetail:
        """Return how the execution stands."""
        record = self._found(domain, execution)
        items = self._scheduler.store.items(record.run)
        decisions = [item for item in items if isinstance(item, OpenDecision)]
        return ExecutionDetail(
            info=info_of(record),
            activities=tuple(item for item in items if isinstance(item, OpenActivity)),
            timers=tuple(item for item in items if isinstance(item, OpenTimer)),
            decision=decisions[0] if decisions else None,
            open_children=record.progress.open_children,
            children=tuple(item for item in items if isinstance(item, OpenChild)),
        )

    def living_workers(self) -> list[WorkerRecord]:
        """Return the workers that are not known to be dead, of all processes."""
        return living(catalogue.workers(self._scheduler.store), self.current_time())

    def obstacle(self) -> Obstacle | None:
        """Return what keeps the database from being written, if its store can tell."""
        store = self._scheduler.store
        return store.obstacle() if supports(store, SupportsObstacles) else None

    def current_time(self) -> float:
        """Return the time by which this engine works, in seconds since the epoch."""
        return self._scheduler.current_time()

    def history(
        self, domain: str, execution: WorkflowExecution, *, after: int = 0
    ) -> list[AnyEvent]:
        """Return the events after number `after`, in order."""
        return self._scheduler.store.events(self._found(domain, execution).run, after)

    def wait_history(
        self, domain: str, execution: WorkflowExecution, after: int, timeout: float | None
    ) -> list[AnyEvent]:
        """Wait for events after number `after`; empty if none came, or the run is closed."""
        record = self._found(domain, execution)
        exact = WorkflowExecution(execution.workflow_id, record.execution.run_id)

        def moved() -> bool:
            progress = self._found(domain, exact).progress
            return progress.last_event_id > after or progress.status is not Status.OPEN

        self._scheduler.waiters.follow(moved, timeout)
        return self._scheduler.store.events(record.run, after)

    def query_workflow(
        self,
        domain: str,
        execution: WorkflowExecution,
        name: str,
        input: str | None,
        timeout: float | None = None,
    ) -> str:
        """Answer a query by the workflow's code, here or in another process."""
        record = self._found(domain, execution)
        answer = self._scheduler.query(record.run, name, input)
        if answer is not None:
            return answer
        return self._scheduler.queries.ask_remote(record, name, input, timeout)

    def wait_closed(
        self, domain: str, execution: WorkflowExecution, timeout: float | None
    ) -> ExecutionInfo | None:
        """Wait until the execution is closed; None if `timeout` seconds pass before.

        A store that is out of reach for a while does not end the waiting.
        """
        until = None if timeout is None else time.monotonic() + timeout
        record = self._found(domain, execution)
        exact = WorkflowExecution(execution.workflow_id, record.execution.run_id)
        while record.progress.status is Status.OPEN:
            left = None if until is None else until - time.monotonic()
            try:
                if not self._scheduler.waiters.wait_closed(record.run, left):
                    return None
                record = self._found(domain, exact)
            except StoreUnavailableError as error:
                if self._scheduler.inbox.is_closed:
                    raise
                if left is not None and left <= 0:
                    raise WaitTimeoutError(
                        f"{timeout:g} s are over, and how it stands cannot be told: {error}"
                    ) from error
                time.sleep(self._scheduler.timing.poll_interval)
        return info_of(record)

    def on_closed(
        self, domain: str, execution: WorkflowExecution, closed: Callable[[], None]
    ) -> Callable[[], None]:
        """Call `closed`, on the engine's thread, once the execution is closed."""
        return self._scheduler.waiters.on_closed(self._found(domain, execution).run, closed)

    def list_executions(self, filter: ExecutionFilter) -> ExecutionPage:
        """List executions, newest first."""
        check_filter(filter)
        records = self._scheduler.store.executions(filter)
        more = len(records) == filter.limit and filter.limit > 0
        return ExecutionPage(
            executions=tuple(info_of(record) for record in records),
            next_page=records[-1].run if more else None,
        )

    def match_fields(self) -> Collection[str]:
        """Return the fields of matches by which the store filters; none if it knows no matches."""
        return FIELDS if getattr(self._scheduler.store, "filters_by_matches", False) else ()

    def count_executions(self, filter: ExecutionFilter) -> int:
        """Count executions."""
        check_filter(filter)
        return self._scheduler.store.count_executions(filter)


def info_of(record: Record) -> ExecutionInfo:
    """Return the line of a list that tells of an execution."""
    execution, progress = record.execution, record.progress
    return ExecutionInfo(
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
        workflow_type=execution.workflow_type,
        status=progress.status,
        started_at=execution.started_at,
        closed_at=progress.closed_at,
        task_list=execution.task_list,
        tag_list=execution.tag_list,
        event_count=progress.last_event_id,
        cancel_requested=progress.cancel_requested,
        parent=execution.parent,
        search_attributes=progress.search_attributes,
        paused=progress.paused,
    )
