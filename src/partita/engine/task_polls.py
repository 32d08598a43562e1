"""Hand out tasks to workers that poll, and record their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from partita.engine.scheduler import Scheduler
from partita.engine.task_tokens import activity_task, decision_task, parse_token
from partita.engine.transaction import EngineTransaction
from partita.errors import PayloadTooLargeError
from partita.history import (
    AnyDecision,
)
from partita.ports.service import (
    ActivityAnswer,
    ActivityTask,
    DecisionTask,
)
from partita.ports.state import (
    OpenActivity,
    State,
)
from partita.rules import commands as c

T = TypeVar("T")


class TaskPolls:
    """The part of the service for workers that poll."""

    _scheduler: Scheduler
    _payload_limit: int  # characters

    def poll_decision_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> DecisionTask | None:
        """Take the oldest decision task, with the whole history."""

        def take(tx: EngineTransaction) -> DecisionTask | None:
            state = _oldest(tx, "decision", domain, task_list)
            if state is None:
                return None
            tx.do(state[0], c.StartDecisionTask(identity=identity or None))
            events = tx.events(state[0])
            return decision_task(state[0], events, events[-1].event_id)

        return self._poll(take, wait)

    def poll_activity_task(
        self, domain: str, task_list: str, *, identity: str = "", wait: float = 0.0
    ) -> ActivityTask | None:
        """Take the oldest activity of the highest priority."""

        def take(tx: EngineTransaction) -> ActivityTask | None:
            found = _oldest(tx, "activity", domain, task_list)
            if found is None:
                return None
            state, id = found
            if not tx.start_activity(state, id, identity, None):
                return None
            item = state.get("activity", id)
            assert isinstance(item, OpenActivity)
            return activity_task(state, item)

        return self._poll(take, wait)

    def _poll(self, take: Callable[[EngineTransaction], T | None], wait: float) -> T | None:
        """Try now, and again whenever there may be something new, until the time is up."""
        until = time.monotonic() + wait
        while True:
            found = self._scheduler.inbox.ask(take)
            left = until - time.monotonic()
            if found is not None or left <= 0:
                return found
            self._scheduler.waiters.wait_for_news(left)

    def complete_decision(self, token: str, decisions: Sequence[AnyDecision]) -> None:
        """Apply all the decisions in one transaction."""

        def work(tx: EngineTransaction) -> None:
            state, started, _ = tx.held(token)
            tx.do(
                state, c.CompleteDecisionTask(started_event_id=started, decisions=list(decisions))
            )

        self._scheduler.inbox.ask(work)

    def fail_decision(self, token: str, cause: str, message: str) -> None:
        """Record that the decider failed, and queue the task again."""

        def work(tx: EngineTransaction) -> None:
            state, started, _ = tx.held(token)
            tx.do(state, c.FailDecisionTask(started_event_id=started, cause=cause, message=message))

        self._scheduler.inbox.ask(work)

    def complete_activity(self, token: str, result: str | None) -> None:
        """Record a result, once."""
        self._record(ActivityAnswer(token=token, outcome="completed", result=result))

    def fail_activity(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the engine tries again by the activity's retry policy."""
        answer = ActivityAnswer(
            token=token, outcome="failed", reason=reason, details=details, retryable=retryable
        )
        self._record(answer)

    def cancel_activity(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""
        self._record(ActivityAnswer(token=token, outcome="canceled", details=details))

    def _record(self, answer: ActivityAnswer) -> None:
        self._scheduler.inbox.ask(lambda tx: self._answer(tx, answer))

    def _answer(self, tx: EngineTransaction, answer: ActivityAnswer) -> None:
        self._check_size(answer.result, "the result")
        state, started, id = tx.held(answer.token)
        command: c.Command
        match answer.outcome:
            case "completed":
                command = c.CompleteActivityTask(
                    activity_id=id, started_event_id=started, result=answer.result
                )
            case "failed":
                command = c.FailActivityTask(
                    activity_id=id,
                    started_event_id=started,
                    reason=answer.reason,
                    details=answer.details,
                    retryable=answer.retryable,
                )
            case "canceled":
                command = c.CancelActivityTask(
                    activity_id=id, started_event_id=started, details=answer.details
                )
            case "pending":
                command = c.LetGoActivityTask(activity_id=id, started_event_id=started)
        tx.do(state, command)

    def _check_size(self, payload: str | None, what: str) -> None:
        if payload is not None and len(payload) > self._payload_limit:
            raise PayloadTooLargeError(
                f"{what} is {len(payload):,} characters, over the limit of "
                f"{self._payload_limit:,}; store it elsewhere and pass its name"
            )

    def heartbeat_activity(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""

        def work(tx: EngineTransaction) -> bool:
            state, started, id = tx.held(token)
            tx.do(state, c.Heartbeat(activity_id=id, started_event_id=started, details=details))
            item = state.get("activity", id)
            return isinstance(item, OpenActivity) and item.cancel_requested_event_id > 0

        return self._scheduler.inbox.ask(work)

    def unwanted(self, tokens: Collection[str]) -> set[str]:
        """Return those tasks that should end: they were cancelled, or are no longer theirs."""
        return {token for token in tokens if self._is_unwanted(token)}

    def _is_unwanted(self, token: str) -> bool:
        run, _, started, id = parse_token(token)
        item = next(iter(self._scheduler.store.items(run, "activity", id)), None)
        return (
            not isinstance(item, OpenActivity)
            or item.started_event_id != started
            or item.cancel_requested_event_id > 0
        )


def _oldest(
    tx: EngineTransaction, kind: str, domain: str, task_list: str
) -> tuple[State, str] | None:
    """Return the next item of a queue, as this transaction sees it."""
    ready = tx.queued_work.activities if kind == "activity" else None
    for found in tx.queued(kind, domain, task_list, 64):
        return found
    for state in list((tx.queued_work.decisions if ready is None else ready).values()):
        if state.is_closed or state.execution.domain != domain:
            continue
        for (its_kind, id), open_item in list(state.items.items()):
            if its_kind != kind or open_item is None or open_item.queue != task_list:
                continue
            if not tx.holds_back(state, open_item):
                return state, id
    return None
