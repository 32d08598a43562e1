"""Pause and resume executions, workflow types and task lists.

A paused execution holds its own items back (`rules.pauses`). That a type or a task list is paused
stands among the limits of task lists, which every engine knows: a task list's items stay where
they are; an item of a paused type is parked by whoever comes upon it, and resuming the type puts
back all that was parked. A resume that was interrupted stays on record, and may be repeated.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from partita.engine import catalogue
from partita.engine.rate_limits import parking_queue, pause_key
from partita.engine.scheduler import Scheduler
from partita.engine.transaction import EngineTransaction
from partita.history import WorkflowExecution
from partita.ports.catalogue import LimitRecord
from partita.ports.service import Pause, PauseKind
from partita.ports.state import Paused, Status
from partita.ports.store import Store
from partita.ports.texts import check_name, check_reason
from partita.rules import commands as c

BATCH = 200
"""Items of a kind that one transaction puts back."""

KINDS = ("decision", "activity", "lambda")
"""Kinds of items that wait in queues."""

RETRY_INTERVAL = 0.05
"""Seconds until items are looked for again that others hold."""


class Pauses:
    """The part of the service for pauses."""

    store: Store
    _scheduler: Scheduler

    def pause_workflow_execution(
        self, domain: str, execution: WorkflowExecution, reason: str | None
    ) -> None:
        """Pause an execution."""
        check_reason("the reason", reason)

        def work(tx: EngineTransaction) -> None:
            state = tx.open(domain, execution)
            if state.progress.paused is None or state.progress.status is not Status.OPEN:
                tx.do(state, c.Pause(items=tx.items(state), reason=reason))

        self._scheduler.inbox.ask(work)

    def resume_workflow_execution(self, domain: str, execution: WorkflowExecution) -> None:
        """Resume a paused execution."""

        def work(tx: EngineTransaction) -> None:
            state = tx.open(domain, execution)
            if state.progress.paused is not None or state.progress.status is not Status.OPEN:
                tx.do(state, c.Resume(items=tx.items(state)))

        self._scheduler.inbox.ask(work)

    def pause_work(self, domain: str, kind: PauseKind, name: str, reason: str | None) -> None:
        """Pause a workflow type or a task list."""
        check_name("domain", domain)
        check_name(kind.value, name)
        check_reason("the reason", reason)

        def work(tx: EngineTransaction) -> None:
            record = _record(tx, domain, kind, name)
            if record.paused is None or record.resuming:
                paused = Paused(since=tx.now, reason=reason)
                tx.set_limits(replace(record, paused=paused, resuming=False))

        self._scheduler.inbox.ask(work)

    def resume_work(self, domain: str, kind: PauseKind, name: str) -> bool:
        """Resume a workflow type or a task list; return whether it was paused."""

        def work(tx: EngineTransaction) -> bool:
            record = _record(tx, domain, kind, name)
            was_paused = record.paused is not None
            if was_paused and kind is PauseKind.TYPE:
                tx.set_limits(replace(record, resuming=True))
            elif was_paused:
                tx.set_limits(replace(record, paused=None))
            return was_paused

        was_paused = self._scheduler.inbox.ask(work)
        if was_paused and kind is PauseKind.TYPE:
            self._put_back(domain, name)
        self._scheduler.inbox.ask(lambda _: self._scheduler.look_again())
        return was_paused

    def _put_back(self, domain: str, type_name: str) -> None:
        """Put back what was parked because of a type, then forget that it was paused."""
        while True:
            found, is_held = self._scheduler.inbox.ask(lambda tx: _batch(tx, domain, type_name))
            if not found and not is_held:
                break
            if not found:
                time.sleep(RETRY_INTERVAL)

        def end(tx: EngineTransaction) -> None:
            record = _record(tx, domain, PauseKind.TYPE, type_name)
            if record.resuming:  # it may have been paused again meanwhile
                tx.set_limits(replace(record, paused=None, resuming=False))

        self._scheduler.inbox.ask(end)

    def pauses(self, domain: str) -> list[Pause]:
        """Return the workflow types and task lists that are paused."""
        found = catalogue.limits(self.store, domain).values()
        return [
            Pause(
                kind=PauseKind.TASK_LIST if one.type_name is None else PauseKind.TYPE,
                name=one.task_list if one.type_name is None else one.type_name,
                since=one.paused.since,
                reason=one.paused.reason,
                resuming=one.resuming,
            )
            for one in found
            if one.paused is not None
        ]


def _record(tx: EngineTransaction, domain: str, kind: PauseKind, name: str) -> LimitRecord:
    """Return what is on record of a type or a task list, for this transaction to change."""
    key = pause_key(name) if kind is PauseKind.TYPE else name
    found = catalogue.lock_limit(tx.stored, domain, key)
    if found is not None:
        return found[0]
    type_name = name if kind is PauseKind.TYPE else None
    return LimitRecord(domain=domain, task_list=key, type_name=type_name)


def _batch(tx: EngineTransaction, domain: str, type_name: str) -> tuple[int, bool]:
    """Put back some of what was parked; return how many, and whether others hold the rest."""
    queue, count = parking_queue(type_name), 0
    for kind in KINDS:
        for run, item in tx.stored.queued(kind, domain, [queue], None, BATCH):
            state = tx.load(run)
            if state is not None and not state.is_closed:
                tx.do(state, c.Unpark(kind=kind, id=item.id, queue=queue))
                count += 1
    return count, tx.stored.skipped
