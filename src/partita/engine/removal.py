"""Find closed executions that may be removed, and remove them.

A closed execution stays as long as another may still ask for it:

- its parent is open;
- an open run reuses what it has recorded (a fork, a reset);
- it began a chain of runs whose newest is still here: a start of that workflow id is compared
  with the chain's first input;
- it is the newest run of its workflow id, and older ones stay: they would be taken for the
  newest.

So whatever a start of a workflow id would have been told yesterday, it is told today, until
all that is left of the id goes at once. Then the id is as if it had never been used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from partita.engine.catalogue import drop_questions
from partita.engine.starts import before
from partita.engine.transaction import EngineTransaction
from partita.ports.capabilities import PruneRequest
from partita.ports.state import Execution, ExecutionFilter, Status
from partita.ports.store import Record

PAGE = 20
"""Executions that are looked at together, and removed in one transaction, at most."""

CLOSED = tuple(status for status in Status if status is not Status.OPEN)

Group = tuple[Record, ...]
"""Executions that go together or not at all, oldest first."""


def candidates(request: PruneRequest) -> ExecutionFilter:
    """Return the filter of all that may be removed at best."""
    return ExecutionFilter(
        domain=request.domain,
        type_name=request.type_name,
        statuses=request.statuses or CLOSED,
        started_before=request.closed_before,
        limit=PAGE,
    )


class Pruner:
    """One transaction's look at what a request asks to be removed."""

    def __init__(
        self, tx: EngineTransaction, request: PruneRequest, gone: Collection[int] = ()
    ) -> None:
        self._transaction = tx.stored
        self._tx = tx
        self._request = request
        self._gone = set(gone)  # looked at as if they were removed already
        self._origins = tx.stored.origins()
        self._chains: dict[int, list[Record]] = {}
        self._alone: set[int] = set()  # runs that are all that there is of their workflow ids
        self._parents: dict[tuple[str, str], bool] = {}  # whether they are open
        self._held: Collection[int] | None = None  # None: nothing is to be removed, only said

    def plan(self, records: Collection[Record]) -> list[Group]:
        """Return what may go now, in this order; the records are of closed runs, which stay so."""
        ids = {record.execution.workflow_id for record in records}
        found = self._transaction.runs_of(self._request.domain, ids, 2)
        self._alone = {runs[0] for runs in found.values() if len(runs) == 1}
        groups = []
        for record in records:
            group = self._group(record)
            self._gone.update(one.run for one in group)
            groups.append(group)
        return [group for group in groups if group]

    def remove(self, runs: Collection[int]) -> list[int]:
        """Remove those of these runs that may go, and that nobody else holds; return them."""
        transaction = self._transaction
        held = transaction.hold(runs)
        self._held = {record.run for record in held}
        self._origins = transaction.origins()  # now that nobody can add to them
        gone = [record.run for group in self.plan(held) for record in group]
        transaction.remove(gone)
        drop_questions(transaction, self._request.domain, lambda one: one.run in gone)
        for run in gone:
            self._tx.executions.cache.drop(run)
        return gone

    def _group(self, record: Record) -> Group:
        group = self._together(record)
        if self._held is None or all(one.run in self._held for one in group):
            return group
        return ()

    def _together(self, record: Record) -> Group:
        """Return the run, and what must go together with it; nothing if it must stay."""
        run = record.run
        if run in self._gone or not self._may_go(record):
            return ()
        if run in self._alone:
            return (record,)
        execution = record.execution
        newest = self._transaction.find(execution.domain, execution.workflow_id, None)
        if newest is None:
            return ()
        if newest.run != run:
            is_needed = record.progress.status is Status.CONTINUED_AS_NEW and any(
                run == earlier.run for earlier in self._chain(newest)
            )
            return () if is_needed else (record,)
        return self._last(record)

    def _last(self, newest: Record) -> Group:
        """Return all that is left of a workflow id, if all of it may go."""
        chain = self._chain(newest)
        group = tuple(sorted([*chain, newest], key=lambda record: record.run))
        runs = {record.run for record in group}
        execution = newest.execution
        limit = len(runs) + len(self._gone) + 1
        ids = [execution.workflow_id]
        left = self._transaction.runs_of(execution.domain, ids, limit)[ids[0]]
        if not set(left) - self._gone <= runs or not all(map(self._may_go, chain)):
            return ()
        return group

    def _chain(self, newest: Record) -> list[Record]:
        """Return the runs that a start of the workflow id would look at behind the newest."""
        if newest.run not in self._chains:
            self._chains[newest.run] = list(self._earlier(newest))
        return self._chains[newest.run]

    def _earlier(self, record: Record) -> Iterable[Record]:
        execution = record.execution
        found: Record | None = record
        while found is not None:
            run_id = before(self._transaction, found.run, found.execution)
            if run_id is None:
                return
            found = self._transaction.find(execution.domain, execution.workflow_id, run_id)
            if found is not None:
                yield found

    def _may_go(self, record: Record) -> bool:
        request, progress = self._request, record.progress
        return (
            progress.status is not Status.OPEN
            and progress.closed_at is not None
            and progress.closed_at < request.closed_before
            and record.execution.domain == request.domain
            and request.type_name in (None, record.execution.workflow_type.name)
            and (not request.statuses or progress.status in request.statuses)
            and record.run not in self._origins
            and record.run not in self._tx.executions.used  # by another request of this transaction
            and not self._has_open_parent(record.execution)
        )

    def _has_open_parent(self, execution: Execution) -> bool:
        if execution.parent is None:
            return False
        key = (execution.parent.workflow_id, execution.parent.run_id)
        if key not in self._parents:
            found = self._transaction.find(execution.domain, *key)
            self._parents[key] = found is not None and found.progress.status is Status.OPEN
        return self._parents[key]
