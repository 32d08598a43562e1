"""Hand ready tasks to the worker in this process, within the transaction that made them ready.

This is where one commit per step comes from: a completion, the decision that it causes and the
activities that the decision schedules are all in one transaction, and the activities reach the
host only once it is committed.

A decision that kills the process leaves no trace then, and would kill the next one. So for a
while after a worker's death a decision task that may be the cause is first taken, in a
transaction of its own, and answered in the next: if no answer comes, the record shows which task
it was. A decision whose transaction was committed early, because it took too long, is answered
in the next transaction, too.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from functools import partial

from msgspec.structs import replace

from partita.engine.catalogue import require_worker
from partita.engine.decider_calls import Answer, DeciderCalls, blocked_at
from partita.engine.inbox import Inbox
from partita.engine.own_executions import OwnExecutions
from partita.engine.task_tokens import activity_task, decision_task, make_token
from partita.engine.timing import Timing
from partita.engine.transaction import EngineTransaction
from partita.engine.watchdog import Watchdog
from partita.errors import DecisionRefusedError, PartitaError
from partita.history import AnyDecision, AnyEvent
from partita.ports.host import Host
from partita.ports.service import ActivityTask, DecisionTask
from partita.ports.state import OpenActivity, OpenDecision, State
from partita.ports.store import Taken
from partita.rules import commands as c
from partita.rules import decide
from partita.rules.decision_tasks import was_lost

DECISION_LIMIT = 2_000
"""Decisions that one transaction makes, at most."""

FIRST_SHARE = 2
"""Activities that one transaction takes, at most, when others may have more room for them."""

TAKE_LIMIT = 64
"""Decision tasks that one transaction takes from the store, at most."""


class Dispatcher:
    """Serve one host. Belongs to the engine's thread."""

    def __init__(
        self, host: Host, owner: str, timing: Timing, watchdog: Watchdog | None = None
    ) -> None:
        """Serve `host`, whose id as a worker is `owner`."""
        self.host = host
        self.owner = owner
        self.calls = DeciderCalls(host, watchdog, timing)
        self.paused = False
        self.retry_at: float | None = None  # when to look again for what was limited or locked
        self._timing = timing
        self._task_lists: Collection[str] = frozenset(host.task_lists)
        only: str | None = getattr(host, "only", None)  # see `ServesOneExecution`
        self._own = None if only is None else OwnExecutions(host.domain, only)
        self._activities = _Activities(host, owner, self._task_lists, self._own)
        self._round = _Round(0.0)
        self._more_decisions = True  # whether the store may hold tasks for us
        self._careful_until = 0.0
        self._holding = False  # whether decision tasks may be taken and not answered
        self._suspects = False  # whether one that has cost a worker is among them

    @property
    def has_peers(self) -> bool:
        """Whether other workers are on record."""
        return self._activities.has_peers

    @has_peers.setter
    def has_peers(self, has_peers: bool) -> None:
        self._activities.has_peers = has_peers

    @property
    def is_behind(self) -> bool:
        """Whether there may be work to take right now."""
        return not self.paused and (
            self._holding or self._more_decisions or self._activities.may_be_taken
        )

    def look_again(self) -> None:
        """Look for work in the store at the next transaction."""
        self.retry_at = None
        self._more_decisions = True
        self._activities.more = True

    def be_careful(self, now: float) -> None:
        """Take risky decision tasks in two transactions for a while: a worker has died."""
        self._careful_until = now + self._timing.careful_period

    def follow(self, other: Dispatcher) -> None:
        """Take over from the dispatcher of a worker that was reaped."""
        self.paused = other.paused
        self.has_peers = other.has_peers
        self._careful_until = other._careful_until

    def rolled_back(self) -> None:
        """Look for work again: a transaction failed, and what was taken in it was not."""
        self.look_again()
        self._holding = True  # what it was to answer may still be held

    def serve(self, tx: EngineTransaction) -> None:
        """Decide, and hand out activities, which are started after the commit.

        Raises:
            CommittedEarlyError: the watchdog has committed the transaction.
        """
        if self.paused:
            self.look_again()  # what this transaction brings is left for later
            return
        self._round = _Round(time.monotonic() + self._timing.decision_span)
        if self._holding:
            self._decide_held(tx)
        if self._more_decisions and not self._round.is_over():
            self._take_decisions(tx)  # what was put off comes before what is new, or never would
        self._decide_ready(tx)
        self._more_decisions = self._more_decisions or self._round.put_off
        tx.handed_out = self._activities.take(tx)
        if tx.handed_out or self._holding:
            require_worker(tx.stored, self.owner)
        self.retry_at = tx.rate_limits.next_token or self.retry_at
        if tx.stored.skipped:
            self._retry_in(self._timing.retry_locked, tx)
        if self._activities.has_left_some:
            self._retry_in(self._timing.share_interval, tx)

    def _retry_in(self, seconds: float, tx: EngineTransaction) -> None:
        self.retry_at = min(tx.now + seconds, self.retry_at or math.inf)

    def publish(self, tx: EngineTransaction, inbox: Inbox) -> None:
        """Start activities, and report failures and closed runs, of a committed transaction.

        A few that are short run on this thread, after its turn: handing them over takes longer.
        """
        if tx.handed_out:
            is_alone = len(tx.handed_out) == 1 and inbox.is_empty()
            call = self.host.short_call(tx.handed_out, is_alone=is_alone)
            if call is None or not inbox.run_aside(call):
                self.host.start_tasks(tx.handed_out)
        for state in tx.closed:
            self.host.forget(state.execution.run_id)
        if not self._holding:
            self.calls.forget_late_answers()
        failures, self._round.failures = self._round.failures, []
        for task, error in failures:
            self.host.decision_failed(task, error)

    # -- decisions

    def _decide_ready(self, tx: EngineTransaction) -> None:
        ready = tx.queued_work.decisions
        while ready:
            if self._round.is_over():  # a workflow that never waits must not block all others
                ready.clear()
                self._more_decisions = True
                return
            run = next(iter(ready))
            self._decide(tx, ready.pop(run))

    def _take_decisions(self, tx: EngineTransaction) -> None:
        host = self.host
        keys = host.workflow_keys()
        if not keys:
            self._more_decisions = False
            return
        lists = _unpaused(tx, host.domain, self._task_lists)
        taken = _queued(tx, self._own, "decision", host, lists, keys, TAKE_LIMIT)
        for run, _item in taken:
            state = tx.load(run)
            if state is not None and not state.is_closed and not self._round.is_over():
                self._decide(tx, state)
                self._decide_ready(tx)
        self._more_decisions = self._round.is_over() or len(taken) == TAKE_LIMIT

    def _decide(self, tx: EngineTransaction, state: State) -> None:
        """Ask the host to answer the execution's decision task, if there is one for it."""
        item = None if state.is_closed else state.get("decision", "")
        host = self.host
        if (
            not isinstance(item, OpenDecision)
            or item.queue not in self._task_lists
            or item.name not in host.workflow_keys()
            or state.execution.domain != host.domain
            or (self._own is not None and not self._own.has(tx, state))
        ):
            return
        if tx.executions.cache.limits.get(host.domain) != {} and tx.holds_back(state, item):
            return
        if was_lost(item) or self._is_risky(tx, state):
            self._hold(tx, state, item)
            return
        command = c.StartDecisionTask(identity=host.identity)
        start = decide(state, command, tx.now)
        events = self._unseen_events(tx, state) + start.events
        task = decision_task(state, events, events[-1].event_id)
        take = replace(command, owner=self.owner)
        answer = self._ask(tx, task, lambda: tx.do(state, replace(take, place=blocked_at())))
        if isinstance(answer, BaseException):
            self._fail(tx, state, task, answer)
        else:
            tx.accept(state, start)
            self._answer(tx, state, task, answer)

    def _ask(
        self, tx: EngineTransaction, task: DecisionTask, take: Callable[[], object] | None = None
    ) -> Answer:
        """Ask the host; `take` takes the task, if the transaction must be committed early."""
        self._round.left -= 1
        return self.calls.decide(task, partial(self._commit_early, tx, take))

    def _commit_early(self, tx: EngineTransaction, take: Callable[[], object] | None) -> None:
        """Commit what was done so far, on the watchdog's thread, while the host still decides.

        The decision task is held then. All else is left for the next transaction.
        """
        try:
            if take is not None:
                take()
            self._holding = True
            self.look_again()
            require_worker(tx.stored, self.owner)
            tx.flush()
        except BaseException as error:
            tx.exit_early(error)
            raise
        tx.exit_early(None)

    def _unseen_events(self, tx: EngineTransaction, state: State) -> list[AnyEvent]:
        """Return the events that a cached run of the host has not seen; all if there is none."""
        execution = state.execution
        previous = state.progress.previous_started_event_id
        seen = self.host.seen(execution.run_id)
        if seen and seen != previous:
            self.host.forget(execution.run_id)
        if seen != previous or not previous:
            return tx.events(state)
        return tx.events(state, previous) if state.tail is None else state.tail

    def _answer(
        self, tx: EngineTransaction, state: State, task: DecisionTask, answer: list[AnyDecision]
    ) -> None:
        started = task.started_event_id
        try:
            tx.answer(state, c.CompleteDecisionTask(started_event_id=started, decisions=answer))
        except DecisionRefusedError as error:
            self._fail(tx, state, task, error, started)

    def _fail(
        self,
        tx: EngineTransaction,
        state: State,
        task: DecisionTask,
        error: BaseException,
        started_event_id: int = 0,
    ) -> None:
        self.host.forget(state.execution.run_id)
        if not isinstance(error, PartitaError):
            error = PartitaError(f"the decider broke: {type(error).__name__}: {error}")
        state.tail = None
        failed = c.FailDecisionTask(
            started_event_id=started_event_id, cause=error.code, message=str(error)
        )
        tx.do(state, failed)
        self._round.failures.append((task, error))

    # -- decisions that may kill the process

    def _is_risky(self, tx: EngineTransaction, state: State) -> bool:
        """Whether a worker has died lately, and it may have been over this run.

        A cached run has survived its last decision.
        """
        return tx.now < self._careful_until and not self.host.seen(state.execution.run_id)

    def _hold(self, tx: EngineTransaction, state: State, item: OpenDecision) -> None:
        """Take a task, to answer it in the next transaction; alone if it has cost a worker."""
        suspect = was_lost(item)
        if self._holding and (suspect or self._suspects):
            self._round.put_off = True
            return
        self._holding = True
        self._suspects = suspect
        tx.do(state, c.StartDecisionTask(identity=self.host.identity, owner=self.owner))

    def _decide_held(self, tx: EngineTransaction) -> None:
        """Answer what the last transaction has taken."""
        suspects, self._holding, self._suspects = self._suspects, False, False
        for run, taken in tx.stored.held(self.owner):
            state = tx.load(run) if isinstance(taken, OpenDecision) else None
            item = None if state is None or state.is_closed else state.get("decision", "")
            if state is None or not isinstance(item, OpenDecision) or item.owner != self.owner:
                continue
            if self._round.is_over():
                self._holding, self._suspects = True, suspects
                return
            self._answer_held(tx, state, item.started_event_id)

    def _answer_held(self, tx: EngineTransaction, state: State, started: int) -> None:
        late = self.calls.late_answer(make_token(state, started))
        if late is not None:
            task, answer = late
            self._round.left = 0  # a slow decision after this one would keep back the activities
        else:
            events = self._unseen_events(tx, state)
            seen = [event for event in events if event.event_id <= started]
            task = decision_task(state, seen, started)
            answer = self._ask(tx, task)
        if isinstance(answer, BaseException):
            self._fail(tx, state, task, answer, started)
        else:
            self._answer(tx, state, task, answer)


def _queued(
    tx: EngineTransaction,
    own: OwnExecutions | None,
    kind: str,
    host: Host,
    task_lists: Collection[str],
    names: Collection[str],
    limit: int,
) -> list[Taken]:
    """Return what waits for a host: of all executions, or of its own alone."""
    if own is not None:
        return own.queued(tx, kind, task_lists, names, limit)
    return tx.stored.queued(kind, host.domain, task_lists, names, limit)


def _unpaused(tx: EngineTransaction, domain: str, task_lists: Collection[str]) -> Collection[str]:
    """Return those of the task lists that are not paused."""
    limits = tx.rate_limits
    if not limits.is_limited(domain):
        return task_lists
    return [name for name in task_lists if not limits.is_paused(domain, name)]


class _Round:
    """What one transaction may still decide, and what has failed in it."""

    def __init__(self, until: float) -> None:
        self.left = DECISION_LIMIT
        self.until = until  # by time.monotonic
        self.put_off = False  # whether it left some decisions for later
        self.failures: list[tuple[DecisionTask, PartitaError]] = []

    def is_over(self) -> bool:
        """Whether the transaction begins no further decision; at least one is made."""
        is_late = self.left < DECISION_LIMIT and time.monotonic() > self.until
        return is_late or self.left <= 0


class _Activities:
    """The activities of one host. Belongs to the engine's thread.

    While there are other workers, it takes a few at a time, and what is left after a pause, so that
    a fan-out goes to all that have room; it takes twice as many each time that some are left.
    """

    def __init__(
        self, host: Host, owner: str, task_lists: Collection[str], own: OwnExecutions | None
    ) -> None:
        self._host = host
        self._own = own
        self._owner = owner
        self._task_lists = task_lists
        self.more = True  # whether the store may hold tasks for us
        self.has_peers = False  # whether other workers are on record
        self.has_left_some = False  # whether what it left is to be looked at after a pause
        self._share = FIRST_SHARE  # what it takes at a time, while there are others
        self._types = 0  # of activities that the host took last

    @property
    def may_be_taken(self) -> bool:
        """Whether there may be an activity to take right now."""
        return self.more and self._host.free_slots() > 0

    def take(self, tx: EngineTransaction) -> list[ActivityTask]:
        """Fill the free slots: half of them with what waits longest, the rest with what is new."""
        host, ready = self._host, tx.queued_work.activities
        free = host.free_slots()
        keys = host.activity_keys()
        tasks: list[ActivityTask] = []
        self.has_left_some = False
        if tx.queued_work.freed or len(keys) > self._types:  # there may be threads again
            self.more = True
        self._types = len(keys)
        if not self.more and not ready:
            return tasks
        if not keys:
            self.more = False
        has_room = free > self._share
        if self.has_peers:
            free = min(free, self._share)
        if free > 0 and self.more:
            wanted = (free + 1) // 2 if ready else free
            lists = self._task_lists_with_room(tx)
            taken = _queued(tx, self._own, "activity", host, lists, keys, wanted)
            for run, item in taken:
                state = tx.load(run)
                if state is not None and not state.is_closed:
                    self._start(tx, state, item.id, tasks)
            self.more = len(taken) == wanted
        while ready:
            run_and_id = next(iter(ready))
            state = ready.pop(run_and_id)
            if len(tasks) >= free:
                self.more = True
            elif not state.is_closed:
                self._start(tx, state, run_and_id[1], tasks)
        if self.has_peers:
            self._leave_to_others(has_room=has_room)
        return tasks

    def _leave_to_others(self, *, has_room: bool) -> None:
        """Look at what may be left only after a pause, if there was room for it."""
        if self.more and has_room:
            self.more, self.has_left_some = False, True
            self._share *= 2
        else:
            self._share = max(FIRST_SHARE, self._share // 2)

    def _task_lists_with_room(self, tx: EngineTransaction) -> Collection[str]:
        """Return the task lists whose limits allow for more."""
        limits, domain = tx.rate_limits, self._host.domain
        if not limits.is_limited(domain):
            return self._task_lists
        lists = _unpaused(tx, domain, self._task_lists)
        return [name for name in lists if limits.room(domain, name) >= 1]

    def _start(
        self, tx: EngineTransaction, state: State, id: str, tasks: list[ActivityTask]
    ) -> None:
        item = state.get("activity", id)
        host = self._host
        if (
            not isinstance(item, OpenActivity)
            or item.queue not in self._task_lists
            or item.name not in host.activity_keys()
            or state.execution.domain != host.domain
            or (self._own is not None and not self._own.has(tx, state))
        ):
            return
        if not tx.start_activity(state, id, host.identity, self._owner):
            return  # it stays in its queue until its task list has room
        started = state.get("activity", id)
        assert isinstance(started, OpenActivity)
        tasks.append(activity_task(state, started))
