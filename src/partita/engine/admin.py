"""The operations of those who run an engine: rate limits, retention, pruning."""

from __future__ import annotations

from collections.abc import Collection

from partita.engine import catalogue
from partita.engine.reads import info_of
from partita.engine.removal import PAGE, Pruner, candidates
from partita.engine.retention import Sweeper
from partita.engine.scheduler import Scheduler
from partita.engine.transaction import EngineTransaction
from partita.ports.capabilities import Prunable, PrunePage, PruneRequest
from partita.ports.catalogue import LimitRecord
from partita.ports.service import TaskListLimits
from partita.ports.store import Store
from partita.ports.texts import check_name, check_names


class Admin:
    """The part of the service for administration."""

    store: Store
    _scheduler: Scheduler
    _sweeper: Sweeper

    def prunable(
        self, request: PruneRequest, after: tuple[float, int], gone: Collection[int] = ()
    ) -> PrunePage:
        """Return some of what may be removed, the oldest first."""
        records = self.store.executions(candidates(request), after)
        groups = self._scheduler.inbox.ask(lambda tx: Pruner(tx, request, gone).plan(records))
        last = records[-1] if len(records) == PAGE else None
        return PrunePage(
            groups=tuple(
                tuple(Prunable(key=one.run, info=info_of(one)) for one in group) for group in groups
            ),
            looked_at=len(records),
            next=None if last is None else (last.execution.started_at, last.run),
        )

    def prune(self, request: PruneRequest, keys: Collection[int]) -> int:
        """Remove those of these executions that may still go."""
        return self._scheduler.inbox.ask(lambda tx: len(Pruner(tx, request).remove(keys)))

    def set_retention(self, domain: str, seconds: float | None) -> None:
        """Remove closed executions of a domain so long after their end; None: never."""
        check_name("domain", domain)
        self._scheduler.inbox.ask(lambda tx: tx.set_retention(domain, seconds))

    def retentions(self) -> dict[str, float]:
        """Return after how many seconds each domain's closed executions go, where they do."""
        return {one.domain: one.seconds for one in catalogue.retentions(self.store)}

    def apply_retentions(self) -> int:
        """Remove executions past their domain's retention, where that is due; return how many.

        A worker's engine does so by itself, as does one that `keep_retentions` was called on.
        """
        return self._sweeper.sweep()

    def keep_retentions(self) -> None:
        """Apply retentions by itself from now on, though no worker is attached."""
        self._sweeper.start()

    def set_limits(self, domain: str, task_list: str, limits: TaskListLimits) -> None:
        """Limit how fast a task list is worked off, by all workers together."""
        check_names("task list or domain", (task_list, domain))

        def work(tx: EngineTransaction) -> None:
            before = catalogue.lock_limit(tx.stored, domain, task_list)
            tx.set_limits(
                LimitRecord(
                    domain=domain,
                    task_list=task_list,
                    concurrency=limits.concurrency,
                    per_second=limits.per_second,
                    burst=limits.burst,
                    tokens=limits.burst,
                    filled_at=tx.now,
                    paused=None if before is None else before[0].paused,
                )
            )

        self._scheduler.inbox.ask(work)

    def limits(self, domain: str) -> dict[str, TaskListLimits]:
        """Return the limits of every task list that has one."""
        found = catalogue.limits(self.store, domain)
        return {
            task_list: TaskListLimits(
                concurrency=record.concurrency, per_second=record.per_second, burst=record.burst
            )
            for task_list, record in found.items()
            if record.concurrency is not None or record.per_second is not None
        }
