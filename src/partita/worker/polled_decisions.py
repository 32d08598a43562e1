"""Answer the decision tasks of a service that is polled.

Knows tasks and the order of calls; threads, waits and retries belong to the poller.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from partita import history as h
from partita.errors import PartitaError, StoreError, TaskLostError
from partita.ports.capabilities import supports
from partita.ports.host import DecisionChannel, Host, SupportsLiveRuns
from partita.ports.service import DecisionTask, Service
from partita.worker.execution_log import log_polled

T = TypeVar("T")

log = logging.getLogger("partita.worker")


class Call(Protocol):
    """Call a function on the thread that decides; return, or raise, what it does."""

    def __call__(self, function: Callable[[], T], /) -> T:
        """Call it."""


def call_here(function: Callable[[], T], /) -> T:
    """Call a function on this thread."""
    return function()


class PolledDecisions:
    """Polls for one host. Safe to use from many threads."""

    def __init__(self, channel: DecisionChannel, host: Host, call: Call) -> None:
        self.host = host
        self._channel = channel
        self._call = call

    def poll(self, task_list: str, wait: float) -> bool:
        """Answer one decision task; return whether there was one.

        Raises:
            StoreError: the service is out of reach; the task is given out again later.
        """
        task = self._channel.poll(task_list, wait)
        if task is not None:
            self.answer(task)
        return task is not None

    def answer(self, task: DecisionTask) -> None:
        """Ask the host for decisions, and record them."""
        run_id = task.workflow_execution.run_id
        try:
            task, decisions = self._decide(task)
            while (more := self._channel.complete(task, decisions)) is not None:
                task = more
                decisions = self._call(partial(self.host.decide, task))
        except TaskLostError as error:  # it timed out; another decider has it
            log.info("%s", error)
            self._forget(run_id)
        except StoreError:
            self._forget(run_id)
            raise
        except BaseException as error:  # sys.exit() must not end the thread that polls
            self._forget(run_id)
            if isinstance(error, KeyboardInterrupt) and _is_main_thread():
                raise
            self._fail(task, error)
        else:
            log_polled(task, decisions, with_messages=getattr(self.host, "logs_messages", False))
            if decisions and decisions[-1].closes:  # if the close is refused, read all again
                self._forget(run_id)

    def _decide(self, task: DecisionTask) -> tuple[DecisionTask, list[h.AnyDecision]]:
        """Return the task as it was decided, and the decisions.

        Between the poll and the decision, a run that was alive may have had to make room for
        another, or been dropped because its last answer was lost: what is new is then too little.
        """
        run_id = task.workflow_execution.run_id

        def decide() -> list[h.AnyDecision] | None:
            fit = self._channel.fit(task, self.host.seen(run_id))
            return None if fit is None else self.host.decide(fit)

        decisions = self._call(decide)
        if decisions is not None:
            return task, decisions
        whole = self._channel.whole(task)
        return whole, self._call(partial(self.host.decide, whole))

    def _fail(self, task: DecisionTask, error: BaseException) -> None:
        if not isinstance(error, PartitaError):
            error = PartitaError(f"{type(error).__name__}: {error}")
        try:
            self._channel.fail(task, error)
        except TaskLostError as lost:
            log.info("%s", lost)
        self._call(partial(self.host.decision_failed, task, error))

    def _forget(self, run_id: str) -> None:
        self._call(partial(self.host.forget, run_id))
        self._channel.forget(run_id)


def channel_of(service: Any, host: Host) -> DecisionChannel:
    """Return the way of a service's decision tasks to a host."""
    if supports(service, SupportsLiveRuns):
        found: DecisionChannel = service.decision_channel(host)
        return found
    return WholeHistories(service, host)


class WholeHistories:
    """The channel of a service that gives out every task with its whole history."""

    def __init__(self, service: Service, host: Host) -> None:
        self._service = service
        self._host = host
        self.task_lists = host.task_lists

    def poll(self, task_list: str, wait: float) -> DecisionTask | None:
        """Take a task."""
        return self._service.poll_decision_task(
            self._host.domain, task_list, identity=self._host.identity, wait=wait
        )

    def fit(self, task: DecisionTask, seen: int) -> DecisionTask | None:
        """Leave out what a live run has seen, if its decisions about that were recorded."""
        if not seen or seen != task.previous_started_event_id:
            return task
        return replace(task, events=[one for one in task.events if one.event_id > seen])

    def whole(self, task: DecisionTask) -> DecisionTask:
        """Return the task: it is whole."""
        return task

    def complete(self, task: DecisionTask, decisions: list[h.AnyDecision]) -> None:
        """Record decisions."""
        self._service.complete_decision(task.token, decisions)

    def fail(self, task: DecisionTask, error: PartitaError) -> None:
        """Give a task back."""
        self._service.fail_decision(task.token, error.code, f"{error}")

    def forget(self, run_id: str) -> None:
        """Do nothing: the next task is whole."""


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
