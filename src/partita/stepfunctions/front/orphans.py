"""Stop executions that a `.sync` task has started, once the execution of that task has ended.

StopExecution ends them with the outer execution, and the task itself where it goes on. What else
ends an outer execution, such as its time limit or the command line, is told by the service's
notices; what ended one while no endpoint was there is looked for when an endpoint begins.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from partita.errors import PartitaError
from partita.ports.capabilities import SupportsNotices, supports
from partita.ports.notices import Notice
from partita.ports.state import ExecutionFilter, Status
from partita.ports.store import Record
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import DOMAIN, WORKFLOW_TYPE, parts_of
from partita.stepfunctions.front.awaited_executions import STARTED_BY, starter
from partita.stepfunctions.front.executions import read_executions, stop_execution
from partita.stepfunctions.front.front import Front

log = logging.getLogger("partita.stepfunctions")

_PAGE = 500
"""Executions that are read at a time."""


class Orphans:
    """Stops what executions that have ended have started."""

    wants = frozenset({"process_timed_out", "process_terminated", "process_failed",
                       "process_canceled"})  # fmt: skip

    def __init__(self, front: Front) -> None:
        self._front = front
        self._has_ended = threading.Event()

    def begin(self) -> Callable[[], None]:
        """Stop orphans from now on, in threads of their own; return what ends that."""
        service = self._front.service
        unlisten = service.listen(self) if supports(service, SupportsNotices) else lambda: None
        sweep = threading.Thread(target=self._sweep, name="partita-orphans", daemon=True)
        sweep.start()

        def end() -> None:
            unlisten()
            self._has_ended.set()
            sweep.join()

        return end

    def __call__(self, notice: Notice) -> None:
        """Stop what an execution that has just ended has started."""
        if notice.workflow_type != WORKFLOW_TYPE:
            return
        found = ExecutionFilter(
            domain=DOMAIN,
            statuses=(Status.OPEN,),
            attributes=((STARTED_BY, starter(notice.execution)),),
            limit=_PAGE,
        )
        for record in read_executions(self._front, found):
            self._stop(record)

    def _sweep(self) -> None:
        """Stop what was started by executions that ended before."""
        wanted = ExecutionFilter(
            domain=DOMAIN, type_name=WORKFLOW_TYPE.name, statuses=(Status.OPEN,), limit=_PAGE
        )
        try:
            for record in read_executions(self._front, wanted):
                if self._has_ended.is_set():
                    return
                if self._is_orphan(record):
                    self._stop(record)
        except PartitaError as error:
            log.warning("nested executions are not looked through: %s", error)

    def _is_orphan(self, record: Record) -> bool:
        outer = record.progress.search_attributes.get(STARTED_BY)
        if not isinstance(outer, str):
            return False
        workflow_id, _, run_id = outer.rpartition(":")
        found = self._front.committed.find(DOMAIN, workflow_id, run_id)
        return found is None or found.progress.status is not Status.OPEN

    def _stop(self, record: Record) -> None:
        parts = parts_of(record.execution.workflow_id)
        request = {"executionArn": self._front.names.arn(arns.EXECUTION, *parts)}
        front = self._front
        front.service.transact(lambda session: stop_execution(front, session, request))
